//! PING and UDP-CONNECT: one datagram, and what comes back. Each check has a socket of its own, so that an answer or an
//! error is its own as well.

use std::{io, net::SocketAddr, os::fd::AsRawFd as _};

use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, Protocol, Socket, Type};

use super::{Found, failed, open};
use crate::prober::Reason;

pub(in crate::prober) struct Datagram {
    socket: Socket,
    /// The type of an echo's reply; `None`: it is UDP.
    reply: Option<u8>,
}

const ECHO: (u8, u8) = (8, 0);
const ECHO_V6: (u8, u8) = (128, 129);

impl Datagram {
    /// The kernel gives a socket the replies to its own echoes only, and writes identifier and checksum.
    pub(super) fn ping(address: SocketAddr) -> Result<Self, Found> {
        let (protocol, (request, reply)) =
            if address.is_ipv4() { (Protocol::ICMPV4, ECHO) } else { (Protocol::ICMPV6, ECHO_V6) };
        let mut echo = [0; 16];
        echo[0] = request;
        echo[7] = 1;
        Self::send(SocketAddr::new(address.ip(), 0), protocol, &echo, Some(reply))
    }

    pub(super) fn udp(address: SocketAddr) -> Result<Self, Found> {
        Self::send(address, Protocol::UDP, &[], None)
    }

    fn send(to: SocketAddr, protocol: Protocol, bytes: &[u8], reply: Option<u8>) -> Result<Self, Found> {
        let socket = open(Domain::for_address(to), Type::DGRAM, Some(protocol))?;
        let sent = socket.connect(&to.into()).and_then(|()| socket.send(bytes));
        sent.map_err(|error| failed(&error))?;
        Ok(Self { socket, reply })
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(super) fn go_on(&mut self) -> Option<Found> {
        let mut buffer = [0; 64];
        let passed = || Some((Reason::Passed, None, String::new()));
        match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).map_err(io::Error::from) {
            Ok(_) => match self.reply {
                Some(reply) if buffer[0] != reply => None,
                Some(_) | None => passed(),
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(failed(&error)),
        }
    }

    /// Nobody has answered in time.
    pub(super) fn silence(&self) -> Reason {
        if self.reply.is_some() { Reason::TimedOut } else { Reason::Silent }
    }
}
