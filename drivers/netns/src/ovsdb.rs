//! A client of Open vSwitch's database, in its own protocol: JSON-RPC on a Unix socket (RFC 7047). Each call has a bound.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::failure::{Failure, Step};

const DATABASE: &str = "Open_vSwitch";
/// The server is on this host and answers from memory.
const BOUND: Duration = Duration::from_secs(5);
/// Of one message: a host's whole list of ports is far below.
const MOST: usize = 16 << 20;

/// A connection to the database's server.
pub struct Ovsdb {
    stream: UnixStream,
    /// What was read and is not a whole message yet.
    rest: Vec<u8>,
    calls: u64,
}

impl Ovsdb {
    /// Connects to the server's socket.
    ///
    /// # Errors
    /// What the system said.
    pub fn connect(socket: &Path) -> Result<Self, Failure> {
        // A server that accepts nobody lets callers wait; they do as long as they would to send.
        let connect = || {
            let connected = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            connected.set_write_timeout(Some(BOUND))?;
            connected.connect(&SockAddr::unix(socket)?)?;
            Ok::<_, io::Error>(connected)
        };
        let stream = connect()
            .step(|| format!("connect to Open vSwitch's database at {}: does ovsdb-server run?", socket.display()))?;
        Ok(Self { stream: stream.into(), rest: Vec::new(), calls: 0 })
    }

    /// Runs the operations as one transaction, all or none of them, and returns the result of each.
    ///
    /// # Errors
    /// What the server or the system said.
    pub fn transact(&mut self, what: &str, operations: Vec<Value>) -> Result<Vec<Value>, Failure> {
        self.transact_within(BOUND, what, operations)
    }

    /// The same, where an operation may wait.
    ///
    /// # Errors
    /// As [`Self::transact`].
    pub fn transact_within(
        &mut self,
        bound: Duration,
        what: &str,
        operations: Vec<Value>,
    ) -> Result<Vec<Value>, Failure> {
        let step = |error: io::Error| Failure::io(format!("{what} in Open vSwitch's database"), error);
        self.calls += 1;
        let mut params = vec![Value::from(DATABASE)];
        params.extend(operations);
        let request = json!({"method": "transact", "params": params, "id": self.calls});
        let deadline = Instant::now() + bound;
        self.send(&request, deadline).map_err(step)?;
        let mut answer = self.answer(deadline).map_err(step)?;
        let refused = |value: &Value| Failure::Ovsdb { what: what.to_owned(), refusal: refusal(value) };
        if !answer["error"].is_null() {
            return Err(refused(&answer["error"]));
        }
        let Value::Array(results) = answer["result"].take() else { return Err(refused(&answer)) };
        match results.iter().find(|result| result["error"].is_string()) {
            Some(failed) => Err(refused(failed)),
            None => Ok(results),
        }
    }

    fn send(&mut self, message: &Value, deadline: Instant) -> io::Result<()> {
        self.stream.set_write_timeout(Some(left(deadline)?))?;
        self.stream.write_all(message.to_string().as_bytes())
    }

    /// The answer to the last call. The server asks from time to time whether we are there.
    fn answer(&mut self, deadline: Instant) -> io::Result<Value> {
        loop {
            let message = self.receive(deadline)?;
            if message["method"] == "echo" {
                let reply = json!({"result": message["params"], "error": null, "id": message["id"]});
                self.send(&reply, deadline)?;
            } else if message["id"] == self.calls {
                return Ok(message);
            }
        }
    }

    fn receive(&mut self, deadline: Instant) -> io::Result<Value> {
        loop {
            let mut messages = serde_json::Deserializer::from_slice(&self.rest).into_iter();
            match messages.next() {
                Some(Ok(message)) => {
                    let end = messages.byte_offset();
                    self.rest.drain(..end);
                    return Ok(message);
                }
                Some(Err(error)) if !error.is_eof() => return Err(error.into()),
                Some(Err(_)) | None => {}
            }
            if self.rest.len() > MOST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer is too long"));
            }
            self.stream.set_read_timeout(Some(left(deadline)?))?;
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.rest.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The server's own words.
fn refusal(error: &Value) -> String {
    match (error["error"].as_str(), error["details"].as_str()) {
        (Some(kind), Some(details)) => format!("{kind}: {details}"),
        (Some(kind), None) => kind.to_owned(),
        (None, _) => error.to_string(),
    }
}

/// The condition that a column has this value.
pub(crate) fn is_in(column: &str, value: &str) -> Value {
    json!([[column, "==", value]])
}

pub(crate) fn map(pairs: &[(&str, &str)]) -> Value {
    json!(["map", pairs])
}

pub(crate) fn set_of_uuid(uuid: &str) -> Value {
    json!(["set", [["uuid", uuid]]])
}

/// The value of a column that has one or none; sets of one are written as that one (RFC 7047, section 5.1).
pub(crate) fn one(value: &Value) -> Option<&Value> {
    Some(value).filter(|value| value.is_number() || value.is_string() || value.is_boolean())
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use tempfile::TempDir;

    use super::*;

    /// A server that says these things, each after one request, and returns the requests.
    fn served(says: Vec<Vec<u8>>) -> (TempDir, Ovsdb, thread::JoinHandle<Vec<Value>>) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("db.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut requests = Vec::new();
            for said in says {
                let request = serde_json::Deserializer::from_reader(stream.try_clone().unwrap()).into_iter().next();
                requests.push(request.unwrap().unwrap());
                for byte in said.chunks(7) {
                    stream.write_all(byte).unwrap();
                }
            }
            requests
        });
        let client = Ovsdb::connect(&path).unwrap();
        (directory, client, server)
    }

    #[test]
    fn a_call_answers_the_servers_question_and_finds_its_own_answer() {
        let first = br#"{"method":"echo","params":["x"],"id":"echo"}"#.to_vec();
        let second = br#"{"id":0,"result":[],"error":null} {"id":1,"result":[{"count":1}],"error":null}"#.to_vec();
        let (_directory, mut client, server) = served(vec![first, second]);
        let results = client.transact("count", vec![json!({"op": "comment", "comment": "c"})]).unwrap();
        assert_eq!(results, [json!({"count": 1})]);
        let requests = server.join().unwrap();
        assert_eq!(requests[0]["params"], json!(["Open_vSwitch", {"op": "comment", "comment": "c"}]));
        assert_eq!(requests[1], json!({"result": ["x"], "error": null, "id": "echo"}));
    }

    #[test]
    fn what_the_server_refuses_is_said_in_its_words() {
        let said = br#"{"id":1,"error":null,"result":[{},{"error":"timed out","details":"\"wait\" timed out"},null]}"#;
        let (_directory, mut client, _server) = served(vec![said.to_vec()]);
        let refused = client.transact("wait for the tag", Vec::new()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "wait for the tag: Open vSwitch's database refused it: timed out: \"wait\" timed out"
        );
    }

    #[test]
    fn a_server_that_accepts_nobody_is_given_up() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("db.sock");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(0).unwrap();
        // As many as may wait to be accepted.
        let _waiting = UnixStream::connect(&path).unwrap();
        let begun = Instant::now();
        assert!(Ovsdb::connect(&path).is_err());
        assert!(begun.elapsed() < BOUND * 2);
    }

    #[test]
    fn a_server_that_says_nothing_or_nonsense_is_given_up() {
        let (_directory, mut client, _server) = served(vec![Vec::new(), Vec::new()]);
        let silent = client.transact_within(Duration::from_millis(50), "look", Vec::new()).unwrap_err();
        assert!(crate::failure::chain(&silent).ends_with("timed out"), "{silent:?}");
        let (_directory, mut client, _server) = served(vec![b"HTTP/1.0".to_vec()]);
        assert!(client.transact("look", Vec::new()).is_err());
    }
}
