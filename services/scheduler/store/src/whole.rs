//! A load balancer in one row: its own columns, and as JSON the rows of what it is made of and where it is.
//!
//! One statement costs more than all that it reads of a load balancer.

use std::{collections::HashMap, sync::LazyLock};

use ballast_model::{
    Uuid, fault::Fault, health_monitor::HealthMonitor, load_balancer::LoadBalancer, member::Member, pool::Association,
};
use sea_orm::{
    ColumnTrait, ColumnType, DbBackend, EntityTrait, FromQueryResult as _, IdenStatic as _, Iterable as _, QueryResult,
    Statement,
};
use serde::de::DeserializeOwned;

use crate::{
    Binding,
    backend::{fault_of, list_of, rows_among},
    codec::from_json,
    entity::{association, binding, health_monitor, listener, load_balancer, member, pool},
};

/// A load balancer, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    pub load_balancer: LoadBalancer,
    /// None: nowhere.
    pub binding: Option<Binding>,
    /// Whether an agent may still answer at an address that it had.
    pub holds: bool,
}

static SQLITE: LazyLock<String> = LazyLock::new(|| select(DbBackend::Sqlite));
static POSTGRES: LazyLock<String> = LazyLock::new(|| select(DbBackend::Postgres));

/// Reads the load balancers with these ids, in any order; [`read`] reads its rows.
pub(crate) fn statement(backend: DbBackend, ids: &[Uuid]) -> Statement {
    let sql = match backend {
        DbBackend::Sqlite => &SQLITE,
        _ => &POSTGRES,
    };
    Statement::from_sql_and_values(backend, sql.as_str(), [list_of(backend, ids)])
}

fn select(backend: DbBackend) -> String {
    let columns = load_balancer::Column::iter().map(|column| format!("load_balancer.{}", column.as_str()));
    let mut columns: Vec<String> = columns.collect();
    let of_it = |table: &str| format!("{table}.load_balancer_id = load_balancer.id");
    let monitors = format!("health_monitor.id IN (SELECT monitor_id FROM association WHERE {})", of_it("association"));
    columns.extend([
        rows::<pool::Entity>(backend, &of_it("pool"), "pools"),
        rows::<listener::Entity>(backend, &of_it("listener"), "listeners"),
        rows::<member::Entity>(backend, &of_it("member"), "members"),
        rows::<association::Entity>(backend, &of_it("association"), "associations"),
        rows::<health_monitor::Entity>(backend, &monitors, "monitors"),
        rows::<binding::Entity>(backend, &format!("{} AND binding.phase = 'BOUND'", of_it("binding")), "bindings"),
        format!("EXISTS (SELECT 1 FROM hold WHERE {}) AS holds", of_it("hold")),
    ]);
    format!("SELECT {} FROM {}", columns.join(", "), rows_among(backend, "load_balancer", "id"))
}

/// Rows of a table as one JSON array of objects, in the order of their numbers. Where there are none it may be null.
fn rows<E: EntityTrait>(backend: DbBackend, condition: &str, name: &str) -> String {
    let table = E::default().table_name().to_owned();
    match backend {
        DbBackend::Sqlite => {
            let fields: Vec<String> = E::Column::iter().map(|column| field(&table, column)).collect();
            format!(
                "(SELECT json_group_array(json_object({}) ORDER BY {table}.seq) FROM {table} WHERE {condition}) AS {name}",
                fields.join(", ")
            )
        }
        _ => format!("(SELECT json_agg({table} ORDER BY {table}.seq)::text FROM {table} WHERE {condition}) AS {name}"),
    }
}

/// A column as SQLite's JSON: it has no type for ids, nor one for flags.
fn field<C: ColumnTrait>(table: &str, column: C) -> String {
    let name = column.as_str();
    match column.def().get_column_type() {
        ColumnType::Uuid => format!("'{name}', hex({table}.{name})"),
        ColumnType::Boolean => format!("'{name}', json(iif({table}.{name}, 'true', 'false'))"),
        _ => format!("'{name}', {table}.{name}"),
    }
}

/// A row of [`statement`].
pub(crate) fn read(row: &QueryResult) -> Result<Placed, Fault> {
    let mut members: HashMap<Uuid, Vec<Member>> = HashMap::new();
    for row in listed::<member::Model>(row, "members")? {
        members.entry(row.pool_id).or_default().push(row.into_member()?);
    }
    let mut associations: HashMap<Uuid, Vec<Association>> = HashMap::new();
    let monitors = listed::<health_monitor::Model>(row, "monitors")?.into_iter();
    let monitors: HashMap<Uuid, HealthMonitor> =
        monitors.map(|row| Ok((row.id, row.into_monitor()?))).collect::<Result<_, Fault>>()?;
    for row in listed::<association::Model>(row, "associations")? {
        let (pool_id, monitor_id) = (row.pool_id, row.monitor_id);
        let monitor = monitors.get(&monitor_id).cloned();
        let monitor = monitor.ok_or_else(|| Fault::internal(format!("monitor {monitor_id} has no row")))?;
        associations.entry(pool_id).or_default().push(Association { monitor, progress: row.into_progress()? });
    }
    let pools = listed::<pool::Model>(row, "pools")?.into_iter().map(|row| {
        let members = members.remove(&row.id).unwrap_or_default();
        let monitors = associations.remove(&row.id).unwrap_or_default();
        row.into_pool(members, monitors)
    });
    let pools = pools.collect::<Result<_, _>>()?;
    let listeners = listed::<listener::Model>(row, "listeners")?.into_iter().map(listener::Model::into_listener);
    let listeners = listeners.collect::<Result<_, _>>()?;
    let binding = listed::<binding::Model>(row, "bindings")?.pop().map(binding::Model::into_binding).transpose()?;
    let holds = row.try_get("", "holds").map_err(fault_of)?;
    let row = load_balancer::Model::from_query_result(row, "").map_err(fault_of)?;
    Ok(Placed { load_balancer: row.into_load_balancer(listeners, pools)?, binding, holds })
}

fn listed<T: DeserializeOwned>(row: &QueryResult, name: &str) -> Result<Vec<T>, Fault> {
    let text: Option<String> = row.try_get("", name).map_err(fault_of)?;
    text.map_or_else(|| Ok(Vec::new()), |text| from_json(name, &text))
}
