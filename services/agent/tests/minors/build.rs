//! Builds the frozen sources of former minors, apart from the workspace and without the network: what they depend on is what
//! the workspace depends on, in the versions of its Cargo.lock.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A driver and a host of a former minor.
pub(crate) struct Minor {
    directory: TempDir,
}

impl Minor {
    pub(crate) fn driver(&self) -> PathBuf {
        self.directory.path().join("driver.so")
    }

    pub(crate) fn host(&self) -> PathBuf {
        self.directory.path().join("host")
    }
}

/// As the sources are, by the compiler that builds everything.
pub(crate) fn first_minor() -> Minor {
    build("1.0", None, &|_, text| text)
}

pub(crate) fn second_minor() -> Minor {
    build_of("1.1", "1.1", None, &|_, text| text)
}

pub(crate) fn third_minor() -> Minor {
    build_of("1.2", "1.2", None, &|_, text| text)
}

pub(crate) fn fourth_minor() -> Minor {
    build_of("1.3", "1.3", None, &|_, text| text)
}

pub(crate) fn fifth_minor() -> Minor {
    build_of("1.4", "1.4", None, &|_, text| text)
}

pub(crate) fn sixth_minor() -> Minor {
    build_of("1.5", "1.5", None, &|_, text| text)
}

/// By another compiler.
pub(crate) fn first_minor_by(rustc: &Path) -> Minor {
    build("1.0-other-compiler", Some(rustc), &|_, text| text)
}

/// With a type that is another: what says that it is 1.0 is not. Its files have other names: cargo does not put a file
/// back that another package of the same names has replaced.
pub(crate) fn altered() -> Minor {
    build("altered", None, &|name, text| match name {
        "boundary.rs" => text.replace("pub retryable: bool,", "pub retryable: u32,"),
        "driver.rs" => text.replace("retryable: false,", "retryable: 0,"),
        "Cargo.toml" | "host.rs" => text.replace("minor_1_0", "altered").replace("minor-1-0-host", "altered-host"),
        _ => text,
    })
}

/// As a vendor wrote it when a load balancer was one pool and one listener: it refuses more by a panic, and keeps which pool
/// it serves by which listener beside the generation.
pub(crate) fn reader_of_the_first_pool() -> Minor {
    build("reader", None, &|name, text| match name {
        "messages.rs" => {
            let more = "    #[prost(message, repeated, tag = \"6\")]\n    pub listeners: Vec<Object>,\n    \
                #[prost(message, repeated, tag = \"7\")]\n    pub pools: Vec<Object>,\n}\n\n\
                #[derive(Clone, PartialEq, Message)]\npub struct Object {\n    #[prost(string, tag = \"1\")]\n    \
                pub id: String,\n}\n\n#[derive(Clone, PartialEq, Message)]\npub struct DeployRequest {";
            text.replace("}\n\n#[derive(Clone, PartialEq, Message)]\npub struct DeployRequest {", more)
        }
        "driver.rs" => {
            let read = "let one = request.load_balancer.unwrap_or_default();\n            let pool = one.pools[0].id.clone();\n            \
                let by = one.listeners.first().map_or(\"nobody\", |listener| listener.id.as_str());\n            \
                assert!(one.pools.len() == 1 && one.listeners.len() < 2, \"there is more than it can see\");\n            \
                let id = one.id.clone();";
            text.replace("let id = request.load_balancer.unwrap_or_default().id;", read)
                .replace("request.generation.to_string()", "format!(\"{} {pool} by {by}\", request.generation)")
                .replace("text.parse()", "text.split(' ').next().unwrap_or_default().parse()")
        }
        "Cargo.toml" | "host.rs" => text
            .replace("minor_1_0", "reader")
            .replace("minor-1-0-host", "reader-host")
            .replace("{ id: \"lb-1\".to_owned() }", "{ id: \"lb-1\".to_owned(), ..LoadBalancer::default() }"),
        _ => text,
    })
}

/// Of the first minor.
fn build(name: &str, rustc: Option<&Path>, change: &dyn Fn(&str, String) -> String) -> Minor {
    build_of("1.0", name, rustc, change)
}

fn build_of(minor: &str, name: &str, rustc: Option<&Path>, change: &dyn Fn(&str, String) -> String) -> Minor {
    let minors = target().join("minors");
    let (sources, built) = (minors.join(name), minors.join(if rustc.is_some() { "by-other" } else { "by-own" }));
    fs::create_dir_all(&minors).unwrap();
    // Tests are processes of their own, and what one builds the next would overwrite.
    let lock = File::create(built.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    copy(&frozen(minor), &sources, change);
    fs::copy(workspace().join("Cargo.lock"), sources.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--offline", "--quiet", "--manifest-path"]).arg(sources.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&built);
    if let Some(rustc) = rustc {
        cargo.env("RUSTC", rustc);
    }
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let made = Minor { directory: TempDir::new().unwrap() };
    let files = format!("libminor_{}.so minor-{}-host", minor.replace('.', "_"), minor.replace('.', "-"));
    let names = change("Cargo.toml", files);
    let (driver, host) = names.split_once(' ').unwrap();
    fs::copy(built.join("debug").join(driver), made.driver()).unwrap();
    fs::copy(built.join("debug").join(host), made.host()).unwrap();
    made
}

/// Files are written only where they differ, so that cargo builds only what is new.
fn copy(from: &Path, to: &Path, change: &dyn Fn(&str, String) -> String) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name), change);
            continue;
        }
        let text = change(&name, fs::read_to_string(entry.path()).unwrap());
        if fs::read_to_string(to.join(&name)).ok().as_ref() != Some(&text) {
            fs::write(to.join(name), text).unwrap();
        }
    }
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

pub(crate) fn frozen(minor: &str) -> PathBuf {
    workspace().join(format!("abi/tests/minor-{minor}"))
}

/// Where cargo puts what it builds; a test is in `PROFILE/deps` of it.
fn target() -> PathBuf {
    env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

/// A driver of today.
pub(crate) fn todays_driver() -> PathBuf {
    let test = env::current_exe().unwrap();
    let file = test.ancestors().nth(2).unwrap().join("libballast_fault_driver.so");
    assert!(file.exists(), "{} is absent: run `cargo build -p ballast-fault-driver`", file.display());
    file
}
