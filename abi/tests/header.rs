//! `include/ballast_driver.h` is `src/c.rs` in C, and what a compiler of C makes of it has the layout that Rust has.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    mem::{offset_of, size_of},
    path::{Path, PathBuf},
    process::Command,
};

use ballast_abi::{
    c::{Buffer, Bytes, Host, LogField, Table},
    ffi::{ABI_MAJOR, ABI_MINOR},
};

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `cbindgen --config cbindgen.toml src/c.rs` made it, and whoever changes the one changes the other.
#[test]
fn the_header_has_all_that_the_source_has_and_says_the_same_of_it() {
    let header = fs::read_to_string(folder().join("include/ballast_driver.h")).unwrap();
    let source = fs::read_to_string(folder().join("src/c.rs")).unwrap();
    let source = source.split("#[cfg(test)]").next().unwrap();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let said = words(&header);
    for (name, value) in source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(": u32 = ")) {
        let line = format!("#define {name} {}", value.trim_end_matches(';'));
        assert!(said.contains(&line), "{line}");
    }
    for (name, value) in [("MAJOR", ABI_MAJOR.to_string()), ("MINOR", ABI_MINOR.to_string())] {
        assert!(said.contains(&format!("#define BALLAST_ABI_{name} {value} ")), "{name}");
    }
    assert!(said.contains(&format!("BALLAST_ABI_TEXT \"{ABI_MAJOR}.{ABI_MINOR}\"")));
    // Blocks of comments that stand together, as sentences.
    let mut comment = String::new();
    for line in source.lines().map(str::trim) {
        match line.strip_prefix("/// ") {
            Some(more) => comment += &format!("{more} "),
            None => {
                let is_known = comment.is_empty() || line.starts_with("pub type") || line.contains("SYMBOL");
                assert!(is_known || said.contains(words(&comment).as_str()), "the header does not say: {comment}");
                comment.clear();
            }
        }
    }
}

/// Of each structure its size, then where its fields are.
fn ours() -> Vec<(String, usize)> {
    macro_rules! layout {
        ($all:ident, $type:ty, $name:literal, $($field:ident),+) => {
            $all.push((format!("sizeof({})", $name), size_of::<$type>()));
            $($all.push((format!("offsetof({}, {})", $name, stringify!($field)), offset_of!($type, $field)));)+
        };
    }
    let mut all = Vec::new();
    layout!(all, Bytes, "ballast_bytes", data, length);
    layout!(all, Buffer, "ballast_buffer", data, length);
    layout!(all, LogField, "ballast_log_field", key, value);
    layout!(all, Host, "ballast_host", size, agent_id, config, state_dir, log_context, log_enabled, log);
    layout!(all, Table, "ballast_table", size, abi_major, abi_minor, name, version, create, call, destroy, release);
    all
}

fn compile(compiler: &str, options: &[&str], source: &Path, to: &Path) {
    let mut command = Command::new(compiler);
    command.args(["-Wall", "-Wextra", "-Werror", "-I"]).arg(folder().join("include")).args(options);
    let output = command.arg("-o").arg(to).arg(source).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_compiler_of_c_and_one_of_cpp_lay_it_out_as_rust_does() {
    let place = tempfile::tempdir().unwrap();
    let asked: String = ours().iter().map(|(what, _)| format!("  printf(\"%zu\\n\", (size_t){what});\n")).collect();
    let program =
        format!("#include <stdio.h>\n#include \"ballast_driver.h\"\nint main(void) {{\n{asked}  return 0;\n}}\n");
    for (compiler, name) in [("cc", "layout.c"), ("c++", "layout.cc")] {
        let (source, made) = (place.path().join(name), place.path().join(format!("{name}.out")));
        fs::write(&source, &program).unwrap();
        compile(compiler, &[], &source, &made);
        let output = Command::new(&made).output().unwrap();
        let told: Vec<usize> =
            String::from_utf8(output.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect();
        let expected: Vec<usize> = ours().into_iter().map(|(_, number)| number).collect();
        assert_eq!(told, expected, "{compiler}");
    }
}

/// What stands in the way of `c/driver.c` is altered, and what the loader says.
fn refused(place: &Path, define: &str) -> String {
    let file = driver(place, &[define]);
    match ballast_abi::host::open(&file) {
        Ok(_) => "loaded".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn driver(place: &Path, options: &[&str]) -> PathBuf {
    let file = place.join(format!("{}.so", options.concat().trim_start_matches('-')));
    let shared = ["-shared", "-fPIC", "-fvisibility=hidden"];
    compile("cc", &[&shared, options].concat(), &folder().join("tests/c/driver.c"), &file);
    file
}

#[test]
fn a_table_that_is_not_whole_is_refused_in_words() {
    let place = tempfile::tempdir().unwrap();
    for (define, said) in [
        ("-DNO_TABLE", "its table of C functions is null"),
        ("-DSHORT_TABLE", "its table of C functions has 16 bytes, fewer than it needs"),
        ("-DNO_CALL", "its table of C functions has no call"),
        ("-DOTHER_NAME", "its note says c-test 1.2 ABI"),
        ("-DNO_EXPORT", "not a driver: no module is exported"),
        ("-DNO_NOTE", "not a driver: no ballast note"),
        ("-DLONGER_TABLE", "loaded"),
    ] {
        let told = refused(place.path(), define);
        assert!(told.starts_with(said), "{define}: {told}");
    }
}

mod run {
    //! A driver in C, called as any other.

    use std::sync::{Arc, Mutex};

    use ballast_abi::{
        DriverError, ErrorCode,
        host::{LogSink, Settings, open},
        proto::{
            DeployRequest, LbMethod, LoadBalancer, LogRecord, ObserveRequest, Pool, Protocol, SecretsRequest,
            UndeployRequest,
        },
    };

    use super::driver;

    #[derive(Default)]
    struct Kept(Mutex<Vec<LogRecord>>);

    impl LogSink for Kept {
        fn enabled(&self, level: u32, _target: &str) -> bool {
            level <= 3
        }

        fn log(&self, record: LogRecord) {
            self.0.lock().unwrap().push(record);
        }
    }

    fn settings(log: &Arc<Kept>, config: serde_json::Value) -> Settings {
        Settings { agent_id: "host-1".into(), config, state_dir: "/var/lib/it".into(), log: Arc::clone(log) as _ }
    }

    fn load_balancer(id: &str) -> DeployRequest {
        let pool = Pool {
            id: "p".to_owned(),
            protocol: Protocol::Tcp.into(),
            lb_method: LbMethod::RoundRobin.into(),
            ..Pool::default()
        };
        let load_balancer = LoadBalancer { id: id.to_owned(), pools: vec![pool], ..LoadBalancer::default() };
        DeployRequest { load_balancer: Some(load_balancer), generation: 1, ..DeployRequest::default() }
    }

    #[test]
    fn it_is_started_called_and_ended_and_its_errors_and_its_log_arrive() {
        let place = tempfile::tempdir().unwrap();
        let module = open(&driver(place.path(), &[])).unwrap();
        let log = Arc::<Kept>::default();
        let error = module.start(settings(&log, serde_json::json!({"refuse": true}))).err().unwrap();
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::INVALID_CONFIG, "the driver says INVALID_CONFIG"));
        let loaded = module.start(settings(&log, serde_json::json!({}))).unwrap();
        assert_eq!(loaded.note().name, "c-test");
        assert_eq!(loaded.capabilities().features, ["protocol:TCP", "lb_method:ROUND_ROBIN"]);
        let records: Vec<LogRecord> = log.0.lock().unwrap().clone();
        assert_eq!(records.len(), 1, "debug is not asked for");
        assert_eq!((records[0].level, records[0].message.as_str()), (3, "made for host-1 in /var/lib/it"));
        assert_eq!(records[0].fields.get("config").map(String::as_str), Some("{}"));

        assert_eq!(loaded.deploy(&load_balancer("one")), Ok(Default::default()));
        let refused: DriverError = loaded.deploy(&load_balancer("busy")).unwrap_err();
        assert_eq!((refused.code, refused.message.as_str()), (ErrorCode::BUSY, "it is busy"));
        assert_eq!(loaded.deployed().unwrap().deployed.len(), 0);
        assert!(loaded.undeploy(&UndeployRequest { load_balancer_id: "one".into(), ..Default::default() }).is_ok());
        assert!(loaded.observe(&ObserveRequest::default()).is_ok());
        // It knows neither.
        assert_eq!(loaded.preview(&load_balancer("one")).unwrap(), Default::default());
        assert!(loaded.take_secrets(&SecretsRequest { load_balancer_id: "one".into(), secrets: Vec::new() }).is_ok());
        loaded.shutdown().unwrap();
        loaded.shutdown().unwrap();
        assert_eq!(log.0.lock().unwrap().iter().filter(|record| record.message == "ended").count(), 1);
    }

    #[test]
    fn what_the_rust_contract_keeps_out_it_keeps_out_for_c() {
        let place = tempfile::tempdir().unwrap();
        let module = open(&driver(place.path(), &[])).unwrap();
        let loaded = module.start(settings(&Arc::default(), serde_json::json!({}))).unwrap();
        let code = |answer: Result<_, DriverError>| answer.err().map(|error| error.code);
        assert_eq!(code(loaded.deploy(&load_balancer("../etc")).map(drop)), Some(ErrorCode::INVALID_ARGUMENT));
        let mut with_more = load_balancer("one");
        with_more.load_balancer.as_mut().unwrap().features = vec!["protocol:HTTP".into()];
        assert_eq!(code(loaded.deploy(&with_more).map(drop)), Some(ErrorCode::UNSUPPORTED));
        assert_eq!(code(loaded.preview(&with_more).map(drop)), Some(ErrorCode::UNSUPPORTED));
        let odd = UndeployRequest { load_balancer_id: "a b".into(), ..Default::default() };
        assert_eq!(code(loaded.undeploy(&odd).map(drop)), Some(ErrorCode::INVALID_ARGUMENT));
    }
}
