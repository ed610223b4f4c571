//! v1's pools: load balancers with one pool of the same id.

use std::{collections::HashMap, sync::Arc};

use ballast_model::{
    fault::Fault,
    ids::{LoadBalancerId, MonitorId, PoolId},
    load_balancer::{LoadBalancer, pool_not_found},
    network::Subnetwork,
    outcome::Statistics,
    pool::{NewPool, PoolChange},
    provider,
    quota::Resource,
    view::v1,
};
use ballast_store::{Claim, Found, Kind, Page, PoolParts, Query, ShownMember, ShownPool, Tx};

use super::{
    App, Caller, Wake, load_pool,
    monitors::load_monitor,
    networks::{copy_subnetwork, visible_subnetwork},
    placing::Nowhere,
};

/// Load balancers in the order of a page, and whether there are more.
pub struct LoadBalancers {
    pub found: Vec<(Found, Arc<LoadBalancer>)>,
    pub more: bool,
}

impl App {
    /// Makes a pool and places it.
    ///
    /// # Errors
    /// `Code::OverQuota`, `Code::SubnetNotFound`, a provider that is not known, and `Code::NoEligibleAgent`: then the
    /// pool stays, in ERROR, until an agent can take it.
    pub async fn create_pool(
        &self,
        caller: &Caller,
        mut new: NewPool,
        provider: Option<&str>,
        claim: Option<&Claim>,
    ) -> Result<LoadBalancer, Fault> {
        new.provider = provider::find(&self.providers, provider)?.name.clone();
        let random = self.chance.number();
        let foreign = self.network.subnetwork(new.subnet_id).await?;
        let foreign = foreign.as_ref();
        let insert = self.store.write(|tx, _| {
            let new = new.clone();
            Box::pin(async move {
                tx.claim(claim).await?;
                self.admit(tx, Resource::LoadBalancer, &new.project_id).await?;
                copy_subnetwork(tx, foreign).await?;
                self.insert_pool(tx, caller, new, random).await
            })
        });
        let (load_balancer, placed) = insert.await?;
        match placed {
            Ok(wake) => self.wake([wake]),
            Err(nowhere) => return Err(nowhere.told(load_balancer.id)),
        }
        Ok(load_balancer)
    }

    async fn insert_pool(
        &self,
        tx: &Tx,
        caller: &Caller,
        new: NewPool,
        random: u64,
    ) -> Result<(LoadBalancer, Result<Wake, Nowhere>), Fault> {
        let Subnetwork { network, .. } = visible_subnetwork(tx, caller, new.subnet_id).await?;
        let load_balancer = LoadBalancer::with_pool(new).stamped(None, self.now());
        let (made, placed) = self.insert_placed(tx, load_balancer, Some(&network.attachment), random).await?;
        Ok((made, placed.map(|binding| Wake::from(&binding))))
    }

    /// The pool of this id.
    ///
    /// # Errors
    /// `Code::PoolNotFound`
    pub async fn pool(&self, caller: &Caller, id: PoolId) -> Result<LoadBalancer, Fault> {
        let read = self.store.read(|tx, _| Box::pin(load_pool(tx, caller, id))).await;
        read.map(|placed| placed.load_balancer)
    }

    /// The same, to be looked at: it costs less.
    ///
    /// # Errors
    /// `Code::PoolNotFound`
    pub async fn shown_pool(&self, caller: &Caller, id: PoolId) -> Result<ShownPool, Fault> {
        let shown = self.store.shown_pool(id).await?;
        let visible = shown.filter(|shown| caller.sees(&shown.pool.project_id));
        let mut shown = visible.ok_or_else(|| pool_not_found(id))?;
        match shown.beyond.take() {
            Some(fault) => Err(fault),
            None => Ok(shown),
        }
    }

    /// Objects of one kind with the load balancers they are in.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn list(&self, kind: Kind, query: Query) -> Result<LoadBalancers, Fault> {
        self.store.read_list(&query, |tx, _| Box::pin(list(tx, kind, &query))).await
    }

    /// Pools with what is wanted of each.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn pools(&self, query: Query, parts: PoolParts) -> Result<Page<ShownPool>, Fault> {
        self.store.glance_list(&query, |tx, _| Box::pin(tx.shown_pools(&query, parts))).await
    }

    /// Members.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn members(&self, query: Query) -> Result<Page<ShownMember>, Fault> {
        self.store.glance_list(&query, |tx, _| Box::pin(tx.shown_members(&query))).await
    }

    /// Changes a pool.
    ///
    /// # Errors
    /// `Code::PoolNotFound`
    pub async fn update_pool(&self, caller: &Caller, id: PoolId, change: PoolChange) -> Result<LoadBalancer, Fault> {
        self.change_pool(caller, id, |before| before.update_pool(id, change.clone())).await
    }

    /// One transition of one load balancer, in one transaction.
    async fn change_pool<F>(&self, caller: &Caller, id: PoolId, transition: F) -> Result<LoadBalancer, Fault>
    where
        F: Fn(LoadBalancer) -> Result<LoadBalancer, Fault> + Send + Sync,
    {
        let transition = &transition;
        let change = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load_pool(tx, caller, id).await?;
                let after = transition(before.load_balancer.clone())?;
                let wakes = self.save(tx, &before, &after).await?;
                Ok((after, wakes))
            })
        });
        let (after, wakes) = change.await?;
        self.wake(wakes);
        Ok(after)
    }

    /// Removes a pool with its members and associations. Its binding stays until the agent has confirmed.
    ///
    /// # Errors
    /// `Code::PoolNotFound`, `Code::PoolInUse`
    pub async fn delete_pool(&self, caller: &Caller, id: PoolId) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let placed = load_pool(tx, caller, id).await?;
                placed.load_balancer.check_deletable()?;
                tx.release(placed.load_balancer.id).await?;
                tx.delete(&placed.load_balancer).await?;
                Ok(placed.binding.as_ref().map(Wake::from))
            })
        });
        self.wake(delete.await?);
        Ok(())
    }

    /// The counters of a pool; zeros before the first report.
    ///
    /// # Errors
    /// `Code::PoolNotFound`
    pub async fn statistics(&self, caller: &Caller, id: PoolId) -> Result<Statistics, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let placed = load_pool(tx, caller, id).await?;
                tx.statistics(placed.load_balancer.id).await
            })
        });
        read.await
    }

    /// Associates a monitor with a pool.
    ///
    /// # Errors
    /// `Code::PoolNotFound`, `Code::HealthMonitorNotFound`, `Code::AssociationExists`
    pub async fn associate(
        &self,
        caller: &Caller,
        pool_id: PoolId,
        monitor_id: MonitorId,
    ) -> Result<LoadBalancer, Fault> {
        let change = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load_pool(tx, caller, pool_id).await?;
                let monitor = load_monitor(tx, caller, monitor_id).await?;
                let after = before.load_balancer.clone().associate(pool_id, monitor)?;
                let wakes = self.save(tx, &before, &after).await?;
                Ok((after, wakes))
            })
        });
        let (after, wakes) = change.await?;
        self.wake(wakes);
        Ok(after)
    }

    /// Ends an association.
    ///
    /// # Errors
    /// `Code::PoolNotFound`, `Code::AssociationNotFound`
    pub async fn disassociate(
        &self,
        caller: &Caller,
        pool_id: PoolId,
        monitor_id: MonitorId,
    ) -> Result<LoadBalancer, Fault> {
        self.change_pool(caller, pool_id, |before| before.disassociate(pool_id, monitor_id)).await
    }
}

async fn list(tx: &Tx, kind: Kind, query: &Query) -> Result<LoadBalancers, Fault> {
    let Page { items, more } = tx.find(kind, query).await?;
    let mut ids: Vec<LoadBalancerId> = items.iter().map(|found| found.load_balancer_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let loaded = tx.load_many(&ids).await?;
    let by_id: HashMap<LoadBalancerId, Arc<LoadBalancer>> =
        loaded.into_iter().map(|load_balancer| (load_balancer.id, Arc::new(load_balancer))).collect();
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        let load_balancer =
            by_id.get(&item.load_balancer_id).ok_or_else(|| pool_not_found(v1::pool_of(item.load_balancer_id)))?;
        found.push((item, Arc::clone(load_balancer)));
    }
    Ok(LoadBalancers { found, more })
}
