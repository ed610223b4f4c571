//! Traffic through a VIP, where the suite can reach it: a driver that plugs into a bridge of the host, as the network
//! without provider attributes has one, can be reached from that bridge. A device cannot, and nothing is said of its
//! traffic.
//!
//! The suite's own members answer at [`samples::HERE`](super::samples::HERE), which is put on that bridge.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{
    samples::{ANSWERING, HERE, MEMBER_PORT, NETWORK},
    verdict::Stop,
};
use crate::LoadBalancer;

const BODY: &str = "ballast-conformance";
/// How long a change may take to be seen in traffic.
const SOON: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    Yes,
    No,
}

/// Members that answer, and a way to VIPs.
pub(super) struct Wire(());

impl Wire {
    /// The members answer until the process ends. Ports that are taken are left out.
    pub(super) fn open() -> Self {
        for port in MEMBER_PORT..=MEMBER_PORT + ANSWERING + 1 {
            let Ok(listener) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)) else { continue };
            thread::spawn(move || listener.incoming().flatten().for_each(answer));
        }
        Self(())
    }

    /// Asks until the answer is the expected one, for a while.
    pub(super) fn wait_for(&self, load_balancer: &LoadBalancer, expected: Answers) -> Result<Answers, Stop> {
        let Some(address) = address(load_balancer).filter(|_| reach()) else { return Ok(Answers::No) };
        let end = Instant::now() + SOON;
        loop {
            let found = if ask(address) { Answers::Yes } else { Answers::No };
            if found == expected || Instant::now() > end {
                return Ok(found);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Sends requests; how many were answered by a member.
    pub(super) fn send(&self, load_balancer: &LoadBalancer, requests: usize) -> usize {
        let Some(address) = address(load_balancer).filter(|_| reach()) else { return 0 };
        (0..requests).filter(|_| ask(address)).count()
    }
}

/// Puts the suite's address on the network's bridge; false when there is none.
fn reach() -> bool {
    let short: String = NETWORK.chars().take(11).collect();
    let bridge = format!("brq{short}");
    if nix::net::if_::if_nametoindex(bridge.as_str()).is_err() {
        return false;
    }
    let words = ["address", "replace", &format!("{HERE}/16"), "dev", &bridge];
    Command::new("ip").args(words).output().is_ok_and(|output| output.status.success())
}

fn address(load_balancer: &LoadBalancer) -> Option<SocketAddr> {
    let address = load_balancer.vip.as_ref()?.address.parse().ok()?;
    let port = u16::try_from(load_balancer.listeners.first()?.protocol_port).ok()?;
    Some(SocketAddr::new(address, port))
}

fn answer(mut stream: TcpStream) {
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{BODY}", BODY.len());
    let mut asked = [0; 4096];
    let set = stream.set_read_timeout(Some(PATIENCE)).is_ok();
    // A check that connects and says nothing is answered by the end of the connection.
    if set && stream.read(&mut asked).is_ok_and(|length| length > 0) {
        let _ = stream.write_all(reply.as_bytes());
    }
}

/// Whether one of the suite's members answers there.
fn ask(address: SocketAddr) -> bool {
    let request = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    };
    request().is_ok_and(|reply| reply.starts_with("HTTP/1.1 200 ") && reply.ends_with(BODY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_the_suite_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || listener.incoming().flatten().for_each(answer));
        assert!(ask(address));
    }
}
