//! The kernel's tables of neighbours. There is one for all network namespaces, and each can ask for it (`RTM_GETNEIGHTBL`,
//! rtnetlink(7)); `/proc` shows it in the first one only.
//!
//! The kernel tells how many entries there are, and not how many of them count against the limit: those that are permanent or
//! learned elsewhere, as haproxy-ns makes them, do not. But it clears the table whenever one is added to more than
//! `gc_thresh2` that count, and tells how often: where it has not lately, no more than that count.

use std::{collections::HashMap, io, time::Duration};

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

use tokio::time::Instant;

use super::Table;

/// On a host on which nothing is added for so long nothing fills.
const LATELY: Duration = Duration::from_secs(600);

/// Name in the kernel, in words, and the key that raises the limit.
const KNOWN: [(&str, &str, &str); 2] =
    [("arp_cache", "IPv4 neighbours", "net.ipv4.neigh"), ("ndisc_cache", "IPv6 neighbours", "net.ipv6.neigh")];

/// A table with all of its entries.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) table: Table,
    /// From so many on that count, the kernel clears.
    clears_from: u64,
    /// How often it has, ever.
    clearings: u64,
}

/// What is remembered from one look to the next, by the table's name: how often it was cleared, and when last.
#[derive(Debug, Default)]
pub(super) struct Pressure(HashMap<String, (u64, Option<Instant>)>);

impl Pressure {
    /// The table with those entries that count, as far as that can be known; never fewer.
    pub(super) fn judge(&mut self, count: Count, now: Instant) -> Table {
        let Count { table, clears_from, clearings } = count;
        let (before, last) = self.0.get(&table.what).copied().unwrap_or_default();
        let last = if before == clearings { last } else { Some(now) };
        self.0.insert(table.what.clone(), (clearings, last));
        match last.filter(|last| now.duration_since(*last) < LATELY) {
            Some(_) => table,
            None => Table { used: table.used.min(clears_from), ..table },
        }
    }
}

pub(super) fn tables() -> io::Result<Vec<Count>> {
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
fn table(attributes: &[NeighbourTableAttribute]) -> Option<Count> {
    let (mut found, mut used, mut limit) = (None, None, None);
    // Where it is not told, all that there are count.
    let (mut clears_from, mut clearings) = (u64::MAX, 0);
    for attribute in attributes {
        match attribute {
            NeighbourTableAttribute::Name(name) => found = KNOWN.into_iter().find(|known| known.0 == name),
            NeighbourTableAttribute::Threshold3(most) => limit = Some(*most),
            NeighbourTableAttribute::Threshold2(many) => clears_from = u64::from(*many),
            NeighbourTableAttribute::Stats(ever) => clearings = ever.forced_gc_runs,
            NeighbourTableAttribute::Config(now) => used = Some(now.entries),
            _ => {}
        }
    }
    let (_, what, key) = found?;
    let cure = format!("in the machine's first network namespace, raise {key}.default.gc_thresh3");
    let table = Table { what: what.to_owned(), used: used?.into(), limit: limit?.into(), cure, of_all: true };
    Some(Count { table, clears_from, clearings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_count_where_the_kernel_has_cleared_lately_and_else_no_more_than_it_bears_without() {
        let mut pressure = Pressure::default();
        let start = Instant::now();
        let mut judged = |seconds: u64, used: u64, clearings: u64| {
            let what = "neighbours".to_owned();
            let table = Table { what, used, limit: 1024, cure: String::new(), of_all: true };
            let count = Count { table, clears_from: 512, clearings };
            pressure.judge(count, start + Duration::from_secs(seconds)).used
        };
        assert_eq!(judged(0, 100, 0), 100);
        assert_eq!(judged(5, 2000, 0), 512, "none of those that are more count");
        assert_eq!(judged(10, 2000, 1), 2000, "it has cleared: nobody knows which count");
        assert_eq!(judged(600, 2000, 1), 2000);
        assert_eq!(judged(611, 2000, 1), 512, "that was long ago");
        assert_eq!(judged(615, 1000, 9), 1000);
        // What was before the first look may have been lately.
        let mut pressure = Pressure::default();
        let table = Table { what: "x".into(), used: 900, limit: 1024, cure: String::new(), of_all: true };
        assert_eq!(pressure.judge(Count { table, clears_from: 512, clearings: 3 }, start).used, 900);
    }
}
