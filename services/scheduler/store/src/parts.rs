//! What was counted of the pools and members of a load balancer: one document in its row of counters, as members are
//! many, and are read one at a time. Pure.
//!
//! It says the same as the columns say of the whole: what the present agent has told, and what was counted before it.
//! What former agents had told is kept until it is known where their counters ended.

use std::collections::{BTreeMap, BTreeSet};

use ballast_model::{
    counters::Epoch,
    fault::Fault,
    ids::{MemberId, PoolId},
    load_balancer::LoadBalancer,
    outcome::Statistics,
};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{from_more, more},
    former::Ending,
};

/// What was counted of pools and members. Errors of requests are their listeners'.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub pools: BTreeMap<PoolId, Statistics>,
    pub members: BTreeMap<MemberId, Statistics>,
}

impl Parts {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty() && self.members.is_empty()
    }
}

/// Placements whose end is waited for. Of one beyond these, what was told last stands.
const MOST: usize = 16;

/// Bytes in and out, and connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sums(u64, u64, u64);

impl Sums {
    const fn of(counted: &Statistics) -> Self {
        Self(counted.bytes_in, counted.bytes_out, counted.total_connections)
    }

    fn each(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self(of(self.0, other.0), of(self.1, other.1), of(self.2, other.2))
    }

    fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    fn minus(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }
}

type Counts<K, V = Sums> = BTreeMap<K, V>;

/// Of pools and of members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "V: Serialize", deserialize = "V: Deserialize<'de>"))]
struct Both<V = Sums> {
    #[serde(default = "BTreeMap::new", skip_serializing_if = "BTreeMap::is_empty")]
    pools: Counts<PoolId, V>,
    #[serde(default = "BTreeMap::new", skip_serializing_if = "BTreeMap::is_empty")]
    members: Counts<MemberId, V>,
}

impl<V> Default for Both<V> {
    fn default() -> Self {
        Self { pools: BTreeMap::new(), members: BTreeMap::new() }
    }
}

impl<V> Both<V> {
    fn is_empty(&self) -> bool {
        self.pools.is_empty() && self.members.is_empty()
    }

    fn keep(&mut self, of: &LoadBalancer) {
        if self.pools.len() > of.pools.len() {
            self.pools.retain(|id, _| of.pools.iter().any(|pool| pool.id == *id));
        }
        let members = of.pools.iter().flat_map(|pool| pool.members.iter());
        if self.members.len() > members.clone().count() {
            let there: BTreeSet<MemberId> = members.map(|member| member.id).collect();
            self.members.retain(|id, _| there.contains(id));
        }
    }
}

impl Both {
    /// Changes each by what `others` has of it.
    fn change<V: Copy>(&mut self, others: &Both<V>, change: impl Fn(Sums, V) -> Sums) {
        fn each<K: Ord + Copy, V: Copy>(all: &mut Counts<K>, others: &Counts<K, V>, change: impl Fn(Sums, V) -> Sums) {
            for (id, other) in others {
                let one = all.entry(*id).or_default();
                *one = change(*one, *other);
            }
        }
        each(&mut self.pools, &others.pools, &change);
        each(&mut self.members, &others.members, &change);
    }
}

/// What the present agent has told of one: its sums, and how many connections there are now.
type Now = (Sums, u64);

/// As it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Document {
    /// Of the placement that `now` is of.
    epoch: u64,
    #[serde(default, skip_serializing_if = "Both::is_empty")]
    now: Both<Now>,
    /// By all placements before that, as far as it is known.
    #[serde(default, skip_serializing_if = "Both::is_empty")]
    before: Both,
    /// What of that was told by placements of which it is not known where their counters end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former: Vec<(u64, Both)>,
}

impl Document {
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        from_more(text)
    }

    pub(crate) fn text(&self) -> String {
        more(self)
    }

    pub(crate) fn pool(&self, id: PoolId) -> Statistics {
        total(self.now.pools.get(&id), self.before.pools.get(&id))
    }

    pub(crate) fn member(&self, id: MemberId) -> Statistics {
        total(self.now.members.get(&id), self.before.members.get(&id))
    }

    /// The agent of this placement has told so much of some of them. What goes back is not believed.
    pub(crate) fn tell(&mut self, epoch: Epoch, told: &Parts) {
        fn each<K: Ord + Copy>(all: &mut Counts<K, Now>, told: &BTreeMap<K, Statistics>) {
            for (id, told) in told {
                let (sums, active) = all.entry(*id).or_default();
                (*sums, *active) = (sums.each(Sums::of(told), u64::max), told.active_connections);
            }
        }
        if epoch.number() > self.epoch {
            // A scheduler that does not know of this document has moved it.
            self.end_placement(self.epoch.into());
            self.epoch = epoch.number();
        }
        if epoch.number() == self.epoch {
            each(&mut self.now.pools, &told.pools);
            each(&mut self.now.members, &told.members);
        }
    }

    /// Whether that would be news.
    pub(crate) fn is_news(&self, epoch: Epoch, told: &Parts) -> bool {
        let mut after = self.clone();
        after.tell(epoch, told);
        after != *self
    }

    /// The placement of this epoch ends: the next one counts from zero.
    pub(crate) fn end_placement(&mut self, epoch: Epoch) {
        if self.epoch > epoch.number() {
            return;
        }
        let now = std::mem::take(&mut self.now);
        self.epoch = epoch.number() + 1;
        let mut told = Both::default();
        told.change(&now, |_, (sums, _)| sums);
        if told.is_empty() {
            return;
        }
        self.before.change(&told, Sums::plus);
        if self.former.len() >= MOST {
            self.former.remove(0);
        }
        self.former.push((epoch.number(), told));
    }

    /// Of which placement it is told what is counted now.
    pub(crate) const fn epoch(&self) -> Epoch {
        Epoch::new(self.epoch)
    }

    /// A side that stands by has told so much of some of them: it is among what was counted before.
    pub(crate) fn tell_standby(&mut self, epoch: Epoch, told: &Parts) {
        let at = self.former.iter().position(|(former, _)| *former == epoch.number());
        let mut known = at.map(|at| self.former.remove(at).1).unwrap_or_default();
        let both = |told: &Parts| Both {
            pools: told.pools.iter().map(|(id, counted)| (*id, Sums::of(counted))).collect(),
            members: told.members.iter().map(|(id, counted)| (*id, Sums::of(counted))).collect(),
        };
        let told: Both = both(told);
        let mut more = told.clone();
        more.pools
            .iter_mut()
            .for_each(|(id, sums)| *sums = sums.minus(known.pools.get(id).copied().unwrap_or_default()));
        let of_members = more.members.iter_mut();
        of_members.for_each(|(id, sums)| *sums = sums.minus(known.members.get(id).copied().unwrap_or_default()));
        self.before.change(&more, Sums::plus);
        known.change(&told, |one, other| one.each(other, u64::max));
        // The newest: another one makes room.
        self.former.push((epoch.number(), known));
    }

    /// The side of this epoch, which stood by, is the active one: what it has told is of now. What told before has
    /// [ended](Self::end_placement).
    pub(crate) fn resume(&mut self, epoch: Epoch) {
        let at = self.former.iter().position(|(former, _)| *former == epoch.number());
        let known = at.map(|at| self.former.remove(at).1).unwrap_or_default();
        self.before.change(&known, Sums::minus);
        let now = |(id, sums): (&_, &Sums)| (*id, (*sums, 0));
        self.now.pools = known.pools.iter().map(now).collect();
        self.now.members = known.members.iter().map(|(id, sums)| (*id, (*sums, 0))).collect();
        self.epoch = epoch.number();
    }

    /// It is known where the counters of a former placement end. To be said once of each.
    pub(crate) fn end_counting(&mut self, epoch: Epoch, ending: &Ending) {
        self.end_placement(epoch);
        self.end_side(epoch, ending);
    }

    /// The same of one that has sides: epochs say nothing of which came first.
    pub(crate) fn end_side(&mut self, epoch: Epoch, ending: &Ending) {
        let at = self.former.iter().position(|(former, _)| *former == epoch.number());
        let told = at.map(|at| self.former.remove(at).1).unwrap_or_default();
        match ending {
            Ending::Unknown => {}
            Ending::At { parts, .. } => {
                let mut more = Both::default();
                let sums = |counted: &Statistics, told: Option<&Sums>| {
                    Sums::of(counted).minus(told.copied().unwrap_or_default())
                };
                more.pools = parts.pools.iter().map(|(id, end)| (*id, sums(end, told.pools.get(id)))).collect();
                more.members = parts.members.iter().map(|(id, end)| (*id, sums(end, told.members.get(id)))).collect();
                self.before.change(&more, Sums::plus);
            }
            Ending::GoesOn => self.before.change(&told, Sums::minus),
        }
    }

    /// Forgets pools and members that are no more.
    pub(crate) fn keep(&mut self, of: &LoadBalancer) {
        self.now.keep(of);
        self.before.keep(of);
        self.former.iter_mut().for_each(|(_, told)| told.keep(of));
    }
}

fn total(now: Option<&Now>, before: Option<&Sums>) -> Statistics {
    let (now, active) = now.copied().unwrap_or_default();
    let Sums(bytes_in, bytes_out, total_connections) = now.plus(before.copied().unwrap_or_default());
    Statistics { bytes_in, bytes_out, total_connections, active_connections: active, request_errors: 0 }
}

#[cfg(test)]
mod tests;
