//! Which objects look otherwise to clients, between two states of a load balancer. Pure.
//!
//! What has changed is told, and what shows something of it: a pool how its members fare and which listeners it has, a
//! listener how its pools fare and the address of all, the load balancer all of it. LBaaS v1 shows less than v2: there
//! an object may be told that looks as it did.

use std::collections::{BTreeMap, HashSet};

use ballast_model::{
    Uuid,
    ids::{ListenerId, PoolId},
    listener::Listener,
    load_balancer::LoadBalancer,
};

use super::{EventKind, notes::Within};
use crate::write::changed::{Changed, Sides};

/// Notes what was made, changed or taken away.
pub(super) fn note(
    notes: &Within<'_>,
    changed: &Changed<'_>,
    before: Option<&LoadBalancer>,
    after: Option<&LoadBalancer>,
) {
    let beyond = |one: Option<&LoadBalancer>| one.is_some_and(|one| one.beyond_v1().is_some());
    if let (Some(before), Some(after)) = (before, after)
        && beyond(Some(before)) != beyond(Some(after))
    {
        note_all(notes, before);
        note_all(notes, after);
        return;
    }
    let touched = Touched::of(changed, before, after);
    if touched.is_nothing() && before.zip(after).is_some_and(|(before, after)| is_same_head(before, after)) {
        return;
    }
    before.into_iter().chain(after).for_each(|one| touched.note(notes, one));
    let monitors = differing(&changed.monitors, |(pool_id, one)| {
        let monitor = &one.monitor;
        ((monitor.id.into(), *pool_id), (monitor.project_id.as_str(), *one))
    });
    let policies = differing(&changed.policies, |placed| {
        let policy = placed.policy;
        ((policy.id.into(), PoolId::default()), (policy.project_id.as_str(), (placed.place, policy)))
    });
    let members = differing(&changed.members, |(pool_id, member)| {
        ((member.id.into(), *pool_id), (member.project_id.as_str(), *member))
    });
    for (kind, told) in
        [(EventKind::HealthMonitor, monitors), (EventKind::L7Policy, policies), (EventKind::Member, members)]
    {
        told.into_iter().for_each(|(id, project_id)| notes.note(kind, id, Some(project_id)));
    }
}

/// An object, and the pool that it is in, where there may be several.
type Key = (Uuid, PoolId);

/// Those of which there is another one on the other side, or none.
fn differing<'a, T, V: PartialEq>(sides: &Sides<T>, of: impl Fn(&T) -> (Key, (&'a str, V))) -> Vec<(Uuid, &'a str)> {
    let old: BTreeMap<Key, (&str, V)> = sides.before.iter().map(&of).collect();
    let new: BTreeMap<Key, (&str, V)> = sides.after.iter().map(&of).collect();
    let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
    let other = new.iter().filter(|(key, view)| old.get(*key) != Some(view));
    gone.chain(other).map(|((id, _), (project_id, _))| (*id, *project_id)).collect()
}

/// What the load balancer itself shows, but for what is in it.
fn is_same_head(before: &LoadBalancer, after: &LoadBalancer) -> bool {
    fn texts(one: &LoadBalancer) -> [&str; 3] {
        [&one.name, &one.description, &one.provider]
    }
    texts(before) == texts(after)
        && before.admin_state_up == after.admin_state_up
        && before.vip == after.vip
        && before.labels == after.labels
        && before.progress == after.progress
}

/// What may look different: what changed, and what shows something of it.
struct Touched {
    pools: HashSet<PoolId>,
    listeners: HashSet<ListenerId>,
}

impl Touched {
    fn of(changed: &Changed<'_>, before: Option<&LoadBalancer>, after: Option<&LoadBalancer>) -> Self {
        let own: HashSet<Uuid> = ids(differing(&changed.pools, |pool| {
            ((pool.id.into(), PoolId::default()), (pool.project_id.as_str(), *pool))
        }));
        let changed_listeners: HashSet<Uuid> = ids(differing(&changed.listeners, |listener| {
            ((listener.id.into(), PoolId::default()), (listener.project_id.as_str(), *listener))
        }));
        let moved = before.map(|one| &one.vip) != after.map(|one| &one.vip);
        let is_changed = |listener: &Listener| changed_listeners.contains(&listener.id.uuid());
        let (mut pools, mut listeners): (HashSet<PoolId>, _) =
            (own.iter().copied().map(PoolId::new).collect(), HashSet::new());
        for listener in before.into_iter().chain(after).flat_map(|one| one.listeners.iter()) {
            if moved || is_changed(listener) || listener.targets().any(|id| own.contains(&id.uuid())) {
                listeners.insert(listener.id);
            }
            if is_changed(listener) {
                pools.extend(listener.targets());
            }
        }
        Self { pools, listeners }
    }

    fn is_nothing(&self) -> bool {
        self.pools.is_empty() && self.listeners.is_empty()
    }

    fn note(&self, notes: &Within<'_>, load_balancer: &LoadBalancer) {
        notes.note(EventKind::LoadBalancer, load_balancer.id.into(), Some(&load_balancer.project_id));
        for pool in load_balancer.pools.iter().filter(|pool| self.pools.contains(&pool.id)) {
            notes.note(EventKind::Pool, pool.id.into(), Some(&pool.project_id));
        }
        for listener in load_balancer.listeners.iter().filter(|listener| self.listeners.contains(&listener.id)) {
            notes.note(EventKind::Listener, listener.id.into(), Some(&listener.project_id));
        }
    }
}

fn ids(told: Vec<(Uuid, &str)>) -> HashSet<Uuid> {
    told.into_iter().map(|(id, _)| id).collect()
}

/// What a view shows no longer, or shows now: all of it is different.
fn note_all(notes: &Within<'_>, load_balancer: &LoadBalancer) {
    notes.note(EventKind::LoadBalancer, load_balancer.id.into(), Some(&load_balancer.project_id));
    for listener in load_balancer.listeners.iter() {
        notes.note(EventKind::Listener, listener.id.into(), Some(&listener.project_id));
        for policy in listener.policies.iter() {
            notes.note(EventKind::L7Policy, policy.id.into(), Some(&policy.project_id));
        }
    }
    for pool in load_balancer.pools.iter() {
        notes.note(EventKind::Pool, pool.id.into(), Some(&pool.project_id));
        for member in pool.members.iter() {
            notes.note(EventKind::Member, member.id.into(), Some(&member.project_id));
        }
        for one in pool.monitors.iter() {
            notes.note(EventKind::HealthMonitor, one.monitor.id.into(), Some(&one.monitor.project_id));
        }
    }
}
