//! What hangs on pools: the ids of their members, and their monitors with the progress of each association.

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{MemberId, MonitorId, PoolId},
    status::Progress,
};
use sea_orm::{DbBackend, QueryResult, TryGetable};
use serde::de::DeserializeOwned;

use crate::{
    backend::fault_of,
    codec::{from_json, progress},
};

/// Members, and the pool of each, in the order in which they were made.
pub(super) fn members_in(row: &QueryResult, backend: DbBackend) -> Result<Vec<(PoolId, MemberId)>, Fault> {
    let list = |name| list::<Uuid>(row, name, backend);
    let numbers = self::list::<i64>(row, "numbers_of_members", backend)?;
    let members = list("pools_of_members")?.into_iter().zip(list("members")?);
    let mut members: Vec<_> = numbers.into_iter().zip(members).collect();
    members.sort_unstable_by_key(|(number, _)| *number);
    Ok(members.into_iter().map(|(_, (pool_id, id))| (pool_id.into(), id.into())).collect())
}

/// A list; where there is nothing it may be null.
fn list<T>(row: &QueryResult, name: &str, backend: DbBackend) -> Result<Vec<T>, Fault>
where
    T: DeserializeOwned,
    Vec<T>: TryGetable,
{
    match backend {
        DbBackend::Sqlite => {
            let text: String = row.try_get("", name).map_err(fault_of)?;
            from_json(name, &text)
        }
        _ => row.try_get::<Option<Vec<T>>>("", name).map(Option::unwrap_or_default).map_err(fault_of),
    }
}

/// A pool, and one of its monitors.
type Monitored = (PoolId, (MonitorId, Progress));

/// Monitors, and the pool of each.
pub(super) fn monitors_in(row: &QueryResult) -> Result<Vec<Monitored>, Fault> {
    let text: Option<String> = row.try_get("", "monitors").map_err(fault_of)?;
    let Some(text) = text else { return Ok(Vec::new()) };
    let rows: Vec<(PoolId, MonitorId, String, Option<String>, i64)> = from_json("monitors", &text)?;
    let monitor = |(pool_id, id, status, description, changed): (_, _, String, _, _)| {
        Ok((pool_id, (id, progress(&status, description, changed)?)))
    };
    rows.into_iter().map(monitor).collect()
}
