//! Which objects differ, as clients see them, between two states of a load balancer. Pure.

use std::collections::{BTreeMap, HashSet};

use ballast_model::{
    Uuid,
    ids::{ListenerId, MemberId, MonitorId, PoolId, SubnetId},
    listener::{Listener, Vip},
    load_balancer::LoadBalancer,
    member::Member,
    pool::{Association, Pool, SessionPersistence},
    status::{Progress, ProvisioningStatus},
};

use super::{EventKind, Notes};
use crate::write::changed::{Changed, InPool};

/// The kind, the object, and the pool that it is in.
type Key = (EventKind, Uuid, PoolId);

/// A progress as clients see it.
type Status<'a> = (ProvisioningStatus, Option<&'a str>);

/// An object as clients see it.
#[derive(PartialEq)]
enum View<'a> {
    Pool {
        text: [&'a str; 3],
        set: (SubnetId, &'static str, &'static str, bool),
        members: Vec<MemberId>,
        monitors: Vec<(MonitorId, Status<'a>)>,
        vip: Option<ListenerId>,
        status: Status<'a>,
    },
    Listener {
        text: [&'a str; 2],
        set: (&'static str, u16, i32, bool),
        vip: Option<&'a Vip>,
        persistence: Option<&'a SessionPersistence>,
        status: Status<'a>,
    },
    Member {
        member: (std::net::IpAddr, u16, u16, bool),
        inactive: bool,
        status: Status<'a>,
    },
    /// Only what an association adds to it.
    HealthMonitor(Status<'a>),
}

fn status(progress: &Progress) -> Status<'_> {
    (progress.status, progress.description.as_deref())
}

fn pool_view<'a>(load_balancer: &'a LoadBalancer, pool: &'a Pool) -> View<'a> {
    let vip = load_balancer.listeners.iter().find(|listener| listener.default_pool_id == pool.id);
    View::Pool {
        text: [&pool.name, &pool.description, &load_balancer.provider],
        set: (pool.subnet_id, pool.protocol.as_str(), pool.lb_method.as_str(), pool.admin_state_up),
        members: pool.members.iter().map(|member| member.id).collect(),
        monitors: pool.monitors.iter().map(|one| (one.monitor.id, status(&one.progress))).collect(),
        vip: vip.map(|listener| listener.id),
        status: status(&pool.progress),
    }
}

fn listener_view<'a>(load_balancer: &'a LoadBalancer, listener: &'a Listener) -> View<'a> {
    let pool = load_balancer.pools.iter().find(|pool| pool.id == listener.default_pool_id);
    View::Listener {
        text: [&listener.name, &listener.description],
        set: (listener.protocol.as_str(), listener.protocol_port, listener.connection_limit, listener.admin_state_up),
        vip: load_balancer.vip.as_ref(),
        persistence: pool.and_then(|pool| pool.session_persistence.as_ref()),
        status: status(&listener.progress),
    }
}

fn member_view(member: &Member) -> View<'_> {
    View::Member {
        member: (member.address, member.protocol_port, member.weight, member.admin_state_up),
        inactive: member.is_inactive(),
        status: status(&member.progress),
    }
}

/// Objects with their projects.
type Views<'a> = BTreeMap<Key, (&'a str, View<'a>)>;

/// What may look different: what changed, and what shows something of it.
struct Touched {
    pools: HashSet<PoolId>,
    listeners: HashSet<ListenerId>,
}

impl Touched {
    fn of(changed: &Changed<'_>, before: Option<&LoadBalancer>, after: Option<&LoadBalancer>) -> Self {
        let pools = changed.pools.before.iter().chain(&changed.pools.after);
        let listeners = || changed.listeners.before.iter().chain(&changed.listeners.after);
        // A pool shows its vip, a listener the address of all and how its pool keeps to one member.
        let pools: HashSet<PoolId> =
            pools.map(|pool| pool.id).chain(listeners().map(|listener| listener.default_pool_id)).collect();
        let address = |one: Option<&LoadBalancer>| one.and_then(|one| one.vip.clone());
        let moved = address(before) != address(after);
        let keep_otherwise = changed.pools_of_other_persistence();
        let there = before.into_iter().chain(after).flat_map(|one| &one.listeners);
        let shows = there.filter(|listener| moved || keep_otherwise.contains(&listener.default_pool_id));
        let listeners = shows.chain(listeners().copied()).map(|listener| listener.id).collect();
        Self { pools, listeners }
    }

    fn views<'a>(
        &self,
        load_balancer: &'a LoadBalancer,
        members: &[InPool<'a, Member>],
        monitors: &[InPool<'a, Association>],
    ) -> Views<'a> {
        let mut views = BTreeMap::new();
        for pool in load_balancer.pools.iter().filter(|pool| self.pools.contains(&pool.id)) {
            let view = (pool.project_id.as_str(), pool_view(load_balancer, pool));
            views.insert((EventKind::Pool, pool.id.into(), pool.id), view);
        }
        for (pool_id, member) in members {
            let view = (member.project_id.as_str(), member_view(member));
            views.insert((EventKind::Member, member.id.into(), *pool_id), view);
        }
        for (pool_id, one) in monitors {
            let view = (one.monitor.project_id.as_str(), View::HealthMonitor(status(&one.progress)));
            views.insert((EventKind::HealthMonitor, one.monitor.id.into(), *pool_id), view);
        }
        for listener in load_balancer.listeners.iter().filter(|listener| self.listeners.contains(&listener.id)) {
            let view = (listener.project_id.as_str(), listener_view(load_balancer, listener));
            views.insert((EventKind::Listener, listener.id.into(), listener.default_pool_id), view);
        }
        views
    }
}

/// Notes what was made, changed or taken away.
pub(super) fn note(notes: &Notes, changed: &Changed<'_>, before: Option<&LoadBalancer>, after: Option<&LoadBalancer>) {
    let touched = Touched::of(changed, before, after);
    let (members, monitors) = (&changed.members, &changed.monitors);
    let old = before.map(|one| touched.views(one, &members.before, &monitors.before)).unwrap_or_default();
    let new = after.map(|one| touched.views(one, &members.after, &monitors.after)).unwrap_or_default();
    let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
    let other = new.iter().filter(|(key, view)| old.get(*key) != Some(view));
    for ((kind, id, _), (project_id, _)) in gone.chain(other) {
        notes.note(*kind, *id, Some(project_id));
    }
}
