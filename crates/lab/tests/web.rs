//! The members' web server, over plain TCP on this machine's loopback: it needs no lab.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        // The system chooses a free port, which is then free again.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ballast-lab-web"))
            .args(["web-1", &address.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "listening\n");
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// All that the server says to these bytes until it closes the connection.
    fn says(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn it_answers_with_its_name_and_with_the_headers() {
    let server = Server::start();
    let root = server.says("GET / HTTP/1.0\r\n\r\n");
    assert!(root.starts_with("HTTP/1.1 200 OK\r\n"), "{root}");
    assert_eq!(body(&root), "web-1\n");
    let headers =
        server.says("GET /headers HTTP/1.1\r\nHost: a\r\nx-forwarded-for: 10.0.0.5\r\nConnection: close\r\n\r\n");
    assert_eq!(body(&headers), "Host: a\nx-forwarded-for: 10.0.0.5\nConnection: close\n");
}

#[test]
fn it_answers_a_health_check_by_options_or_head() {
    let server = Server::start();
    assert!(server.says("OPTIONS / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
    let head = server.says("HEAD / HTTP/1.0\r\n\r\n");
    assert!(head.contains("Content-Length: 6\r\n"), "{head}");
    assert_eq!(body(&head), "");
}

#[test]
fn anything_else_is_not_found_and_nonsense_is_refused() {
    let server = Server::start();
    assert!(server.says("GET /other HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(server.says("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(server.says("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 "), "it is still there");
}

#[test]
fn a_connection_serves_many_requests_also_with_bodies() {
    let server = Server::start();
    let pipelined = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\
                     GET / HTTP/1.1\r\n\r\n\
                     HEAD / HTTP/1.1\r\n\r\n\
                     GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    let answers = server.says(pipelined);
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4, "{answers}");
    assert_eq!(answers.matches("web-1\n").count(), 3, "{answers}");
}

#[test]
fn a_silent_client_does_not_hold_up_another() {
    let server = Server::start();
    let mut silent = server.connect();
    silent.write_all(b"GET / HT").unwrap();
    assert_eq!(body(&server.says("GET / HTTP/1.0\r\n\r\n")), "web-1\n");
}

#[test]
fn an_address_in_use_is_told_at_once() {
    let server = Server::start();
    let output = Command::new(env!("CARGO_BIN_EXE_ballast-lab-web"))
        .args(["web-2", &server.address.to_string()])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot listen at"));
}
