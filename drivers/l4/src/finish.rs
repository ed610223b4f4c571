//! Nobody new: whoever wants to connect is left without an answer, and asks again. What opens a connection is looked at and
//! nothing else, so what is connected goes on, and no flow is followed for it.
//!
//! It has a table of its own, which goes with its namespace. UDP has nothing that opens anything: it is let in.

use crate::{
    desired::Protocol,
    failure::Failure,
    netlink::Netfilter,
    ruleset::{opens_sctp, opens_tcp},
    table,
    wire::{Command, Expression, Hook, Rule, expression::Verdict},
};

const TABLE: &str = "ballast_finish";
const CHAIN: &str = "in";

/// To be called by a thread in the namespace. Done twice, it is as if it were done once.
///
/// # Errors
/// The kernel has no nf_tables, or does not let this process use it.
pub fn shut(netfilter: &mut Netfilter) -> Result<(), Failure> {
    let chain = || CHAIN.to_owned();
    let mut commands = vec![
        Command::AddTable,
        Command::AddChain { name: chain(), hook: Some(Hook::Prerouting) },
        Command::FlushChain(chain()),
    ];
    let rules = [opens_tcp(), opens_sctp()].map(dropped);
    commands.extend(rules.map(|rule| Command::AddRule { chain: chain(), rule }));
    table::apply_to(TABLE, netfilter, &commands)
}

/// Lets them in again.
///
/// # Errors
/// As [`shut`].
pub fn open(netfilter: &mut Netfilter) -> Result<(), Failure> {
    table::apply_to(TABLE, netfilter, &[Command::AddTable, Command::DeleteTable])
}

fn dropped(mut rule: Rule) -> Rule {
    rule.push(Expression::Verdict(Verdict::Drop));
    rule
}

/// Whether a flow of this protocol is waited for.
#[must_use]
pub fn is_awaited(protocol: u8) -> bool {
    [Protocol::Tcp, Protocol::Sctp].iter().any(|one| one.number() == protocol)
}
