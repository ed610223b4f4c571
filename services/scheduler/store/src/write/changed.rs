//! What differs between two states of a load balancer, part by part. Pure.
//!
//! What both states share is not looked at: the difference costs what changed, and not what there is.

use std::{collections::HashMap, hash::Hash};

use ballast_model::{
    health_monitor::HealthMonitor,
    ids::{ListenerId, MonitorId, PoolId},
    l7::L7Policy,
    listener::Listener,
    load_balancer::LoadBalancer,
    member::Member,
    parts::Parts,
    pool::{Association, Pool},
    time::Timestamp,
};

/// Two states of some parts: those that differ, and of those that differ not some at most.
#[derive(Debug)]
pub(crate) struct Sides<T> {
    pub(crate) before: Vec<T>,
    pub(crate) after: Vec<T>,
}

impl<T> Default for Sides<T> {
    fn default() -> Self {
        Self { before: Vec::new(), after: Vec::new() }
    }
}

/// A part of a pool, and that pool.
pub(crate) type InPool<'a, T> = (PoolId, &'a T);

/// What differs between two states of a load balancer.
#[derive(Debug, Default)]
pub(crate) struct Changed<'a> {
    pub(crate) pools: Sides<&'a Pool>,
    pub(crate) members: Sides<InPool<'a, Member>>,
    pub(crate) monitors: Sides<InPool<'a, Association>>,
    pub(crate) listeners: Sides<&'a Listener>,
    pub(crate) policies: Sides<Placed<'a>>,
}

/// A policy, where it is: its listener, and its place there from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) listener_id: ListenerId,
    pub(crate) place: usize,
    pub(crate) policy: &'a L7Policy,
}

impl<'a> Changed<'a> {
    /// None: it was not there, or is there no longer.
    pub(crate) fn between(before: Option<&'a LoadBalancer>, after: Option<&'a LoadBalancer>) -> Self {
        let mut changed = Self::default();
        let (old, new) = (before.map(|one| &one.listeners), after.map(|one| &one.listeners));
        changed.listeners = differing(old, new);
        for (old, new) in pairs(&changed.listeners, |listener| listener.id) {
            changed.policies.extend_with(old, new);
        }
        let pools = differing(before.map(|one| &one.pools), after.map(|one| &one.pools));
        for (old, new) in pairs(&pools, |pool| pool.id) {
            let members = differing(old.map(|pool| &pool.members), new.map(|pool| &pool.members));
            changed.members.extend(members, old.or(new));
            let monitors = differing(old.map(|pool| &pool.monitors), new.map(|pool| &pool.monitors));
            changed.monitors.extend(monitors, old.or(new));
        }
        changed.pools = pools;
        changed
    }

    /// Whether a monitor came, or is not what it was.
    pub(crate) fn has_other_monitors(&self) -> bool {
        let known = |(pool, one): &InPool<'_, Association>| {
            let alike = |known: &HealthMonitor| *known == one.monitor || but_for_its_time(known, &one.monitor);
            self.monitors.before.iter().any(|(of, known)| of == pool && alike(&known.monitor))
        };
        !self.monitors.after.iter().all(known)
    }

    /// The monitors that got another time, with it.
    pub(crate) fn stamped_monitors(&self) -> impl Iterator<Item = (Option<Timestamp>, MonitorId)> {
        let (before, after) = (&self.monitors.before, &self.monitors.after);
        let known = |(pool, one): &&InPool<'_, Association>| {
            let other_time = |known: &Association| known.monitor.labels.updated_at != one.monitor.labels.updated_at;
            let same = |known: &Association| known.monitor.id == one.monitor.id && other_time(known);
            before.iter().any(|(of, known)| of == pool && same(known))
        };
        after.iter().filter(known).map(|(_, one)| (one.monitor.labels.updated_at, one.monitor.id))
    }
}

fn but_for_its_time(one: &HealthMonitor, other: &HealthMonitor) -> bool {
    let mut one = one.clone();
    one.labels.updated_at = other.labels.updated_at;
    one == *other
}

impl<'a, T> Sides<InPool<'a, T>> {
    fn extend(&mut self, of_pool: Sides<&'a T>, pool: Option<&Pool>) {
        let Some(id) = pool.map(|pool| pool.id) else { return };
        self.before.extend(of_pool.before.into_iter().map(|part| (id, part)));
        self.after.extend(of_pool.after.into_iter().map(|part| (id, part)));
    }
}

impl<'a> Sides<Placed<'a>> {
    /// All of a listener whose policies are not what they were: the place of each may be another.
    fn extend_with(&mut self, old: Option<&'a Listener>, new: Option<&'a Listener>) {
        if let (Some(old), Some(new)) = (old, new)
            && old.policies == new.policies
        {
            return;
        }
        self.before.extend(old.into_iter().flat_map(placed));
        self.after.extend(new.into_iter().flat_map(placed));
    }
}

fn placed(listener: &Listener) -> impl Iterator<Item = Placed<'_>> {
    let policies = listener.policies.iter().enumerate();
    policies.map(|(place, policy)| Placed { listener_id: listener.id, place, policy })
}

/// One part, as it was and as it is.
type Pair<'a, T> = (Option<&'a T>, Option<&'a T>);

/// The same part on both sides.
fn pairs<'a, T, K: Eq + Hash>(parts: &Sides<&'a T>, key: impl Fn(&T) -> K) -> Vec<Pair<'a, T>> {
    let mut old = by(&parts.before, &key);
    let mut pairs: Vec<_> = parts.after.iter().map(|new| (old.remove(&key(new)), Some(*new))).collect();
    pairs.extend(parts.before.iter().filter_map(|gone| old.remove(&key(gone))).map(|gone| (Some(gone), None)));
    pairs
}

fn by<'a, T, K: Eq + Hash>(parts: &[&'a T], key: impl Fn(&T) -> K) -> HashMap<K, &'a T> {
    parts.iter().map(|part| (key(part), *part)).collect()
}

/// Without what is the same at the begin and at the end, and, when nothing came or went, in between.
fn differing<'a, T: PartialEq>(before: Option<&'a Parts<T>>, after: Option<&'a Parts<T>>) -> Sides<&'a T> {
    if let (Some(before), Some(after)) = (before, after)
        && before.is_same(after)
    {
        return Sides::default();
    }
    let mut before: &[T] = before.map_or(&[], |parts| parts.as_slice());
    let mut after: &[T] = after.map_or(&[], |parts| parts.as_slice());
    while let ([old, before_rest @ ..], [new, after_rest @ ..]) = (before, after)
        && old == new
    {
        (before, after) = (before_rest, after_rest);
    }
    while let ([before_rest @ .., old], [after_rest @ .., new]) = (before, after)
        && old == new
    {
        (before, after) = (before_rest, after_rest);
    }
    if before.len() == after.len() {
        let (before, after) = before.iter().zip(after).filter(|(old, new)| old != new).unzip();
        return Sides { before, after };
    }
    Sides { before: before.iter().collect(), after: after.iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(before: &[i32], after: &[i32]) -> (Vec<i32>, Vec<i32>) {
        let (before, after) = (Parts::from(before.to_vec()), Parts::from(after.to_vec()));
        let sides = differing(Some(&before), Some(&after));
        (sides.before.into_iter().copied().collect(), sides.after.into_iter().copied().collect())
    }

    #[test]
    fn what_is_the_same_is_in_no_difference() {
        assert_eq!(between(&[1, 2, 3], &[1, 2, 3]), (vec![], vec![]));
        assert_eq!(between(&[1, 2, 3], &[1, 2, 3, 4]), (vec![], vec![4]));
        assert_eq!(between(&[1, 2, 3], &[1, 3]), (vec![2], vec![]));
        assert_eq!(between(&[1, 2, 3, 4, 5], &[1, 7, 3, 8, 5]), (vec![2, 4], vec![7, 8]));
        assert_eq!(between(&[], &[1]), (vec![], vec![1]));
        assert_eq!(between(&[1, 1], &[1]), (vec![1], vec![]));
    }
}
