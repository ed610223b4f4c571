//! The rows of what load balancers are made of.

use ballast_model::{
    listener::Listener,
    load_balancer::LoadBalancer,
    member::Member,
    pool::{Association, Pool},
};

use crate::{
    entity::{association, l7policy, listener, member, pool},
    write::changed::{Changed, InPool, Placed},
};

/// The rows of what load balancers are made of.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) pools: Vec<pool::ActiveModel>,
    pub(crate) members: Vec<member::ActiveModel>,
    pub(crate) associations: Vec<association::ActiveModel>,
    pub(crate) listeners: Vec<listener::ActiveModel>,
    pub(crate) policies: Vec<l7policy::ActiveModel>,
}

impl Rows {
    /// Those that differ from what is to come.
    pub(crate) fn before(load_balancer: &LoadBalancer, changed: &Changed<'_>) -> Self {
        Self::of(
            load_balancer,
            &Side {
                pools: &changed.pools.before,
                members: &changed.members.before,
                monitors: &changed.monitors.before,
                listeners: &changed.listeners.before,
                policies: &changed.policies.before,
            },
        )
    }

    /// Those that differ from what was.
    pub(crate) fn after(load_balancer: &LoadBalancer, changed: &Changed<'_>) -> Self {
        Self::of(
            load_balancer,
            &Side {
                pools: &changed.pools.after,
                members: &changed.members.after,
                monitors: &changed.monitors.after,
                listeners: &changed.listeners.after,
                policies: &changed.policies.after,
            },
        )
    }

    fn of(load_balancer: &LoadBalancer, side: &Side<'_>) -> Self {
        let (id, beyond) = (load_balancer.id, load_balancer.beyond_v1().is_some());
        let members = side.members.iter();
        let monitors = side.monitors.iter();
        let policies = side.policies.iter();
        Self {
            pools: side.pools.iter().map(|one| pool::ActiveModel::of(one, load_balancer, beyond)).collect(),
            members: members.map(|(pool, one)| member::ActiveModel::of(one, id, *pool, beyond)).collect(),
            associations: monitors.map(|(pool, one)| association::ActiveModel::of(one, id, *pool)).collect(),
            listeners: side.listeners.iter().map(|one| listener::ActiveModel::of(one, id, beyond)).collect(),
            policies: policies
                .map(|one| l7policy::ActiveModel::of(one.policy, id, one.listener_id, one.place))
                .collect(),
        }
    }

    /// With those of another one.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.pools.append(&mut other.pools);
        self.members.append(&mut other.members);
        self.associations.append(&mut other.associations);
        self.listeners.append(&mut other.listeners);
        self.policies.append(&mut other.policies);
    }
}

/// One of two states.
struct Side<'a> {
    pools: &'a [&'a Pool],
    members: &'a [InPool<'a, Member>],
    monitors: &'a [InPool<'a, Association>],
    listeners: &'a [&'a Listener],
    policies: &'a [Placed<'a>],
}
