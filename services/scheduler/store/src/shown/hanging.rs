//! What hangs on pools: the ids of their members, and their monitors with the progress of each association.

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{MemberId, MonitorId, PoolId},
    status::Progress,
};
use sea_orm::{DbBackend, QueryResult};

use crate::{
    backend::fault_of,
    codec::{from_json, progress, unreadable},
};

/// Selects the members of some pools as [`members_in`] reads them.
pub(super) fn members_of(backend: DbBackend, from: &str) -> String {
    let expr = match backend {
        DbBackend::Sqlite => "group_concat(hex(member.pool_id) || printf('%016x', member.seq) || hex(member.id), '')",
        _ => "encode(string_agg(uuid_send(member.pool_id) || int8send(member.seq) || uuid_send(member.id), ''), 'hex')",
    };
    format!("(SELECT {expr} FROM {from})")
}

/// Members one after the other, in hexadecimal: of each its pool's id, its number and its id. In the order of the numbers.
pub(super) fn members_in(row: &QueryResult) -> Result<Vec<(PoolId, MemberId)>, Fault> {
    let text: Option<String> = row.try_get("", "members").map_err(fault_of)?;
    unpacked(&text.unwrap_or_default())
}

fn unpacked(text: &str) -> Result<Vec<(PoolId, MemberId)>, Fault> {
    const DIGITS: [usize; 3] = [32, 16, 32];
    let unreadable = || unreadable("members", text);
    let member = |digits: &[u8]| {
        let (pool_id, digits) = digits.split_at_checked(DIGITS[0])?;
        let (seq, id) = digits.split_at_checked(DIGITS[1])?;
        let seq = u64::from_str_radix(str::from_utf8(seq).ok()?, 16).ok()?;
        Some((seq, Uuid::try_parse_ascii(pool_id).ok()?, Uuid::try_parse_ascii(id).ok()?))
    };
    let members = text.as_bytes().chunks(DIGITS.iter().sum()).map(|digits| member(digits).ok_or_else(unreadable));
    let mut members: Vec<_> = members.collect::<Result<_, _>>()?;
    members.sort_unstable_by_key(|(seq, ..)| *seq);
    Ok(members.into_iter().map(|(_, pool_id, id)| (pool_id.into(), id.into())).collect())
}

/// Selects the monitors of some pools as [`monitors_in`] reads them.
pub(super) fn monitors_of(backend: DbBackend, from: &str) -> String {
    let columns = "association.provisioning_status, association.status_description, association.changed";
    let expr = match backend {
        DbBackend::Sqlite => format!(
            "json_group_array(json_array(hex(association.pool_id), hex(association.monitor_id), {columns}) \
             ORDER BY association.seq)"
        ),
        _ => format!(
            "json_agg(json_build_array(association.pool_id, association.monitor_id, {columns}) \
             ORDER BY association.seq)::text"
        ),
    };
    format!("(SELECT {expr} FROM {from})")
}

/// A pool, and one of its monitors.
type Monitored = (PoolId, (MonitorId, Progress));

/// Monitors as JSON: of each its pool's id, its own, and the three columns of its progress.
pub(super) fn monitors_in(row: &QueryResult) -> Result<Vec<Monitored>, Fault> {
    let text: Option<String> = row.try_get("", "monitors").map_err(fault_of)?;
    let Some(text) = text else { return Ok(Vec::new()) };
    let rows: Vec<(PoolId, MonitorId, String, Option<String>, i64)> = from_json("monitors", &text)?;
    let monitor = |(pool_id, id, status, description, changed): (_, _, String, _, _)| {
        Ok((pool_id, (id, progress(&status, description, changed)?)))
    };
    rows.into_iter().map(monitor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_from_one_text_in_the_order_of_their_numbers() {
        let many = [(1, 1, u128::MAX), (u128::MAX, 300, 3), (1, 2, 2)];
        let text = many.map(|(pool, seq, id)| format!("{pool:032x}{seq:016x}{id:032X}")).concat();
        let ordered = [(1, u128::MAX), (1, 2), (u128::MAX, 3)];
        let ordered = ordered.map(|(pool, id)| (Uuid::from_u128(pool).into(), Uuid::from_u128(id).into()));
        assert_eq!(unpacked(&text).unwrap(), ordered);
        assert!(unpacked("").unwrap().is_empty());
        for cut in [1, 33, 50] {
            assert!(unpacked(&text[cut..]).is_err(), "{cut}");
        }
    }
}
