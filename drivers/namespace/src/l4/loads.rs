//! How loaded listeners and members are, where the kernel cannot say it itself: it has no minimum for LEAST_CONNECTIONS, and
//! counts connections exactly only up to a limit. Pure.

use std::collections::{BTreeMap, BTreeSet};

use ballast_l4::{
    desired::{Limit, Method},
    mark::Mark,
    numbers::Numbers,
    shares::{self, Load},
};

use super::{Forwarded, Key, Listener};

/// Sampled again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loads {
    /// By listener and member.
    pub shares: BTreeMap<Key, u32>,
    /// Listeners that have as many connections as they may.
    pub full: BTreeSet<String>,
}

impl Forwarded {
    /// Whether flows are to be counted, again and again.
    pub(super) fn wants_loads(&self) -> bool {
        self.listeners.iter().any(|listener| listener.is_on() && (has_shares(listener) || gate(listener).is_some()))
    }
}

fn has_shares(listener: &Listener) -> bool {
    listener.method == Method::LeastConnections
}

/// A limit that the kernel does not count.
fn gate(listener: &Listener) -> Option<u32> {
    listener.most.filter(|most| *most > Limit::EXACT)
}

/// Exact shares, of which [`Loads`] has rounded ones.
pub(super) type Exact = BTreeMap<Key, f64>;

/// The next loads, by how many flows there are. `exact` goes on.
pub(super) fn sample(asked: &Forwarded, numbers: &Numbers, active: &BTreeMap<Mark, u32>, exact: &mut Exact) -> Loads {
    let mut loads = Loads::default();
    let mut next = Exact::new();
    for listener in asked.listeners.iter().filter(|listener| listener.is_on()) {
        let of = |member: &super::Member| {
            let mark = numbers.of_member(&listener.id, &member.id)?;
            Some(active.get(&mark).copied().unwrap_or_default())
        };
        let all: u32 = listener.members.iter().filter_map(of).fold(0, u32::saturating_add);
        if gate(listener).is_some_and(|most| all >= most) {
            loads.full.insert(listener.id.clone());
        }
        if !has_shares(listener) {
            continue;
        }
        let members: Vec<_> = listener.members.iter().filter(|member| member.weight > 0).collect();
        let key = |member: &super::Member| (listener.id.clone(), member.id.clone());
        let load = |member: &&super::Member| Load {
            weight: member.weight,
            share: exact.get(&key(member)).copied().unwrap_or_default(),
            active: of(member).unwrap_or_default(),
        };
        let shares = shares::next(&members.iter().map(load).collect::<Vec<_>>());
        next.extend(members.iter().zip(shares).map(|(member, share)| (key(member), share)));
    }
    *exact = next;
    loads.shares = exact.iter().map(|(key, share)| (key.clone(), shares::rounded(*share))).collect();
    loads
}
