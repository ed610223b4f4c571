//! HTTP that sends just what a test says, with a connection for each request.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

pub(crate) struct Answer {
    /// 0: the connection ended without an answer.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answer {
    /// Null when it is no JSON.
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// A body of null is none.
pub(crate) fn send(address: SocketAddr, request: (&str, &str), headers: &[(String, String)], body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send_text(address, request, headers, ("application/json", &body))
}

/// The same with a body of another type.
pub(crate) fn send_text(
    address: SocketAddr,
    (method, path): (&str, &str),
    headers: &[(String, String)],
    (kind, body): (&str, &str),
) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: device\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap_or(0);
    let (head, text) = reply.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), text: text.to_owned() }
}
