//! Looking at load balancers and what is in them.

use std::{collections::HashMap, sync::Arc};

use ballast_model::{
    fault::Fault,
    health_monitor::HealthMonitor,
    ids::{L7PolicyId, ListenerId, LoadBalancerId, MemberId, MonitorId, PoolId},
    load_balancer::{
        LoadBalancer, listener_not_found, load_balancer_not_found, member_not_found, monitor_not_found,
        policy_not_found, pool_not_found,
    },
    outcome::Statistics,
    status::Progress,
};
use ballast_store::{Binding, Found, Kind, Page, Placed, Query, Tx};

use super::super::{App, Caller, Checked, MonitorWithPools, Owner};

/// What a call is about: the load balancer that has it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    LoadBalancer(LoadBalancerId),
    Listener(ListenerId),
    Pool(PoolId),
    Policy(L7PolicyId),
}

impl Target {
    fn not_found(self) -> Fault {
        match self {
            Self::LoadBalancer(id) => load_balancer_not_found(id),
            Self::Listener(id) => listener_not_found(id),
            Self::Pool(id) => pool_not_found(id),
            Self::Policy(id) => policy_not_found(id),
        }
    }

    async fn owner(self, tx: &Tx) -> Result<Option<LoadBalancerId>, Fault> {
        match self {
            Self::LoadBalancer(id) => Ok(Some(id)),
            Self::Listener(id) => tx.owner_of_listener(id).await,
            Self::Pool(id) => tx.owner_of_pool(id).await,
            Self::Policy(id) => tx.owner_of_policy(id).await,
        }
    }
}

/// A load balancer that is looked at.
#[derive(Debug, Clone)]
pub struct Seen {
    pub load_balancer: Arc<LoadBalancer>,
    /// Whether its agent can be believed to run it.
    pub is_run: bool,
}

/// A page of objects with the load balancers they are in.
pub struct Listed {
    pub items: Vec<(Found, Seen)>,
    pub more: bool,
}

/// The load balancer that has it: another project's is forbidden, as Octavia has it.
pub(super) async fn load(tx: &Tx, caller: &Caller, target: Target) -> Result<Placed, Fault> {
    let owner = target.owner(tx).await?.ok_or_else(|| target.not_found())?;
    let placed = tx.load_placed(owner).await?.ok_or_else(|| target.not_found())?;
    caller.must_own(&placed.load_balancer.project_id)?;
    Ok(placed)
}

impl App {
    /// The load balancer that has it.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub async fn seen(&self, caller: &Caller, target: Target) -> Result<Seen, Fault> {
        let read = self.store.glance(|tx, _| Box::pin(load(tx, caller, target))).await;
        read.map(|placed| self.see(placed))
    }

    /// The load balancer of this id, and what is known here of the checks of its members.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub async fn checked(
        &self,
        caller: &Caller,
        id: LoadBalancerId,
    ) -> Result<(Seen, HashMap<MemberId, Checked>), Fault> {
        let read = self.store.glance(|tx, _| Box::pin(load(tx, caller, Target::LoadBalancer(id)))).await;
        let placed = read?;
        let owner = owner(&placed);
        let seen = self.see(placed);
        let checked = owner.filter(|_| seen.is_run).map(|owner| self.checks.of(&owner));
        Ok((seen, checked.unwrap_or_default()))
    }

    /// Whose the load balancer of this id is, if an agent has it.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub(in crate::app) async fn owner_of(&self, caller: &Caller, id: LoadBalancerId) -> Result<Option<Owner>, Fault> {
        let read = self.store.glance(|tx, _| Box::pin(load(tx, caller, Target::LoadBalancer(id)))).await;
        Ok(owner(&read?))
    }

    pub(super) fn see(&self, placed: Placed) -> Seen {
        let is_run = self.is_run(placed.binding.as_ref());
        Seen { load_balancer: Arc::new(placed.load_balancer), is_run }
    }

    /// Whether an agent has it that is not Dead.
    pub(super) fn is_run(&self, binding: Option<&Binding>) -> bool {
        binding.is_some_and(|binding| !self.fleet.is_dead(binding.agent_id, self.clock.monotonic()))
    }

    /// Objects of one kind with the load balancers they are in.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn list_of_v2(&self, kind: Kind, query: &Query) -> Result<Listed, Fault> {
        let read = self.store.read_list(query, |tx, _| Box::pin(list(tx, kind, query)));
        let (found, mut placed, more) = read.await?;
        let mut seen: HashMap<LoadBalancerId, Seen> = HashMap::with_capacity(placed.len());
        for one in placed.drain(..) {
            seen.insert(one.load_balancer.id, self.see(one));
        }
        let with = |item: Found| seen.get(&item.load_balancer_id).map(|seen| (item, seen.clone()));
        Ok(Listed { items: found.into_iter().filter_map(with).collect(), more })
    }

    /// A monitor with the pools that have it.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub async fn monitor_of_v2(&self, caller: &Caller, id: MonitorId) -> Result<MonitorWithPools, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let monitor = load_monitor(tx, caller, id).await?;
                Ok(MonitorWithPools { monitor, pools: tx.associations_of(id).await? })
            })
        });
        read.await
    }

    /// Monitors.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn monitors_of_v2(&self, query: &Query) -> Result<Page<MonitorWithPools>, Fault> {
        self.monitors(query.clone()).await
    }

    /// The counters of a load balancer; zeros before the first report.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub async fn stats(&self, caller: &Caller, id: LoadBalancerId) -> Result<Statistics, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let placed = load(tx, caller, Target::LoadBalancer(id)).await?;
                tx.statistics(placed.load_balancer.id).await
            })
        });
        read.await
    }
}

impl App {
    /// The counters of a listener; zeros before the first report.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub async fn listener_stats(&self, caller: &Caller, id: ListenerId) -> Result<Statistics, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                load(tx, caller, Target::Listener(id)).await?;
                tx.listener_statistics(id).await
            })
        });
        read.await
    }

    /// The counters of a pool; zeros before the first report, and where its driver does not count by pool.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub async fn pool_stats(&self, caller: &Caller, id: PoolId) -> Result<Statistics, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let placed = load(tx, caller, Target::Pool(id)).await?;
                tx.pool_statistics(placed.load_balancer.id, id).await
            })
        });
        read.await
    }

    /// The same of a member of this pool.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub async fn member_stats(&self, caller: &Caller, pool: PoolId, id: MemberId) -> Result<Statistics, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let placed = load(tx, caller, Target::Pool(pool)).await?;
                let members = &placed.load_balancer.pool(pool)?.members;
                members.iter().find(|member| member.id == id).ok_or_else(|| member_not_found(id))?;
                tx.member_statistics(placed.load_balancer.id, id).await
            })
        });
        read.await
    }
}

fn owner(placed: &Placed) -> Option<Owner> {
    let Binding { agent_id, epoch, .. } = *placed.binding.as_ref()?;
    Some(Owner { agent_id, load_balancer_id: placed.load_balancer.id, epoch })
}

/// The monitor, if it is the caller's.
pub(super) async fn load_monitor(tx: &Tx, caller: &Caller, id: MonitorId) -> Result<HealthMonitor, Fault> {
    let monitor = tx.monitor(id).await?.ok_or_else(|| monitor_not_found(id))?;
    caller.must_own(&monitor.project_id)?;
    Ok(monitor)
}

/// Pools, and how far each is with a monitor.
pub(super) type Pools = Vec<(PoolId, Progress)>;

async fn list(tx: &Tx, kind: Kind, query: &Query) -> Result<(Vec<Found>, Vec<Placed>, bool), Fault> {
    let Page { items, more } = tx.find(kind, query).await?;
    let mut ids: Vec<LoadBalancerId> = items.iter().map(|found| found.load_balancer_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let placed = tx.load_many_placed(&ids).await?;
    Ok((items, placed, more))
}
