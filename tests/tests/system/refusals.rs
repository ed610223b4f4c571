//! What does not work says so, in one line.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    pki::Pki,
    programs, secret,
    site::{Plan, Site},
};
use serde_json::{Value, json};

#[test]
fn files_that_are_no_drivers_are_said_aloud_and_the_others_run() {
    let test = "files_that_are_no_drivers_are_said_aloud_and_the_others_run";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        site.kill_agent(0);
        let drivers = site.agents[0].drivers.clone();
        let good = fs::read(programs::haproxy_ns())?;
        fs::write(drivers.join("text.so"), "not a library")?;
        fs::write(drivers.join("truncated.so"), &good[..good.len() / 2])?;
        let mut foreign = good.clone();
        foreign[18] = 183; // e_machine: AArch64
        fs::write(drivers.join("foreign.so"), foreign)?;
        let mut major = good;
        let at = major.windows(6).position(|window| window == b"abi=1.").expect("a note");
        major[at + 4] = b'2';
        fs::write(drivers.join("major.so"), major)?;
        site.start_agent(0);
        site.wait_for_agents(1);
        let refused =
            [("text.so", "ELF"), ("truncated.so", "truncated"), ("foreign.so", "aarch64"), ("major.so", "ABI 2.")];
        for (file, word) in refused {
            let reason = wait_until(PATIENCE, file, || reason(&site.rest.look("/v2.0/agents")?, file));
            assert!(reason.contains(word) && !reason.contains('\n'), "{file}: {reason}");
            let log = site.logged("agent-1");
            let lines = log.lines().filter(|line| line.contains(file)).count();
            assert_eq!(lines, 1, "{file} is in the log {lines} times");
        }
        site.wait_for_agents(1);
        let _ = site.make_load_balancer("web");
        Ok(())
    });
}

#[test]
fn a_driver_that_can_do_nothing_on_its_host_says_so_at_its_start_and_gets_nothing() {
    let test = "a_driver_that_can_do_nothing_on_its_host_says_so_at_its_start_and_gets_nothing";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        site.kill_agent(0);
        site.add_configuration("[driver_host]\ngrants = { haproxy-ns = \"nothing\" }\n");
        site.start_agent(0);
        let failed = wait_until(PATIENCE, "the reason", || {
            reason(&site.rest.look("/v2.0/agents")?, "haproxy-ns").filter(|reason| !reason.is_empty())
        });
        assert!(failed.starts_with("UNSUPPORTED: no load balancer can run on this host: make a namespace"), "{failed}");
        assert!(failed.contains("driver_host.grants must leave them to this driver"), "{failed}");
        let body = json!({"pool": {
            "name": "web", "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": site.subnet_id
        }});
        assert_eq!(site.rest.call("POST", "/v2.0/lb/pools", Some(&body)).status, 404);
        Ok(())
    });
}

fn reason(agents: &Value, file: &str) -> Option<String> {
    let drivers = agents["agents"][0]["configurations"]["drivers"].as_array()?;
    let driver = drivers.iter().find(|driver| driver["name"] == file)?;
    driver["reason"].as_str().map(str::to_owned)
}

fn refused(program: &str, settings: &[(&str, &str)], configuration: &str) -> (Option<i32>, String) {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
    fs::write(file.path(), configuration).expect("a configuration");
    let mut command = Command::new(programs::built(program));
    command.arg("--config").arg(file.path()).envs(settings.iter().copied());
    let output = command.output().expect("the program starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn an_unknown_configuration_key_ends_each_service_with_78_and_names_the_key() {
    for program in ["ballast-scheduler", "ballast-api-gateway", "ballast-agent"] {
        let (status, said) = refused(program, &[], "[gateway]\nlissten = \"127.0.0.1:1\"\n");
        assert_eq!(status, Some(78), "{program}: {said}");
        assert!(said.contains("lissten") && said.trim_end().lines().count() == 1, "{program}: {said}");
    }
}

#[test]
fn a_database_that_cannot_be_written_ends_the_scheduler_with_one_line() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("file"), "").expect("a file");
    let url = format!("sqlite://{}/file/ballast.db", directory.path().display());
    let socket = directory.path().join("s.sock");
    let settings = [
        ("BALLAST_DATABASE__URL", url.as_str()),
        ("BALLAST_SCHEDULER__SOCKET", socket.to_str().expect("a path")),
        ("BALLAST_SCHEDULER__LISTEN", "127.0.0.1:0"),
    ];
    let (status, said) = refused("ballast-scheduler", &settings, "");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("/file/ballast.db"), "{said}");
    assert!(said.trim_end().lines().filter(|line| line.contains("ballast-scheduler:")).count() == 1, "{said}");
}

#[test]
fn a_port_in_use_ends_a_service_with_one_line_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for (program, key, shown) in [
        ("ballast-scheduler", "BALLAST_SCHEDULER__LISTEN", "scheduler.listen"),
        ("ballast-api-gateway", "BALLAST_GATEWAY__LISTEN", "gateway.listen"),
    ] {
        let (status, said) = refused(program, &[(key, &address)], "");
        assert_eq!(status, Some(1), "{program}: {said}");
        assert!(said.contains(&address) && said.contains(shown), "{program}: {said}");
    }
}

#[test]
fn plain_text_is_not_served_to_other_machines_unless_asked() {
    let (scheduler, gateway) = (("BALLAST_SCHEDULER__LISTEN", "0.0.0.0:0"), ("BALLAST_GATEWAY__LISTEN", "0.0.0.0:0"));
    let tokens = [("BALLAST_AUTH__MODE", "token-file"), ("BALLAST_AUTH__TOKEN_FILE", "/t")];
    let certificate = [("BALLAST_GATEWAY__TLS_CERT", "/c"), ("BALLAST_GATEWAY__TLS_KEY", "/k")];
    for (program, listen, more, missing) in [
        ("ballast-scheduler", scheduler, &[][..], "without authentication or encryption"),
        ("ballast-scheduler", scheduler, &tokens[..], "without encryption"),
        ("ballast-api-gateway", gateway, &[][..], "without authentication or encryption"),
        ("ballast-api-gateway", gateway, &tokens[..], "without encryption"),
        ("ballast-api-gateway", gateway, &certificate[..], "without authentication"),
    ] {
        let (status, said) = refused(program, &[&[listen], more].concat(), "");
        assert_eq!(status, Some(78), "{program}: {said}");
        assert!(said.contains(missing) && said.contains("--insecure"), "{program}: {said}");
    }
}

#[test]
fn callers_and_certificates_that_are_half_configured_end_each_service_with_one_line_that_names_the_key() {
    let services = ["ballast-scheduler", "ballast-api-gateway"];
    let directory = tempfile::tempdir().expect("a directory");
    let tokens = directory.path().join("tokens.toml");
    secret::write(&tokens, "[[token]]\ntoken = \"s3cret\"\nroles = [\"root\"]\n");
    let tokens = tokens.to_str().expect("a path");
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[("BALLAST_AUTH__MODE", "token-file")], "auth.token_file"),
        (&[("BALLAST_AUTH__MODE", "token-file"), ("BALLAST_AUTH__TOKEN_FILE", "/nonexistent/t")], "/nonexistent/t"),
        (&[("BALLAST_AUTH__MODE", "token-file"), ("BALLAST_AUTH__TOKEN_FILE", tokens)], "admin, member and reader"),
        (&[("BALLAST_AUTH__MODE", "keystone")], "auth.keystone_url"),
        (
            &[("BALLAST_AUTH__MODE", "keystone"), ("BALLAST_AUTH__KEYSTONE_URL", "http://127.0.0.1:5000")],
            "username, password_file and project",
        ),
        (&[("BALLAST_AUTH__MODE", "keystone"), ("BALLAST_AUTH__PASSWORD", "s3cret")], "password"),
        (&[("BALLAST_AUTH__MODE", "password")], "auth.mode"),
        (&[("BALLAST_TLS__CA", "/nonexistent/ca.pem")], "all three"),
        (
            &[
                ("BALLAST_TLS__CA", "/nonexistent/ca.pem"),
                ("BALLAST_TLS__CERT", "/nonexistent/cert.pem"),
                ("BALLAST_TLS__KEY", "/nonexistent/key.pem"),
            ],
            "tls.cert = \"/nonexistent/cert.pem\"",
        ),
    ];
    for program in services {
        for (settings, words) in cases {
            let database = format!("sqlite://{}/ballast.db", directory.path().display());
            let socket = directory.path().join("s.sock");
            let mut all = settings.to_vec();
            all.extend([
                ("BALLAST_DATABASE__URL", database.as_str()),
                ("BALLAST_SCHEDULER__SOCKET", socket.to_str().expect("a path")),
                ("BALLAST_SCHEDULER__LISTEN", "127.0.0.1:0"),
                ("BALLAST_GATEWAY__LISTEN", "127.0.0.1:0"),
                ("BALLAST_GATEWAY__SCHEDULER", "127.0.0.1:1"),
            ]);
            let (status, said) = refused(program, &all, "");
            let line = said.trim_end().lines().last().unwrap_or_default();
            assert_eq!(status, Some(78), "{program} {settings:?}: {said}");
            assert!(line.starts_with(program) && line.contains(words), "{program} {settings:?}: {said}");
            assert!(!said.contains("s3cret"), "{program}: {said}");
        }
    }
}

#[test]
fn a_secret_that_others_can_read_ends_each_service_with_its_file_its_mode_and_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("s.sock").display().to_string();
    let open = directory.path().join("open");
    let pki = Pki::init(&directory.path().join("pki"));
    pki.issue("scheduler");
    fs::copy(pki.file("scheduler.key"), &open).expect("a copy");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).expect("its mode");
    let open = open.to_str().expect("a path");
    let (ca, cert) = (pki.file("ca.pem"), pki.file("scheduler.pem"));
    let tls = [("BALLAST_TLS__CA", &*ca), ("BALLAST_TLS__CERT", &cert), ("BALLAST_TLS__KEY", open)];
    let tokens = [("BALLAST_AUTH__MODE", "token-file"), ("BALLAST_AUTH__TOKEN_FILE", open)];
    let rest = [("BALLAST_GATEWAY__TLS_CERT", &*cert), ("BALLAST_GATEWAY__TLS_KEY", open)];
    let neutron = [
        ("BALLAST_NETWORK__PROVIDER", "neutron"),
        ("BALLAST_NETWORK__URL", "http://127.0.0.1:1"),
        ("BALLAST_NETWORK__TOKEN_FILE", open),
    ];
    let postgres = [("BALLAST_DATABASE__URL", "postgres://u@127.0.0.1:1/b"), ("BALLAST_DATABASE__PASSWORD_FILE", open)];
    let sslkey = format!("postgres://u@127.0.0.1:1/b?sslkey={open}");
    let by_key = [("BALLAST_DATABASE__URL", &*sslkey)];
    let database = format!("sqlite://{}/b.db", directory.path().display());
    let base = [
        ("BALLAST_DATABASE__URL", &*database),
        ("BALLAST_SCHEDULER__SOCKET", &*socket),
        ("BALLAST_SCHEDULER__LISTEN", "127.0.0.1:0"),
        ("BALLAST_GATEWAY__LISTEN", "127.0.0.1:0"),
        ("BALLAST_AGENT__STATE_DIR", &*socket),
    ];
    for (program, key, settings) in [
        ("ballast-scheduler", "tls.key", &tls[..]),
        ("ballast-api-gateway", "tls.key", &tls[..]),
        ("ballast-agent", "tls.key", &tls[..]),
        ("ballast-scheduler", "auth.token_file", &tokens[..]),
        ("ballast-api-gateway", "auth.token_file", &tokens[..]),
        ("ballast-api-gateway", "gateway.tls_key", &rest[..]),
        ("ballast-scheduler", "network.token_file", &neutron[..]),
        ("ballast-scheduler", "database.password_file", &postgres[..]),
        ("ballast-scheduler", "sslkey", &by_key[..]),
    ] {
        let (status, said) = refused(program, &[&base[..], settings].concat(), "");
        assert_eq!(status, Some(78), "{program} {key}: {said}");
        let line = said.lines().find(|line| line.contains(program)).unwrap_or_default();
        for words in [key, open, "0644", "chmod o="] {
            assert!(line.contains(words), "{program}: no {words} in {said}");
        }
    }
}
