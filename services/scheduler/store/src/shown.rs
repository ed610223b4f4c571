//! Pools and members as lists show them: of each row the columns that are asked for, and what else a pool shows beside
//! them in the same statement. Each row more costs more than its columns do.
//!
//! A list does not load load balancers whole. What it gets is to be looked at: it cannot be changed and saved.

use std::collections::HashMap;

use ballast_model::{Uuid, fault::Fault, member::Member, pool::Pool, status::Progress};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QueryResult, QuerySelect as _, QueryTrait as _, Select, TryGetable, sea_query::Expr,
};

use crate::{
    Page, Query, Tx,
    aggregate::CHUNK,
    backend::fault_of,
    codec::unreadable,
    entity::{association, member, pool},
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
        let select = with_parts(select, parts, self.db().get_database_backend());
        let rows = self.db().query_all(&select.into_query()).await.map_err(fault_of)?;
        let mut page = page_of(query, rows, |row| Columns { row: &row, next: 0 }.read(parts))?;
        let monitored = page.items.iter().filter(|(_, monitored)| *monitored).map(|(shown, _)| shown.pool.id);
        let mut monitors = self.progress_of(&monitored.collect::<Vec<_>>()).await?;
        for (shown, _) in &mut page.items {
            shown.monitors = monitors.remove(&shown.pool.id).unwrap_or_default();
        }
        Ok(Page { items: page.items.into_iter().map(|(shown, _)| shown).collect(), more: page.more })
    }

    /// Members as a caller asks for them.
    ///
    /// # Errors
    /// As [`Self::shown_pools`].
    pub async fn shown_members(&self, query: &Query) -> Result<Page<ShownMember>, Fault> {
        let shown = |row: member::Model| Ok(ShownMember { pool_id: row.pool_id, member: row.into_member()? });
        self.page(query, shown).await
    }

    async fn progress_of(&self, pools: &[Uuid]) -> Result<HashMap<Uuid, Vec<(Uuid, Progress)>>, Fault> {
        let mut monitors: HashMap<Uuid, Vec<(Uuid, Progress)>> = HashMap::new();
        for chunk in chunks(pools) {
            let rows = association::Entity::find()
                .filter(association::Column::PoolId.is_in(chunk))
                .order_by_asc(association::Column::Seq);
            for row in rows.all(self.db()).await.map_err(fault_of)? {
                let (pool_id, monitor_id) = (row.pool_id, row.monitor_id);
                monitors.entry(pool_id).or_default().push((monitor_id, row.into_progress()?));
            }
        }
        Ok(monitors)
    }
}

/// The columns that [`Columns::read`] reads, in its order.
fn with_parts(select: Select<pool::Entity>, parts: PoolParts, backend: DbBackend) -> Select<pool::Entity> {
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
        (parts.members, members(backend)),
        (parts.monitors, "EXISTS (SELECT 1 FROM association WHERE association.pool_id = pool.id)"),
    ];
    let asked = asked.into_iter().filter(|(wanted, _)| *wanted).map(|(_, column)| column);
    let select = select.select_only().columns(always.into_iter().chain(asked));
    let beside = beside.into_iter().filter(|(wanted, _)| *wanted).enumerate();
    beside.fold(select, |select, (n, (_, expr))| select.expr_as(Expr::cust(expr), format!("beside{n}")))
}

const PROVIDER: &str =
    "(SELECT load_balancer.provider FROM load_balancer WHERE load_balancer.id = pool.load_balancer_id)";
const VIP: &str = "(SELECT listener.id FROM listener WHERE listener.default_pool_id = pool.id LIMIT 1)";

/// The ids of a pool's members as one text, in hexadecimal, in the order of their creation.
const fn members(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Sqlite => {
            "(SELECT group_concat(hex(member.id), '' ORDER BY member.seq) FROM member WHERE member.pool_id = pool.id)"
        }
        _ => {
            "(SELECT string_agg(encode(uuid_send(member.id), 'hex'), '' ORDER BY member.seq) FROM member \
             WHERE member.pool_id = pool.id)"
        }
    }
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

    /// A pool, and whether it has monitors.
    fn read(mut self, parts: PoolParts) -> Result<(ShownPool, bool), Fault> {
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
        let members: Option<String> = self.take_if(parts.members)?;
        let monitored = self.take_if(parts.monitors)?;
        let (provider, member_ids) = (provider.unwrap_or_default(), ids(&members.unwrap_or_default())?);
        Ok((ShownPool { pool, provider, vip_id, member_ids, monitors: Vec::new() }, monitored))
    }
}

/// Ids one after the other.
fn ids(text: &str) -> Result<Vec<Uuid>, Fault> {
    const DIGITS: usize = 32;
    let id = |digits: &[u8]| Uuid::try_parse_ascii(digits).map_err(|_| unreadable("member ids", text.to_owned()));
    text.as_bytes().chunks(DIGITS).map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_one_text() {
        let many = [1, u128::MAX].map(Uuid::from_u128);
        let text: String = many.iter().map(|id| id.simple().to_string()).collect();
        assert_eq!(ids(&text.to_uppercase()).unwrap(), many);
        assert!(ids("").unwrap().is_empty());
        assert!(ids(&text[1..]).is_err());
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
