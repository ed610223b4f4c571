//! Pools and members as lists show them: of each row the columns that are asked for, and what hangs on a pool as one text.
//! Each row more costs more than its columns do.
//!
//! A list does not load load balancers whole. What it gets is to be looked at: it cannot be changed and saved.

use std::collections::HashMap;

use ballast_model::{Uuid, fault::Fault, member::Member, pool::Pool, status::Progress};
use sea_orm::{
    ColumnTrait as _, ColumnType, ConnectionTrait as _, DbBackend, EntityTrait as _, IdenStatic as _, QueryFilter as _,
    QueryResult, QuerySelect as _, QueryTrait as _, Select, Statement, TryGetable, sea_query::Expr,
};

use crate::{
    Page, Query, Tx,
    aggregate::CHUNK,
    backend::{fault_of, list_of, rows_among},
    codec::{from_json, parsed, progress, unreadable},
    entity::{member, pool},
    listing::{nothing, page_of},
};

/// What is wanted of each pool. Its id, its enums and its flags are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolParts {
    pub project_id: bool,
    pub name: bool,
    pub description: bool,
    pub subnet_id: bool,
    pub status_description: bool,
    pub provider: bool,
    pub vip: bool,
    pub members: bool,
    pub monitors: bool,
}

impl PoolParts {
    pub const ALL: Self = Self {
        project_id: true,
        name: true,
        description: true,
        subnet_id: true,
        status_description: true,
        provider: true,
        vip: true,
        members: true,
        monitors: true,
    };
}

/// A pool in a list. What was not asked for is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownPool {
    /// Without members and monitors, which are below, and without persistence, which its vip shows.
    pub pool: Pool,
    pub provider: String,
    pub vip_id: Option<Uuid>,
    pub member_ids: Vec<Uuid>,
    pub monitors: Vec<(Uuid, Progress)>,
}

/// A member in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMember {
    pub pool_id: Uuid,
    pub member: Member,
}

/// Ids in so many statements as are needed, each with one of few lengths: a statement of a new length would be prepared
/// anew. The last id fills up what is missing.
pub(crate) fn chunks(ids: &[Uuid]) -> impl Iterator<Item = Vec<Uuid>> {
    ids.chunks(CHUNK).map(|chunk| {
        let mut filled = chunk.to_vec();
        if let Some(last) = chunk.last() {
            filled.resize(chunk.len().next_power_of_two().min(CHUNK), *last);
        }
        filled
    })
}

impl Tx {
    /// A pool, with all that it shows.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn shown_pool(&self, id: Uuid) -> Result<Option<ShownPool>, Fault> {
        let backend = self.db().get_database_backend();
        let select = pool::Entity::find().filter(pool::Column::Id.eq(id));
        let select = with_parts(select, PoolParts::ALL, backend)
            .expr_as(Expr::cust(members_of(backend, "member WHERE member.pool_id = pool.id")), "members")
            .expr_as(Expr::cust(monitors_of(backend, "association WHERE association.pool_id = pool.id")), "monitors");
        let row = self.db().query_one(&select.into_query()).await;
        let Some(row) = row.map_err(fault_of)? else { return Ok(None) };
        let mut shown = read(&row, PoolParts::ALL, backend)?;
        shown.member_ids = members_in(&row)?.into_iter().map(|(_, id)| id).collect();
        shown.monitors = monitors_in(&row)?.into_iter().map(|(_, monitor)| monitor).collect();
        Ok(Some(shown))
    }

    /// Pools as a caller asks for them.
    ///
    /// # Errors
    /// [`Code::InvalidInput`](ballast_model::fault::Code::InvalidInput): it cannot be sorted like that;
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn shown_pools(&self, query: &Query, parts: PoolParts) -> Result<Page<ShownPool>, Fault> {
        let Some(select) = self.select::<pool::Entity>(query).await? else { return Ok(nothing()) };
        let backend = self.db().get_database_backend();
        let rows = self.db().query_all(&with_parts(select, parts, backend).into_query()).await.map_err(fault_of)?;
        let mut page = page_of(query, rows, |row| read(&row, parts, backend))?;
        if parts.members || parts.monitors {
            self.hang(&mut page.items, parts).await?;
        }
        Ok(page)
    }

    /// Gives the pools of a page what hangs on them: all in one row of its own, as a subquery for each pool takes longer.
    async fn hang(&self, pools: &mut [ShownPool], parts: PoolParts) -> Result<(), Fault> {
        let backend = self.db().get_database_backend();
        let ids: Vec<Uuid> = pools.iter().map(|shown| shown.pool.id).collect();
        let by_id: HashMap<Uuid, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let wanted = |wanted, select: String| if wanted { select } else { "NULL".to_owned() };
        let members = wanted(parts.members, members_of(backend, &rows_among(backend, "member", "pool_id")));
        let monitors = wanted(parts.monitors, monitors_of(backend, &rows_among(backend, "association", "pool_id")));
        let sql = format!("SELECT {members} AS members, {monitors} AS monitors");
        let statement = Statement::from_sql_and_values(backend, sql, [list_of(backend, &ids)]);
        let Some(row) = self.db().query_one_raw(statement).await.map_err(fault_of)? else { return Ok(()) };
        for (pool_id, id) in members_in(&row)? {
            if let Some(shown) = by_id.get(&pool_id).and_then(|at| pools.get_mut(*at)) {
                shown.member_ids.push(id);
            }
        }
        for (pool_id, monitor) in monitors_in(&row)? {
            if let Some(shown) = by_id.get(&pool_id).and_then(|at| pools.get_mut(*at)) {
                shown.monitors.push(monitor);
            }
        }
        Ok(())
    }

    /// Members as a caller asks for them.
    ///
    /// # Errors
    /// As [`Self::shown_pools`].
    pub async fn shown_members(&self, query: &Query) -> Result<Page<ShownMember>, Fault> {
        let shown = |row: member::Model| Ok(ShownMember { pool_id: row.pool_id, member: row.into_member()? });
        self.page(query, shown).await
    }
}

/// What [`read`] reads of each pool.
fn with_parts(select: Select<pool::Entity>, parts: PoolParts, backend: DbBackend) -> Select<pool::Entity> {
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
    let select = select.select_only();
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
            select.expr_as(Expr::cust(format!("json_array({})", values.join(", "))), "columns")
        }
        _ => {
            let select = select.columns(columns);
            if parts.vip { select.expr_as(Expr::cust(VIP), "vip_id") } else { select }
        }
    }
}

/// A pool of [`with_parts`], without what hangs on it.
fn read(row: &QueryResult, parts: PoolParts, backend: DbBackend) -> Result<ShownPool, Fault> {
    match backend {
        DbBackend::Sqlite => {
            let text: String = row.try_get_by_index(0).map_err(fault_of)?;
            let values: Vec<serde_json::Value> = from_json("columns", &text)?;
            shown(values.into_iter(), parts)
        }
        _ => shown(Columns { row, next: 0 }, parts),
    }
}

/// Values of a row, from the first to the last.
trait Values {
    fn id(&mut self) -> Result<Option<Uuid>, Fault>;
    fn text(&mut self) -> Result<Option<String>, Fault>;
    fn number(&mut self) -> Result<i64, Fault>;
    fn flag(&mut self) -> Result<bool, Fault>;
}

/// Columns by place, which costs less than by name.
struct Columns<'a> {
    row: &'a QueryResult,
    next: usize,
}

impl Columns<'_> {
    fn take<T: TryGetable>(&mut self) -> Result<T, Fault> {
        self.next += 1;
        self.row.try_get_by_index(self.next - 1).map_err(fault_of)
    }
}

impl Values for Columns<'_> {
    fn id(&mut self) -> Result<Option<Uuid>, Fault> {
        self.take()
    }

    fn text(&mut self) -> Result<Option<String>, Fault> {
        self.take()
    }

    fn number(&mut self) -> Result<i64, Fault> {
        self.take()
    }

    fn flag(&mut self) -> Result<bool, Fault> {
        self.take()
    }
}

impl Values for std::vec::IntoIter<serde_json::Value> {
    fn id(&mut self) -> Result<Option<Uuid>, Fault> {
        // Where there is none, hex() makes an empty text of it.
        self.text()?.filter(|text| !text.is_empty()).map(|text| parsed("columns", &text)).transpose()
    }

    fn text(&mut self) -> Result<Option<String>, Fault> {
        match self.next() {
            Some(serde_json::Value::String(text)) => Ok(Some(text)),
            Some(serde_json::Value::Null) => Ok(None),
            other => Err(unreadable("columns", format_args!("{other:?}"))),
        }
    }

    fn number(&mut self) -> Result<i64, Fault> {
        let value = self.next();
        value.as_ref().and_then(|value| value.as_i64()).ok_or_else(|| unreadable("columns", format_args!("{value:?}")))
    }

    fn flag(&mut self) -> Result<bool, Fault> {
        self.number().map(|number| number != 0)
    }
}

fn shown(mut values: impl Values, parts: PoolParts) -> Result<ShownPool, Fault> {
    let row = pool::Model {
        id: values.id()?.unwrap_or_default(),
        protocol: values.text()?.unwrap_or_default(),
        lb_method: values.text()?.unwrap_or_default(),
        admin_state_up: values.flag()?,
        provisioning_status: values.text()?.unwrap_or_default(),
        changed: values.number()?,
        project_id: wanted(parts.project_id, || values.text())?,
        name: wanted(parts.name, || values.text())?,
        description: wanted(parts.description, || values.text())?,
        subnet_id: wanted(parts.subnet_id, || values.id())?,
        status_description: if parts.status_description { values.text()? } else { None },
        provider: wanted(parts.provider, || values.text())?,
        seq: 0,
        load_balancer_id: Uuid::nil(),
        persistence: None,
        cookie_name: None,
    };
    let provider = row.provider.clone();
    let vip_id = if parts.vip { values.id()? } else { None };
    let pool = row.into_pool(Vec::new(), Vec::new())?;
    Ok(ShownPool { pool, provider, vip_id, member_ids: Vec::new(), monitors: Vec::new() })
}

/// The next value; its default when it was not asked for, and is not there.
fn wanted<T: Default>(wanted: bool, next: impl FnOnce() -> Result<Option<T>, Fault>) -> Result<T, Fault> {
    if wanted { next().map(Option::unwrap_or_default) } else { Ok(T::default()) }
}

/// Selects the members of some pools as [`members_in`] reads them.
fn members_of(backend: DbBackend, from: &str) -> String {
    let expr = match backend {
        DbBackend::Sqlite => "group_concat(hex(member.pool_id) || printf('%016x', member.seq) || hex(member.id), '')",
        _ => "encode(string_agg(uuid_send(member.pool_id) || int8send(member.seq) || uuid_send(member.id), ''), 'hex')",
    };
    format!("(SELECT {expr} FROM {from})")
}

/// Members one after the other, in hexadecimal: of each its pool's id, its number and its id. In the order of the numbers.
fn members_in(row: &QueryResult) -> Result<Vec<(Uuid, Uuid)>, Fault> {
    let text: Option<String> = row.try_get("", "members").map_err(fault_of)?;
    unpacked(&text.unwrap_or_default())
}

fn unpacked(text: &str) -> Result<Vec<(Uuid, Uuid)>, Fault> {
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
    Ok(members.into_iter().map(|(_, pool_id, id)| (pool_id, id)).collect())
}

/// Selects the monitors of some pools as [`monitors_in`] reads them.
fn monitors_of(backend: DbBackend, from: &str) -> String {
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

/// Monitors as JSON: of each its pool's id, its own, and the three columns of its progress.
fn monitors_in(row: &QueryResult) -> Result<Vec<(Uuid, (Uuid, Progress))>, Fault> {
    let text: Option<String> = row.try_get("", "monitors").map_err(fault_of)?;
    let Some(text) = text else { return Ok(Vec::new()) };
    let rows: Vec<(Uuid, Uuid, String, Option<String>, i64)> = from_json("monitors", &text)?;
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
        let ordered = ordered.map(|(pool, id)| (Uuid::from_u128(pool), Uuid::from_u128(id)));
        assert_eq!(unpacked(&text).unwrap(), ordered);
        assert!(unpacked("").unwrap().is_empty());
        for cut in [1, 33, 50] {
            assert!(unpacked(&text[cut..]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_statement_has_one_of_few_lengths() {
        let ids = |count: u128| (1..=count).map(Uuid::from_u128).collect::<Vec<_>>();
        let lengths = |count| chunks(&ids(count)).map(|chunk| chunk.len()).collect::<Vec<_>>();
        assert_eq!(lengths(0), Vec::<usize>::new());
        assert_eq!((lengths(1), lengths(100), lengths(501)), (vec![1], vec![128], vec![500, 1]));
        assert_eq!(chunks(&ids(3)).flatten().collect::<Vec<_>>()[2..], [Uuid::from_u128(3); 2]);
    }
}
