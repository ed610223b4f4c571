//! A small HTTP server in place of a gateway, and the command that asks it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

/// One request.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Its first line and its headers.
    pub(crate) head: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
}

/// From a request to status and body.
type Answer = dyn Fn(&Asked) -> (u16, Value) + Send;

/// Serves for the rest of the test process. Keeps what was asked.
pub(crate) struct Gateway {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Gateway {
    pub(crate) fn start(answer: impl Fn(&Asked) -> (u16, Value) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &log, &answer);
            }
        });
        Self { url, asked }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        ballast(&[&["--url", &self.url], arguments].concat())
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: &Answer) {
    let Some(asked) = read(&stream) else { return };
    log.lock().unwrap().push(asked.clone());
    let (status, body) = answer(&asked);
    let body = match body {
        Value::Null => String::new(),
        // A stream, as it is; it ends at once, and who wants more comes again.
        Value::String(text) if asked.path == "/ballast/v1/events" => text,
        body => body.to_string(),
    };
    // Keystone says the token so.
    let token = if asked.path.ends_with("/auth/tokens") { "X-Subject-Token: granted\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} x\r\n{token}Content-Length: {}\r\nConnection: close", body.len());
    let reply = format!("{head}\r\n\r\n{body}");
    // Who has read enough may be gone.
    let _ = stream.write_all(reply.as_bytes());
}

/// None: whoever it was has gone without a word.
fn read(stream: &TcpStream) -> Option<Asked> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while reader.read_line(&mut head).ok()? > 2 {}
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(key, value)| (key.to_owned(), value.replace('+', " "))).collect();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Asked { path: path.to_owned(), head, method, query, body })
}

pub(crate) fn ballast(arguments: &[&str]) -> Output {
    clean().args(arguments).output().unwrap()
}

/// The command without what its caller's environment says of others.
pub(crate) fn clean() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ballast"));
    let is_ours = |name: &str| ["BALLAST_", "OS_"].iter().any(|ours| name.starts_with(ours));
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| is_ours(name)) {
        command.env_remove(name);
    }
    // Whoever runs the tests may have contexts.
    command.env("BALLAST_CONTEXTS", "/nonexistent/ballast/config.toml");
    command
}

pub(crate) fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line on stderr of a command that could not.
pub(crate) fn refusal(output: &Output) -> String {
    refusal_with(1, output)
}

/// The same of one that ends with another status.
pub(crate) fn refusal_with(status: i32, output: &Output) -> String {
    assert_eq!((output.status.code(), output.stdout.len()), (Some(status), 0), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() == 1 && text.starts_with("ballast: "), "{text}");
    text
}
