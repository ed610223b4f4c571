//! Pools and members as lists show them: rows of their own, and of what else only what is asked for.
//!
//! A list does not load load balancers whole. What it gets is to be looked at: it cannot be changed and saved.

use std::collections::HashMap;

use ballast_model::{Uuid, fault::Fault, member::Member, pool::Pool, status::Progress};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use crate::{
    Page, Query, Tx,
    aggregate::CHUNK,
    backend::fault_of,
    entity::{association, listener, load_balancer, member, pool},
};

/// What a list of pools shows besides the pools' own columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolParts {
    pub provider: bool,
    pub vip: bool,
    pub members: bool,
    pub monitors: bool,
}

impl PoolParts {
    pub const ALL: Self = Self { provider: true, vip: true, members: true, monitors: true };
}

/// A pool in a list. What was not asked for is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownPool {
    /// Without members and monitors, which are below.
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
        let page = self.page(query, Ok::<pool::Model, Fault>).await?;
        let ids: Vec<Uuid> = page.items.iter().map(|row| row.id).collect();
        let owners: Vec<Uuid> = page.items.iter().map(|row| row.load_balancer_id).collect();
        let providers = if parts.provider { self.providers_of(&owners).await? } else { HashMap::new() };
        let mut vips = if parts.vip { self.vips_of(&ids).await? } else { HashMap::new() };
        let mut members = if parts.members { self.member_ids_of(&ids).await? } else { HashMap::new() };
        let mut monitors = if parts.monitors { self.progress_of(&ids).await? } else { HashMap::new() };
        let shown = |row: pool::Model| {
            let (id, owner) = (row.id, row.load_balancer_id);
            Ok(ShownPool {
                pool: row.into_pool(Vec::new(), Vec::new())?,
                provider: providers.get(&owner).cloned().unwrap_or_default(),
                vip_id: vips.remove(&id),
                member_ids: members.remove(&id).unwrap_or_default(),
                monitors: monitors.remove(&id).unwrap_or_default(),
            })
        };
        Ok(Page { items: page.items.into_iter().map(shown).collect::<Result<_, Fault>>()?, more: page.more })
    }

    /// Members as a caller asks for them.
    ///
    /// # Errors
    /// As [`Self::shown_pools`].
    pub async fn shown_members(&self, query: &Query) -> Result<Page<ShownMember>, Fault> {
        let shown = |row: member::Model| Ok(ShownMember { pool_id: row.pool_id, member: row.into_member()? });
        self.page(query, shown).await
    }

    async fn providers_of(&self, owners: &[Uuid]) -> Result<HashMap<Uuid, String>, Fault> {
        let mut providers = HashMap::with_capacity(owners.len());
        for chunk in chunks(owners) {
            let rows = load_balancer::Entity::find()
                .select_only()
                .columns([load_balancer::Column::Id, load_balancer::Column::Provider])
                .filter(load_balancer::Column::Id.is_in(chunk))
                .into_tuple::<(Uuid, String)>();
            providers.extend(rows.all(self.db()).await.map_err(fault_of)?);
        }
        Ok(providers)
    }

    async fn vips_of(&self, pools: &[Uuid]) -> Result<HashMap<Uuid, Uuid>, Fault> {
        let mut vips = HashMap::new();
        for chunk in chunks(pools) {
            let rows = listener::Entity::find()
                .select_only()
                .columns([listener::Column::DefaultPoolId, listener::Column::Id])
                .filter(listener::Column::DefaultPoolId.is_in(chunk))
                .into_tuple::<(Uuid, Uuid)>();
            vips.extend(rows.all(self.db()).await.map_err(fault_of)?);
        }
        Ok(vips)
    }

    async fn member_ids_of(&self, pools: &[Uuid]) -> Result<HashMap<Uuid, Vec<Uuid>>, Fault> {
        let mut members: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for chunk in chunks(pools) {
            let rows = member::Entity::find()
                .select_only()
                .columns([member::Column::PoolId, member::Column::Id])
                .filter(member::Column::PoolId.is_in(chunk))
                .order_by_asc(member::Column::Seq)
                .into_tuple::<(Uuid, Uuid)>();
            for (pool_id, id) in rows.all(self.db()).await.map_err(fault_of)? {
                members.entry(pool_id).or_default().push(id);
            }
        }
        Ok(members)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_one_of_few_lengths() {
        let ids = |count: u128| (1..=count).map(Uuid::from_u128).collect::<Vec<_>>();
        let lengths = |count| chunks(&ids(count)).map(|chunk| chunk.len()).collect::<Vec<_>>();
        assert_eq!(lengths(0), Vec::<usize>::new());
        assert_eq!((lengths(1), lengths(100), lengths(501)), (vec![1], vec![128], vec![500, 1]));
        assert_eq!(chunks(&ids(3)).flatten().collect::<Vec<_>>()[2..], [Uuid::from_u128(3); 2]);
    }
}
