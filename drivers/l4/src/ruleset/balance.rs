//! How a client comes to a member: the one that it had, or the one of a slot.

use super::{
    Part, Slots,
    listener::set,
    phrases::{A, DATA, Family, client, counted, family, find, is_in, load, mark, protocol},
};
use crate::{
    clients,
    desired::Method,
    layout::{Listener, Member},
    slots::{self, Candidate},
    wire::{
        Expression, Kind, Rule,
        expression::{Base, Operation},
        set::Content,
    },
};

/// Without one the kernel takes another after each start, and every client gets another member.
const SEED: u32 = 0x0ba1_1a57;
/// How many clients are remembered. Those beyond are served, and not remembered.
const CLIENTS: u32 = 65_536;

/// From a client to a member. A lookup that finds nothing ends its rule, and the next one is tried.
pub(super) fn balancing(listener: &Listener, which: Family, part: &mut Part, rules: &mut Vec<Rule>) {
    let sticky = listener.persistence.map(|persistence| {
        let (name, prefix) = clients::map(which == Family::V6, listener.number, persistence);
        let mut set = set(name.clone(), which.kind(), Content::Data(vec![Kind::Mark]));
        (set.dynamic, set.size) = (true, Some(CLIENTS));
        part.set(set);
        Sticky { name, prefix, milliseconds: u64::from(persistence.seconds.max(1)) * 1_000 }
    });
    if let Some(sticky) = &sticky {
        let mut rule = known(which, sticky);
        rule.extend(deliver(listener, which));
        rules.push(rule);
    }
    let Some((name, count)) = slots(listener, which, part) else { return };
    let mut rule = family(which);
    rule.extend(choice(listener.method, which, count));
    rule.extend([find(&name), Expression::SetMark { from: A }]);
    rules.push(rule);
    // A rule of its own: where the map is full it ends here, and the client is served all the same.
    rules.extend(sticky.map(|sticky| remembered(which, &sticky)));
    let mut rule = family(which);
    rule.extend(counted("cn", A));
    rule.extend(deliver(listener, which));
    rules.push(rule);
}

/// Where a listener's clients are remembered.
struct Sticky {
    name: String,
    prefix: u8,
    milliseconds: u64,
}

impl Sticky {
    fn change(&self, operation: Operation) -> Expression {
        Expression::Dynamic { set: self.name.clone(), operation, key: A, data: DATA }
    }
}

/// A client that is remembered has its member's mark, if that one is served, and is remembered for longer.
///
/// The mark is written first and read again, so that later packets are counted by it.
fn known(which: Family, sticky: &Sticky) -> Rule {
    let mut rule = family(which);
    rule.extend(client(which, sticky.prefix));
    rule.extend([find(&sticky.name), Expression::SetMark { from: A }, mark(A), is_in("sv")]);
    rule.extend(counted("cn", A));
    rule.extend(client(which, sticky.prefix));
    rule.extend([mark(DATA), sticky.change(Operation::Update { milliseconds: sticky.milliseconds })]);
    rule
}

/// A client is remembered with the flow's mark. Adding does not change what is there, so that goes first.
fn remembered(which: Family, sticky: &Sticky) -> Rule {
    let mut rule = family(which);
    for operation in [Operation::Delete, Operation::Add { milliseconds: sticky.milliseconds }] {
        rule.extend(client(which, sticky.prefix));
        rule.extend([mark(DATA), sticky.change(operation)]);
    }
    rule
}

/// The number of a slot.
fn choice(method: Method, which: Family, modulus: u32) -> Rule {
    let hash = |length| Expression::Hash { from: A, length, to: A, modulus, seed: SEED };
    let (_, length) = which.source();
    match method {
        Method::RoundRobin | Method::LeastConnections => vec![Expression::Count { to: A, modulus }],
        Method::SourceIp => vec![load(Base::Network, which.source(), A), hash(length)],
        Method::SourceIpPort => {
            let [behind, _] = which.behind();
            let port = load(Base::Transport, (0, 2), behind);
            vec![load(Base::Network, which.source(), A), port, hash(length + 4)]
        }
    }
}

/// To the member that the mark names.
fn deliver(listener: &Listener, which: Family) -> Rule {
    let [port, _] = which.behind();
    let mut rule = protocol(listener.protocol.number());
    let nat = Expression::DestinationNat { v6: which == Family::V6, address: A, port };
    rule.extend([mark(A), find(which.members()), nat]);
    rule
}

/// The map of slots and how many there are; `None`: nobody serves.
fn slots(listener: &Listener, which: Family, part: &mut Part) -> Option<(String, u32)> {
    let served = listener.members.iter().filter(|member| member.weight > 0 && Family::of(member.address.ip()) == which);
    let candidate =
        |member: &Member| Candidate { number: member.number, address: member.address, weight: member.weight };
    let served: Vec<Candidate> = served.map(candidate).collect();
    let (digit, number, generation) = (which.digit(), listener.number, listener.generation);
    let (members, name) = match listener.method {
        Method::RoundRobin | Method::LeastConnections => {
            (slots::in_turn(&served, generation), format!("s{digit}_{number}_{generation}"))
        }
        Method::SourceIp | Method::SourceIpPort => {
            let members = slots::by_hash(&served);
            // The same map for the same number of slots: what changes is some of them.
            let name = format!("h{digit}_{number}_{}", members.len());
            (members, name)
        }
    };
    let count = u32::try_from(members.len()).ok().filter(|count| *count > 0)?;
    let mut map = set(name.clone(), Kind::Number, Content::Data(vec![Kind::Mark]));
    map.size = Some(count);
    part.set(map);
    part.slots.insert(name.clone(), Slots { listener: number, members });
    Some((name, count))
}
