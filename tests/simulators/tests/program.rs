//! The program that serves a device to other processes, with its levers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

#[path = "wire/mod.rs"]
mod wire;

use wire::Answer;

struct Program {
    process: Child,
    url: String,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_ballast-simulator"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { process, url: url.trim().to_owned() }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let address: SocketAddr = self.url.strip_prefix("http://").unwrap().parse().unwrap();
        let answer = wire::send(address, (method, path), &[], body);
        assert!(answer.head.starts_with("HTTP/1.1 "), "{method} {path}: {}", answer.head);
        answer
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn each_device_is_served_and_its_levers_move_it() {
    let netscaler = json!({"login": {"username": "nsroot", "password": "nsroot"}});
    let a10 = json!({"credentials": {"username": "admin", "password": "a10"}});
    for (device, login, body, status) in
        [("netscaler", "/nitro/v1/config/login", netscaler, 201), ("a10", "/axapi/v3/auth", a10, 200)]
    {
        let program = Program::start(&[device]);
        let lever =
            |method: &str, lever: &str, body: &Value| program.send(method, &format!("/_simulator/{lever}"), body);
        let sessions = || lever("GET", "sessions", &Value::Null).body()["sessions"].clone();
        assert_eq!(program.send("POST", login, &body).status, status, "{device}");
        assert_eq!(sessions(), 1);
        let fault = json!({"kind": "html503", "path": "*"});
        assert_eq!(lever("POST", "faults", &fault).status, 200);
        assert_eq!(program.send("POST", login, &body).status, 503, "{device}");
        let journal = lever("GET", "journal", &Value::Null).body();
        let reached: Vec<&Value> = journal.as_array().unwrap().iter().map(|entry| &entry["reached"]).collect();
        assert_eq!(reached, [&json!(true), &json!(false)], "{device}");
        assert_eq!(lever("POST", "reboot", &Value::Null).status, 200);
        assert_eq!(sessions(), 0, "{device}");
        assert_eq!(lever("POST", "faults", &json!({"kind": "unheard of"})).status, 400);
        assert_eq!(lever("POST", "nothing", &Value::Null).status, 400);
    }
}

/// It has no login: name and password come with each request.
#[test]
fn the_alteon_is_served_and_its_own_levers_move_it() {
    let program = Program::start(&["radware"]);
    let address: SocketAddr = program.url.strip_prefix("http://").unwrap().parse().unwrap();
    let headers = [("Authorization".to_owned(), "Basic YWRtaW46YWRtaW4=".to_owned())];
    let send = |method: &str, path: &str, body: &Value| wire::send(address, (method, path), &headers, body).status;
    let lever = |method: &str, lever: &str, body: &Value| program.send(method, &format!("/_simulator/{lever}"), body);
    assert_eq!(send("PUT", "/config/SlbNewCfgEnhGroupTable/g1", &json!({"Metric": 1})), 200);
    assert_eq!(lever("GET", "sessions", &Value::Null).body()["sessions"], 1);
    assert_eq!(lever("POST", "faults", &json!({"kind": "no_body"})).status, 200);
    assert_eq!(send("POST", "/config?action=apply", &Value::Null), 200);
    let rows = lever("GET", "rows", &Value::Null).body();
    assert_eq!((&rows["applied"], &rows["flash"]), (&json!(["SlbNewCfgEnhGroupTable/g1"]), &json!([])));
    assert_eq!(lever("POST", "reboot", &Value::Null).status, 200);
    assert_eq!(lever("GET", "rows", &Value::Null).body()["staged"], json!([]));
    assert_eq!(lever("POST", "traffic", &json!({"partition": "", "path": "x", "traffic": {}})).status, 200);
    assert_eq!(program.send("GET", "/config?prop=agApplyPending", &Value::Null).status, 401);
}

#[test]
fn with_tls_the_authority_is_written_before_it_answers() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let program = Program::start(&["netscaler", "--ca-file", file.to_str().unwrap()]);
    assert!(program.url.starts_with("https://127.0.0.1:"), "{}", program.url);
    assert!(fs::read_to_string(&file).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn a_body_in_chunks_is_refused_and_the_connection_ends() {
    let paths = [("a10", "/axapi/v3/auth"), ("netscaler", "/nitro/v1/config/login"), ("radware", "/config")];
    for (device, login) in paths {
        let program = Program::start(&[device]);
        let head = format!("POST {login} HTTP/1.1\r\nHost: device\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut stream = TcpStream::connect(program.url.strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(format!("{head}0\r\n\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 411 "), "{device}: {reply}");
        let journal = program.send("GET", "/_simulator/journal", &Value::Null).body();
        assert_eq!((&journal[0]["status"], &journal[0]["reached"]), (&json!(411), &json!(false)), "{device}");
    }
}
