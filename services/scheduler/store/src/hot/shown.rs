//! Pools as they are shown: of each the columns that are asked for, and what hangs on it as one value.

use std::sync::LazyLock;

use sea_orm::{ColumnTrait as _, ColumnType, DbBackend, IdenStatic as _};

use crate::{PoolParts, backend::rows_among, entity::pool};

/// Pools by their ids, which are the one value that it takes, with all that they show.
pub(crate) fn pools(backend: DbBackend) -> &'static str {
    static SQLITE: LazyLock<String> = LazyLock::new(|| by_ids(DbBackend::Sqlite));
    static POSTGRES: LazyLock<String> = LazyLock::new(|| by_ids(DbBackend::Postgres));
    if backend == DbBackend::Sqlite { &SQLITE } else { &POSTGRES }
}

fn by_ids(backend: DbBackend) -> String {
    let (from, among) = rows_among(backend, "pool", "id");
    let columns = columns(PoolParts::ALL, backend).into_iter().map(|(expr, name)| format!("{expr} AS {name}"));
    let members = "FROM member WHERE member.pool_id = pool.id";
    let monitors = "FROM association WHERE association.pool_id = pool.id";
    format!(
        "SELECT {}, {}, {}, pool.id AS pool_id FROM {from} WHERE {among}",
        columns.collect::<Vec<_>>().join(", "),
        members_of(backend, members),
        monitors_of(backend, monitors),
    )
}

/// What hangs on the pools with these ids, which are the one value that it takes: all in one row, as a subquery for each
/// pool takes longer.
pub(crate) fn hung(backend: DbBackend, parts: PoolParts) -> String {
    let among = |table| {
        let (from, condition) = rows_among(backend, table, "pool_id");
        format!("FROM {from} WHERE {condition}")
    };
    let members = parts.members.then(|| members_of(backend, &among("member")));
    let monitors = parts.monitors.then(|| monitors_of(backend, &among("association")));
    format!("SELECT {}", [members, monitors].into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// The columns of a pool, and their names. Its id, its enums and its flags are always there.
pub(crate) fn columns(parts: PoolParts, backend: DbBackend) -> Vec<(String, &'static str)> {
    use pool::Column;

    const VIP: &str = "(SELECT listener.id FROM listener WHERE listener.default_pool_id = pool.id LIMIT 1)";
    let columns = [
        (true, Column::Id),
        (true, Column::Protocol),
        (true, Column::LbMethod),
        (true, Column::AdminStateUp),
        (true, Column::ProvisioningStatus),
        (true, Column::Changed),
        (parts.project_id, Column::ProjectId),
        (parts.name, Column::Name),
        (parts.description, Column::Description),
        (parts.subnet_id, Column::SubnetId),
        (parts.status_description, Column::StatusDescription),
        (parts.provider, Column::Provider),
    ];
    let columns = columns.into_iter().filter(|(wanted, _)| *wanted).map(|(_, column)| column);
    match backend {
        // Each value of a row costs more than its text in an array does.
        DbBackend::Sqlite => {
            let is_id = |column: &Column| matches!(column.def().get_column_type(), ColumnType::Uuid);
            let value = |column: Column| match is_id(&column) {
                true => format!("hex(pool.{})", column.as_str()),
                false => format!("pool.{}", column.as_str()),
            };
            let vip = parts.vip.then(|| format!("hex({VIP})"));
            let values: Vec<String> = columns.map(value).chain(vip).collect();
            vec![(format!("json_array({})", values.join(", ")), "columns")]
        }
        _ => {
            let columns = columns.map(|column| (format!("pool.{}", column.as_str()), column.as_str()));
            columns.chain(parts.vip.then(|| (VIP.to_owned(), "vip_id"))).collect()
        }
    }
}

/// Members of pools: their ids and, in the same order, those of their pools.
fn members_of(backend: DbBackend, from: &str) -> String {
    let list = |column: &str| match backend {
        DbBackend::Sqlite => format!("json_group_array(hex(member.{column}) ORDER BY member.seq)"),
        _ => format!("array_agg(member.{column} ORDER BY member.seq)"),
    };
    format!("(SELECT {} {from}) AS members, (SELECT {} {from}) AS pools_of_members", list("id"), list("pool_id"))
}

/// Monitors of pools, as JSON: of each its pool's id, its own, and the three columns of its progress.
fn monitors_of(backend: DbBackend, from: &str) -> String {
    let columns = "association.provisioning_status, association.status_description, association.changed";
    let list = match backend {
        DbBackend::Sqlite => format!(
            "json_group_array(json_array(hex(association.pool_id), hex(association.monitor_id), {columns}) \
             ORDER BY association.seq)"
        ),
        _ => format!(
            "json_agg(json_build_array(association.pool_id, association.monitor_id, {columns}) \
             ORDER BY association.seq)::text"
        ),
    };
    format!("(SELECT {list} {from}) AS monitors")
}
