//! Which objects differ, as clients see them, between two states of a load balancer. Pure.

use std::collections::BTreeMap;

use ballast_model::{
    Uuid,
    ids::{ListenerId, MemberId, MonitorId, PoolId, SubnetId},
    listener::{Listener, Vip},
    load_balancer::LoadBalancer,
    member::Member,
    pool::{Pool, SessionPersistence},
    status::{Progress, ProvisioningStatus},
};

use super::{EventKind, Notes};

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

/// Every object, with its project.
fn views(load_balancer: &LoadBalancer) -> BTreeMap<Key, (&str, View<'_>)> {
    let mut views = BTreeMap::new();
    for pool in &load_balancer.pools {
        views.insert(
            (EventKind::Pool, pool.id.into(), pool.id),
            (pool.project_id.as_str(), pool_view(load_balancer, pool)),
        );
        for member in &pool.members {
            let view = (member.project_id.as_str(), member_view(member));
            views.insert((EventKind::Member, member.id.into(), pool.id), view);
        }
        for one in &pool.monitors {
            let view = (one.monitor.project_id.as_str(), View::HealthMonitor(status(&one.progress)));
            views.insert((EventKind::HealthMonitor, one.monitor.id.into(), pool.id), view);
        }
    }
    for listener in &load_balancer.listeners {
        let view = (listener.project_id.as_str(), listener_view(load_balancer, listener));
        views.insert((EventKind::Listener, listener.id.into(), listener.default_pool_id), view);
    }
    views
}

/// Notes what was made, changed or taken away.
pub(super) fn note(notes: &Notes, before: Option<&LoadBalancer>, after: Option<&LoadBalancer>) {
    let old = before.map(views).unwrap_or_default();
    let new = after.map(views).unwrap_or_default();
    let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
    let changed = new.iter().filter(|(key, view)| old.get(*key) != Some(view));
    for ((kind, id, _), (project_id, _)) in gone.chain(changed) {
        notes.note(*kind, *id, Some(project_id));
    }
}
