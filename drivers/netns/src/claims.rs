//! Who else says that an address is theirs: ARP and neighbour advertisements that come into a namespace from outside
//! (RFC 5227, RFC 4862). What the namespace sends itself is not seen.

mod filter;
mod frame;

use std::{
    collections::BTreeSet,
    io::{self, Read as _},
    net::IpAddr,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

use nix::{
    ifaddrs::getifaddrs,
    sys::socket::{LinkAddr, bind},
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::failure::{Failure, Step};

/// Somebody says that an address is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub address: IpAddr,
    pub mac: [u8; 6],
}

/// Whose claims are heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Who says it unasked, and who says it with another MAC address.
    Owners,
    /// Also who is about to take the address, and asks as we do.
    Rivals,
}

/// A packet socket for the claims of one version of IP.
#[derive(Debug)]
pub struct Ear {
    socket: Socket,
    ipv4: bool,
    own: [u8; 6],
    addresses: BTreeSet<IpAddr>,
    ask: Ask,
}

/// How much of claims may wait. A flood of them says no more than a few do.
const WAITING: usize = 16 << 10;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;

/// Opens what is needed for these addresses, at most one for each version of IP. To be called by a thread in the namespace in
/// which the link is. `own`: the MAC address of the link.
///
/// # Errors
/// What the system said.
pub fn listen(link: &str, own: [u8; 6], addresses: &BTreeSet<IpAddr>, ask: Ask) -> Result<Vec<Ear>, Failure> {
    let mut ears = Vec::new();
    for ipv4 in [true, false] {
        let addresses: BTreeSet<IpAddr> = addresses.iter().filter(|one| one.is_ipv4() == ipv4).copied().collect();
        if !addresses.is_empty() {
            let ear = Ear::open(link, own, ipv4, addresses, ask);
            ears.push(ear.step(|| format!("listen for who else has the addresses of {link}"))?);
        }
    }
    Ok(ears)
}

impl Ear {
    fn open(link: &str, own: [u8; 6], ipv4: bool, addresses: BTreeSet<IpAddr>, ask: Ask) -> io::Result<Self> {
        // A socket for one protocol costs what comes in of that, and nothing of what goes out.
        let protocol = if ipv4 { ARP } else { IPV6 };
        let protocol = Protocol::from(i32::from(protocol.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.attach_filter(&filter::of(&addresses, ipv4, ask))?;
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(WAITING)?;
        let mut all = getifaddrs()?.filter(|interface| interface.interface_name == link);
        let place: Option<LinkAddr> = all.find_map(|interface| interface.address.as_ref()?.as_link_addr().copied());
        bind(socket.as_raw_fd(), &place.ok_or(io::ErrorKind::NotFound)?)?;
        Ok(Self { socket, ipv4, own, addresses, ask })
    }

    /// The next frame that waits. `None`: it is no claim.
    ///
    /// # Errors
    /// None waits, or what the system said; that the link is down is said once.
    pub fn hear(&self) -> io::Result<Option<Claim>> {
        let mut frame = [0_u8; 128];
        let length = (&self.socket).read(&mut frame)?;
        let frame = frame.get(..length).unwrap_or_default();
        let claim = match self.ipv4 {
            true => frame::arp(frame, self.own, self.ask),
            false => frame::neighbour(frame, self.own, self.ask),
        };
        Ok(claim.filter(|claim| self.addresses.contains(&claim.address)))
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Ear {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
