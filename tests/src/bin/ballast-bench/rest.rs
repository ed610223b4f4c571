//! A client of the REST API: one connection, kept open, without a runtime. The load it makes is little beside the load
//! that it measures, and it knows the moment at which a request is sent.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::Outcome;

const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Rest {
    stream: BufReader<TcpStream>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Rest {
    pub(crate) fn connect(gateway: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(gateway)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request and does not wait for its reply.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Outcome<()> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Ok(self.stream.get_mut().write_all(request.as_bytes())?)
    }

    /// Waits for the reply to what was sent.
    pub(crate) fn receive(&mut self) -> Outcome<Reply> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|text| text.parse().ok());
        let status = status.ok_or_else(|| format!("no status: {status_line}"))?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            chunked |= line.starts_with("transfer-encoding:");
        }
        let mut body = Vec::new();
        if chunked {
            while self.chunk(&mut body)? {}
        } else {
            body.resize(length, 0);
            self.stream.read_exact(&mut body)?;
        }
        Ok(Reply { status, body })
    }

    /// Reads one chunk; whether another one follows.
    fn chunk(&mut self, body: &mut Vec<u8>) -> Outcome<bool> {
        let length = usize::from_str_radix(&self.line()?, 16)?;
        let begin = body.len();
        body.resize(begin + length, 0);
        self.stream.read_exact(&mut body[begin..])?;
        self.line()?;
        Ok(length > 0)
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err("the gateway closed the connection".into());
        }
        Ok(line.trim_end().to_owned())
    }

    pub(crate) fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Outcome<Reply> {
        self.send(method, path, body)?;
        self.receive()
    }

    pub(crate) fn get(&mut self, path: &str) -> Outcome<Value> {
        self.call("GET", path, None)?.json(200)
    }

    /// Creates an object and returns its id.
    pub(crate) fn create(&mut self, path: &str, body: &Value) -> Outcome<String> {
        self.call("POST", path, Some(body))?.id()
    }

    pub(crate) fn delete(&mut self, path: &str) -> Outcome<()> {
        self.call("DELETE", path, None)?.expect(204)
    }
}

impl Reply {
    pub(crate) fn expect(&self, status: u16) -> Outcome<()> {
        if self.status == status {
            return Ok(());
        }
        Err(format!("status {} instead of {status}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }

    fn json(&self, status: u16) -> Outcome<Value> {
        self.expect(status)?;
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The id of the one object that was created.
    pub(crate) fn id(&self) -> Outcome<String> {
        let body = self.json(201)?;
        let object = body.as_object().and_then(|wrapper| wrapper.values().next());
        let id = object.and_then(|object| object["id"].as_str());
        Ok(id.ok_or_else(|| format!("no id in {body}"))?.to_owned())
    }
}
