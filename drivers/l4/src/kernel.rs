//! What this kernel can do of what a rule set may need, found by batches that are tried and not done.

use std::collections::BTreeSet;

use nix::errno::Errno;

use crate::{
    failure::Failure,
    netlink::Netfilter,
    wire::{
        Command, Encoded, Expression, Hook, Object, ObjectKind,
        expression::{Base, Flow, Register, Rule},
    },
};

/// A part of nf_tables that a kernel may be built without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// Without it there is no load balancing.
    Nat,
    /// Round robin.
    Count,
    /// By the client's address.
    Hash,
    /// Limits of connections.
    Limit,
    /// Idle times of a listener's own.
    Timeout,
}

const ALL: [Ability; 5] = [Ability::Nat, Ability::Count, Ability::Hash, Ability::Limit, Ability::Timeout];
/// Never there: what is tried is not done.
const TABLE: &str = "ballast_trial";
const CHAIN: &str = "trial";
const TIMEOUT: &str = "timeout";

/// Changes nothing.
///
/// # Errors
/// The kernel has no nf_tables, or does not let this process use it.
pub fn abilities(netfilter: &mut Netfilter) -> Result<BTreeSet<Ability>, Failure> {
    let mut found = BTreeSet::new();
    for ability in ALL {
        let commands = commands(ability);
        match netfilter.try_out(&Encoded::trial(TABLE, &commands))? {
            None => {
                found.insert(ability);
            }
            Some((_, source)) if source.raw_os_error() == Some(Errno::EPERM as i32) => {
                return Err(Failure::Refused { what: "to try what nf_tables can do".to_owned(), source });
            }
            // ENOENT, EOPNOTSUPP or, of the flow's own parts, EINVAL: it is not there.
            Some(_) => {}
        }
    }
    Ok(found)
}

fn commands(ability: Ability) -> Vec<Command> {
    let chain = Command::AddChain { name: CHAIN.to_owned(), hook: Some(Hook::PreroutingNat) };
    let mut commands = vec![Command::AddTable, chain];
    if ability == Ability::Timeout {
        let object = Object::Timeout { protocol: 17, states: vec![(2, 60)] };
        commands.push(Command::AddObject { name: TIMEOUT.to_owned(), object });
    }
    commands.push(Command::AddRule { chain: CHAIN.to_owned(), rule: rule(ability) });
    commands
}

fn rule(ability: Ability) -> Rule {
    let (register, other) = (Register(0), Register(1));
    let source = Expression::Payload { base: Base::Network, offset: 12, length: 4, to: register };
    match ability {
        Ability::Nat => {
            let mark = Expression::Flow { key: Flow::Mark, to: register };
            let port = Expression::Value { to: other, value: vec![0, 80] };
            vec![mark, port, Expression::DestinationNat { v6: false, address: register, port: other }]
        }
        Ability::Count => vec![Expression::Count { to: register, modulus: 2 }],
        Ability::Hash => {
            vec![source, Expression::Hash { from: register, length: 4, to: register, modulus: 2, seed: 1 }]
        }
        Ability::Limit => vec![Expression::FlowsOver { most: 1 }],
        Ability::Timeout => {
            vec![Expression::Object { name: TIMEOUT.to_owned(), kind: ObjectKind::Timeout }]
        }
    }
}
