//! Members that answer each byte and each datagram with their number, and clients that ask.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    thread,
    time::Duration,
};

use ballast_lab::Host;
use ballast_netns::namespace;

use crate::world::World;

/// What answers does so at once, or soon on a busy machine; what is dropped takes this long.
const PATIENCE: Duration = Duration::from_secs(3);
const PORT: u16 = 8080;

/// Runs this in the namespace of a host; sockets that it opens belong to that.
pub(crate) fn on<T: Send>(host: &Host, work: impl FnOnce() -> T + Send) -> T {
    at(format!("/proc/{}/ns/net", host.keeper_pid()).as_ref(), work)
}

/// In the load balancer's namespace.
pub(crate) fn within<T: Send>(world: &World<'_>, work: impl FnOnce() -> T + Send) -> T {
    at(&world.netns(), work)
}

fn at<T: Send>(path: &Path, work: impl FnOnce() -> T + Send) -> T {
    let file = File::open(path).unwrap();
    let entered = || {
        namespace::enter(&file).unwrap();
        work()
    };
    namespace::on_own_thread("entered", entered).unwrap()
}

/// A member. Dropped, its ports are closed, and its connections.
pub(crate) struct Serving {
    over: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Serving {
    /// At port 8080, of TCP and UDP, of both IP versions.
    pub(crate) fn start(world: &World<'_>, number: u8) -> Self {
        let open = || {
            let listener = TcpListener::bind(("::", PORT)).unwrap();
            let socket = UdpSocket::bind(("::", PORT)).unwrap();
            listener.set_nonblocking(true).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            (listener, socket)
        };
        let (listener, socket) = on(&world.members[usize::from(number) - 1], open);
        let over = Arc::<AtomicBool>::default();
        let (streams, datagrams) = (Arc::clone(&over), Arc::clone(&over));
        let threads = vec![
            thread::spawn(move || serve_streams(&listener, number, &streams)),
            thread::spawn(move || serve_datagrams(&socket, number, &datagrams)),
        ];
        Self { over, threads }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

fn serve_streams(listener: &TcpListener, number: u8, over: &AtomicBool) {
    let mut open = Vec::new();
    while !over.load(Ordering::Relaxed) {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true).unwrap();
            open.push(stream);
        }
        let mut byte = [0];
        open.retain_mut(|stream: &mut TcpStream| match stream.read(&mut byte) {
            Ok(0) => false,
            Ok(_) => stream.write_all(&[number]).is_ok(),
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        });
        thread::sleep(Duration::from_millis(1));
    }
}

fn serve_datagrams(socket: &UdpSocket, number: u8, over: &AtomicBool) {
    let mut buffer = [0; 64];
    while !over.load(Ordering::Relaxed) {
        if let Ok((_, from)) = socket.recv_from(&mut buffer) {
            let _gone = socket.send_to(&[number], from);
        }
    }
}

static CLIENT: AtomicU16 = AtomicU16::new(2_000);

/// A flow of the client to 10.0.0.4:80, each from a port of its own.
pub(crate) fn socket(world: &World<'_>, from: Option<IpAddr>) -> UdpSocket {
    socket_to(world, "10.0.0.4:80", from.unwrap_or(IpAddr::from([0, 0, 0, 0])))
}

pub(crate) fn socket_to(world: &World<'_>, to: &str, from: IpAddr) -> UdpSocket {
    on(&world.client, || {
        let socket = UdpSocket::bind((from, CLIENT.fetch_add(1, Ordering::Relaxed))).unwrap();
        socket.connect(to).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    })
}

/// The number of the member that answers.
pub(crate) fn ask(socket: &UdpSocket) -> io::Result<u8> {
    let mut answer = [0];
    socket.send(b"?")?;
    socket.recv(&mut answer)?;
    Ok(answer[0])
}

/// A connection of the client.
pub(crate) fn connect(world: &World<'_>, to: &str) -> io::Result<TcpStream> {
    let to: SocketAddr = to.parse().unwrap();
    let stream = on(&world.client, || TcpStream::connect_timeout(&to, PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The number of the member at the other end.
pub(crate) fn speak(mut stream: &TcpStream) -> io::Result<u8> {
    let mut answer = [0];
    stream.write_all(b"?")?;
    stream.read_exact(&mut answer)?;
    Ok(answer[0])
}

/// How many of so many flows come to which member.
pub(crate) fn counted(flows: impl Iterator<Item = io::Result<u8>>) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for number in flows {
        *counts.entry(number.unwrap()).or_default() += 1;
    }
    counts
}

/// Of new connections to 10.0.0.4:80.
pub(crate) fn answers(world: &World<'_>, count: usize) -> BTreeMap<u8, usize> {
    counted((0..count).map(|_| speak(&connect(world, "10.0.0.4:80")?)))
}

/// More addresses of the client, by their last byte.
pub(crate) fn clients(world: &World<'_>, last: &[u8]) -> Vec<IpAddr> {
    for byte in last {
        world.client.output("ip", ["addr", "replace", &format!("10.0.0.{byte}/24"), "dev", "eth0"]).unwrap();
    }
    last.iter().map(|byte| IpAddr::from([10, 0, 0, *byte])).collect()
}
