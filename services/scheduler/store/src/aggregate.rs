//! Load balancers, whole: they are loaded and saved with all they are made of, never in parts.
//!
//! Saving compares the generation and the outcome that were loaded with what is stored (the optimistic lock): a load
//! balancer that others changed meanwhile is a conflict, and the work that loaded it is run again.

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{ListenerId, LoadBalancerId, MemberId},
    load_balancer::LoadBalancer,
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _,
};

use crate::{
    Placed, Tx,
    backend::{fault_of, is_among},
    codec::number,
    entity::{association, listener, load_balancer, member, pool},
    parts::{alike, changes, load_balancer_changed},
};

/// How many ids one statement asks for.
pub(crate) const CHUNK: usize = 500;

impl Tx {
    /// The load balancer with this id.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn load(&self, id: LoadBalancerId) -> Result<Option<LoadBalancer>, Fault> {
        Ok(self.load_placed(id).await?.map(|placed| placed.load_balancer))
    }

    /// The same, and where it is.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_placed(&self, id: LoadBalancerId) -> Result<Option<Placed>, Fault> {
        Ok(self.load_many_placed(&[id]).await?.pop())
    }

    /// The load balancers with these ids, in the order of the ids. What is not there is left out.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_many(&self, ids: &[LoadBalancerId]) -> Result<Vec<LoadBalancer>, Fault> {
        Ok(self.load_many_placed(ids).await?.into_iter().map(|placed| placed.load_balancer).collect())
    }

    /// The same, and where each is.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_many_placed(&self, ids: &[LoadBalancerId]) -> Result<Vec<Placed>, Fault> {
        let mut found = self.whole(ids).await?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Stores a new load balancer. Its monitors have rows of their own already: only the associations are stored.
    ///
    /// # Errors
    /// [`Code::HealthMonitorNotFound`](ballast_model::fault::Code::HealthMonitorNotFound), or as [`Self::load`].
    pub async fn insert(&self, load_balancer: &LoadBalancer) -> Result<(), Fault> {
        let row = load_balancer::ActiveModel::of(load_balancer);
        load_balancer::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
        let mut rows = Rows::default();
        rows.add(load_balancer);
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
        self.save_many(&[(before, after)]).await
    }

    /// The same of several load balancers, between which nothing moves: what changes alike in them is one statement.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub async fn save_many(&self, changes: &[(&LoadBalancer, &LoadBalancer)]) -> Result<(), Fault> {
        let changed: Vec<_> = changes.iter().copied().filter(|(before, after)| before != after).collect();
        self.save_rows(&changed).await?;
        let (mut old, mut new) = (Rows::default(), Rows::default());
        for (before, after) in changed {
            self.note_load_balancer(Some(before), Some(after));
            old.add(before);
            new.add(after);
        }
        self.save_parts(old.pools, new.pools).await?;
        self.save_parts(old.members, new.members).await?;
        self.save_parts(old.associations, new.associations).await?;
        self.save_parts(old.listeners, new.listeners).await
    }

    async fn save_rows(&self, changed: &[(&LoadBalancer, &LoadBalancer)]) -> Result<(), Fault> {
        let row = |(before, after): &(&LoadBalancer, &LoadBalancer)| {
            let row = load_balancer::ActiveModel::of(after);
            // Health and placement change parts alone: the lock must be taken all the same.
            let row = changes(&load_balancer::ActiveModel::of(before), row).unwrap_or_else(|| lock_only(after));
            ((row, before.generation, before.settled), before.id)
        };
        for ((row, generation, settled), ids) in alike(changed.iter().map(row)) {
            let saved = load_balancer::Entity::update_many()
                .set(row)
                .filter(is_among(self.db().get_database_backend(), "load_balancer.id", &ids))
                .filter(load_balancer::Column::Generation.eq(number(generation)))
                .filter(load_balancer::Column::Settled.eq(number(settled)));
            let saved = saved.exec(self.db()).await.map_err(fault_of)?;
            if saved.rows_affected != ids.len() as u64 {
                return Err(load_balancer_changed(ids.first().copied().unwrap_or_default()));
            }
        }
        Ok(())
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
    pub async fn owner_of_listener(&self, id: ListenerId) -> Result<Option<LoadBalancerId>, Fault> {
        let owner = listener::Entity::find().select_only().column(listener::Column::LoadBalancerId);
        owner
            .filter(listener::Column::Id.eq(id.uuid()))
            .into_tuple::<Uuid>()
            .one(self.db())
            .await
            .map(|id| id.map(Into::into))
            .map_err(fault_of)
    }

    /// The load balancer that has this member.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn owner_of_member(&self, id: MemberId) -> Result<Option<LoadBalancerId>, Fault> {
        let owner = member::Entity::find().select_only().column(member::Column::LoadBalancerId);
        owner
            .filter(member::Column::Id.eq(id.uuid()))
            .into_tuple::<Uuid>()
            .one(self.db())
            .await
            .map(|id| id.map(Into::into))
            .map_err(fault_of)
    }
}

fn as_loaded(load_balancer: &LoadBalancer) -> Condition {
    Condition::all()
        .add(load_balancer::Column::Id.eq(load_balancer.id.uuid()))
        .add(load_balancer::Column::Generation.eq(number(load_balancer.generation)))
        .add(load_balancer::Column::Settled.eq(number(load_balancer.settled)))
}

fn lock_only(load_balancer: &LoadBalancer) -> load_balancer::ActiveModel {
    let settled = sea_orm::Set(number(load_balancer.settled));
    load_balancer::ActiveModel { settled, ..Default::default() }
}

/// The rows of what load balancers are made of.
#[derive(Default)]
struct Rows {
    pools: Vec<pool::ActiveModel>,
    members: Vec<member::ActiveModel>,
    associations: Vec<association::ActiveModel>,
    listeners: Vec<listener::ActiveModel>,
}

impl Rows {
    fn add(&mut self, load_balancer: &LoadBalancer) {
        let id = load_balancer.id;
        for pool in &load_balancer.pools {
            self.pools.push(pool::ActiveModel::of(pool, load_balancer));
            self.members.extend(pool.members.iter().map(|one| member::ActiveModel::of(one, id, pool.id)));
            self.associations.extend(pool.monitors.iter().map(|one| association::ActiveModel::of(one, id, pool.id)));
        }
        self.listeners.extend(load_balancer.listeners.iter().map(|one| listener::ActiveModel::of(one, id)));
    }
}
