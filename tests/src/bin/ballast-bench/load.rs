//! Clients that make so many requests a second each and count those that were not answered. Every request that was
//! begun counts: one whose connection was closed under it as well.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ballast_lab::Host;
use nix::sched::{CloneFlags, setns};

use crate::{Failure, Outcome, datagrams, probe};

/// Of each kind.
const CLIENTS: u32 = 4;
/// Requests a second of each client.
const PACE: u32 = 100;
/// A request that takes longer has failed. A lost SYN is sent again after a second.
const PATIENCE: Duration = Duration::from_secs(5);
const STALLED: Duration = Duration::from_millis(900);

/// How a client makes its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// HTTP, until the other side says that it closes.
    HttpKeptAlive,
    HttpShort,
    /// Connections of so many requests. An old haproxy serves on those that it has; when there are more old ones than
    /// the driver lets be, the oldest is ended with its connections.
    Tcp(u32),
    /// Flows of so many datagrams.
    Udp(u32),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HttpKeptAlive => f.write_str("HTTP, kept alive"),
            Self::HttpShort => f.write_str("HTTP, a connection per request"),
            Self::Tcp(1) => f.write_str("TCP, a connection per request"),
            Self::Tcp(u32::MAX) => f.write_str("TCP, connections stay"),
            Self::Tcp(requests) => write!(f, "TCP, connections of {requests} requests"),
            Self::Udp(1) => f.write_str("UDP, a flow per request"),
            Self::Udp(u32::MAX) => f.write_str("UDP, flows stay"),
            Self::Udp(requests) => write!(f, "UDP, flows of {requests} requests"),
        }
    }
}

/// What has become of the requests so far.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) answered: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Of those that were answered, so many waited for what was sent a second time.
    pub(crate) stalled: AtomicU64,
    /// In microseconds.
    slowest: AtomicU64,
    first_failure: Mutex<Option<String>>,
}

impl Tally {
    pub(crate) fn slowest_ms(&self) -> f64 {
        self.slowest.load(Ordering::Relaxed) as f64 / 1e3
    }

    pub(crate) fn first_failure(&self) -> Option<String> {
        self.first_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, begun: Instant, result: &io::Result<()>) {
        let took = begun.elapsed();
        self.slowest.fetch_max(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        match result {
            Ok(()) => {
                self.stalled.fetch_add(u64::from(took > STALLED), Ordering::Relaxed);
                self.answered.fetch_add(1, Ordering::Relaxed)
            }
            Err(error) => {
                let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| error.to_string());
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

/// Clients of one kind, which go on until [`Load::end`].
pub(crate) struct Load {
    pub(crate) kind: Kind,
    over: Arc<AtomicBool>,
    tally: Arc<Tally>,
    clients: Vec<JoinHandle<Result<(), Failure>>>,
}

impl Load {
    pub(crate) fn start(host: &Host, target: SocketAddr, kind: Kind) -> Outcome<Self> {
        let (over, tally) = (Arc::<AtomicBool>::default(), Arc::<Tally>::default());
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let namespace = probe::namespace(host)?;
            let (over, tally) = (Arc::clone(&over), Arc::clone(&tally));
            let client = move || {
                setns(&namespace, CloneFlags::CLONE_NEWNET)?;
                thread::sleep(Duration::from_secs(1) / PACE / CLIENTS * number);
                Client { target, kind, connection: None }.run(&over, &tally);
                Ok(())
            };
            clients.push(thread::Builder::new().name(format!("client-{number}")).spawn(client)?);
        }
        Ok(Self { kind, over, tally, clients })
    }

    pub(crate) fn end(self) -> Outcome<Arc<Tally>> {
        self.over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().map_err(|_| "a client panicked")??;
        }
        Ok(self.tally)
    }
}

/// What is open, and how many requests it has still to serve.
enum Connection {
    Stream(TcpStream, u32),
    Flow(UdpSocket, u32),
}

struct Client {
    target: SocketAddr,
    kind: Kind,
    connection: Option<Connection>,
}

impl Client {
    fn run(&mut self, over: &AtomicBool, tally: &Tally) {
        let mut next = Instant::now();
        while !over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let result = self.request();
            if result.is_err() {
                self.connection = None;
            }
            tally.count(begun, &result);
            next += Duration::from_secs(1) / PACE;
            thread::sleep(next.saturating_duration_since(Instant::now()));
            // Who was held up does not make up for it.
            next = next.max(Instant::now());
        }
    }

    fn request(&mut self) -> io::Result<()> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.open()?,
        };
        self.connection = match connection {
            Connection::Stream(mut stream, left) => {
                let stays = get(&mut stream, left > 1)?;
                (stays && left > 1).then_some(Connection::Stream(stream, left - 1))
            }
            Connection::Flow(socket, left) => {
                datagrams::ask(&socket)?;
                (left > 1).then_some(Connection::Flow(socket, left - 1))
            }
        };
        Ok(())
    }

    fn open(&self) -> io::Result<Connection> {
        let stream = || {
            let stream = TcpStream::connect_timeout(&self.target, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        };
        Ok(match self.kind {
            Kind::HttpKeptAlive => Connection::Stream(stream()?, u32::MAX),
            Kind::HttpShort => Connection::Stream(stream()?, 1),
            Kind::Tcp(requests) => Connection::Stream(stream()?, requests),
            Kind::Udp(requests) => {
                let socket = UdpSocket::bind(("0.0.0.0", 0))?;
                socket.connect(self.target)?;
                socket.set_read_timeout(Some(datagrams::LOST))?;
                Connection::Flow(socket, requests)
            }
        })
    }
}

/// One request; whether the connection stays open after it.
fn get(stream: &mut TcpStream, keep: bool) -> io::Result<bool> {
    let keep = if keep { "" } else { "Connection: close\r\n" };
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: bench\r\n{keep}\r\n").as_bytes())?;
    let (mut bytes, mut length) = ([0; 1024], 0);
    loop {
        let read = stream.read(bytes.get_mut(length..).unwrap_or_default())?;
        if read == 0 {
            return Err(io::Error::other(format!("closed after {length} bytes of an answer")));
        }
        length += read;
        if let Some(stays) = whole(&bytes[..length])? {
            return Ok(stays);
        }
    }
}

/// Of an answer that is there whole: whether the connection stays. Anything but a 200 is an error.
fn whole(bytes: &[u8]) -> io::Result<Option<bool>> {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(None) };
    if !head.starts_with("http/1.1 200") {
        return Err(io::Error::other(head.lines().next().unwrap_or_default().to_owned()));
    }
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let length: usize = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    Ok((body.len() >= length).then(|| field("connection") != Some("close")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_body_and_says_whether_the_connection_stays() {
        let stays = |text: &str| whole(text.as_bytes());
        assert_eq!(stays("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n").unwrap(), None);
        assert_eq!(stays("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx").unwrap(), None);
        assert_eq!(stays("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxy").unwrap(), Some(true));
        assert_eq!(stays("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap(), Some(false));
        assert_eq!(stays("HTTP/1.1 503 No\r\n\r\n").unwrap_err().to_string(), "http/1.1 503 no");
    }
}
