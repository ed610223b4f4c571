//! A client that asks all the time, and what it was answered.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ballast_lab::Host;
use ballast_netns::namespace;

/// A machine that is busy loses frames, and they are sent again later each time.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(4);

/// Dropped, it ends.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    failed: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// One request after the other, each with a connection of its own.
    pub(crate) fn start(client: &Host, address: SocketAddr) -> Self {
        let (over, answered, failed) = <(Arc<AtomicBool>, Arc<AtomicU64>, Arc<Mutex<Vec<String>>>)>::default();
        let file = namespace_of(client);
        let (is_over, counted, told) = (Arc::clone(&over), Arc::clone(&answered), Arc::clone(&failed));
        let thread = thread::spawn(move || {
            namespace::enter(&file).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                match ask(address) {
                    Ok(_) => drop(counted.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => told.lock().unwrap().push(error.to_string()),
                }
                thread::sleep(PAUSE);
            }
        });
        Self { over, answered, failed, thread: Some(thread) }
    }

    /// How many were answered; every one was.
    pub(crate) fn answered(&self, what: &str) -> u64 {
        let failed = self.failed.lock().unwrap();
        assert!(failed.is_empty(), "{what}: {} requests of a bystander failed, as: {}", failed.len(), failed[0]);
        self.answered.load(Ordering::Relaxed)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// An HTTP request by a thread that is in the client's namespace. Returns the body.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.trim().to_owned()),
        _ => Err(io::Error::other(format!("answered: {answer:?}"))),
    }
}

/// A datagram that comes back.
fn ping(address: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    socket.connect(address)?;
    socket.send(b"x")?;
    let mut back = [0; 8];
    socket.recv(&mut back).map(drop)
}

/// One request of this client.
pub(crate) fn http(client: &Host, address: SocketAddr) -> io::Result<String> {
    on(client, || ask(address))
}

pub(crate) fn udp(client: &Host, address: SocketAddr) -> io::Result<()> {
    on(client, || ping(address))
}

/// Answers every datagram at this address of a host, until the process ends.
pub(crate) fn echo(host: &Host, address: SocketAddr) {
    let socket = on(host, || UdpSocket::bind(address)).unwrap();
    thread::spawn(move || {
        let mut datagram = [0; 64];
        while let Ok((length, from)) = socket.recv_from(&mut datagram) {
            let _ = socket.send_to(&datagram[..length], from);
        }
    });
}

fn on<T: Send>(host: &Host, work: impl FnOnce() -> T + Send) -> T {
    let file = namespace_of(host);
    let entered = || {
        namespace::enter(&file).unwrap();
        work()
    };
    namespace::on_own_thread("entered", entered).unwrap()
}

fn namespace_of(host: &Host) -> File {
    File::open(format!("/proc/{}/ns/net", host.keeper_pid())).unwrap()
}
