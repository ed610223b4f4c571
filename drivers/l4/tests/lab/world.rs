//! A lab with a client, a balancer and six members on one segment, all within the test's own process: sockets are opened
//! in the hosts' namespaces and belong to them from then on.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    panic::resume_unwind,
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::Duration,
};

use ballast_l4::{
    desired::{Listener, Member, Method, Protocol, Service, Sources, State},
    flows,
    layout::Layout,
    mark::Whose,
    netlink::Netfilter,
    numbers::Numbers,
    plan::Observed,
    statistics::{self, Counters},
    table,
};
use ballast_lab::{Host, Lab, LabError, TestResult, in_lab};
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Socket, Type};

pub(crate) const VIP: &str = "10.0.0.4:80";
pub(crate) const VIP6: &str = "[fd00::4]:80";
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// What is refused is refused at once; what is dropped takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);

pub(crate) struct World<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) client: Host,
    pub(crate) balancer: Host,
    pub(crate) web: Host,
    pub(crate) driver: Driver,
}

/// Notes and a socket: what a driver has of a load balancer.
pub(crate) struct Driver {
    pub(crate) netfilter: Netfilter,
    pub(crate) numbers: Numbers,
    pub(crate) noted: Option<Layout>,
}

impl Driver {
    pub(crate) fn counters(&mut self) -> Counters {
        table::counters(&mut self.netfilter).unwrap()
    }

    /// What is to be ended afterwards is ended only if `end` says so.
    pub(crate) fn pass(&mut self, service: &Service, end: bool) -> Vec<Whose> {
        let members = table::members(&mut self.netfilter).unwrap();
        let counters = self.counters();
        let observed = Observed { counters, members, noted: self.noted.take(), ..Observed::default() };
        let layout = Layout::next(observed.running(), service, &mut self.numbers).unwrap();
        let planned = table::reach(&mut self.netfilter, &observed, &layout).unwrap();
        self.noted = Some(layout);
        if end {
            flows::end(&mut self.netfilter, &planned.end).unwrap();
        }
        planned.end
    }

    /// The connections of each member of the first listener, by its number in the test.
    pub(crate) fn connections(&mut self) -> BTreeMap<String, u64> {
        let counters = self.counters();
        let members = statistics::by_member(&counters, &self.numbers).into_iter();
        members
            .filter(|(owner, _)| owner.listener == "l")
            .map(|(owner, totals)| (owner.member, totals.connections))
            .collect()
    }
}

impl World<'_> {
    pub(crate) fn pass(&mut self, service: &Service) {
        self.driver.pass(service, true);
    }

    /// Runs this on the client.
    pub(crate) fn client<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        inside(&self.client, work)
    }

    /// Who answers this many new connections of TCP, one after the other.
    pub(crate) fn answers(&self, to: &str, count: usize) -> BTreeMap<u8, usize> {
        let to = to.parse().unwrap();
        tally(self.client(|| (0..count).map(|_| ask(None, to).unwrap()).collect()))
    }

    /// Who answers this many new flows of UDP.
    pub(crate) fn answers_udp(&self, to: &str, count: usize) -> BTreeMap<u8, usize> {
        let to = to.parse().unwrap();
        tally(self.client(|| (0..count).map(|_| ask_udp(&udp(None, to).unwrap()).unwrap()).collect()))
    }
}

fn tally(answers: Vec<u8>) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    answers.into_iter().for_each(|answer| *counts.entry(answer).or_default() += 1);
    counts
}

/// Runs this in the network namespace of a host.
pub(crate) fn inside<T: Send>(host: &Host, work: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("/proc/{}/ns/net", host.keeper_pid())).unwrap();
    // On a thread of its own, which ends with it.
    let entered = move || {
        setns(file, CloneFlags::CLONE_NEWNET).unwrap();
        work()
    };
    thread::scope(|scope| scope.spawn(entered).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

/// A connection, from this address if it matters.
pub(crate) fn connect(from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    connect_within(Duration::from_secs(2), from, to)
}

pub(crate) fn connect_within(patience: Duration, from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if let Some(from) = from {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    socket.connect_timeout(&to.into(), patience)?;
    // A reset does not leave a port that waits.
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    Ok(socket.into())
}

/// The number of the member that answers a new connection.
pub(crate) fn ask(from: Option<IpAddr>, to: SocketAddr) -> io::Result<u8> {
    ask_again(&mut connect(from, to)?)
}

pub(crate) fn ask_again(stream: &mut TcpStream) -> io::Result<u8> {
    let mut answer = [0];
    stream.write_all(b"?")?;
    stream.read_exact(&mut answer)?;
    Ok(answer[0])
}

static PORT: AtomicU16 = AtomicU16::new(2_000);

pub(crate) fn udp(from: Option<IpAddr>, to: SocketAddr) -> io::Result<UdpSocket> {
    let any = if to.is_ipv4() { "0.0.0.0" } else { "::" }.parse().unwrap();
    // Each from a port of its own: one that was used before would go on with the flow that it had.
    let port = PORT.fetch_add(1, Ordering::Relaxed);
    let socket = UdpSocket::bind(SocketAddr::new(from.unwrap_or(any), port))?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    Ok(socket)
}

pub(crate) fn ask_udp(socket: &UdpSocket) -> io::Result<u8> {
    let mut answer = [0];
    socket.send(b"?")?;
    socket.recv(&mut answer)?;
    Ok(answer[0])
}

/// Answers TCP and UDP at port 8080 of this address with a number, as members do.
pub(crate) fn serve(host: &Host, number: u8, ip: IpAddr) {
    let address = SocketAddr::new(ip, 8080);
    let (listener, socket) = inside(host, || (TcpListener::bind(address).unwrap(), UdpSocket::bind(address).unwrap()));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, number));
        }
    });
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((_, from)) = socket.recv_from(&mut buffer) {
            let _gone = socket.send_to(&[number], from);
        }
    });
}

fn answer(mut stream: TcpStream, number: u8) {
    let mut asked = [0];
    while matches!(stream.read(&mut asked), Ok(1)) && stream.write_all(&[number]).is_ok() {}
}

/// Runs a test in a fresh lab.
pub(crate) fn in_world(body: impl FnOnce(World<'_>) -> TestResult) {
    in_lab(|lab| {
        let world = world(lab)?;
        body(world)
    });
}

fn world(lab: &Lab) -> Result<World<'_>, LabError> {
    let data = lab.segment("data")?;
    let hosts = [("client", 5), ("balancer", 4), ("web", 10)];
    let mut made = Vec::new();
    for (name, last) in hosts {
        let host = lab.host(name)?;
        host.plug(&data, "eth0", &format!("10.0.0.{last}/24"))?;
        host.address("eth0", &format!("fd00::{last}/64"))?;
        made.push(host);
    }
    let [client, balancer, web] = made.try_into().unwrap_or_else(|_| panic!("three hosts"));
    balancer.forward()?;
    // Both of its ways lead through one link, of which neighbours need not be told.
    let redirects = ["all", "eth0"].map(|link| format!("echo 0 >/proc/sys/net/ipv4/conf/{link}/send_redirects"));
    balancer.output("sh", ["-ec", &redirects.join(";")])?;
    for number in 1..=6 {
        for address in [format!("10.0.0.1{number}"), format!("fd00::1{number}")] {
            web.address("eth0", &format!("{address}/{}", if address.contains(':') { 64 } else { 24 }))?;
            serve(&web, number, address.parse().unwrap());
        }
    }
    let netfilter = inside(&balancer, || Netfilter::open().unwrap());
    let driver = Driver { netfilter, numbers: Numbers::default(), noted: None };
    Ok(World { lab, client, balancer, web, driver })
}

pub(crate) fn member(number: u8) -> Member {
    Member {
        id: number.to_string(),
        address: format!("10.0.0.1{number}:8080").parse().unwrap(),
        weight: 1,
        share: None,
        backup: false,
        state: State::Up,
    }
}

pub(crate) fn member6(number: u8) -> Member {
    Member { address: format!("[fd00::1{number}]:8080").parse().unwrap(), ..member(number) }
}

/// One listener at the VIP of IPv4 with these members.
pub(crate) fn service(protocol: Protocol, members: impl IntoIterator<Item = Member>) -> Service {
    let sources = Sources { v4: Some("10.0.0.4".parse().unwrap()), v6: Some("fd00::4".parse().unwrap()) };
    let listener = Listener {
        id: "l".to_owned(),
        addresses: ["10.0.0.4".parse().unwrap()].into(),
        protocol,
        port: 80,
        method: Method::RoundRobin,
        persistence: None,
        limit: None,
        allowed: Vec::new(),
        idle: None,
        pool: "p".to_owned(),
        members: members.into_iter().collect(),
    };
    Service { sources, listeners: vec![listener], filters: Vec::new() }
}

/// Addresses of so many clients, from 10.0.0.101 on.
pub(crate) fn clients(world: &World<'_>, count: u8) -> Vec<IpAddr> {
    let addresses: Vec<IpAddr> = (0..count).map(|number| IpAddr::from([10, 0, 0, 101 + number])).collect();
    let lines: Vec<String> = addresses.iter().map(|address| format!("ip addr add {address}/24 dev eth0")).collect();
    world.client.output("sh", ["-ec", &lines.join("\n")]).unwrap();
    addresses
}
