//! Pools and members as lists show them: of each row the columns that are asked for, and what hangs on a pool as one
//! value. Each row more costs more than its columns do.
//!
//! A list does not load load balancers whole; a pool that is shown alone does, as most are held. What is got is to be looked
//! at: it cannot be changed and saved.

mod columns;
mod hanging;

use std::collections::HashMap;

use ballast_model::{
    fault::Fault,
    ids::{ListenerId, MemberId, MonitorId, PoolId},
    load_balancer::LoadBalancer,
    member::Member,
    parts::Parts,
    pool::Pool,
    status::Progress,
    view::v1,
};
use sea_orm::{ConnectionTrait as _, QuerySelect as _, QueryTrait as _, Statement, sea_query::Expr};

use self::{
    columns::read,
    hanging::{members_in, monitors_in},
};
use crate::{
    Page, Query, Store, Tx,
    backend::{fault_of, list_of},
    entity::{member, pool},
    hot,
    lists::listing::{nothing, page_of},
    read::whole::Owner,
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
    pub vip_id: Option<ListenerId>,
    pub member_ids: Vec<MemberId>,
    pub monitors: Vec<(MonitorId, Progress)>,
    /// Of one that is shown alone: what v1 has no words for, where there is something.
    pub beyond: Option<Fault>,
}

/// A member in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMember {
    pub pool_id: PoolId,
    pub member: Member,
}

impl ShownPool {
    /// The pool with this id.
    fn of(load_balancer: &LoadBalancer, id: PoolId) -> Option<Self> {
        let pool = load_balancer.pools.iter().find(|pool| pool.id == id)?;
        if v1::load_balancer_of(id) != load_balancer.id {
            return None;
        }
        let vip = load_balancer.listeners.iter().find(|listener| listener.default_pool_id == Some(id));
        Some(Self {
            beyond: load_balancer.must_be_v1s().err(),
            provider: load_balancer.provider.clone(),
            vip_id: vip.map(|listener| listener.id),
            member_ids: pool.members.iter().map(|member| member.id).collect(),
            monitors: pool.monitors.iter().map(|one| (one.monitor.id, one.progress.clone())).collect(),
            pool: Pool {
                session_persistence: None,
                members: Parts::default(),
                monitors: Parts::default(),
                ..pool.clone()
            },
        })
    }
}

impl Store {
    /// A pool, with all that it shows. Those that are asked for at the same time are proven together. What is not held is
    /// read by who asks for it: nobody else waits for it, and what of it cannot be read is nobody else's fault.
    ///
    /// # Errors
    /// [`Code::Unavailable`](ballast_model::fault::Code::Unavailable): the database does not answer; [`Code::Internal`](ballast_model::fault::Code::Internal): it failed.
    pub async fn shown_pool(&self, id: PoolId) -> Result<Option<ShownPool>, Fault> {
        let Some(owner) = self.owners().get(id, |ids| self.owners_of_pools(ids)).await? else { return Ok(None) };
        let load_balancer = match owner.held {
            Some(held) => Some(held),
            None => self.glance(|tx, _| Box::pin(tx.load(owner.id))).await?,
        };
        Ok(load_balancer.and_then(|load_balancer| ShownPool::of(&load_balancer, id)))
    }

    async fn owners_of_pools(&self, ids: Vec<PoolId>) -> Result<HashMap<PoolId, Owner>, Fault> {
        self.glance(|tx, _| Box::pin(tx.owners_of_pools(&ids))).await
    }
}

impl Tx {
    /// Pools as a caller asks for them.
    ///
    /// # Errors
    /// [`Code::InvalidInput`](ballast_model::fault::Code::InvalidInput): it cannot be sorted like that;
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn shown_pools(&self, query: &Query, parts: PoolParts) -> Result<Page<ShownPool>, Fault> {
        let Some(select) = self.select::<pool::Entity>(query).await? else { return Ok(nothing()) };
        let backend = self.db().get_database_backend();
        let columns = hot::shown::columns(parts, backend).into_iter();
        let select = columns.fold(select.select_only(), |select, (expr, name)| select.expr_as(Expr::cust(expr), name));
        let rows = self.db().query_all(&select.into_query()).await.map_err(fault_of)?;
        let mut page = page_of(query, rows, |row| read(&row, parts, backend))?;
        if parts.members || parts.monitors {
            self.hang(&mut page.items, parts).await?;
        }
        Ok(page)
    }

    /// Gives the pools of a page what hangs on them.
    async fn hang(&self, pools: &mut [ShownPool], parts: PoolParts) -> Result<(), Fault> {
        let backend = self.db().get_database_backend();
        let ids: Vec<PoolId> = pools.iter().map(|shown| shown.pool.id).collect();
        let by_id: HashMap<PoolId, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let statement =
            Statement::from_sql_and_values(backend, hot::shown::hung(backend, parts), [list_of(backend, &ids)]);
        let Some(row) = self.db().query_one_raw(statement).await.map_err(fault_of)? else { return Ok(()) };
        let members = if parts.members { members_in(&row, backend)? } else { Vec::new() };
        let monitors = if parts.monitors { monitors_in(&row)? } else { Vec::new() };
        for (pool_id, id) in members {
            if let Some(shown) = by_id.get(&pool_id).and_then(|at| pools.get_mut(*at)) {
                shown.member_ids.push(id);
            }
        }
        for (pool_id, monitor) in monitors {
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
        let shown = |row: member::Model| Ok(ShownMember { pool_id: row.pool_id.into(), member: row.into_member()? });
        self.page(query, shown).await
    }
}
