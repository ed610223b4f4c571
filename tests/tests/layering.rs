//! The layers: which package may use which, and what stays where. Over `cargo metadata` and the source trees.
//!
//! Each rule is a function from packages or texts to complaints, so that it can be seen to complain.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

/// Ours: who may use whom. `*`: anyone.
const EDGES: &[(&str, &[&str])] = &[
    ("ballast-limits", &[]),
    ("ballast-metrics", &[]),
    ("ballast-model", &["ballast-limits"]),
    ("ballast-certificates", &["ballast-model"]),
    ("ballast-traces", &[]),
    ("ballast-service", &["ballast-metrics", "ballast-traces"]),
    ("ballast-lab", &[]),
    ("ballast-failpoint", &[]),
    ("ballast-explain", &[]),
    ("ballast-proto", &["ballast-model"]),
    ("ballast-store", &["ballast-failpoint", "ballast-metrics", "ballast-model", "ballast-traces"]),
    ("ballast-abi", &["ballast-limits", "ballast-proto"]),
    ("ballast-device", &["ballast-abi"]),
    ("ballast-l4", &["ballast-failpoint"]),
    ("ballast-netns", &["ballast-failpoint"]),
    ("ballast-namespace", &["ballast-abi", "ballast-failpoint", "ballast-l4", "ballast-netns"]),
    ("ballast-rehearsal", &["ballast-abi", "ballast-device", "ballast-simulators"]),
    ("ballast-fault-driver", &["ballast-abi"]),
    ("ballast-simulators", &[]),
    (
        "ballast-api-gateway",
        &[
            "ballast-explain",
            "ballast-limits",
            "ballast-metrics",
            "ballast-proto",
            "ballast-service",
            "ballast-traces",
            "ballast-ui",
        ],
    ),
    ("ballast-ui", &["ballast-explain", "ballast-proto", "ballast-service"]),
    (
        "ballast-scheduler",
        &[
            "ballast-certificates",
            "ballast-metrics",
            "ballast-model",
            "ballast-proto",
            "ballast-service",
            "ballast-store",
            "ballast-traces",
        ],
    ),
    (
        "ballast-agent",
        &[
            "ballast-abi",
            "ballast-failpoint",
            "ballast-l4",
            "ballast-metrics",
            "ballast-netns",
            "ballast-proto",
            "ballast-service",
            "ballast-traces",
        ],
    ),
    ("ballast-cli", &["ballast-abi", "ballast-explain", "ballast-lab", "ballast-proto", "ballast-service"]),
    ("ballast-demo", &["*"]),
    ("ballast-tests", &["*"]),
];
/// What knows no transport, with the drivers.
const INNER: &[&str] = &[
    "ballast-certificates",
    "ballast-model",
    "ballast-abi",
    "ballast-device",
    "ballast-l4",
    "ballast-namespace",
    "ballast-netns",
    "ballast-store",
];
/// Every package of this name may use the boundary, and what drivers for devices, or those on a host, have in common.
const DRIVER: &str = "ballast-driver-";
/// What tests may use besides.
const FOR_TESTS: &[&str] = &["ballast-lab", "ballast-fault-driver", "ballast-rehearsal", "ballast-simulators"];
/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["common", "util", "utils", "helper", "helpers", "core", "manager", "managers"];
/// Split, so that this file does not find itself.
const UNSAFE: &str = concat!("un", "safe");

fn metadata() -> Vec<Value> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let Value::Array(packages) = metadata["packages"].take() else { panic!("no packages") };
    assert!(packages.len() > 10, "only {} packages", packages.len());
    packages
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"].as_array().into_iter().flatten()
}

/// Dependencies between packages of ours that the table does not have.
fn forbidden_edges(packages: &[Value]) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in packages {
        let name = text(&package["name"]);
        let Some(allowed) = allowed(name) else {
            complaints.push(format!("{name} is in no layer: give it one here and in ARCHITECTURE.md"));
            continue;
        };
        for dependency in dependencies(package) {
            let (to, kind) = (text(&dependency["name"]), text(&dependency["kind"]));
            let fine = !to.starts_with("ballast-")
                || allowed.contains(&"*")
                || allowed.contains(&to)
                || (kind == "dev" && (FOR_TESTS.contains(&to) || to.starts_with(DRIVER)));
            if !fine {
                complaints.push(format!("{name} -> {to} ({})", if kind.is_empty() { "normal" } else { kind }));
            }
        }
    }
    complaints
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    if name.starts_with(DRIVER) {
        return Some(&[
            "ballast-abi",
            "ballast-device",
            "ballast-failpoint",
            "ballast-l4",
            "ballast-namespace",
            "ballast-netns",
        ]);
    }
    EDGES.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
}

/// The packages whose own dependencies (not those of their tests) begin with `dependency`.
fn users<'a>(packages: &'a [Value], dependency: &str) -> Vec<&'a str> {
    let uses = |package: &&Value| {
        dependencies(package).any(|found| text(&found["name"]).starts_with(dependency) && text(&found["kind"]) != "dev")
    };
    packages.iter().filter(uses).map(|package| text(&package["name"])).collect()
}

/// The Rust files below `directory`; what is built is not looked at.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}

/// Parts of a path, and modules made in a text, whose names say nothing.
fn empty_names(path: &Path, source: &str) -> Vec<String> {
    let parts = path.iter().map(|part| part.to_string_lossy().trim_end_matches(".rs").to_owned());
    let declared = source.lines().filter_map(|line| {
        let (before, after) = line.split_once("mod ")?;
        let is_module = before.trim().is_empty() || before.trim().starts_with("pub");
        let name = after.trim_end().trim_end_matches('{').trim_end_matches([';', ' ']);
        is_module.then(|| name.to_owned())
    });
    parts.chain(declared).filter(|name| EMPTY_NAMES.contains(&name.as_str())).collect()
}

/// Lines of code (comments are none) that step around the compiler's checks, or waive the lint against it.
fn unsafe_lines(source: &str) -> Vec<&str> {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    let marks = [
        format!("{UNSAFE} {{"),
        format!("{UNSAFE} fn"),
        format!("{UNSAFE} impl"),
        format!("{UNSAFE} trait"),
        format!("{UNSAFE} extern"),
        format!("[{UNSAFE}("),
        format!("{UNSAFE}_code"),
    ];
    source.lines().filter(|line| marks.iter().any(|mark| code(line).contains(mark))).collect()
}

/// Whether a manifest takes the workspace's lints.
fn takes_lints(manifest: &str) -> bool {
    let lines: Vec<_> = manifest.lines().map(str::trim).collect();
    lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"])
}

#[test]
fn packages_use_only_the_layers_below_them() {
    assert_eq!(forbidden_edges(&metadata()), [""; 0]);
}

#[test]
fn an_edge_that_is_not_in_the_table_is_found() {
    let package =
        |name: &str, to: &str, kind: Value| json!({"name": name, "dependencies": [{"name": to, "kind": kind}]});
    let fine = [
        package("ballast-agent", "ballast-abi", Value::Null),
        package("ballast-agent", "ballast-fault-driver", json!("dev")),
        package("ballast-driver-x", "ballast-abi", Value::Null),
        package("ballast-driver-x", "ballast-l4", Value::Null),
        package("ballast-driver-x", "ballast-namespace", Value::Null),
        package("ballast-driver-x", "ballast-netns", Value::Null),
        package("ballast-demo", "ballast-scheduler", Value::Null),
        package("ballast-model", "serde", Value::Null),
    ];
    assert_eq!(forbidden_edges(&fine), [""; 0]);
    for (from, to, kind) in [
        ("ballast-agent", "ballast-driver-haproxy-ns", Value::Null),
        ("ballast-agent", "ballast-fault-driver", Value::Null),
        ("ballast-driver-x", "ballast-proto", Value::Null),
        ("ballast-l4", "ballast-netns", Value::Null),
        ("ballast-namespace", "ballast-device", Value::Null),
        ("ballast-netns", "ballast-abi", Value::Null),
        ("ballast-model", "ballast-store", json!("build")),
        ("ballast-store", "ballast-proto", json!("dev")),
        ("ballast-nowhere", "serde", Value::Null),
    ] {
        assert_eq!(forbidden_edges(&[package(from, to, kind)]).len(), 1, "{from} -> {to}");
    }
}

#[test]
fn the_store_alone_speaks_sql() {
    assert_eq!(users(&metadata(), "sea-orm"), ["ballast-store"]);
    assert_eq!(users(&metadata(), "sqlx"), [""; 0]);
}

#[test]
fn the_model_the_boundary_and_drivers_know_no_transport() {
    let packages = metadata();
    let inner = |name: &str| INNER.contains(&name) || name.starts_with(DRIVER);
    for dependency in ["tonic", "axum", "hyper", "reqwest"] {
        let users = users(&packages, dependency);
        assert!(!users.is_empty(), "nobody uses {dependency}: is it spelled otherwise?");
        assert_eq!(users.into_iter().filter(|name| inner(name)).collect::<Vec<_>>(), [""; 0], "{dependency}");
    }
    let proto = packages.iter().find(|package| package["name"] == "ballast-proto").unwrap();
    let messages = proto["features"]["driver"].as_array().unwrap();
    assert!(messages.iter().all(|feature| !text(feature).contains("tonic") && feature != "grpc"), "{messages:?}");
    for package in packages.iter().filter(|package| package["name"] == "ballast-abi") {
        let edge = dependencies(package).find(|found| found["name"] == "ballast-proto").unwrap();
        assert_eq!((&edge["features"], &edge["uses_default_features"]), (&json!(["driver"]), &json!(false)));
    }
}

#[test]
fn the_model_knows_no_clock_no_chance_and_no_runtime() {
    for dependency in ["tokio", "rand", "jiff", "chrono", "time"] {
        assert!(!users(&metadata(), dependency).contains(&"ballast-model"), "{dependency}");
    }
}

/// What runs in a namespace is for those who use the crates to know.
#[test]
fn what_plugs_namespaces_in_knows_no_haproxy() {
    for of in ["drivers/l4", "drivers/namespace", "drivers/netns"] {
        let files = sources(&root().join(of).join("src"));
        assert!(files.len() > 5, "only {} files in {of}: has it moved?", files.len());
        for path in files {
            let source = fs::read_to_string(&path).unwrap();
            assert!(!source.to_lowercase().contains("haproxy"), "{}", path.display());
        }
    }
}

#[test]
fn every_package_takes_the_workspaces_lints() {
    for package in metadata() {
        let path = text(&package["manifest_path"]);
        assert!(takes_lints(&fs::read_to_string(path).unwrap()), "{path}: add [lints] workspace = true");
    }
    assert!(!takes_lints("[lints]\n[dependencies]\nx.workspace = true\n"));
}

#[test]
fn nothing_has_a_name_that_says_nothing() {
    let root = root();
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap();
        assert_eq!(empty_names(inside, &fs::read_to_string(&path).unwrap()), [""; 0], "{}", inside.display());
    }
    for package in metadata() {
        let last = text(&package["name"]).rsplit('-').next().unwrap_or_default().to_owned();
        assert!(!EMPTY_NAMES.contains(&last.as_str()), "{last}");
    }
    assert_eq!(empty_names(Path::new("src/core/x.rs"), "pub(crate) mod utils;\nmod fine {\n").len(), 2);
}

/// A fault takes values and no sentence: but for what the service that keeps the networks said of a user's request.
#[test]
fn what_another_service_said_is_the_one_text_in_a_fault() {
    let root = root();
    let may = [
        "crates/model/src/fault",
        "proto/src/status",
        "services/api-gateway/src/v1/words",
        "services/api-gateway/src/v2/words",
        "tests/tests/layering.rs",
    ];
    let users: Vec<_> = sources(&root)
        .iter()
        .filter(|path| fs::read_to_string(path).unwrap().contains("NetworkServiceRefuses"))
        .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
        .filter(|path| !may.iter().any(|may| path.starts_with(may)) && !path.ends_with("/tests.rs"))
        .collect();
    assert_eq!(users, ["services/scheduler/src/network/neutron.rs"]);
}

#[test]
fn only_the_boundary_steps_around_the_compiler() {
    let root = root();
    let mut at_the_boundary = 0;
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap();
        let source = fs::read_to_string(&path).unwrap();
        let found = unsafe_lines(&source);
        if inside.starts_with("abi") {
            at_the_boundary += found.len();
        } else {
            assert_eq!(found, [""; 0], "{}", inside.display());
        }
    }
    assert!(at_the_boundary > 0, "the boundary has none either: is this test blind?");
    assert_eq!(unsafe_lines(&format!("// {UNSAFE} {{}}\nlet x = {UNSAFE} {{ y }};\n")).len(), 1);
}
