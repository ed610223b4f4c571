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
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set,
};

use crate::{
    Placed, Tx,
    backend::{fault_of, is_among},
    codec::number,
    entity::{association, listener, load_balancer, member, pool},
    read::cache::stamp,
    write::changed::Changed,
    write::parts::{alike, changes, load_balancer_changed},
};

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
        let stamp = stamp();
        let row = load_balancer::ActiveModel { stamp: Set(stamp), ..load_balancer::ActiveModel::of(load_balancer) };
        load_balancer::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
        let changed = Changed::between(None, Some(load_balancer));
        let mut rows = Rows::default();
        rows.add_after(load_balancer, &changed);
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
        self.note_load_balancer(&changed, None, Some(load_balancer));
        self.desk().inserted(stamp, load_balancer);
        Ok(())
    }

    /// Stores what differs between `before`, as it was loaded, and `after`. A listener or member that came from another
    /// load balancer may be saved before or after that one; it keeps its place in lists when it is saved before.
    ///
    /// # Errors
    /// [`Code::Conflict`](ballast_model::fault::Code::Conflict) when others changed it since it was loaded;
    /// `MemberExists`,
    /// `AssociationExists` or `HealthMonitorNotFound` when that only shows now; or as [`Self::load`].
    pub async fn save(&self, before: &LoadBalancer, after: &LoadBalancer) -> Result<(), Fault> {
        self.save_many(&[(before, after)]).await
    }

    /// The same of several load balancers, between which nothing moves: what changes alike in them is one statement.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub async fn save_many(&self, changes: &[(&LoadBalancer, &LoadBalancer)]) -> Result<(), Fault> {
        let changed: Vec<_> = changes.iter().copied().filter(|(before, after)| before != after).collect();
        let stamp = stamp();
        self.save_rows(&changed, stamp).await?;
        let (mut old, mut new) = (Rows::default(), Rows::default());
        let mut other_monitors = Vec::new();
        for (before, after) in &changed {
            let parts = Changed::between(Some(before), Some(after));
            self.note_load_balancer(&parts, Some(before), Some(after));
            old.add_before(before, &parts);
            new.add_after(after, &parts);
            other_monitors.push(parts.has_other_monitors());
        }
        self.save_parts(old.pools, new.pools).await?;
        self.save_parts(old.members, new.members).await?;
        self.save_parts(old.associations, new.associations).await?;
        self.save_parts(old.listeners, new.listeners).await?;
        for ((before, after), other_monitors) in changed.into_iter().zip(other_monitors) {
            // A monitor is saved apart: whether it is what is stored is not known here.
            match other_monitors {
                true => self.desk().forget(after.id),
                false => self.desk().saved(stamp, before, after),
            }
        }
        Ok(())
    }

    async fn save_rows(&self, changed: &[(&LoadBalancer, &LoadBalancer)], stamp: i64) -> Result<(), Fault> {
        let row = |(before, after): &(&LoadBalancer, &LoadBalancer)| {
            let row = load_balancer::ActiveModel::of(after);
            // Health and placement change parts alone: the lock must be taken all the same.
            let row = changes(&load_balancer::ActiveModel::of(before), row).unwrap_or_default();
            let row = load_balancer::ActiveModel { stamp: Set(stamp), ..row };
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
                let changed = Changed::between(Some(load_balancer), None);
                self.note_load_balancer(&changed, Some(load_balancer), None);
                self.desk().forget(load_balancer.id);
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

/// The rows of what load balancers are made of.
#[derive(Default)]
struct Rows {
    pools: Vec<pool::ActiveModel>,
    members: Vec<member::ActiveModel>,
    associations: Vec<association::ActiveModel>,
    listeners: Vec<listener::ActiveModel>,
}

impl Rows {
    fn add_before(&mut self, load_balancer: &LoadBalancer, changed: &Changed<'_>) {
        let id = load_balancer.id;
        self.pools.extend(changed.pools.before.iter().map(|one| pool::ActiveModel::of(one, load_balancer)));
        self.members.extend(changed.members.before.iter().map(|(pool, one)| member::ActiveModel::of(one, id, *pool)));
        let monitors = changed.monitors.before.iter();
        self.associations.extend(monitors.map(|(pool, one)| association::ActiveModel::of(one, id, *pool)));
        self.listeners.extend(changed.listeners.before.iter().map(|one| listener::ActiveModel::of(one, id)));
    }

    fn add_after(&mut self, load_balancer: &LoadBalancer, changed: &Changed<'_>) {
        let id = load_balancer.id;
        self.pools.extend(changed.pools.after.iter().map(|one| pool::ActiveModel::of(one, load_balancer)));
        self.members.extend(changed.members.after.iter().map(|(pool, one)| member::ActiveModel::of(one, id, *pool)));
        let monitors = changed.monitors.after.iter();
        self.associations.extend(monitors.map(|(pool, one)| association::ActiveModel::of(one, id, *pool)));
        self.listeners.extend(changed.listeners.after.iter().map(|one| listener::ActiveModel::of(one, id)));
    }
}
