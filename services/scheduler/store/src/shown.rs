//! Pools and members as lists show them: of each row the columns that are asked for, and what hangs on a pool as one text.
//! Each row more costs more than its columns do.
//!
//! A list does not load load balancers whole. What it gets is to be looked at: it cannot be changed and saved.

mod columns;
mod hanging;

use std::collections::HashMap;

use ballast_model::{
    fault::Fault,
    ids::{ListenerId, MemberId, MonitorId, PoolId},
    member::Member,
    pool::Pool,
    status::Progress,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, QueryTrait as _,
    Statement, sea_query::Expr,
};

use self::{
    columns::{read, with_parts},
    hanging::{members_in, members_of, monitors_in, monitors_of},
};
use crate::{
    Page, Query, Tx,
    backend::{fault_of, list_of, rows_among},
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
    pub vip_id: Option<ListenerId>,
    pub member_ids: Vec<MemberId>,
    pub monitors: Vec<(MonitorId, Progress)>,
}

/// A member in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMember {
    pub pool_id: PoolId,
    pub member: Member,
}

impl Tx {
    /// A pool, with all that it shows.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn shown_pool(&self, id: PoolId) -> Result<Option<ShownPool>, Fault> {
        let backend = self.db().get_database_backend();
        let select = pool::Entity::find().filter(pool::Column::Id.eq(id.uuid()));
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
        let ids: Vec<PoolId> = pools.iter().map(|shown| shown.pool.id).collect();
        let by_id: HashMap<PoolId, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let wanted = |wanted, select: String| if wanted { select } else { "NULL".to_owned() };
        let among = |table| {
            let (from, condition) = rows_among(backend, table, "pool_id");
            format!("{from} WHERE {condition}")
        };
        let members = wanted(parts.members, members_of(backend, &among("member")));
        let monitors = wanted(parts.monitors, monitors_of(backend, &among("association")));
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
        let shown = |row: member::Model| Ok(ShownMember { pool_id: row.pool_id.into(), member: row.into_member()? });
        self.page(query, shown).await
    }
}
