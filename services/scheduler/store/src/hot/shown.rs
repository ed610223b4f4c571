//! Pools as lists show them: of each the columns that are asked for, and what hangs on all of them in one row.

use sea_orm::{ColumnTrait as _, ColumnType, DbBackend, IdenStatic as _};

use crate::{PoolParts, backend::rows_among, entity::pool};

/// What hangs on the pools with these ids, which are the one value that it takes: all in one row, as a subquery for
/// each pool takes longer.
pub(crate) fn hung(backend: DbBackend, parts: PoolParts) -> String {
    let among = |table| {
        let (from, condition) = rows_among(backend, table, "pool_id");
        format!("{from} WHERE {condition}")
    };
    let monitors = parts.monitors.then(|| monitors(backend, &among("association")));
    if !parts.members {
        return format!("SELECT {}", monitors.unwrap_or_else(|| "1".to_owned()));
    }
    let members = members(backend).map(|(list, name)| format!("{list} AS {name}"));
    let all: Vec<String> = members.into_iter().chain(monitors).collect();
    format!("SELECT {} FROM {}", all.join(", "), among("member"))
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

/// Members of pools, in no order: their ids, those of their pools, and their numbers.
fn members(backend: DbBackend) -> [(&'static str, &'static str); 3] {
    const NAMES: [&str; 3] = ["members", "pools_of_members", "numbers_of_members"];
    let lists = match backend {
        DbBackend::Sqlite => [
            "json_group_array(hex(member.id))",
            "json_group_array(hex(member.pool_id))",
            "json_group_array(member.seq)",
        ],
        _ => ["array_agg(member.id)", "array_agg(member.pool_id)", "array_agg(member.seq)"],
    };
    std::array::from_fn(|at| (lists[at], NAMES[at]))
}

/// Monitors of pools, as JSON: of each its pool's id, its own, and the three columns of its progress.
fn monitors(backend: DbBackend, from: &str) -> String {
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
    format!("(SELECT {list} FROM {from}) AS monitors")
}
