//! Load balancers, whole: they are loaded and saved with all they are made of, never in parts.
//!
//! Saving compares the generation and the outcome that were loaded with what is stored (the optimistic lock): a load
//! balancer that others changed meanwhile is a conflict, and the work that loaded it is run again.

use ballast_model::{
    Uuid,
    counters::Epoch,
    fault::Fault,
    ids::{AgentId, L7PolicyId, ListenerId, LoadBalancerId, MemberId, PoolId},
    load_balancer::LoadBalancer,
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set,
};

use crate::{
    Binding, Placed, Tx,
    backend::{fault_of, is_among},
    codec::number,
    entity::{l7policy, listener, load_balancer, member, pool},
    read::cache::stamp,
    write::changed::Changed,
    write::parts::{alike, changes, load_balancer_changed},
    write::rows::Rows,
    write::views::monitors_of,
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
        self.insert_of_epoch(load_balancer, 0).await
    }

    /// Stores a new load balancer that is on an agent.
    ///
    /// # Errors
    /// As [`Self::insert`], or [`Self::bind`].
    pub async fn insert_bound(
        &self,
        load_balancer: &LoadBalancer,
        agent_id: AgentId,
        driver: &str,
    ) -> Result<Binding, Fault> {
        self.insert_of_epoch(load_balancer, number(Epoch::FIRST)).await?;
        self.bind_in(Epoch::FIRST, load_balancer.id, agent_id, driver).await
    }

    async fn insert_of_epoch(&self, load_balancer: &LoadBalancer, epoch: i64) -> Result<(), Fault> {
        let stamp = stamp();
        let own = load_balancer::ActiveModel::of(load_balancer);
        let row = load_balancer::ActiveModel { stamp: Set(stamp), epoch: Set(epoch), ..own };
        load_balancer::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
        let changed = Changed::between(None, Some(load_balancer));
        let rows = Rows::after(load_balancer, &changed);
        self.insert_parts(rows.pools).await?;
        self.insert_parts(rows.members).await?;
        self.insert_parts(rows.associations).await?;
        self.insert_parts(rows.listeners).await?;
        self.insert_parts(rows.policies).await?;
        if load_balancer.beyond_v1().is_some() {
            self.show_monitors_in_v1(&monitors_of(load_balancer), true).await?;
        }
        self.note_load_balancer(&changed, None, Some(load_balancer));
        self.traces().add(load_balancer.id, load_balancer.generation);
        self.note_made(load_balancer).await?;
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
        let (mut other_monitors, mut stamped) = (Vec::new(), Vec::new());
        for (before, after) in &changed {
            let parts = Changed::between(Some(before), Some(after));
            self.note_load_balancer(&parts, Some(before), Some(after));
            if before.generation != after.generation {
                self.traces().add(after.id, after.generation);
            }
            let (was, is) = (Rows::before(before, &parts), Rows::after(after, &parts));
            self.note_change((before, &was), (after, &is), &parts).await?;
            old.append(was);
            new.append(is);
            other_monitors.push(parts.has_other_monitors());
            stamped.extend(parts.stamped_monitors());
        }
        self.save_parts(old.pools, new.pools).await?;
        self.save_parts(old.members, new.members).await?;
        self.save_parts(old.associations, new.associations).await?;
        self.save_parts(old.listeners, new.listeners).await?;
        self.save_parts(old.policies, new.policies).await?;
        self.stamp_monitors(stamped).await?;
        self.show_in_v1(&changed).await?;
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
                self.traces().add(load_balancer.id, load_balancer.generation);
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

    /// The load balancer that has this pool.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn owner_of_pool(&self, id: PoolId) -> Result<Option<LoadBalancerId>, Fault> {
        let owner = pool::Entity::find().select_only().column(pool::Column::LoadBalancerId);
        let owner = owner.filter(pool::Column::Id.eq(id.uuid())).into_tuple::<Uuid>().one(self.db());
        owner.await.map(|id| id.map(Into::into)).map_err(fault_of)
    }

    /// The load balancer that has this policy.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn owner_of_policy(&self, id: L7PolicyId) -> Result<Option<LoadBalancerId>, Fault> {
        let owner = l7policy::Entity::find().select_only().column(l7policy::Column::LoadBalancerId);
        let owner = owner.filter(l7policy::Column::Id.eq(id.uuid())).into_tuple::<Uuid>().one(self.db());
        owner.await.map(|id| id.map(Into::into)).map_err(fault_of)
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
