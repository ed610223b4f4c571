//! As much of a browser as these tests need: it keeps its cookie, says whose page it is, and follows nothing by itself.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::services::{PATIENCE, Services};

/// One.
#[derive(Clone)]
pub(crate) struct Browser {
    address: String,
    host: String,
    pub(crate) cookie: String,
    headers: Vec<(String, String)>,
}

/// What it got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// Empty: it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn cookies(&self) -> Vec<String> {
        self.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.clone()).collect()
    }
}

impl Browser {
    pub(crate) fn new(services: &Services) -> Self {
        let address = services.url.trim_start_matches("http://").to_owned();
        let said = [("sec-fetch-site", "same-origin"), ("accept", "text/html,*/*;q=0.8")];
        let headers = said.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { host: address.clone(), address, cookie: String::new(), headers }
    }

    /// With another header.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(own, _)| own != name);
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// One that says nothing of whose page it is.
    pub(crate) fn bare(&self) -> Self {
        Self { headers: Vec::new(), ..self.clone() }
    }

    /// By another name of the server.
    pub(crate) fn called(&self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    /// A form, whose cookies are kept.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Answer {
        let answer = self.send("POST", path, form).await;
        for cookie in answer.cookies() {
            let (pair, rest) = cookie.split_once(';').unwrap();
            if pair.starts_with("ballast=") {
                self.cookie = if rest.contains("Max-Age=0") { String::new() } else { pair.to_owned() };
            }
        }
        answer
    }

    pub(crate) async fn log_in(&mut self, token: &str) {
        let answer = self.post("/ui/login", &format!("token={token}")).await;
        assert!(answer.status == 303 && !self.cookie.is_empty(), "{answer:?}");
    }

    /// The request as it is sent.
    pub(crate) fn written(&self, method: &str, path: &str, body: &str) -> String {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !self.cookie.is_empty() {
            text += &format!("Cookie: {}\r\n", self.cookie);
        }
        if method == "POST" {
            text += &format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", body.len());
        }
        text + "Connection: close\r\n\r\n" + body
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(self.written(method, path, body).as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an answer in time").unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Answer { status, headers: lines.filter_map(header).collect(), body: body.to_owned() }
    }
}
