//! The sockets of TCP that listen in the namespace of the calling thread, by sock_diag(7).
//!
//! `/proc/net/tcp` has them as well, and takes milliseconds: behind them it looks through the table of all connections of the
//! machine.

use std::{collections::BTreeSet, net::SocketAddr};

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
