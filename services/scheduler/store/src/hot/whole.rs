//! Load balancers, whole: a row for each, with where it is, and its parts as one JSON array for each kind of part.
//!
//! A join would repeat each pool for each listener. A statement for each kind of part would be four more, each of which
//! costs more than the parts of most load balancers do.

use std::sync::LazyLock;

use sea_orm::{ColumnTrait, ColumnType, DbBackend, EntityTrait, IdenStatic as _, Iterable as _};

use crate::entity::{association, binding, health_monitor, listener, load_balancer, member, pool};

/// Load balancers by their ids, which are the one value that it takes.
pub(crate) fn statement(backend: DbBackend) -> &'static str {
    static SQLITE: LazyLock<String> = LazyLock::new(sqlite);
    static POSTGRES: LazyLock<String> = LazyLock::new(postgres);
    if backend == DbBackend::Sqlite { &SQLITE } else { &POSTGRES }
}

/// What proves that a load balancer that is held is the one that is stored, and where it is; by ids as well.
pub(crate) fn proof(backend: DbBackend) -> &'static str {
    static SQLITE: LazyLock<String> = LazyLock::new(|| {
        proof_of("json_each($1) AS given CROSS JOIN load_balancer", "load_balancer.id = unhex(given.value)")
    });
    static POSTGRES: LazyLock<String> = LazyLock::new(|| proof_of("load_balancer", "load_balancer.id = ANY($1)"));
    if backend == DbBackend::Sqlite { &SQLITE } else { &POSTGRES }
}

fn proof_of(from: &str, among: &str) -> String {
    format!(
        "SELECT load_balancer.id, load_balancer.stamp, load_balancer.generation, load_balancer.settled, \
         {binding}, {holds} AS holds FROM {from} \
         LEFT JOIN binding ON binding.load_balancer_id = load_balancer.id AND binding.phase = 'BOUND' \
         WHERE {among}",
        binding = columns::<binding::Entity>(),
        holds = holds(),
    )
}

fn sqlite() -> String {
    format!(
        "SELECT {load_balancer}, {binding}, {holds} AS holds, \
         (SELECT json_group_array({pool} ORDER BY pool.seq) FROM pool \
           WHERE pool.load_balancer_id = load_balancer.id) AS pools, \
         (SELECT json_group_array({listener} ORDER BY listener.seq) FROM listener \
           WHERE listener.load_balancer_id = load_balancer.id) AS listeners, \
         (SELECT json_group_array({member} ORDER BY member.seq) FROM member \
           WHERE member.load_balancer_id = load_balancer.id) AS members, \
         (SELECT json_group_array(json_array({association}, {health_monitor}) ORDER BY association.seq) \
           FROM association JOIN health_monitor ON health_monitor.id = association.monitor_id \
           WHERE association.load_balancer_id = load_balancer.id) AS associations \
         FROM json_each($1) AS given CROSS JOIN load_balancer \
         LEFT JOIN binding ON binding.load_balancer_id = load_balancer.id AND binding.phase = 'BOUND' \
         WHERE load_balancer.id = unhex(given.value)",
        load_balancer = columns::<load_balancer::Entity>(),
        binding = columns::<binding::Entity>(),
        holds = holds(),
        pool = values::<pool::Entity>(),
        listener = values::<listener::Entity>(),
        member = values::<member::Entity>(),
        association = values::<association::Entity>(),
        health_monitor = values::<health_monitor::Entity>(),
    )
}

fn postgres() -> String {
    format!(
        "SELECT {load_balancer}, {binding}, {holds} AS holds, \
         (SELECT json_agg(pool ORDER BY pool.seq)::text FROM pool \
           WHERE pool.load_balancer_id = load_balancer.id) AS pools, \
         (SELECT json_agg(listener ORDER BY listener.seq)::text FROM listener \
           WHERE listener.load_balancer_id = load_balancer.id) AS listeners, \
         (SELECT json_agg(member ORDER BY member.seq)::text FROM member \
           WHERE member.load_balancer_id = load_balancer.id) AS members, \
         (SELECT json_agg(json_build_array(association, health_monitor) ORDER BY association.seq)::text \
           FROM association JOIN health_monitor ON health_monitor.id = association.monitor_id \
           WHERE association.load_balancer_id = load_balancer.id) AS associations \
         FROM load_balancer \
         LEFT JOIN binding ON binding.load_balancer_id = load_balancer.id AND binding.phase = 'BOUND' \
         WHERE load_balancer.id = ANY($1)",
        load_balancer = columns::<load_balancer::Entity>(),
        binding = columns::<binding::Entity>(),
        holds = holds(),
    )
}

/// Whether the load balancer has a hold. Not EXISTS: PostgreSQL may read the whole table for that.
fn holds() -> &'static str {
    "(SELECT 1 FROM hold WHERE hold.load_balancer_id = load_balancer.id LIMIT 1) IS NOT NULL"
}

/// All columns of a table, each named behind the table's name.
fn columns<E: EntityTrait>() -> String {
    let table = E::default().table_name().to_owned();
    let named = |column: E::Column| format!("{table}.{0} AS {table}_{0}", column.as_str());
    E::Column::iter().map(named).collect::<Vec<_>>().join(", ")
}

/// The values of a row as an array, in the order of the columns.
fn values<E: EntityTrait>() -> String {
    let table = E::default().table_name().to_owned();
    let values: Vec<String> = E::Column::iter().map(|column| value(&table, column)).collect();
    format!("json_array({})", values.join(", "))
}

/// A column in SQLite's JSON, which has no type for ids; SQLite itself has none for flags.
fn value<C: ColumnTrait>(table: &str, column: C) -> String {
    let name = column.as_str();
    match column.def().get_column_type() {
        ColumnType::Uuid => format!("hex({table}.{name})"),
        ColumnType::Boolean => format!("json(iif({table}.{name}, 'true', 'false'))"),
        _ => format!("{table}.{name}"),
    }
}
