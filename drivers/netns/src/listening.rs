//! The sockets of TCP that listen in the namespace of the calling thread, by sock_diag(7).
//!
//! `/proc/net/tcp` has them as well, and takes milliseconds: behind them it looks through the table of all connections of the
//! machine.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use netlink_packet_sock_diag::{
    SockDiagMessage,
    constants::{AF_INET, AF_INET6, IPPROTO_TCP},
    inet::{ExtensionFlags, InetRequest, SocketId, StateFlags},
};

use crate::{failure::Failure, netlink::Netlink};

/// Their addresses.
///
/// # Errors
/// Also when this kernel has no sock_diag of TCP.
pub fn sockets() -> Result<BTreeSet<SocketAddr>, Failure> {
    let mut netlink = Netlink::open_for_sockets()?;
    let mut found = BTreeSet::new();
    for (family, socket_id) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
        let (extensions, states) = (ExtensionFlags::empty(), StateFlags::LISTEN);
        let request = InetRequest { family, protocol: IPPROTO_TCP, extensions, states, socket_id };
        let answers = netlink.dump("list the sockets that listen", SockDiagMessage::InetRequest(request))?;
        found.extend(answers.into_iter().filter_map(|answer| match answer {
            SockDiagMessage::InetResponse(response) => {
                let id = response.header.socket_id;
                Some(SocketAddr::new(id.source_address, id.source_port))
            }
            _ => None,
        }));
    }
    Ok(found)
}

/// Asks for one of them again and again, in the namespace of the thread that has opened it.
pub struct Asked(Netlink<SockDiagMessage>);

impl Asked {
    /// # Errors
    /// What the system said.
    pub fn open() -> Result<Self, Failure> {
        Netlink::open_for_sockets().map(Self)
    }

    /// Whether somebody listens there, at that address or at all.
    ///
    /// # Errors
    /// This kernel cannot say.
    pub fn is_listening(&mut self, at: SocketAddr) -> Result<bool, Failure> {
        let (family, mut socket_id) = match at {
            SocketAddr::V4(_) => (AF_INET, SocketId::new_v4()),
            SocketAddr::V6(_) => (AF_INET6, SocketId::new_v6()),
        };
        socket_id.source_address = at.ip();
        socket_id.source_port = at.port();
        socket_id.destination_address = match at {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        // Of none that was seen before.
        socket_id.cookie = [0xff; 8];
        let (extensions, states) = (ExtensionFlags::empty(), StateFlags::LISTEN);
        let request = InetRequest { family, protocol: IPPROTO_TCP, extensions, states, socket_id };
        Ok(self.0.get("look for a socket that listens", SockDiagMessage::InetRequest(request))?.is_some())
    }
}
