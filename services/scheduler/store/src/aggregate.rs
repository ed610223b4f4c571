//! Load balancers, whole: they are loaded and saved with all they are made of, never in parts.
//!
//! Saving compares the generation and the outcome that were loaded with what is stored (the optimistic lock): a load
//! balancer that others changed meanwhile is a conflict, and the work that loaded it is run again.

use std::collections::HashMap;

use ballast_model::{
    Uuid,
    fault::Fault,
    load_balancer::LoadBalancer,
    member::Member,
    pool::{Association, Pool},
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _,
};

use crate::{
    Placed, Tx,
    backend::fault_of,
    codec::number,
    entity::{association, listener, load_balancer, member, pool},
    parts::{changes, load_balancer_changed},
    whole,
};

/// How many ids one statement asks for.
pub(crate) const CHUNK: usize = 500;

impl Tx {
    /// The load balancer with this id.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn load(&self, id: Uuid) -> Result<Option<LoadBalancer>, Fault> {
        Ok(self.load_placed(id).await?.map(|placed| placed.load_balancer))
    }

    /// The same, and where it is.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_placed(&self, id: Uuid) -> Result<Option<Placed>, Fault> {
        Ok(self.load_many_placed(&[id]).await?.pop())
    }

    /// The load balancers with these ids, in the order of the ids. What is not there is left out.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_many(&self, ids: &[Uuid]) -> Result<Vec<LoadBalancer>, Fault> {
        Ok(self.load_many_placed(ids).await?.into_iter().map(|placed| placed.load_balancer).collect())
    }

    /// The same, and where each is.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_many_placed(&self, ids: &[Uuid]) -> Result<Vec<Placed>, Fault> {
        let mut found = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let rows = self.db().query_all_raw(whole::statement(self.db().get_database_backend(), chunk));
            for row in rows.await.map_err(fault_of)? {
                let placed = whole::read(&row)?;
                found.insert(placed.load_balancer.id, placed);
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Stores a new load balancer. Its monitors have rows of their own already: only the associations are stored.
    ///
    /// # Errors
    /// [`Code::HealthMonitorNotFound`](ballast_model::fault::Code::HealthMonitorNotFound), or as [`Self::load`].
    pub async fn insert(&self, load_balancer: &LoadBalancer) -> Result<(), Fault> {
        let row = load_balancer::ActiveModel::of(load_balancer);
        load_balancer::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
        let rows = Rows::of(load_balancer);
        for row in rows.pools {
            self.insert_part(row).await?;
        }
        for row in rows.members {
            self.insert_part(row).await?;
        }
        for row in rows.associations {
            self.insert_part(row).await?;
        }
        for row in rows.listeners {
            self.insert_part(row).await?;
        }
        self.note_load_balancer(None, Some(load_balancer));
        Ok(())
    }

    /// Stores what differs between `before`, as it was loaded, and `after`. A listener or member that came from another
    /// load balancer may be saved before or after that one; it keeps its place in lists when it is saved before.
    ///
    /// # Errors
    /// [`Code::Conflict`](ballast_model::fault::Code::Conflict) when others changed it since it was loaded; `MemberExists`,
    /// `VipExists`, `AssociationExists` or `HealthMonitorNotFound` when that only shows now; or as [`Self::load`].
    pub async fn save(&self, before: &LoadBalancer, after: &LoadBalancer) -> Result<(), Fault> {
        if before == after {
            return Ok(());
        }
        self.save_row(before, after).await?;
        self.note_load_balancer(Some(before), Some(after));
        let (old, new) = (Rows::of(before), Rows::of(after));
        self.save_parts(after.id, old.pools, new.pools).await?;
        self.save_parts(after.id, old.members, new.members).await?;
        self.save_parts(after.id, old.associations, new.associations).await?;
        self.save_parts(after.id, old.listeners, new.listeners).await
    }

    async fn save_row(&self, before: &LoadBalancer, after: &LoadBalancer) -> Result<(), Fault> {
        let row = load_balancer::ActiveModel::of(after);
        // Health and placement change parts alone: the lock must be taken all the same.
        let row = changes(&load_balancer::ActiveModel::of(before), row).unwrap_or_else(|| lock_only(after));
        let saved = load_balancer::Entity::update_many().set(row).filter(as_loaded(before)).exec(self.db()).await;
        match saved.map_err(fault_of)?.rows_affected {
            0 => Err(load_balancer_changed(after.id)),
            _ => Ok(()),
        }
    }

    /// Deletes a load balancer, as it was loaded, with all it is made of and its counters. Its bindings stay.
    ///
    /// # Errors
    /// [`Code::Conflict`](ballast_model::fault::Code::Conflict) when others changed it since it was loaded, or as
    /// [`Self::load`].
    pub async fn delete(&self, load_balancer: &LoadBalancer) -> Result<(), Fault> {
        let gone = load_balancer::Entity::delete_many().filter(as_loaded(load_balancer)).exec(self.db()).await;
        match gone.map_err(fault_of)?.rows_affected {
            0 => Err(load_balancer_changed(load_balancer.id)),
            _ => {
                self.note_load_balancer(Some(load_balancer), None);
                Ok(())
            }
        }
    }

    /// The load balancer that has this listener.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn owner_of_listener(&self, id: Uuid) -> Result<Option<Uuid>, Fault> {
        let owner = listener::Entity::find().select_only().column(listener::Column::LoadBalancerId);
        owner.filter(listener::Column::Id.eq(id)).into_tuple().one(self.db()).await.map_err(fault_of)
    }

    /// The load balancer that has this member.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn owner_of_member(&self, id: Uuid) -> Result<Option<Uuid>, Fault> {
        let owner = member::Entity::find().select_only().column(member::Column::LoadBalancerId);
        owner.filter(member::Column::Id.eq(id)).into_tuple().one(self.db()).await.map_err(fault_of)
    }
}

fn as_loaded(load_balancer: &LoadBalancer) -> Condition {
    Condition::all()
        .add(load_balancer::Column::Id.eq(load_balancer.id))
        .add(load_balancer::Column::Generation.eq(number(load_balancer.generation)))
        .add(load_balancer::Column::Settled.eq(number(load_balancer.settled)))
}

fn lock_only(load_balancer: &LoadBalancer) -> load_balancer::ActiveModel {
    let settled = sea_orm::Set(number(load_balancer.settled));
    load_balancer::ActiveModel { settled, ..Default::default() }
}

/// The rows of what a load balancer is made of.
struct Rows {
    pools: Vec<pool::ActiveModel>,
    members: Vec<member::ActiveModel>,
    associations: Vec<association::ActiveModel>,
    listeners: Vec<listener::ActiveModel>,
}

impl Rows {
    fn of(load_balancer: &LoadBalancer) -> Self {
        let id = load_balancer.id;
        let pools = &load_balancer.pools;
        let member = |pool: &Pool, member: &Member| member::ActiveModel::of(member, id, pool.id);
        let association = |pool: &Pool, one: &Association| association::ActiveModel::of(one, id, pool.id);
        Self {
            pools: pools.iter().map(|pool| pool::ActiveModel::of(pool, load_balancer)).collect(),
            members: pools.iter().flat_map(|pool| pool.members.iter().map(move |one| member(pool, one))).collect(),
            associations: pools
                .iter()
                .flat_map(|pool| pool.monitors.iter().map(move |one| association(pool, one)))
                .collect(),
            listeners: load_balancer.listeners.iter().map(|one| listener::ActiveModel::of(one, id)).collect(),
        }
    }
}
