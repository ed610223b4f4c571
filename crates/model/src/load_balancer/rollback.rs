//! Going back to what a load balancer was. Pure.
//!
//! What was wanted comes back; what is known of how far it is, and of how it fares, stays with the objects that are still
//! there.

use std::collections::HashMap;

use super::LoadBalancer;
use crate::{
    counters::Generation,
    fault::{Balancing, Fault},
    ids::{ListenerId, ObjectId, PoolId},
    l7::{L7Policy, L7Rule},
    labels::Labels,
    listener::Listener,
    member::Member,
    parts::Parts,
    pool::{Association, Pool},
    status::{OperatingStatus, Progress},
};

impl LoadBalancer {
    /// What it `was`, wanted again. Its address and where it is placed stay what they are. When nothing differs nothing
    /// changes.
    ///
    /// # Errors
    /// What its parts do not allow each other: the rules may be others than they were.
    pub fn rolled_back(self, was: Self) -> Result<Self, Fault> {
        let address = |one: &Self| one.vip.as_ref().map(|vip| vip.address);
        if address(&was) != address(&self) {
            let text = |one: &Self| address(one).map_or_else(|| "none".to_owned(), |address| address.to_string());
            return Err(Balancing::AddressChanged { was: text(&was), is: text(&self) }.into());
        }
        let generation = self.generation.next();
        let mut after = self.clone();
        after.name = was.name;
        after.description = was.description;
        after.admin_state_up = was.admin_state_up;
        after.labels.tags = was.labels.tags;
        after.listeners = wanted_again(was.listeners, Some(&self.listeners), generation);
        after.pools = wanted_again(was.pools, Some(&self.pools), generation);
        if after == self {
            return Ok(self);
        }
        after.grow();
        for id in changed(&self.pools, &after.pools, |pool| pool.id) {
            let ids: Vec<ListenerId> = after.listeners_of(id).map(|listener| listener.id).collect();
            after = after.touched_listeners(&ids);
        }
        after.check_size()?;
        for listener in after.listeners.iter() {
            after.check_listener(listener, &after.listeners)?;
            Self::check_certificate(listener)?;
        }
        after.pools.iter().try_for_each(|pool| after.check_pool(pool))?;
        Ok(after)
    }
}

/// Pools that came or are others.
fn changed(before: &Parts<Pool>, after: &Parts<Pool>, id: impl Fn(&Pool) -> PoolId) -> Vec<PoolId> {
    let same = |pool: &&Pool| before.iter().any(|known| known == *pool);
    after.iter().filter(|pool| !same(pool)).map(id).collect()
}

/// An object that is wanted again.
trait Wanted: Clone + PartialEq {
    fn id(&self) -> ObjectId;

    fn progress(&mut self) -> &mut Progress;

    fn labels(&mut self) -> &mut Labels;

    /// With what is known of it and of what is in it now; none: it is not there.
    fn keep(&mut self, _now: Option<&Self>, _generation: Generation) {}
}

fn wanted_again<T: Wanted>(was: Parts<T>, now: Option<&Parts<T>>, generation: Generation) -> Parts<T> {
    let mut known: HashMap<ObjectId, &T> = now.into_iter().flatten().map(|part| (part.id(), part)).collect();
    let again = |mut part: T| {
        let known = known.remove(&part.id());
        part.keep(known, generation);
        let Some(known) = known else {
            *part.progress() = Progress::created(generation);
            return part;
        };
        let mut as_known = known.clone();
        *part.progress() = as_known.progress().clone();
        let (created_at, updated_at) = (as_known.labels().created_at, as_known.labels().updated_at);
        (part.labels().created_at, part.labels().updated_at) = (created_at, updated_at);
        if part != *known {
            part.progress().touch(generation);
        }
        part
    };
    was.into_iter().map(again).collect()
}

macro_rules! wanted {
    ($name:ident, $keep:expr) => {
        impl Wanted for $name {
            fn id(&self) -> ObjectId {
                self.id.into()
            }

            fn progress(&mut self) -> &mut Progress {
                &mut self.progress
            }

            fn labels(&mut self) -> &mut Labels {
                &mut self.labels
            }

            fn keep(&mut self, now: Option<&Self>, generation: Generation) {
                let keep: fn(&mut Self, Option<&Self>, Generation) = $keep;
                keep(self, now, generation);
            }
        }
    };
}

wanted!(Listener, |listener, now, generation| {
    let policies = std::mem::take(&mut listener.policies);
    listener.policies = wanted_again(policies, now.map(|now| &now.policies), generation);
    if let Some(now) = now {
        listener.answering = now.answering;
    }
});

wanted!(L7Policy, |policy, now, generation| {
    let rules = std::mem::take(&mut policy.rules);
    policy.rules = wanted_again(rules, now.map(|now| &now.rules), generation);
});

wanted!(L7Rule, |_, _, _| {});

wanted!(Pool, |pool, now, generation| {
    let members = std::mem::take(&mut pool.members);
    pool.members = wanted_again(members, now.map(|now| &now.members), generation);
    let again = |one| associated_again(one, now, generation);
    pool.monitors = std::mem::take(&mut pool.monitors).into_iter().map(again).collect();
    pool.forget_health_unless_monitored();
});

wanted!(Member, |member, now, _| {
    let known = now.filter(|_| member.admin_state_up);
    member.operating_status = known.map_or(OperatingStatus::Unknown, |now| now.operating_status);
});

/// A monitor that a pool had, with what is known of it now.
fn associated_again(mut was: Association, pool: Option<&Pool>, generation: Generation) -> Association {
    let known = pool.and_then(|pool| pool.monitors.iter().find(|known| known.monitor.id == was.monitor.id));
    let Some(known) = known else { return Association { progress: Progress::created(generation), ..was } };
    was.progress = known.progress.clone();
    let tags = std::mem::take(&mut was.monitor.labels.tags);
    was.monitor.labels = Labels { tags, ..known.monitor.labels.clone() };
    if was.monitor != known.monitor {
        was.progress.touch(generation);
    }
    was
}
