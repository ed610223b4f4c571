//! Members that answer datagrams, clients that send them, and what is asked for.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    thread,
    time::Duration,
};

use ballast_abi::{Listener, LoadBalancer, PersistenceType, Pool, Protocol, SessionPersistence, Statistics};
use ballast_l4::{netlink::Netfilter, plan, table};
use ballast_lab::Host;
use ballast_netns::namespace;

use crate::{
    lost::netns,
    world::{World, load_balancer},
};

/// The listener and the pool of UDP.
pub(crate) const DATAGRAMS: &str = "2d2a1f9e-30c2-4f6e-8d3c-1c5cf1a3f9b5";
const PORT: u16 = 8080;

/// What answers at once is answered; what is dropped takes this long.
const PATIENCE: Duration = Duration::from_millis(500);

/// HTTP and UDP at 10.0.0.4:80, with the same members.
pub(crate) fn asked() -> LoadBalancer {
    let mut asked = load_balancer();
    let http = &asked.pools[0];
    let pool = Pool { id: DATAGRAMS.into(), protocol: Protocol::Udp.into(), ..http.clone() };
    let listener = Listener {
        id: DATAGRAMS.into(),
        protocol: Protocol::Udp.into(),
        default_pool_id: DATAGRAMS.into(),
        ..asked.listeners[0].clone()
    };
    asked.pools.push(pool);
    asked.listeners.push(listener);
    asked
}

pub(crate) fn persistent(seconds: u32, mask: &str) -> SessionPersistence {
    SessionPersistence {
        r#type: PersistenceType::SourceIp.into(),
        persistence_timeout: seconds,
        persistence_granularity: mask.into(),
        ..SessionPersistence::default()
    }
}

/// Runs this in the namespace of a host; sockets that it opens belong to that.
pub(crate) fn on<T: Send>(host: &Host, work: impl FnOnce() -> T + Send) -> T {
    at(&format!("/proc/{}/ns/net", host.keeper_pid()), work)
}

fn at<T: Send>(path: &str, work: impl FnOnce() -> T + Send) -> T {
    let file = File::open(path).unwrap();
    let entered = || {
        namespace::enter(&file).unwrap();
        work()
    };
    namespace::on_own_thread("entered", entered).unwrap()
}

/// A member that answers each datagram with its number. Dropped, its port is closed.
pub(crate) struct Echo {
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Echo {
    pub(crate) fn start(world: &World<'_>, number: u8) -> Self {
        Self::start_at(world, number, SocketAddr::from(([10, 0, 0, 10 + number], PORT)))
    }

    pub(crate) fn start_at(world: &World<'_>, number: u8, address: SocketAddr) -> Self {
        let socket = on(&world.web[usize::from(number) - 1], || UdpSocket::bind(address).unwrap());
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let over = Arc::<AtomicBool>::default();
        let until = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 64];
            while !until.load(Ordering::Relaxed) {
                if let Ok((_, from)) = socket.recv_from(&mut buffer) {
                    let _gone = socket.send_to(&[number], from);
                }
            }
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ended = self.thread.take().map(thread::JoinHandle::join);
    }
}

static CLIENT: AtomicU16 = AtomicU16::new(2_000);

/// A new flow of the client, from this address if it matters: each from a port of its own.
pub(crate) fn socket(world: &World<'_>, from: Option<IpAddr>) -> UdpSocket {
    on(&world.client, || open(from))
}

/// To be called by a thread in the client's namespace.
pub(crate) fn open(from: Option<IpAddr>) -> UdpSocket {
    open_to("10.0.0.4:80", from.unwrap_or(IpAddr::from([0, 0, 0, 0])))
}

pub(crate) fn open_to(to: &str, from: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((from, CLIENT.fetch_add(1, Ordering::Relaxed))).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// The number of the member that answers.
pub(crate) fn ask(socket: &UdpSocket) -> io::Result<u8> {
    let mut answer = [0];
    socket.send(b"?")?;
    socket.recv(&mut answer)?;
    Ok(answer[0])
}

/// Who answers so many new flows.
pub(crate) fn answers(world: &World<'_>, count: usize) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..count {
        *counts.entry(ask(&socket(world, None)).unwrap()).or_default() += 1;
    }
    counts
}

/// More addresses of the client, by their last byte.
pub(crate) fn clients(world: &World<'_>, last: &[u8]) -> Vec<IpAddr> {
    for byte in last {
        world.client.output("ip", ["addr", "replace", &format!("10.0.0.{byte}/24"), "dev", "eth0"]).unwrap();
    }
    last.iter().map(|byte| IpAddr::from([10, 0, 0, *byte])).collect()
}

/// In the load balancer's namespace.
pub(crate) fn within<T: Send>(world: &World<'_>, work: impl FnOnce() -> T + Send) -> T {
    at(&netns(world).to_string_lossy(), work)
}

pub(crate) fn parameter(world: &World<'_>, key: &str) -> String {
    within(world, || std::fs::read_to_string(format!("/proc/sys/net/{key}"))).unwrap().trim().to_owned()
}

pub(crate) fn without_table(world: &World<'_>) -> bool {
    within(world, || table::counters(&mut Netfilter::open().unwrap()).unwrap().is_empty())
}

pub(crate) fn delete_table(world: &World<'_>) {
    within(world, || table::apply(&mut Netfilter::open().unwrap(), &plan::removal())).unwrap();
}

/// Of the listener of UDP.
pub(crate) fn totals(world: &World<'_>) -> Statistics {
    let listeners = world.observe().unwrap().listeners.into_iter();
    let found: Vec<_> = listeners.filter(|one| one.listener_id == DATAGRAMS).collect();
    found[0].statistics.unwrap()
}
