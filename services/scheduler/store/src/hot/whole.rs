//! Load balancers, whole: a row for each, with where it is, and its parts as one JSON array for each kind of part.
//!
//! A join would repeat each pool for each listener. A statement for each kind of part would be four more, each of which
//! costs more than the parts of most load balancers do.

use std::sync::LazyLock;

use sea_orm::{ColumnTrait, ColumnType, DbBackend, EntityTrait, IdenStatic as _, Iterable as _};

use crate::{
    backend::rows_among,
    entity::{association, binding, health_monitor, l7policy, listener, load_balancer, member, pool},
};

/// Load balancers by their ids, which are the one value that it takes.
pub(crate) fn statement(backend: DbBackend) -> &'static str {
    static SQLITE: LazyLock<String> = LazyLock::new(|| by_ids(DbBackend::Sqlite));
    static POSTGRES: LazyLock<String> = LazyLock::new(|| by_ids(DbBackend::Postgres));
    if backend == DbBackend::Sqlite { &SQLITE } else { &POSTGRES }
}

/// What proves that a load balancer that is held is the one that is stored, and where it is; by ids as well.
pub(crate) fn proof(backend: DbBackend) -> &'static str {
    static SQLITE: LazyLock<String> = LazyLock::new(|| proof_by_ids(DbBackend::Sqlite));
    static POSTGRES: LazyLock<String> = LazyLock::new(|| proof_by_ids(DbBackend::Postgres));
    if backend == DbBackend::Sqlite { &SQLITE } else { &POSTGRES }
}

/// The same by the ids of pools, and not where they are.
pub(crate) fn proof_of_pools(backend: DbBackend) -> &'static str {
    static SQLITE: LazyLock<String> = LazyLock::new(|| proof_by_pools(DbBackend::Sqlite));
    static POSTGRES: LazyLock<String> = LazyLock::new(|| proof_by_pools(DbBackend::Postgres));
    if backend == DbBackend::Sqlite { &SQLITE } else { &POSTGRES }
}

const PROOF: &str = "load_balancer.id, load_balancer.stamp";

fn proof_by_ids(backend: DbBackend) -> String {
    select(backend, &[PROOF.to_owned()])
}

fn proof_by_pools(backend: DbBackend) -> String {
    let (from, among) = rows_among(backend, "pool", "id");
    format!(
        "SELECT pool.id AS pool_id, {PROOF} FROM {from} \
         JOIN load_balancer ON load_balancer.id = pool.load_balancer_id WHERE {among}"
    )
}

fn by_ids(backend: DbBackend) -> String {
    let from = "association JOIN health_monitor ON health_monitor.id = association.monitor_id";
    let associations = Rows { table: "association", from, order: "association.seq" };
    let both = [values::<association::Entity>(backend), values::<health_monitor::Entity>(backend)];
    select(
        backend,
        &[
            columns::<load_balancer::Entity>(),
            array::<pool::Entity>(backend, "pools"),
            array::<listener::Entity>(backend, "listeners"),
            in_order::<l7policy::Entity>(backend, "policies", "l7policy.position"),
            array::<member::Entity>(backend, "members"),
            array_of(backend, &list(backend, &both.join(", ")), &associations, "associations"),
        ],
    )
}

/// These columns of load balancers, and where they are.
fn select(backend: DbBackend, columns: &[String]) -> String {
    let (from, among) = rows_among(backend, "load_balancer", "id");
    format!(
        "SELECT {}, {}, {} AS holds FROM {from} \
         LEFT JOIN binding ON binding.load_balancer_id = load_balancer.id AND binding.phase = 'BOUND' WHERE {among}",
        columns.join(", "),
        self::columns::<binding::Entity>(),
        holds(),
    )
}

/// The rows of a table that belong to the load balancer, in their order.
fn array<E: EntityTrait>(backend: DbBackend, name: &str) -> String {
    in_order::<E>(backend, name, &format!("{}.seq", E::default().table_name()))
}

/// The same, in another order.
fn in_order<E: EntityTrait>(backend: DbBackend, name: &str, order: &str) -> String {
    let table = E::default().table_name().to_owned();
    array_of(backend, &values::<E>(backend), &Rows { table: &table, from: &table, order }, name)
}

/// Which rows, and in which order.
struct Rows<'a> {
    table: &'a str,
    from: &'a str,
    order: &'a str,
}

fn array_of(backend: DbBackend, value: &str, rows: &Rows<'_>, name: &str) -> String {
    let Rows { table, from, order } = rows;
    let array = match backend {
        DbBackend::Sqlite => format!("json_group_array({value} ORDER BY {order})"),
        _ => format!("json_agg({value} ORDER BY {order})::text"),
    };
    format!("(SELECT {array} FROM {from} WHERE {table}.load_balancer_id = load_balancer.id) AS {name}")
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

/// The values of a row as an array, in the order of the columns: names would be half of the text.
fn values<E: EntityTrait>(backend: DbBackend) -> String {
    let table = E::default().table_name().to_owned();
    let values: Vec<String> = E::Column::iter().map(|column| value(backend, &table, column)).collect();
    list(backend, &values.join(", "))
}

fn list(backend: DbBackend, values: &str) -> String {
    match backend {
        DbBackend::Sqlite => format!("json_array({values})"),
        _ => format!("json_build_array({values})"),
    }
}

/// A column in JSON. SQLite's has no type for ids, and SQLite itself none for flags.
fn value<C: ColumnTrait>(backend: DbBackend, table: &str, column: C) -> String {
    let name = column.as_str();
    match (backend, column.def().get_column_type()) {
        // Of nothing, hex() makes an empty text.
        (DbBackend::Sqlite, ColumnType::Uuid) if column.def().is_null() => format!("nullif(hex({table}.{name}), '')"),
        (DbBackend::Sqlite, ColumnType::Uuid) => format!("hex({table}.{name})"),
        (DbBackend::Sqlite, ColumnType::Boolean) => format!("json(iif({table}.{name}, 'true', 'false'))"),
        _ => format!("{table}.{name}"),
    }
}
