//! What goes over the wire.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
};

use serde_json::json;

use super::*;
use crate::Credentials;

/// A device that takes whatever comes.
struct Patient;

impl Wire for Patient {
    const ROOT: &'static str = "/root/";
    const HOME: &'static str = "home";

    fn verdict(_status: u16, _body: &[u8]) -> Verdict {
        Verdict::Done(Value::Null)
    }

    fn login(_credentials: &Credentials) -> Request {
        Self::logout()
    }

    fn token(_reply: &Value) -> Option<String> {
        None
    }

    fn header(token: &str) -> (&'static str, String) {
        ("token", token.to_owned())
    }

    fn logout() -> Request {
        Request { method: "POST", path: "logout".to_owned(), body: None, file: None }
    }

    fn choose(_partition: &str) -> Request {
        Self::logout()
    }

    fn ask(_partition: &str) -> Request {
        Self::logout()
    }

    fn answered(_partition: &str, _reply: &Value) -> Option<String> {
        None
    }

    fn save(_partition: &str) -> Request {
        Self::logout()
    }
}

/// Reads by the length that is said and by nothing else, as simple devices do, and gives all that came.
fn listen(requests: usize) -> (Config<()>, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let config = Config { url, plain_http: true, ..Config::default() };
    let device = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = String::new();
        for _ in 0..requests {
            all += &one(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
        all.to_lowercase()
    });
    (config, device)
}

fn one(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    let length = text.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}

#[test]
fn every_body_has_its_length_said_also_one_that_is_empty() {
    let bodies = |method: &'static str| [None, Some(json!({"a": 1}))].map(|body| (method, body));
    let requests = [bodies("POST"), bodies("PUT"), [("DELETE", None), ("GET", None)]].concat();
    let (config, device) = listen(requests.len());
    let client = Client::new(&config).unwrap();
    for (method, body) in requests {
        let request = Request { method, path: "x".to_owned(), body, file: None };
        let deadline = Instant::now() + Duration::from_secs(60);
        assert!(client.call::<Patient>(&request, None, deadline).is_ok(), "{request}");
    }
    let all = device.join().unwrap();
    assert!(!all.contains("transfer-encoding"), "{all}");
    assert_eq!((all.matches("content-length: 0").count(), all.matches("content-length: 7").count()), (2, 2), "{all}");
}
