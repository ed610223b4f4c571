//! Who may come, and how many; how long a flow lives.

use ipnet::IpNet;

use super::{
    Chain, Part,
    listener::{denied, families, refusal, set},
    networks::intervals,
    phrases::{A, Family, family, load},
};
use crate::{
    desired::{Limit, Protocol},
    layout::Listener,
    wire::{
        Expression, Object, ObjectKind, Rule, Value,
        expression::{Base, Verdict},
        set::Content,
    },
};

pub(super) fn admission(listener: &Listener, part: &mut Part, rules: &mut Vec<Rule>) {
    let number = listener.number;
    if !listener.allowed.is_empty() {
        for which in families(listener) {
            let mut rule = family(which);
            rule.extend(strangers((&number.to_string(), &listener.allowed), which, part));
            rule.push(count_denied(listener));
            rule.push(Expression::Verdict(Verdict::Drop));
            rules.push(rule);
        }
    }
    match listener.limit {
        Some(Limit { most, .. }) if most <= Limit::EXACT => {
            // In a chain of its own: it counts from nothing again whenever its rule is made.
            let chain = format!("c{number}");
            let mut rule = refusal(listener);
            let reject = rule.pop();
            rule.extend([Expression::FlowsOver { most }, count_denied(listener)]);
            rule.extend(reject);
            part.chains.insert(chain.clone(), Chain { hook: None, rules: vec![rule] });
            rules.push(vec![Expression::Jump(chain)]);
        }
        Some(Limit { full: true, .. }) => {
            rules.push([count_denied(listener)].into_iter().chain(refusal(listener)).collect());
        }
        Some(Limit { full: false, .. }) | None => {}
    }
    if let Some(seconds) = listener.idle {
        let protocol = listener.protocol.number();
        let name = format!("t{number}_{protocol}_{seconds}");
        let states = states(listener.protocol).iter().map(|state| (*state, seconds)).collect();
        part.objects.insert(name.clone(), Object::Timeout { protocol, states });
        rules.push(vec![Expression::Object { name, kind: ObjectKind::Timeout }]);
    }
}

/// The states in which a flow that is idle is alive, by the kernel's numbers: established; of UDP both, as it is taken for
/// unanswered in its first two seconds.
fn states(protocol: Protocol) -> &'static [u16] {
    match protocol {
        Protocol::Tcp => &[3],
        Protocol::Udp => &[1, 2],
        Protocol::Sctp => &[4],
    }
}

/// Whether a client is not of the networks that are allowed. Where there are none of its IP version, none is. `of`:
/// what tells their set from others.
pub(super) fn strangers((of, allowed): (&str, &[IpNet]), which: Family, part: &mut Part) -> Rule {
    let networks = allowed.iter().filter(|network| Family::of(network.addr()) == which);
    let ends = intervals(networks.copied());
    if ends.is_empty() {
        return Vec::new();
    }
    // The kernel cannot change intervals in the batch in which they are used, so other networks are another set.
    let name = format!("a{}_{of}_{:08x}", which.digit(), digest(&ends));
    let mut set = set(name.clone(), which.kind(), Content::Nothing);
    set.interval = true;
    part.set(set);
    part.elements.insert(name.clone(), ends.into_iter().collect());
    vec![load(Base::Network, which.source(), A), Expression::Lookup { set: name, key: A, to: None, absent: true }]
}

fn digest(ends: &[(Vec<u8>, Value)]) -> u32 {
    let bytes = ends.iter().flat_map(|(key, value)| key.iter().copied().chain([u8::from(*value == Value::End)]));
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn count_denied(listener: &Listener) -> Expression {
    Expression::Object { name: denied(listener), kind: ObjectKind::Counter }
}
