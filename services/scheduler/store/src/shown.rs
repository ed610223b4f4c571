//! Pools and members as lists show them: of each row the columns that are asked for, and what hangs on a pool as one text.
//! Each row more costs more than its columns do.
//!
//! A list does not load load balancers whole. What it gets is to be looked at: it cannot be changed and saved.

use std::collections::HashMap;

use ballast_model::{Uuid, fault::Fault, member::Member, pool::Pool, status::Progress};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, QueryFilter as _, QueryResult,
    QuerySelect as _, QueryTrait as _, Select, Statement, TryGetable, sea_query::Expr,
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
    /// A pool, with all that it shows.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn shown_pool(&self, id: Uuid) -> Result<Option<ShownPool>, Fault> {
        let backend = self.db().get_database_backend();
        let select = with_parts(pool::Entity::find().filter(pool::Column::Id.eq(id)), PoolParts::ALL, Some(backend));
        let row = self.db().query_one(&select.into_query()).await.map_err(fault_of)?;
        row.map(|row| Columns { row: &row, next: 0 }.read(PoolParts::ALL, true)).transpose()
    }

    /// Pools as a caller asks for them.
    ///
    /// # Errors
    /// [`Code::InvalidInput`](ballast_model::fault::Code::InvalidInput): it cannot be sorted like that;
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn shown_pools(&self, query: &Query, parts: PoolParts) -> Result<Page<ShownPool>, Fault> {
        let Some(select) = self.select::<pool::Entity>(query).await? else { return Ok(nothing()) };
        let backend = self.db().get_database_backend();
        // A subquery of each row costs SQLite nothing; PostgreSQL has one answer for the whole page sooner.
        let beside = (backend == DbBackend::Sqlite).then_some(backend);
        let select = with_parts(select, parts, beside);
        let rows = self.db().query_all(&select.into_query()).await.map_err(fault_of)?;
        let mut page = page_of(query, rows, |row| Columns { row: &row, next: 0 }.read(parts, beside.is_some()))?;
        if beside.is_none() && (parts.members || parts.monitors) {
            self.hang(&mut page.items, parts).await?;
        }
        Ok(page)
    }

    /// Gives PostgreSQL's pools what hangs on them: all in one row, because rows cost more than bytes do.
    async fn hang(&self, pools: &mut [ShownPool], parts: PoolParts) -> Result<(), Fault> {
        let backend = self.db().get_database_backend();
        let ids: Vec<Uuid> = pools.iter().map(|shown| shown.pool.id).collect();
        let by_id: HashMap<Uuid, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let members = if parts.members { members_of(backend, "ANY($1)") } else { "NULL".to_owned() };
        let monitors = if parts.monitors { monitors_of(backend, "ANY($1)") } else { "NULL".to_owned() };
        let statement = Statement::from_sql_and_values(backend, format!("SELECT {members}, {monitors}"), [ids.into()]);
        let Some(row) = self.db().query_one_raw(statement).await.map_err(fault_of)? else { return Ok(()) };
        let mut columns = Columns { row: &row, next: 0 };
        for (pool_id, id) in members_in(columns.take()?)? {
            if let Some(shown) = by_id.get(&pool_id).and_then(|at| pools.get_mut(*at)) {
                shown.member_ids.push(id);
            }
        }
        for (pool_id, monitor) in monitors_in(columns.take()?)? {
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

/// The columns that [`Columns::read`] reads, in its order; with a backend, what hangs on a pool beside it.
fn with_parts(select: Select<pool::Entity>, parts: PoolParts, beside: Option<DbBackend>) -> Select<pool::Entity> {
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
    let asked = asked.into_iter().filter(|(wanted, _)| *wanted).map(|(_, column)| column);
    let select = select.select_only().columns(always.into_iter().chain(asked));
    let mut exprs = Vec::new();
    exprs.extend(parts.provider.then(|| PROVIDER.to_owned()));
    exprs.extend(parts.vip.then(|| VIP.to_owned()));
    if let Some(backend) = beside {
        exprs.extend(parts.members.then(|| members_of(backend, "pool.id")));
        exprs.extend(parts.monitors.then(|| monitors_of(backend, "pool.id")));
    }
    let exprs = exprs.into_iter().enumerate();
    exprs.fold(select, |select, (n, expr)| select.expr_as(Expr::cust(expr), format!("beside{n}")))
}

const PROVIDER: &str =
    "(SELECT load_balancer.provider FROM load_balancer WHERE load_balancer.id = pool.load_balancer_id)";
const VIP: &str = "(SELECT listener.id FROM listener WHERE listener.default_pool_id = pool.id LIMIT 1)";

/// Selects the members of some pools as [`members_in`] reads them.
fn members_of(backend: DbBackend, pools: &str) -> String {
    let expr = match backend {
        DbBackend::Sqlite => "group_concat(hex(pool_id) || printf('%016x', seq) || hex(id), '')",
        _ => "encode(string_agg(uuid_send(pool_id) || int8send(seq) || uuid_send(id), ''), 'hex')",
    };
    format!("(SELECT {expr} FROM member WHERE pool_id = {pools})")
}

/// Members one after the other, in hexadecimal: of each its pool's id, its number and its id. In the order of the numbers.
fn members_in(text: Option<String>) -> Result<Vec<(Uuid, Uuid)>, Fault> {
    const DIGITS: [usize; 3] = [32, 16, 32];
    let text = text.unwrap_or_default();
    let unreadable = || unreadable("members", &text);
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
fn monitors_of(backend: DbBackend, pools: &str) -> String {
    let expr = match backend {
        DbBackend::Sqlite => {
            "json_group_array(json_array(hex(pool_id), hex(monitor_id), provisioning_status, status_description, changed) \
             ORDER BY seq)"
        }
        _ => {
            "json_agg(json_build_array(pool_id, monitor_id, provisioning_status, status_description, changed) \
             ORDER BY seq)::text"
        }
    };
    format!("(SELECT {expr} FROM association WHERE pool_id = {pools})")
}

/// Monitors as JSON: of each its pool's id, its own, and the three columns of its progress.
fn monitors_in(text: Option<String>) -> Result<Vec<(Uuid, (Uuid, Progress))>, Fault> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let rows: Vec<(String, String, String, Option<String>, i64)> = from_json("monitors", &text)?;
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

    /// A pool; what hangs on it too, when it is beside.
    fn read(mut self, parts: PoolParts, beside: bool) -> Result<ShownPool, Fault> {
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
        let members = members_in(self.take_if(beside && parts.members)?)?;
        let monitors = monitors_in(self.take_if(beside && parts.monitors)?)?;
        Ok(ShownPool {
            pool,
            provider,
            vip_id,
            member_ids: members.into_iter().map(|(_, id)| id).collect(),
            monitors: monitors.into_iter().map(|(_, monitor)| monitor).collect(),
        })
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
        assert_eq!(members_in(Some(text.clone())).unwrap(), ordered);
        assert!(members_in(None).unwrap().is_empty());
        for cut in [1, 33, 50] {
            assert!(members_in(Some(text[cut..].to_owned())).is_err(), "{cut}");
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
