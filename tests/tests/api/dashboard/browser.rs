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
        self.keep(&answer);
        answer
    }

    /// A form with files: each has a name, that of its file, and what is in it.
    pub(crate) async fn upload(&mut self, path: &str, fields: &[(&str, Option<&str>, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, file, content) in fields {
            let file = file.map(|file| format!("; filename=\"{file}\"\r\nContent-Type: application/octet-stream"));
            let file = file.unwrap_or_default();
            body.extend(format!("--bound\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
            body.extend_from_slice(content);
            body.extend(b"\r\n");
        }
        body.extend(b"--bound--\r\n");
        let head = self.head("POST", path, Some(("multipart/form-data; boundary=bound", body.len())));
        let answer = self.exchange(&[head.as_bytes(), &body].concat()).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.cookies() {
            let (pair, rest) = cookie.split_once(';').unwrap();
            if pair.starts_with("ballast=") {
                self.cookie = if rest.contains("Max-Age=0") { String::new() } else { pair.to_owned() };
            }
        }
    }

    pub(crate) async fn log_in(&mut self, token: &str) {
        let answer = self.post("/ui/login", &format!("token={token}")).await;
        assert!(answer.status == 303 && !self.cookie.is_empty(), "{answer:?}");
    }

    /// The request as it is sent.
    pub(crate) fn written(&self, method: &str, path: &str, body: &str) -> String {
        let is_sent = method == "POST";
        let sent = is_sent.then_some(("application/x-www-form-urlencoded", body.len()));
        self.head(method, path, sent) + body
    }

    /// `sent`: what kind of body follows, and how long it is.
    fn head(&self, method: &str, path: &str, sent: Option<(&str, usize)>) -> String {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !self.cookie.is_empty() {
            text += &format!("Cookie: {}\r\n", self.cookie);
        }
        if let Some((media, length)) = sent {
            text += &format!("Content-Type: {media}\r\nContent-Length: {length}\r\n");
        }
        text + "Connection: close\r\n\r\n"
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.exchange(self.written(method, path, body).as_bytes()).await
    }

    async fn exchange(&self, written: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(written).await.unwrap();
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
