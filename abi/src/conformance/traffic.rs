//! Traffic through a VIP, where the suite can reach it: a driver that plugs into a bridge of the host, as the network
//! without provider attributes has one, can be reached from that bridge. A device cannot, and nothing is said of its
//! traffic.
//!
//! The suite's own members answer at [`samples::HERE`](super::samples::HERE), which is put on that bridge.

mod tls;

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

pub(super) use tls::Handshake;

use super::{
    samples::{ANSWERING, HERE, MEMBER_PORT, NETWORK},
    verdict::Stop,
};
use crate::{Listener, LoadBalancer};

const BODY: &str = "ballast-conformance ";
/// Requests that show who answers.
const ROUND: usize = 6;
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

    /// Asks at all listeners until they answer as expected, for a while: all of them, or none.
    pub(super) fn wait_for(&self, load_balancer: &LoadBalancer, expected: Answers) -> Result<Answers, Stop> {
        let addresses = addresses(load_balancer);
        if addresses.is_empty() || !reach() {
            return Ok(Answers::No);
        }
        let end = Instant::now() + SOON;
        loop {
            let all = addresses.iter().map(|address| ask(*address).is_some());
            let found = all.collect::<BTreeSet<bool>>();
            let as_expected = found == BTreeSet::from([expected == Answers::Yes]);
            if as_expected || Instant::now() > end {
                return Ok(if as_expected == (expected == Answers::Yes) { Answers::Yes } else { Answers::No });
            }
            thread::sleep(PAUSE);
        }
    }

    /// Sends requests to each listener; how many were answered by a member.
    pub(super) fn send(&self, load_balancer: &LoadBalancer, requests: usize) -> usize {
        let addresses = addresses(load_balancer);
        if addresses.is_empty() || !reach() {
            return 0;
        }
        addresses.iter().map(|address| (0..requests).filter(|_| ask(*address).is_some()).count()).sum()
    }

    /// Asks at a listener until members of its pool answer, and no others; of none nobody does.
    pub(super) fn expect_pool(&self, load_balancer: &LoadBalancer, listener: &Listener) -> Result<(), Stop> {
        let Some(address) = address(load_balancer, listener).filter(|_| reach()) else { return Ok(()) };
        let pool = load_balancer.pools.iter().find(|pool| pool.id == listener.default_pool_id);
        let members = pool.iter().flat_map(|pool| &pool.members).filter(|member| member.address == HERE);
        let expected: BTreeSet<u16> = members.filter_map(|member| u16::try_from(member.protocol_port).ok()).collect();
        let end = Instant::now() + SOON;
        loop {
            let found: BTreeSet<u16> = (0..ROUND).filter_map(|_| ask(address)).collect();
            if found.is_subset(&expected) && found.is_empty() == expected.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(Stop::failed(format!(
                    "at port {} members of its pool must answer, which are at {expected:?}, and those at {found:?} do",
                    listener.protocol_port
                )));
            }
            thread::sleep(PAUSE);
        }
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

/// Of all listeners.
fn addresses(load_balancer: &LoadBalancer) -> Vec<SocketAddr> {
    load_balancer.listeners.iter().filter_map(|listener| address(load_balancer, listener)).collect()
}

fn address(load_balancer: &LoadBalancer, listener: &Listener) -> Option<SocketAddr> {
    let address = load_balancer.vip.as_ref()?.address.parse().ok()?;
    Some(SocketAddr::new(address, u16::try_from(listener.protocol_port).ok()?))
}

/// With the port at which the member was reached.
fn answer(mut stream: TcpStream) {
    let port = stream.local_addr().map(|address| address.port()).unwrap_or_default();
    let body = format!("{BODY}{port}");
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let mut asked = [0; 4096];
    let set = stream.set_read_timeout(Some(PATIENCE)).is_ok();
    // A check that connects and says nothing is answered by the end of the connection.
    if set && stream.read(&mut asked).is_ok_and(|length| length > 0) {
        let _ = stream.write_all(reply.as_bytes());
    }
}

/// Which of the suite's members answers there, by its port.
fn ask(address: SocketAddr) -> Option<u16> {
    let request = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    };
    let reply = request().ok().filter(|reply| reply.starts_with("HTTP/1.1 200 "))?;
    reply.rsplit_once(BODY)?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_the_suite_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || listener.incoming().flatten().for_each(answer));
        assert_eq!(ask(address), Some(address.port()));
    }
}
