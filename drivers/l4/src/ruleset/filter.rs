//! Who may connect to what is served in the namespace itself, by whoever listens there.
//!
//! What opens a connection is looked at, and nothing else: so who is connected stays so, and no flow is followed, which
//! would take a place in the host's table for each connection, and one more for that to a member.

use super::{
    Chain, Part,
    admission::strangers,
    phrases::{A, Family, family, load, protocol},
};
use crate::{
    desired::{Filter, Protocol},
    wire::{
        Expression, Hook, Kind, ObjectKind, Rule, Set, Value,
        expression::{Base, Register, Verdict},
        set::Content,
    },
};

/// The chains of ports.
const PORTS: &str = "fp";
const FLAGS: Register = Register(8);
/// Where TCP's header has its flags, and two of them.
const OFFSET: u32 = 13;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
/// Where SCTP's first chunk has its type, behind the common header, and that of one.
const CHUNK: u32 = 12;
const INIT: u8 = 1;

/// What all of them have.
pub(super) fn filtering() -> Part {
    let mut part = Part::default();
    part.set(Set {
        name: PORTS.to_owned(),
        key: vec![Kind::Port],
        content: Content::Verdicts,
        interval: false,
        dynamic: false,
        size: None,
    });
    part.chains.insert("in".to_owned(), Chain { hook: Some(Hook::Input), rules: vec![to_ports()] });
    part
}

/// A packet that opens a connection goes to the chain of its port, if that has one. An answer to one that was opened
/// from here has both flags.
fn to_ports() -> Rule {
    let mut rule = opens_tcp();
    rule.extend([load(Base::Transport, (2, 2), A), Expression::VerdictOf { map: PORTS.to_owned(), key: A }]);
    rule
}

/// It ends the rule for all else.
pub(crate) fn opens_tcp() -> Rule {
    let mut rule = protocol(Protocol::Tcp.number());
    rule.extend([
        load(Base::Transport, (OFFSET, 1), FLAGS),
        Expression::And { register: FLAGS, mask: vec![SYN | ACK] },
        Expression::Compare { register: FLAGS, equal: true, value: vec![SYN] },
    ]);
    rule
}

/// The same: the first chunk says it, and is alone.
pub(crate) fn opens_sctp() -> Rule {
    let mut rule = protocol(Protocol::Sctp.number());
    rule.extend([
        load(Base::Transport, (CHUNK, 1), FLAGS),
        Expression::Compare { register: FLAGS, equal: true, value: vec![INIT] },
    ]);
    rule
}

pub(crate) fn filter(filter: &Filter) -> Part {
    let mut part = Part::default();
    let name = format!("f{}", filter.port);
    let denied = format!("{name}d");
    let mut rules = Vec::new();
    for which in Family::BOTH {
        let mut rule = family(which);
        rule.extend(strangers((&name, &filter.allowed), which, &mut part));
        rule.push(Expression::Object { name: denied.clone(), kind: ObjectKind::Counter });
        rule.push(Expression::Verdict(Verdict::Drop));
        rules.push(rule);
    }
    part.counter(denied);
    part.element(PORTS, filter.port.to_be_bytes(), Value::GoTo(name.clone()));
    part.chains.insert(name, Chain { hook: None, rules });
    part
}
