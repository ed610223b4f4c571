//! Asks a network whether somebody has an address, before it is taken (RFC 5227 and RFC 4862, in less time).
//!
//! It is asked under a MAC address by chance: the load balancer's own is that of whoever serves it elsewhere, and a switch would
//! send his traffic here because of a question, and the answer to him.

use std::{
    collections::BTreeSet,
    fs, io,
    net::IpAddr,
    os::fd::{AsFd, AsRawFd},
    time::{Duration, Instant},
};

use nix::{
    ifaddrs::getifaddrs,
    poll::{PollFd, PollFlags, poll},
    sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, sendto, socket},
};

use crate::{
    address,
    claims::{Ask, Claim, Ear, listen},
    failure::{Failure, Step, chain},
    frames::{arp_probe, solicitation},
    link,
    netlink::Netlink,
};

/// When it is asked, from when the link is there; and how long answers are waited for in all.
const ASKED: [Duration; 3] = [Duration::ZERO, Duration::from_millis(120), Duration::from_millis(300)];
const LISTENED: Duration = Duration::from_millis(500);
/// How long the link may take until it leads somewhere.
const CARRIER: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(5);
/// Of this machine's kernel: sixteen bytes by chance, as text.
const CHANCE: &str = "/proc/sys/kernel/random/uuid";

/// Who has one of the addresses, or is about to take it. The link is down afterwards, without addresses and with its own MAC
/// address. To be called by a thread in the link's namespace.
///
/// # Errors
/// What the system said.
pub fn who_has(name: &str, own: [u8; 6], addresses: &BTreeSet<IpAddr>) -> Result<Option<Claim>, Failure> {
    let mut netlink = Netlink::open()?;
    let index = link::require(&mut netlink, name)?.index;
    let there = address::all(&mut netlink, index)?;
    let strange = mac_by_chance().step(|| "make a MAC address".to_owned())?;
    let mut batch = vec![link::set_down(index, name)];
    batch.extend(there.iter().map(|(address, length)| address::remove(index, *address, *length)));
    batch.extend([link::set_mac(index, strange), link::set_up(index, name)]);
    netlink.batch(batch)?;
    let found = await_carrier(&mut netlink, name).and_then(|()| ask_until_answered(name, strange, addresses));
    netlink.batch(vec![link::set_down(index, name), link::set_mac(index, own)])?;
    found
}

/// Asks once who has the addresses, under a MAC address that no other host has. Who answers is for others to [hear](listen).
/// To be called by a thread in the link's namespace.
///
/// # Errors
/// What the system said.
pub fn ask(name: &str, mac: [u8; 6], addresses: impl IntoIterator<Item = IpAddr>) -> Result<(), Failure> {
    let addresses = addresses.into_iter().collect();
    send(name, mac, &addresses).step(|| format!("ask who has the addresses of {name}"))
}

/// Of nobody's making, for one host.
fn mac_by_chance() -> io::Result<[u8; 6]> {
    let text = fs::read_to_string(CHANCE)?;
    let mut digits = text.bytes().filter_map(|byte| char::from(byte).to_digit(16));
    let mut mac = [0_u8; 6];
    for byte in &mut mac {
        let (Some(high), Some(low)) = (digits.next(), digits.next()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        *byte = u8::try_from(high << 4 | low).unwrap_or_default();
    }
    mac[0] = mac[0] & 0xfc | 0x02;
    Ok(mac)
}

/// One that leads nowhere gets no answer, and is asked all the same.
fn await_carrier(netlink: &mut Netlink, name: &str) -> Result<(), Failure> {
    let end = Instant::now() + CARRIER;
    while !link::require(netlink, name)?.carrier && Instant::now() < end {
        std::thread::sleep(TICK);
    }
    Ok(())
}

fn ask_until_answered(name: &str, mac: [u8; 6], addresses: &BTreeSet<IpAddr>) -> Result<Option<Claim>, Failure> {
    let ears = listen(name, mac, addresses, Ask::Rivals)?;
    let begin = Instant::now();
    let mut due = ASKED.iter().map(|after| begin + *after).peekable();
    loop {
        let now = Instant::now();
        if due.next_if(|at| *at <= now).is_some() {
            ask(name, mac, addresses.iter().copied())?;
        }
        let until = due.peek().copied().unwrap_or(begin + LISTENED);
        if let Some(claim) = wait(&ears, until.saturating_duration_since(now))? {
            return Ok(Some(claim));
        }
        if Instant::now() >= begin + LISTENED {
            return Ok(None);
        }
    }
}

/// The first claim until then.
fn wait(ears: &[Ear], time: Duration) -> Result<Option<Claim>, Failure> {
    let end = Instant::now() + time;
    loop {
        for ear in ears {
            loop {
                match ear.hear() {
                    Ok(Some(claim)) => return Ok(Some(claim)),
                    Ok(None) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        tracing::debug!("{}", chain(&Failure::io("hear who has an address", error)));
                        break;
                    }
                }
            }
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let mut open: Vec<PollFd<'_>> = ears.iter().map(|ear| PollFd::new(ear.as_fd(), PollFlags::POLLIN)).collect();
        let milliseconds = u16::try_from(left.as_millis()).unwrap_or(u16::MAX).saturating_add(1);
        match poll(&mut open, milliseconds) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno).step(|| "wait for who has an address".to_owned()),
        }
    }
}

fn send(name: &str, mac: [u8; 6], addresses: &BTreeSet<IpAddr>) -> io::Result<()> {
    // Protocol 0: it receives nothing.
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    let mut all = getifaddrs()?.filter(|interface| interface.interface_name == name);
    let to: Option<LinkAddr> = all.find_map(|interface| interface.address.as_ref()?.as_link_addr().copied());
    let to = to.ok_or(io::ErrorKind::NotFound)?;
    for address in addresses {
        match address {
            IpAddr::V4(v4) => sendto(socket.as_raw_fd(), &arp_probe(mac, *v4), &to, MsgFlags::empty())?,
            IpAddr::V6(v6) => sendto(socket.as_raw_fd(), &solicitation(mac, *v6), &to, MsgFlags::empty())?,
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_by_chance_is_one_hosts_and_no_hardwares_and_never_the_same() {
        let macs: BTreeSet<[u8; 6]> = (0..32).map(|_| mac_by_chance().unwrap()).collect();
        assert!(macs.len() > 30 && macs.iter().all(|mac| mac[0] & 3 == 2), "{macs:?}");
    }
}
