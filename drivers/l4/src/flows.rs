//! The flows that the kernel keeps for the namespace of a socket (conntrack): how many there are, and an end to those of a
//! member that is gone.
//!
//! Listing and deleting walk the table of the whole host, whatever the namespace has: 11 ms on an idle host with 262,144
//! buckets. So neither is done where [`count`] says 0, nor on the way of a change.

use std::collections::BTreeMap;

use crate::{
    failure::Failure,
    mark::{Mark, Whose},
    netlink::{Message, Netfilter, Question},
    wire::attribute::{Attributes, find, number, parse},
};

const SUBSYSTEM: u16 = 1 << 8;
const GET: u16 = 1;
const DELETE: u16 = 2;
const STATISTICS: u16 = 5;
/// IPv4 and IPv6.
const BOTH: u8 = 0;

const TUPLE: u16 = 1;
const PROTOCOL_STATE: u16 = 4;
const TIMEOUT: u16 = 7;
const MARK: u16 = 8;
const MARK_MASK: u16 = 21;

/// A flow, as far as it is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    pub mark: Mark,
    pub protocol: u8,
    /// Until it is forgotten, if no packet comes.
    pub seconds: u32,
    /// Both sides have ended it; it only waits for packets that are late.
    pub over: bool,
}

/// How many flows the namespace has, with those that are over.
///
/// # Errors
/// The kernel has no conntrack, or does not let this process ask.
pub fn count(netfilter: &mut Netfilter) -> Result<u32, Failure> {
    let question = question("count flows", STATISTICS, Attributes::new());
    let message = netfilter.get(&question)?;
    let found = find(message.attributes(), 1).and_then(number);
    found.ok_or_else(|| Failure::Unreadable { what: question.what.to_owned() })
}

/// All flows of a member or a listener; `None`: of the namespace.
///
/// # Errors
/// As [`count`].
pub fn list(netfilter: &mut Netfilter, whose: Option<Whose>) -> Result<Vec<Flow>, Failure> {
    let filter = whose.map_or_else(Attributes::new, filter);
    netfilter.dump(&question("list flows", GET, filter), |message| read(message).into_iter().collect())
}

/// How many flows each member has that are not over.
///
/// # Errors
/// As [`count`].
pub fn active(netfilter: &mut Netfilter) -> Result<BTreeMap<Mark, u32>, Failure> {
    let mut counts = BTreeMap::new();
    if count(netfilter)? == 0 {
        return Ok(counts);
    }
    for flow in list(netfilter, None)?.iter().filter(|flow| !flow.over && flow.mark.number() != 0) {
        *counts.entry(flow.mark).or_default() += 1;
    }
    Ok(counts)
}

/// Ends the flows of all of these. For each the whole table is walked, so not where there are none at all.
///
/// # Errors
/// As [`count`].
pub fn end(netfilter: &mut Netfilter, all: &[Whose]) -> Result<(), Failure> {
    if all.is_empty() || count(netfilter)? == 0 {
        return Ok(());
    }
    all.iter().try_for_each(|whose| delete(netfilter, *whose))
}

/// Ends flows: with its next packet a client of UDP gets another member, and one of TCP is told at once.
///
/// # Errors
/// As [`count`].
pub fn delete(netfilter: &mut Netfilter, whose: Whose) -> Result<(), Failure> {
    netfilter.request(&question("delete flows", DELETE, filter(whose)))
}

fn question(what: &str, kind: u16, content: Attributes) -> Question<'_> {
    Question { what, kind: SUBSYSTEM | kind, family: BOTH, content }
}

fn filter(whose: Whose) -> Attributes {
    let (mark, mask) = whose.filter();
    Attributes::new().number(MARK, mark).number(MARK_MASK, mask)
}

fn read(message: &Message) -> Option<Flow> {
    let attributes = message.attributes();
    let protocol = find(attributes, TUPLE).and_then(|tuple| find(tuple, 2)).and_then(|part| find(part, 1));
    let mark = find(attributes, MARK).and_then(number).unwrap_or_default();
    Some(Flow {
        mark: Mark::from(mark),
        protocol: *protocol?.first()?,
        seconds: find(attributes, TIMEOUT).and_then(number).unwrap_or_default(),
        over: is_over(attributes),
    })
}

/// TIME_WAIT and CLOSE of TCP, CLOSED and SHUTDOWN_ACK_SENT of SCTP.
fn is_over(attributes: &[u8]) -> bool {
    const TCP: u16 = 1;
    const SCTP: u16 = 3;
    let states = find(attributes, PROTOCOL_STATE).into_iter().flat_map(parse);
    states.into_iter().any(|(protocol, states)| {
        let state = find(states, 1).and_then(|state| state.first());
        match protocol {
            TCP => matches!(state, Some(7 | 8)),
            SCTP => matches!(state, Some(1 | 7)),
            _ => false,
        }
    })
}
