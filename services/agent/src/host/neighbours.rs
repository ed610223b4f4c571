//! The kernel's tables of neighbours. There is one for all network namespaces, and each can ask for it (`RTM_GETNEIGHTBL`,
//! rtnetlink(7)); `/proc` shows it in the first one only.

use std::io;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    neighbour_table::{NeighbourTableAttribute, NeighbourTableMessage},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::sys::{
    socket::{setsockopt, sockopt},
    time::TimeVal,
};

use super::Table;

/// Name in the kernel, in words, and the key that raises the limit.
const KNOWN: [(&str, &str, &str); 2] =
    [("arp_cache", "IPv4 neighbours", "net.ipv4.neigh"), ("ndisc_cache", "IPv6 neighbours", "net.ipv6.neigh")];

pub(super) fn tables() -> io::Result<Vec<Table>> {
    let socket = Socket::new(NETLINK_ROUTE)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(2, 0))?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let ask = RouteNetlinkMessage::GetNeighbourTable(NeighbourTableMessage::default());
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(ask));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut tables = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, format!("{error:?}"));
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(invalid)?;
            rest = rest.get((message.header.length as usize).max(16).next_multiple_of(4)..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbourTable(found)) => {
                    tables.extend(table(&found.attributes));
                }
                NetlinkPayload::Done(_) => return Ok(tables),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => {}
            }
        }
    }
}

/// Parameters of a device, which come too, have neither limit nor number of entries.
fn table(attributes: &[NeighbourTableAttribute]) -> Option<Table> {
    let (mut found, mut used, mut limit) = (None, None, None);
    for attribute in attributes {
        match attribute {
            NeighbourTableAttribute::Name(name) => found = KNOWN.into_iter().find(|known| known.0 == name),
            NeighbourTableAttribute::Threshold3(most) => limit = Some(*most),
            NeighbourTableAttribute::Config(now) => used = Some(now.entries),
            _ => {}
        }
    }
    let (_, what, key) = found?;
    let cure = format!("in the machine's first network namespace, raise {key}.default.gc_thresh3");
    Some(Table { what: what.to_owned(), used: used?.into(), limit: limit?.into(), cure, of_all: true })
}
