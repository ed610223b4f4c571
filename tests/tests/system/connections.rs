//! Those who connect and say nothing, more of them than there is room for, and a machine that has no descriptors left.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, programs,
    rest::Rest,
    site::{Plan, Site, URL},
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const REST: ([u8; 4], u16) = ([127, 0, 0, 1], 9696);
const GRPC: ([u8; 4], u16) = ([127, 0, 0, 1], 9697);
/// What a client of HTTP/2 begins with: the preface, and a frame of settings with nothing in it.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn nobody() -> Plan {
    Plan { agents: 0, webs: 0, ..Plan::default() }
}

/// A connection that sends this and nothing more.
fn silent(to: ([u8; 4], u16), bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(SocketAddr::from(to)).expect("a connection");
    stream.write_all(bytes).expect("the beginning is taken");
    stream
}

/// Whether the other end has closed it by `until`; what it sent before is read.
fn is_closed(stream: &mut TcpStream, until: Instant) -> bool {
    let mut bytes = [0; 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).expect("a time limit");
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }
}

#[test]
fn silent_clients_are_closed_and_others_are_served_meanwhile() {
    in_lab(|lab| {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("room for many connections");
        let site = Site::start(
            lab,
            &Plan { environment: vec![("", "BALLAST_CONNECTIONS__IDLE_TIMEOUT_MS", "15000".to_owned())], ..nobody() },
        )?;
        let began = Instant::now();
        let half: Vec<_> =
            (0..1_500).map(|_| silent(REST, b"GET /v2.0/lb/pools HTTP/1.1\r\nhost: localhost\r\nx: ")).collect();
        let idle: Vec<_> = (0..50).map(|_| silent(REST, b"")).collect();
        let slow: Vec<_> = (0..50).map(|_| silent(REST, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\nGET")).collect();
        let grpc: Vec<_> = (0..100).map(|n| silent(GRPC, &HTTP2[..n % 24])).collect();
        // These have begun, and never answer when they are asked whether they are there.
        let begun: Vec<_> = (0..100).map(|_| silent(GRPC, HTTP2)).collect();
        while began.elapsed() < Duration::from_secs(5) {
            let asked = Instant::now();
            assert_eq!(site.rest.call("GET", "/v2.0/lb/pools", None).status, 200);
            assert!(asked.elapsed() < Duration::from_secs(1), "an answer took {:?}", asked.elapsed());
            std::thread::sleep(Duration::from_millis(200));
        }
        for (mut streams, seconds) in [(half, 25), (idle, 25), (slow, 40), (grpc, 25), (begun, 60)] {
            let until = began + Duration::from_secs(seconds);
            let open = streams.iter_mut().filter_map(|stream| (!is_closed(stream, until)).then_some(())).count();
            assert_eq!(open, 0, "still open after {seconds} s");
        }
        assert_eq!(Rest::new(URL).call("GET", "/v2.0/lb/pools", None).status, 200);
        Ok(())
    });
}

#[test]
fn few_descriptors_and_many_strangers_lock_nobody_of_this_machine_out() {
    let test = "few_descriptors_and_many_strangers_lock_nobody_of_this_machine_out";
    if !require_tool("prlimit", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &nobody())?;
        for address in ["10.99.0.1/32", "10.99.0.2/32", "10.99.0.3/32"] {
            let added = Command::new("ip").args(["address", "add", address, "dev", "lo"]).status()?;
            assert!(added.success());
        }
        let mut gateway = Command::new("prlimit")
            .args(["--nofile=64:64"])
            .arg(programs::built("ballast-api-gateway"))
            .args(["--insecure", "--config"])
            .arg(lab.dir().join("ballast.toml"))
            .env("BALLAST_GATEWAY__LISTEN", "0.0.0.0:9796")
            .env("BALLAST_CONNECTIONS__PER_PEER", "10")
            .env("BALLAST_CONNECTIONS__HEAD_TIMEOUT_MS", "60000")
            .stderr(Stdio::null())
            .spawn()?;
        let rest = Rest::new("http://127.0.0.1:9796");
        wait_until(PATIENCE, "the gateway's answer", || rest.try_call("GET", "/", None));

        // Of 64, half are for what a process has open else; a quarter of the others is kept from strangers.
        let mut kept = Vec::new();
        let stays = |from: [u8; 4]| {
            let come = (0..30).filter_map(|_| from_address(from).ok());
            let mut streams: Vec<_> = come.collect();
            let until = Instant::now() + Duration::from_secs(1);
            streams.retain_mut(|stream| !is_closed(stream, until));
            streams
        };
        for (from, expected) in [([10, 99, 0, 1], 10), ([10, 99, 0, 2], 10), ([10, 99, 0, 3], 4)] {
            let streams = stays(from);
            let count = streams.len();
            kept.push(streams);
            // The test's own connection to the gateway may be one of them.
            assert!((expected - 1..=expected).contains(&count), "{from:?} has {count}, not {expected}");
        }
        for _ in 0..3 {
            let answer = Rest::new("http://127.0.0.1:9796").call("GET", "/v2.0/lb/pools", None);
            assert_eq!(answer.status, 200);
        }
        drop(kept);
        wait_until(PATIENCE, "room for a stranger", || (!stays([10, 99, 0, 3]).is_empty()).then_some(()));
        gateway.kill()?;
        gateway.wait()?;
        drop(site);
        Ok(())
    });
}

/// A connection to the gateway of that test, from one of its addresses.
fn from_address(from: [u8; 4]) -> io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        socket.connect(SocketAddr::from(([10, 99, 0, 1], 9796))).await
    })?;
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Seconds of CPU that a process has used.
fn used(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let after = stat.rsplit_once(") ").expect("a name").1;
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

#[test]
fn a_listener_without_descriptors_waits_instead_of_spinning() {
    let test = "a_listener_without_descriptors_waits_instead_of_spinning";
    if !require_tool("prlimit", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &nobody())?;
        let services = [&site.gateway, &site.scheduler].map(|service| service.as_ref().expect("it runs").pid());
        let limit = |files: &str| {
            for pid in services {
                let set =
                    Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--nofile={files}")]).status();
                assert!(set.expect("prlimit starts").success());
            }
        };
        limit("4:");
        let waiting = [silent(REST, b""), silent(GRPC, b"")];
        let owner = UnixStream::connect(site.socket())?;
        std::thread::sleep(Duration::from_millis(300));
        let before = services.map(used);
        std::thread::sleep(Duration::from_secs(4));
        for (before, pid) in before.into_iter().zip(services) {
            let busy = used(pid) - before;
            assert!(busy < 0.4, "process {pid} used {busy} s of 4");
        }
        for service in ["ballast-api-gateway", "ballast-scheduler"] {
            let said = site.logged(service).matches("could not be accepted").count();
            assert!((1..=8).contains(&said), "{service} said it {said} times");
        }
        limit("1024:");
        drop((waiting, owner));
        wait_until(PATIENCE, "an answer", || {
            Rest::new(URL).try_call("GET", "/v2.0/lb/pools", None).filter(|reply| reply.status == 200)
        });
        Ok(())
    });
}
