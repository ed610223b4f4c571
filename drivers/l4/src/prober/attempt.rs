//! A check under way: a socket that does not block, and what is done when something has happened to it.

mod datagram;
mod sctp;
mod stream;

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd},
    sync::Arc,
};

use nix::{errno::Errno, poll::PollFlags};
use rustls::ClientConfig;
use socket2::{Domain, Protocol, Socket, Type};

use super::{Check, Probe, Reason};

use datagram::Datagram;
use sctp::Association;
use stream::Stream;

/// How a check ended: why, the code of HTTP, and what was said beside.
pub(super) type Found = (Reason, Option<u16>, String);

pub(super) enum Attempt {
    Stream(Box<Stream>),
    Datagram(Datagram),
    Association(Association),
}

/// What attempts share.
pub(super) struct Tools {
    pub(super) tls: Arc<ClientConfig>,
    /// Grows; what is made of it tells one check of SCTP from another.
    pub(super) count: u32,
}

impl Attempt {
    /// To be called by a thread in the namespace.
    pub(super) fn begin(probe: &Probe, tools: &mut Tools) -> Result<Self, Found> {
        match &probe.check {
            Check::Ping => Datagram::ping(probe.address).map(Self::Datagram),
            Check::UdpConnect => Datagram::udp(probe.address).map(Self::Datagram),
            Check::Sctp => {
                tools.count = tools.count.wrapping_add(1);
                Association::begin(probe.address, tools.count).map(Self::Association)
            }
            Check::Tcp | Check::Http(_) | Check::Https(_) | Check::TlsHello { .. } => {
                Stream::begin(&probe.check, probe.address, &tools.tls).map(|stream| Self::Stream(Box::new(stream)))
            }
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stream(stream) => stream.socket().as_fd(),
            Self::Datagram(datagram) => datagram.socket().as_fd(),
            Self::Association(association) => association.socket().as_fd(),
        }
    }

    /// What is waited for.
    pub(super) fn wants(&self) -> PollFlags {
        match self {
            Self::Stream(stream) => stream.wants(),
            Self::Datagram(_) | Self::Association(_) => PollFlags::POLLIN,
        }
    }

    /// Something has happened. `None`: that was not all.
    pub(super) fn go_on(&mut self) -> Option<Found> {
        match self {
            Self::Stream(stream) => stream.go_on(),
            Self::Datagram(datagram) => datagram.go_on(),
            Self::Association(association) => association.go_on(),
        }
    }

    /// The time is over.
    pub(super) fn silence(&self) -> Found {
        let reason = match self {
            Self::Datagram(datagram) => datagram.silence(),
            Self::Stream(_) | Self::Association(_) => Reason::TimedOut,
        };
        (reason, None, String::new())
    }
}

/// A socket that cannot be had says nothing of the member.
fn open(domain: Domain, kind: Type, protocol: Option<Protocol>) -> Result<Socket, Found> {
    Socket::new(domain, kind.nonblocking(), protocol).map_err(|error| (Reason::NotTried, None, error.to_string()))
}

/// What an error says of the member.
fn failed(error: &io::Error) -> Found {
    let reason = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => Reason::Refused,
        Some(Errno::ETIMEDOUT) => Reason::TimedOut,
        Some(Errno::ECONNRESET | Errno::EPIPE) | None => Reason::Closed,
        // No port for it is left here.
        Some(Errno::EADDRNOTAVAIL | Errno::ENOBUFS | Errno::EPERM) => Reason::NotTried,
        Some(_) => Reason::Unreachable,
    };
    let text = if matches!(reason, Reason::Unreachable | Reason::NotTried) { error.to_string() } else { String::new() };
    (reason, None, text)
}
