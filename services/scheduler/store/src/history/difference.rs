//! What a change of a load balancer made different, row by row: those that came, those that went, and of the others the
//! columns that changed. Pure.
//!
//! Columns that say how far our work is are left out: nobody wants them. Names of columns are stored, so a column that is
//! renamed needs a name here by which it was known.

use std::collections::HashMap;

use ballast_model::{Uuid, fault::Fault, load_balancer::LoadBalancer, pool::Association};
use sea_orm::{ActiveModelTrait, EntityTrait, IdenStatic as _, Iterable as _, sea_query::sea_value_to_json_value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    EventKind,
    codec::{from_json, tags},
    entity::health_monitor,
    write::{
        changed::{Changed, InPool},
        parts::Part,
        rows::Rows,
    },
};

/// Columns by name.
pub(super) type Columns = Map<String, Value>;

/// What finds a row: its id, or those of a pool and of its monitor.
pub(super) type Key = (Uuid, Uuid);

/// Of each row, but not what was wanted of it: where it is, and how far it is.
const NOT_WANTED: [&str; 11] = [
    "seq",
    "load_balancer_id",
    "provider",
    "answering",
    "operating_status",
    "provisioning_status",
    "status_description",
    "changed",
    "rule_count",
    "updated_at",
    "beyond_v1",
];

/// Whose row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Table {
    #[serde(rename = "b")]
    LoadBalancer,
    #[serde(rename = "l")]
    Listener,
    #[serde(rename = "r")]
    Policy,
    #[serde(rename = "p")]
    Pool,
    #[serde(rename = "m")]
    Member,
    #[serde(rename = "h")]
    Monitor,
}

/// A row that came, went, or is another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Change {
    #[serde(rename = "t")]
    pub(super) table: Table,
    #[serde(rename = "k")]
    pub(super) key: Key,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Columns>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Columns>,
}

/// All that a change made different.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Difference(pub(super) Vec<Change>);

impl Difference {
    pub(super) fn between(
        (before, old): (&LoadBalancer, &Rows),
        (after, new): (&LoadBalancer, &Rows),
        changed: &Changed<'_>,
    ) -> Self {
        let mut changes = Vec::new();
        add(&mut changes, Table::LoadBalancer, vec![head(before)], vec![head(after)]);
        add(&mut changes, Table::Listener, all(&old.listeners), all(&new.listeners));
        add(&mut changes, Table::Policy, all(&old.policies), all(&new.policies));
        add(&mut changes, Table::Pool, all(&old.pools), all(&new.pools));
        add(&mut changes, Table::Member, all(&old.members), all(&new.members));
        add(&mut changes, Table::Monitor, monitors(&changed.monitors.before), monitors(&changed.monitors.after));
        Self(changes)
    }

    /// The objects that came, went or are others.
    pub fn objects(&self) -> impl Iterator<Item = (EventKind, Uuid)> {
        self.0.iter().map(|Change { table, key, .. }| match table {
            Table::LoadBalancer => (EventKind::LoadBalancer, key.0),
            Table::Listener => (EventKind::Listener, key.0),
            Table::Policy => (EventKind::L7Policy, key.0),
            Table::Pool => (EventKind::Pool, key.0),
            Table::Member => (EventKind::Member, key.0),
            Table::Monitor => (EventKind::HealthMonitor, key.1),
        })
    }

    /// As it is stored.
    pub(super) fn to_text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        from_json("changes", text)
    }
}

pub(super) type Row = (Key, Columns);

/// What is said of the load balancer itself, and can change; only LBaaS v1 changes its address.
pub(super) fn head(load_balancer: &LoadBalancer) -> Row {
    let LoadBalancer { name, description, admin_state_up, labels, vip, .. } = load_balancer;
    let address = vip.as_ref().map(|vip| vip.address.to_string());
    let columns = [
        ("name", Value::from(name.as_str())),
        ("description", description.as_str().into()),
        ("admin_state_up", (*admin_state_up).into()),
        ("tags", tags(labels).into()),
        ("vip_address", address.into()),
    ];
    let columns = columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    ((load_balancer.id.uuid(), Uuid::nil()), columns)
}

pub(super) fn all<A: Part>(rows: &[A]) -> Vec<Row> {
    rows.iter().map(|row| (row.key(), columns(row))).collect()
}

/// A monitor is of the pool that has it.
pub(super) fn monitors(of_pools: &[InPool<'_, Association>]) -> Vec<Row> {
    let row = |(pool_id, one): &InPool<'_, Association>| {
        let key = (pool_id.uuid(), one.monitor.id.uuid());
        (key, columns(&health_monitor::ActiveModel::of(&one.monitor)))
    };
    of_pools.iter().map(row).collect()
}

pub(super) fn columns<A: ActiveModelTrait>(row: &A) -> Columns {
    let wanted = |column: &<A::Entity as EntityTrait>::Column| !NOT_WANTED.contains(&column.as_str());
    let value = |column: <A::Entity as EntityTrait>::Column| {
        let value = row.get(column).into_value()?;
        Some((column.as_str().to_owned(), sea_value_to_json_value(&value)))
    };
    <A::Entity as EntityTrait>::Column::iter().filter(wanted).filter_map(value).collect()
}

fn add(changes: &mut Vec<Change>, table: Table, before: Vec<Row>, after: Vec<Row>) {
    let mut old: HashMap<Key, Columns> = before.iter().cloned().collect();
    for (key, new) in after {
        let Some(known) = old.remove(&key) else {
            changes.push(Change { table, key, before: None, after: Some(new) });
            continue;
        };
        let (before, after) = differing(known, new);
        if !after.is_empty() {
            changes.push(Change { table, key, before: Some(before), after: Some(after) });
        }
    }
    // In their order.
    for (key, _) in before {
        if let Some(gone) = old.remove(&key) {
            changes.push(Change { table, key, before: Some(gone), after: None });
        }
    }
}

fn differing(mut old: Columns, new: Columns) -> (Columns, Columns) {
    let new: Columns = new.into_iter().filter(|(name, value)| old.get(name) != Some(value)).collect();
    old.retain(|name, _| new.contains_key(name));
    (old, new)
}
