//! What every namespace has, whatever its listeners and filters: the chains at the kernel's hooks, the maps of all
//! listeners, and the counters of members that are gone.

use super::{
    Chain, Part,
    filter::filtering,
    phrases::{
        A, DATA, Family, PORT_HIGH, PORT_LOW, accept_translated, counted, family, is_translated, load, of_direction,
    },
};
use crate::{
    layout::Layout,
    wire::{Expression, Hook, Kind, Rule, Set, expression::Base, set::Content},
};

/// The ports from which members are asked. Those above are for probes of the same namespace, which must not meet a flow.
pub(crate) const PORTS: (u16, u16) = (1_024, 60_999);

pub(crate) fn base(layout: &Layout) -> Part {
    let mut part = if layout.forwards() { forwarding(layout) } else { Part::default() };
    if !layout.filters.is_empty() {
        part.merge(filtering());
    }
    for mark in &layout.retired {
        ["n", "i", "o"].iter().for_each(|what| part.counter(format!("{mark}{what}")));
    }
    part
}

/// What follows flows. Where nothing is forwarded there is none of it: a flow costs time and a place in the host's
/// table.
fn forwarding(layout: &Layout) -> Part {
    let mut part = Part::default();
    for family in Family::BOTH {
        let content = Content::Data(vec![family.kind(), Kind::Port]);
        part.set(set(family.members(), vec![Kind::Mark], content));
        part.set(set(family.services(), vec![family.kind(), Kind::Protocol, Kind::Port], Content::Verdicts));
    }
    part.set(set("sv", vec![Kind::Mark], Content::Nothing));
    for map in ["cn", "ci", "co"] {
        part.set(set(map, vec![Kind::Mark], Content::Counters));
    }
    let chain = |hook, rules| Chain { hook: Some(hook), rules };
    let services = Family::BOTH.map(services).to_vec();
    part.chains.insert("pre".to_owned(), chain(Hook::PreroutingNat, services));
    part.chains.insert("post".to_owned(), chain(Hook::PostroutingNat, sources(layout)));
    part.chains.insert("through".to_owned(), chain(Hook::Forward, through()));
    part
}

fn set(name: &str, key: Vec<Kind>, content: Content) -> Set {
    Set { name: name.to_owned(), key, content, interval: false, dynamic: false, size: None }
}

/// First packets go to the chain of the listener that has their address, protocol and port.
fn services(which: Family) -> Rule {
    let mut rule = family(which);
    let [protocol, port] = which.behind();
    rule.push(load(Base::Network, which.destination(), A));
    rule.push(Expression::Meta { key: crate::wire::expression::Meta::Protocol, to: protocol });
    rule.push(load(Base::Transport, (2, 2), port));
    rule.push(Expression::VerdictOf { map: which.services().to_owned(), key: A });
    rule
}

/// Members answer whom they were asked by: without this they would answer clients, who know nothing of them.
fn sources(layout: &Layout) -> Vec<Rule> {
    let v4 = layout.sources.v4.map(|address| (Family::V4, address.octets().to_vec()));
    let v6 = layout.sources.v6.map(|address| (Family::V6, address.octets().to_vec()));
    let rule = |(which, address)| {
        let mut rule = family(which);
        rule.extend(is_translated());
        rule.push(Expression::Value { to: A, value: address });
        rule.push(Expression::Value { to: PORT_LOW, value: PORTS.0.to_be_bytes().to_vec() });
        rule.push(Expression::Value { to: PORT_HIGH, value: PORTS.1.to_be_bytes().to_vec() });
        rule.push(Expression::SourceNat { v6: which == Family::V6, address: A, ports: (PORT_LOW, PORT_HIGH) });
        rule
    };
    v4.into_iter().chain(v6).map(rule).collect()
}

/// Every packet of a flow is counted. Of all others none passes: the namespace is nobody's router.
fn through() -> Vec<Rule> {
    let count = |reply, map| of_direction(reply).into_iter().chain(counted(map, DATA)).collect();
    vec![count(false, "ci"), count(true, "co"), accept_translated()]
}
