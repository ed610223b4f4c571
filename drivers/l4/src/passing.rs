//! Connections that are under way when another host begins to answer at their address: what belongs to none of its own is passed on
//! to who answered before, and neither says of it that there is no such connection.
//!
//! It is in tables of its own, which are there for a while, and follows flows for that long. Where kernels cannot do it, connections
//! that are under way end.

use std::{fs, net::IpAddr};

use crate::{
    failure::Failure,
    netlink::Netfilter,
    wire::{
        Command, Encoded, Expression, Hook, Rule,
        batch::Family,
        expression::{Base, Flow, Meta, Register, Verdict},
    },
};

const TABLE: &str = "ballast_passing";
const TCP: u8 = 6;
/// Where TCP's header has its flags, and one of them.
const FLAGS: u32 = 13;
const RESET: u8 = 0x04;
/// Of a flow's state: it is none that the kernel has seen begin.
const UNKNOWN: u32 = 1;
const ADDRESS: Register = Register(0);
const COMPARED: Register = Register(8);

/// What the kernel takes for a flow: only what it has seen from its beginning, and that whatever its numbers are.
const PARAMETERS: [(&str, &str); 2] = [("nf_conntrack_tcp_loose", "0"), ("nf_conntrack_tcp_be_liberal", "1")];

/// An address at which two hosts answer in turn, and the other host's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub address: IpAddr,
    pub other: IpAddr,
}

/// What a host is to do with what it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// It answers: the other one gets it as well.
    On,
    /// It answered: it says nothing of it.
    Quiet,
}

/// In the namespace of the calling thread. Nothing is left of what was there before.
///
/// # Errors
/// This kernel cannot.
pub fn pass(places: &[Place], what: Passing) -> Result<(), Failure> {
    let mut netfilter = Netfilter::open()?;
    for (key, value) in PARAMETERS {
        // Without these some of them end, and the rest goes on.
        let _ = fs::write(format!("/proc/sys/net/netfilter/{key}"), value);
    }
    for family in [Family::Ipv4, Family::Ipv6] {
        let its: Vec<Place> = places.iter().filter(|one| Family::of(one.address) == family).copied().collect();
        let mut commands = gone();
        if !its.is_empty() {
            commands.extend(table(&its, what));
        }
        apply(&mut netfilter, family, &commands)?;
    }
    Ok(())
}

/// In the namespace of the calling thread.
///
/// # Errors
/// What the kernel said.
pub fn stop() -> Result<(), Failure> {
    let mut netfilter = Netfilter::open()?;
    [Family::Ipv4, Family::Ipv6].into_iter().try_for_each(|family| apply(&mut netfilter, family, &gone()))
}

/// Whether it is there or not.
fn gone() -> Vec<Command> {
    vec![Command::AddTable, Command::DeleteTable]
}

fn apply(netfilter: &mut Netfilter, family: Family, commands: &[Command]) -> Result<(), Failure> {
    let batch = Encoded::of(family, TABLE, commands);
    match netfilter.commit(&batch)? {
        None => Ok(()),
        Some((sequence, source)) => {
            let command = batch.command_of(sequence).and_then(|index| commands.get(index));
            let what = command.map_or_else(|| "a batch".to_owned(), ToString::to_string);
            Err(Failure::Refused { what, source })
        }
    }
}

fn table(places: &[Place], what: Passing) -> Vec<Command> {
    let mut commands = vec![Command::AddTable];
    let mut chain = |name: &str, hook, rule: fn(&Place) -> Rule| {
        commands.push(Command::AddChain { name: name.to_owned(), hook: Some(hook) });
        commands.extend(places.iter().map(|place| Command::AddRule { chain: name.to_owned(), rule: rule(place) }));
    };
    if what == Passing::On {
        chain("in", Hook::Prerouting, passed);
    }
    chain("out", Hook::Output, silenced);
    commands
}

/// Here goes on as well: it may be a connection from before flows were followed.
fn passed(place: &Place) -> Rule {
    let mut rule = unknown(place.address, false);
    rule.push(Expression::Value { to: ADDRESS, value: bytes(place.other) });
    rule.push(Expression::Copy { to: ADDRESS });
    rule
}

/// Whoever has the connection answers.
fn silenced(place: &Place) -> Rule {
    let mut rule = unknown(place.address, true);
    rule.extend([
        Expression::Payload { base: Base::Transport, offset: FLAGS, length: 1, to: COMPARED },
        Expression::And { register: COMPARED, mask: vec![RESET] },
        Expression::Compare { register: COMPARED, equal: true, value: vec![RESET] },
        Expression::Verdict(Verdict::Drop),
    ]);
    rule
}

/// TCP to this address, or from it, of a connection that is not known.
fn unknown(address: IpAddr, from: bool) -> Rule {
    let (offset, length) = match (address, from) {
        (IpAddr::V4(_), true) => (12, 4),
        (IpAddr::V4(_), false) => (16, 4),
        (IpAddr::V6(_), true) => (8, 16),
        (IpAddr::V6(_), false) => (24, 16),
    };
    vec![
        Expression::Meta { key: Meta::Protocol, to: COMPARED },
        Expression::Compare { register: COMPARED, equal: true, value: vec![TCP] },
        Expression::Payload { base: Base::Network, offset, length, to: ADDRESS },
        Expression::Compare { register: ADDRESS, equal: true, value: bytes(address) },
        Expression::Flow { key: Flow::State, to: COMPARED },
        Expression::And { register: COMPARED, mask: UNKNOWN.to_ne_bytes().to_vec() },
        Expression::Compare { register: COMPARED, equal: false, value: vec![0; 4] },
    ]
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}
