//! Pools and members as lists show them: of each row the columns that are asked for. What hangs on the pools of a page is
//! one row of a second statement: each row more costs more than its columns do.
//!
//! A list does not load load balancers whole. What it gets is to be looked at: it cannot be changed and saved.

use std::collections::HashMap;

use ballast_model::{Uuid, fault::Fault, member::Member, pool::Pool, status::Progress};
use sea_orm::{
    ConnectionTrait as _, DbBackend, QueryResult, QuerySelect as _, QueryTrait as _, Select, Statement, TryGetable,
    Value, sea_query::Expr,
};

use crate::{
    Page, Query, Tx,
    aggregate::CHUNK,
    backend::fault_of,
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
    /// Pools as a caller asks for them.
    ///
    /// # Errors
    /// [`Code::InvalidInput`](ballast_model::fault::Code::InvalidInput): it cannot be sorted like that;
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn shown_pools(&self, query: &Query, parts: PoolParts) -> Result<Page<ShownPool>, Fault> {
        let Some(select) = self.select::<pool::Entity>(query).await? else { return Ok(nothing()) };
        let select = with_parts(select, parts);
        let rows = self.db().query_all(&select.into_query()).await.map_err(fault_of)?;
        let mut page = page_of(query, rows, |row| Columns { row: &row, next: 0 }.read(parts))?;
        if parts.members || parts.monitors {
            self.hang(&mut page.items, parts).await?;
        }
        Ok(page)
    }

    /// Gives pools what hangs on them: all in one row, because rows cost more than bytes do.
    async fn hang(&self, pools: &mut [ShownPool], parts: PoolParts) -> Result<(), Fault> {
        let by_id: HashMap<Uuid, usize> = pools.iter().enumerate().map(|(at, shown)| (shown.pool.id, at)).collect();
        let ids: Vec<Uuid> = pools.iter().map(|shown| shown.pool.id).collect();
        let backend = self.db().get_database_backend();
        let statement = Statement::from_sql_and_values(backend, hanging(backend, parts), [list(backend, &ids)]);
        let Some(row) = self.db().query_one_raw(statement).await.map_err(fault_of)? else { return Ok(()) };
        let texts: (Option<String>, Option<String>) =
            (row.try_get_by_index(0).map_err(fault_of)?, row.try_get_by_index(1).map_err(fault_of)?);
        for (pool_id, id) in texts.0.as_deref().map(members).transpose()?.unwrap_or_default() {
            if let Some(shown) = by_id.get(&pool_id).and_then(|at| pools.get_mut(*at)) {
                shown.member_ids.push(id);
            }
        }
        for (pool_id, monitor) in texts.1.as_deref().map(monitors).transpose()?.unwrap_or_default() {
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

/// The columns that [`Columns::read`] reads, in its order.
fn with_parts(select: Select<pool::Entity>, parts: PoolParts) -> Select<pool::Entity> {
    use pool::Column;

    let always = [
        Column::Id,
        Column::Protocol,
        Column::LbMethod,
        Column::AdminStateUp,
        Column::ProvisioningStatus,
        Column::Changed,
    ];
    let asked = [
        (parts.project_id, Column::ProjectId),
        (parts.name, Column::Name),
        (parts.description, Column::Description),
        (parts.subnet_id, Column::SubnetId),
        (parts.status_description, Column::StatusDescription),
    ];
    let beside = [
        (parts.provider, PROVIDER),
        (parts.vip, VIP),
    ];
    let asked = asked.into_iter().filter(|(wanted, _)| *wanted).map(|(_, column)| column);
    let select = select.select_only().columns(always.into_iter().chain(asked));
    let beside = beside.into_iter().filter(|(wanted, _)| *wanted).enumerate();
    beside.fold(select, |select, (n, (_, expr))| select.expr_as(Expr::cust(expr), format!("beside{n}")))
}

const PROVIDER: &str =
    "(SELECT load_balancer.provider FROM load_balancer WHERE load_balancer.id = pool.load_balancer_id)";
const VIP: &str = "(SELECT listener.id FROM listener WHERE listener.default_pool_id = pool.id LIMIT 1)";

/// Ids as the one parameter of [`hanging`].
fn list(backend: DbBackend, ids: &[Uuid]) -> Value {
    match backend {
        DbBackend::Sqlite => {
            let ids: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
            serde_json::json!(ids).to_string().into()
        }
        _ => ids.to_vec().into(),
    }
}

/// Selects what hangs on the pools of a list, as [`members`] and [`monitors`] read it.
fn hanging(backend: DbBackend, parts: PoolParts) -> String {
    let (members, monitors, among) = match backend {
        DbBackend::Sqlite => (
            "group_concat(hex(pool_id) || printf('%016x', seq) || hex(id), '')",
            "json_group_array(json_array(hex(pool_id), hex(monitor_id), provisioning_status, status_description, \
             changed) ORDER BY seq)",
            "pool_id IN (SELECT unhex(value) FROM json_each($1))",
        ),
        _ => (
            "encode(string_agg(uuid_send(pool_id) || int8send(seq) || uuid_send(id), ''), 'hex')",
            "json_agg(json_build_array(pool_id, monitor_id, provisioning_status, status_description, changed) \
             ORDER BY seq)::text",
            "pool_id = ANY($1)",
        ),
    };
    let part = |wanted, expr, table| {
        if wanted { format!("(SELECT {expr} FROM {table} WHERE {among})") } else { "NULL".to_owned() }
    };
    format!("SELECT {}, {}", part(parts.members, members, "member"), part(parts.monitors, monitors, "association"))
}

/// Members one after the other, in hexadecimal: of each its pool's id, its number and its id. In the order of the numbers.
fn members(text: &str) -> Result<Vec<(Uuid, Uuid)>, Fault> {
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

/// Monitors as JSON: of each its pool's id, its own, and the three columns of its progress.
fn monitors(text: &str) -> Result<Vec<(Uuid, (Uuid, Progress))>, Fault> {
    let rows: Vec<(String, String, String, Option<String>, i64)> = from_json("monitors", text)?;
    let monitor = |(pool_id, id, status, description, changed): (String, String, String, _, _)| {
        let id = parsed("monitor_id", &id)?;
        Ok((parsed("pool_id", &pool_id)?, (id, progress(&status, description, changed)?)))
    };
    rows.into_iter().map(monitor).collect()
}

/// A row, read from its first column to its last: by place, which costs less than by name.
struct Columns<'a> {
    row: &'a QueryResult,
    next: usize,
}

impl Columns<'_> {
    fn take<T: TryGetable>(&mut self) -> Result<T, Fault> {
        self.next += 1;
        self.row.try_get_by_index(self.next - 1).map_err(fault_of)
    }

    /// Its default when it was not asked for, and is not there.
    fn take_if<T: TryGetable + Default>(&mut self, wanted: bool) -> Result<T, Fault> {
        if wanted { self.take() } else { Ok(T::default()) }
    }

    fn read(mut self, parts: PoolParts) -> Result<ShownPool, Fault> {
        let row = pool::Model {
            id: self.take()?,
            protocol: self.take()?,
            lb_method: self.take()?,
            admin_state_up: self.take()?,
            provisioning_status: self.take()?,
            changed: self.take()?,
            project_id: self.take_if(parts.project_id)?,
            name: self.take_if(parts.name)?,
            description: self.take_if(parts.description)?,
            subnet_id: self.take_if(parts.subnet_id)?,
            status_description: self.take_if(parts.status_description)?,
            seq: 0,
            load_balancer_id: Uuid::nil(),
            persistence: None,
            cookie_name: None,
        };
        let pool = row.into_pool(Vec::new(), Vec::new())?;
        let provider: Option<String> = self.take_if(parts.provider)?;
        let vip_id = self.take_if(parts.vip)?;
        let provider = provider.unwrap_or_default();
        Ok(ShownPool { pool, provider, vip_id, member_ids: Vec::new(), monitors: Vec::new() })
    }
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
        assert_eq!(members(&text).unwrap(), ordered);
        assert!(members("").unwrap().is_empty());
        for cut in [1, 33, 50] {
            assert!(members(&text[cut..]).is_err(), "{cut}");
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
