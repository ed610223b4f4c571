//! What a load balancer was before a change, from what it was behind it. Pure.

use std::net::IpAddr;

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{ListenerId, MonitorId, PoolId},
    listener::{Answering, Mac, Vip},
    load_balancer::LoadBalancer,
    parts::Parts,
    pool::{Association, Pool},
    status::{OperatingStatus, Progress, ProvisioningStatus},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::difference::{Change, Columns, Difference, Table, all, columns, head};
use crate::{
    codec::{from_json, parsed, unreadable},
    entity::{health_monitor, l7policy, listener, member, pool},
};

/// What the load balancer was before this change; `now` is behind it. How far anything was then is not known: what comes back
/// is said to be done.
///
/// # Errors
/// A difference that does not fit what it is to be undone in: what is stored was changed by something else.
pub fn before(mut now: LoadBalancer, change: &Difference) -> Result<LoadBalancer, Fault> {
    // What came goes first, and what it is in last; then what went comes back, and what it is in first.
    let (came, others): (Vec<&Change>, Vec<&Change>) = change.0.iter().partition(|change| change.before.is_none());
    for change in came.into_iter().rev().chain(others) {
        undo(&mut now, change)?;
    }
    Ok(now)
}

fn undo(now: &mut LoadBalancer, change: &Change) -> Result<(), Fault> {
    let (id, _) = change.key;
    match change.table {
        Table::LoadBalancer => undo_head(now, change),
        Table::Listener => {
            let beyond = now.beyond_v1().is_some();
            let found = now.listeners.iter().find(|one| one.id.uuid() == id);
            let known = found.map(|one| columns(&listener::ActiveModel::of(one, now.id, beyond)));
            let policies = found.map(|one| one.policies.clone()).unwrap_or_default();
            let was: Option<listener::Model> = former(now, change, known)?;
            let was = was.map(|row| row.into_listener(policies)).transpose()?;
            put(&mut now.listeners, |one| one.id.uuid() == id, was);
            Ok(())
        }
        Table::Policy => undo_policy(now, change),
        Table::Pool => {
            let beyond = now.beyond_v1().is_some();
            let found = now.pools.iter().find(|one| one.id.uuid() == id);
            let known = found.map(|one| columns(&pool::ActiveModel::of(one, now, beyond)));
            let (members, monitors) = found.map(|one| (one.members.clone(), one.monitors.clone())).unwrap_or_default();
            let was: Option<pool::Model> = former(now, change, known)?;
            let was = was.map(|row| row.into_pool(members, monitors)).transpose()?;
            put(&mut now.pools, |one| one.id.uuid() == id, was);
            Ok(())
        }
        Table::Member => undo_member(now, change),
        Table::Monitor => undo_monitor(now, change),
    }
}

fn undo_head(now: &mut LoadBalancer, change: &Change) -> Result<(), Fault> {
    let (_, known) = head(now);
    let was = with_former(change, Some(known))?.unwrap_or_default();
    let text = |name: &str| was.get(name).and_then(Value::as_str).unwrap_or_default();
    text("name").clone_into(&mut now.name);
    text("description").clone_into(&mut now.description);
    now.admin_state_up = was.get("admin_state_up") == Some(&Value::Bool(true));
    now.vip = match was.get("vip_address").and_then(Value::as_str) {
        Some(address) => Some(vip_at(now.vip.take(), parsed("vip_address", address)?)),
        None => None,
    };
    now.labels.tags = match text("tags") {
        "" => Vec::new(),
        tags => from_json("tags", tags)?,
    };
    Ok(())
}

/// Of one that is gone, no more is known than its address.
fn vip_at(vip: Option<Vip>, address: IpAddr) -> Vip {
    let (subnet_id, network_id, port_id) = Default::default();
    let mac = Mac::from_random(0);
    let vip = vip.unwrap_or(Vip { subnet_id, network_id, port_id, address, mac, additional: Vec::new() });
    Vip { address, ..vip }
}

fn undo_member(now: &mut LoadBalancer, change: &Change) -> Result<(), Fault> {
    let (id, _) = change.key;
    let beyond = now.beyond_v1().is_some();
    let its = |pool: &Pool| pool.members.iter().any(|one| one.id.uuid() == id);
    let found = now.pools.iter().find(|pool| its(pool));
    let known = found.and_then(|pool| {
        let one = pool.members.iter().find(|one| one.id.uuid() == id)?;
        Some(columns(&member::ActiveModel::of(one, now.id, pool.id, beyond)))
    });
    let from = found.map(|pool| pool.id);
    let was: Option<member::Model> = former(now, change, known)?;
    let to = was.as_ref().map(|row| PoolId::from(row.pool_id));
    let was = was.map(member::Model::into_member).transpose()?;
    if from != to && from.is_some() {
        put(&mut pool_of(now, from)?.members, |one| one.id.uuid() == id, None);
    }
    if to.is_some() {
        put(&mut pool_of(now, to)?.members, |one| one.id.uuid() == id, was);
    }
    Ok(())
}

fn undo_monitor(now: &mut LoadBalancer, change: &Change) -> Result<(), Fault> {
    let (pool_id, id) = (PoolId::from(change.key.0), MonitorId::from(change.key.1));
    let found = now.pool(pool_id).ok().and_then(|pool| pool.monitors.iter().find(|one| one.monitor.id == id));
    let known = found.map(|one| columns(&health_monitor::ActiveModel::of(&one.monitor)));
    let progress = found.map_or_else(|| done(now), |one| one.progress.clone());
    let was: Option<health_monitor::Model> = former(now, change, known)?;
    let was = was.map(|row| Ok::<_, Fault>(Association { monitor: row.into_monitor()?, progress })).transpose()?;
    put(&mut pool_of(now, Some(pool_id))?.monitors, |one| one.monitor.id == id, was);
    Ok(())
}

/// All of its listener are looked at: their places are their order.
fn undo_policy(now: &mut LoadBalancer, change: &Change) -> Result<(), Fault> {
    let sides = change.before.iter().chain(&change.after);
    let listener_id = sides.filter_map(|side| side.get("listener_id")).find_map(Value::as_str);
    let listener_id = listener_id.and_then(|text| text.parse::<Uuid>().ok()).map(ListenerId::from);
    let its = |id| now.listeners.iter().position(|one| Some(one.id) == listener_id || one.policy(id).is_some());
    let at = its(change.key.0.into()).ok_or_else(|| misfit(change))?;
    let listener = &now.listeners[at];
    let places = listener.policies.iter().enumerate();
    let rows: Vec<l7policy::ActiveModel> =
        places.map(|(place, one)| l7policy::ActiveModel::of(one, now.id, listener.id, place)).collect();
    let mut rows = all(&rows);
    let known = rows.iter().position(|(key, _)| *key == change.key).map(|at| rows.remove(at).1);
    rows.extend(with_former(change, known)?.map(|columns| (change.key, columns)));
    let models: Vec<l7policy::Model> =
        rows.into_iter().map(|(_, columns)| model(now, change, columns)).collect::<Result<_, _>>()?;
    let mut models: Vec<_> = models.into_iter().map(|row| (row.position, row)).collect();
    models.sort_by_key(|(position, row)| (*position, row.id != change.key.0));
    let policies: Parts<_> =
        models.into_iter().map(|(_, row)| row.into_policy()).collect::<Result<Vec<_>, _>>()?.into();
    now.listeners[at].policies = policies;
    Ok(())
}

/// In place of what it is; without one it goes.
fn put<T: Clone>(parts: &mut Parts<T>, is_it: impl Fn(&T) -> bool, was: Option<T>) {
    match (parts.iter().position(is_it), was) {
        (Some(at), Some(was)) => parts[at] = was,
        (Some(at), None) => {
            parts.remove(at);
        }
        (None, Some(was)) => parts.push(was),
        (None, None) => {}
    }
}

fn pool_of(now: &mut LoadBalancer, id: Option<PoolId>) -> Result<&mut Pool, Fault> {
    let at = now.pools.iter().position(|pool| Some(pool.id) == id);
    let at = at.ok_or_else(|| unreadable("changes", format_args!("{id:?}")))?;
    Ok(&mut now.pools[at])
}

fn former<M: DeserializeOwned>(
    now: &LoadBalancer,
    change: &Change,
    known: Option<Columns>,
) -> Result<Option<M>, Fault> {
    with_former(change, known)?.map(|columns| model(now, change, columns)).transpose()
}

/// What was there before; none: nothing.
fn with_former(change: &Change, known: Option<Columns>) -> Result<Option<Columns>, Fault> {
    match (&change.before, &change.after, known) {
        (Some(before), Some(_), Some(mut columns)) => {
            columns.extend(before.clone());
            Ok(Some(columns))
        }
        (Some(before), None, None) => Ok(Some(before.clone())),
        (None, Some(_), Some(_)) => Ok(None),
        _ => Err(misfit(change)),
    }
}

fn misfit(change: &Change) -> Fault {
    unreadable("changes", format_args!("{:?} {:?}", change.table, change.key))
}

fn done(now: &LoadBalancer) -> Progress {
    Progress { status: ProvisioningStatus::Active, description: None, changed: now.generation }
}

/// A row with what is not kept of it.
fn model<M: DeserializeOwned>(now: &LoadBalancer, change: &Change, mut columns: Columns) -> Result<M, Fault> {
    let not_kept = [
        ("seq", json!(0)),
        ("load_balancer_id", json!(now.id.uuid())),
        ("provider", json!(now.provider)),
        ("answering", json!(Answering::No.as_str())),
        ("operating_status", json!(OperatingStatus::Unknown.as_str())),
        ("provisioning_status", json!(ProvisioningStatus::Active.as_str())),
        ("status_description", Value::Null),
        ("changed", json!(now.generation.number())),
        ("rule_count", json!(0)),
        ("updated_at", Value::Null),
        ("beyond_v1", json!(false)),
    ];
    for (name, value) in not_kept {
        columns.entry(name).or_insert(value);
    }
    let read = serde_json::from_value(Value::Object(columns));
    read.map_err(|error| unreadable("changes", format_args!("{:?} {:?} ({error})", change.table, change.key)))
}
