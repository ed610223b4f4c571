//! A listener: its members, its addresses, and the chain that a flow's first packet goes through.

use std::net::IpAddr;

use super::{
    Chain, Part,
    admission::admission,
    balance::balancing,
    phrases::{Family, protocol},
};
use crate::{
    desired::Protocol,
    layout::{Listener, Member},
    mark::Mark,
    wire::{Expression, Kind, Rule, Set, Value, expression::Reject, set::Content},
};

/// What it is beside another of the same number: what the table has of members that are the same in both is left out, or a
/// change of one of a thousand would take as long as that of all.
pub(crate) fn part(listener: &Listener, beside: Option<&Listener>) -> Part {
    let mut part = Part::default();
    let number = listener.number;
    part.counter(denied(listener));
    for (at, member) in listener.marks().filter(|(_, member)| !beside.is_some_and(|other| has(other, member))) {
        note_member(&mut part, at, member);
    }
    for at in &listener.addresses {
        let key = [address(*at), padded(&[listener.protocol.number()]), padded(&listener.port.to_be_bytes())];
        part.element(Family::of(*at).services(), key.concat(), Value::GoTo(format!("l{number}")));
    }
    let mut rules = Vec::new();
    admission(listener, &mut part, &mut rules);
    for which in families(listener) {
        balancing(listener, which, &mut part, &mut rules);
    }
    rules.push(refusal(listener));
    part.chains.insert(format!("l{number}"), Chain { hook: None, rules });
    part
}

/// Whether it has the same member, as far as the table knows of it.
fn has(other: &Listener, member: &Member) -> bool {
    let found = other.members.binary_search_by_key(&member.number, |other| other.number);
    let found = found.ok().and_then(|index| other.members.get(index));
    let known = |member: &Member| (member.address, member.down, member.weight > 0);
    found.is_some_and(|found| known(found) == known(member))
}

fn note_member(part: &mut Part, at: Mark, member: &Member) {
    for what in ["n", "i", "o"] {
        part.counter(format!("{at}{what}"));
    }
    for (map, what) in [("ci", "i"), ("co", "o")] {
        part.element(map, at.bytes(), Value::Counter(format!("{at}{what}")));
    }
    // A client that is remembered with one that gets no new flows is balanced anew.
    if member.weight > 0 {
        part.element("sv", at.bytes(), Value::Nothing);
    }
    // One that only drains is still found here: a packet may be on its way through the rules that were.
    if !member.down {
        let which = Family::of(member.address.ip());
        part.element("cn", at.bytes(), Value::Counter(format!("{at}n")));
        let place = [address(member.address.ip()), padded(&member.address.port().to_be_bytes())].concat();
        part.element(which.members(), at.bytes(), Value::Data(place));
    }
}

/// Those that it has addresses of.
pub(super) fn families(listener: &Listener) -> impl Iterator<Item = Family> {
    let is_one = |which: &Family| listener.addresses.iter().any(|address| Family::of(*address) == *which);
    Family::BOTH.into_iter().filter(is_one)
}

pub(super) fn denied(listener: &Listener) -> String {
    format!("l{}d", listener.number)
}

/// As a closed port does.
pub(super) fn refusal(listener: &Listener) -> Rule {
    match listener.protocol {
        Protocol::Tcp => {
            let reset = Expression::Reject(Reject::TcpReset);
            protocol(listener.protocol.number()).into_iter().chain([reset]).collect()
        }
        Protocol::Udp | Protocol::Sctp => vec![Expression::Reject(Reject::PortUnreachable)],
    }
}

pub(super) fn set(name: String, key: Kind, content: Content) -> Set {
    Set { name, key: vec![key], content, interval: false, dynamic: false, size: None }
}

fn address(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// To a whole register.
fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(4, 0);
    bytes
}
