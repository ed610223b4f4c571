//! SCTP by a raw socket: an INIT that is answered, and an ABORT so that the member keeps nothing of it.

use std::{io, net::SocketAddr, os::fd::AsRawFd as _};

use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, Protocol, Socket, Type};

use super::{Found, failed, open};
use crate::{
    prober::Reason,
    sctp::{Chunk, abort, init, read, without_header},
};

pub(in crate::prober) struct Association {
    socket: Socket,
    /// Own and the member's.
    ports: (u16, u16),
    v6: bool,
}

/// Above those of the source NAT.
const PORTS: std::ops::RangeInclusive<u16> = 61_000..=65_535;

impl Association {
    /// `number`: another one for each.
    pub(super) fn begin(address: SocketAddr, number: u32) -> Result<Self, Found> {
        let socket = open(Domain::for_address(address), Type::RAW, Some(Protocol::SCTP))?;
        let count = u32::from(PORTS.end() - PORTS.start()) + 1;
        let own = PORTS.start() + u16::try_from(number % count).unwrap_or_default();
        let ports = (own, address.port());
        // Any tag but 0 is good; the first would say how often was asked.
        let tag = number.wrapping_mul(0x9e37_79b1) | 1;
        let sent =
            socket.connect(&SocketAddr::new(address.ip(), 0).into()).and_then(|()| socket.send(&init(ports, tag)));
        sent.map_err(|error| failed(&error))?;
        Ok(Self { socket, ports, v6: address.is_ipv6() })
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// It sees whatever the member sends to this address: what is for others is passed over.
    pub(super) fn go_on(&mut self) -> Option<Found> {
        let mut buffer = [0; 2_048];
        loop {
            let length = match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) => length,
                Err(nix::errno::Errno::EAGAIN) => return None,
                Err(errno) => return Some(failed(&io::Error::from(errno))),
            };
            let packet = read(without_header(&buffer[..length], self.v6));
            let Some(packet) = packet.filter(|packet| (packet.destination, packet.source) == self.ports) else {
                continue;
            };
            match packet.chunk {
                Chunk::InitAck { tag } => {
                    // If it is lost, the member gives up by itself.
                    let _ = self.socket.send(&abort(self.ports, tag));
                    return Some((Reason::Passed, None, String::new()));
                }
                Chunk::Abort => return Some((Reason::Refused, None, String::new())),
                Chunk::Init { .. } | Chunk::Other(_) => {}
            }
        }
    }
}
