//! Giving load balancers to agents.

use std::time::Duration;

use ballast_model::{
    fault::{Code, Fault},
    features,
    ids::LoadBalancerId,
    load_balancer::LoadBalancer,
};
use ballast_store::{Placed, Query, Tx};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{App, Wake};
use crate::placement::{Demand, candidates};

/// How often it is looked at what is placed nowhere, though nobody said anything.
const PERIOD: Duration = Duration::from_secs(5);
/// How many load balancers are read at once.
const TOGETHER: usize = 200;

impl App {
    /// Binds the load balancer to an agent that can run it; none can: nothing is bound.
    pub(super) async fn place(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        random: u64,
    ) -> Result<Option<Wake>, Fault> {
        let Some(driver) = self.driver_of(&load_balancer.provider) else { return Ok(None) };
        let features = features::used(load_balancer);
        let agents = self.judged(tx.agents(&Query::default()).await?);
        let found = candidates(&agents, Demand { driver, features: &features, members: load_balancer.members() });
        let Some(agent_id) = self.policy.choose(&found, random) else { return Ok(None) };
        tx.bind(load_balancer.id, agent_id, driver).await?;
        Ok(Some(Wake { agent_id, load_balancer_id: load_balancer.id }))
    }

    /// Something may have become eligible: an agent, a driver, room. What is placed nowhere is looked at soon.
    pub fn place_soon(&self) {
        self.placing.notify_one();
    }

    /// Places what could not be placed before, until the end: when somebody says so, and from time to time, for what
    /// nobody says. Each time it looks at all of it.
    pub async fn keep_placing(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !shutdown.is_cancelled() {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.placing.notified() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(fault) = self.place_unplaced().await {
                tracing::warn!(detail = fault.detail(), "what is placed nowhere is looked at again: {fault}");
            }
        }
    }

    /// One pass. A load balancer that fails keeps no other from being placed.
    async fn place_unplaced(&self) -> Result<(), Fault> {
        for id in self.store.read(|tx, _| Box::pin(self.placeable(tx))).await? {
            let random = self.chance.number();
            match self.store.write(|tx, _| Box::pin(self.place_one(tx, id, random))).await {
                Ok(Some(wake)) => {
                    tracing::info!(load_balancer.id = %id, agent.id = %wake.agent_id, "placed");
                    self.wakes.wake([wake]);
                }
                Ok(None) => {}
                Err(fault) if fault.code() == Code::Unavailable => return Err(fault),
                Err(fault) => {
                    tracing::error!(load_balancer.id = %id, detail = fault.detail(), "it is placed nowhere: {fault}");
                }
            }
        }
        Ok(())
    }

    /// What is placed nowhere and could be: what nobody can take costs a look, and no turn to write.
    async fn placeable(&self, tx: &Tx) -> Result<Vec<LoadBalancerId>, Fault> {
        // Also when nothing is to be placed: from when a row changes, the agents of other schedulers are counted.
        let agents = tx.agents(&Query::default()).await?;
        self.fleet.keep(&agents);
        let agents = self.judged(agents);
        let unplaced = tx.unplaced().await?;
        let mut placeable = Vec::new();
        for chunk in unplaced.chunks(TOGETHER) {
            for load_balancer in tx.load_many(chunk).await? {
                let Some(driver) = self.driver_of(&load_balancer.provider) else { continue };
                let features = features::used(&load_balancer);
                let demand = Demand { driver, features: &features, members: load_balancer.members() };
                if !candidates(&agents, demand).is_empty() {
                    placeable.push(load_balancer.id);
                }
            }
        }
        Ok(placeable)
    }

    async fn place_one(&self, tx: &Tx, id: LoadBalancerId, random: u64) -> Result<Option<Wake>, Fault> {
        let placed = tx.load_placed(id).await?.filter(|placed| placed.binding.is_none());
        let Some(Placed { load_balancer: before, .. }) = placed else { return Ok(None) };
        let wake = self.place(tx, &before, random).await?;
        if wake.is_some() {
            let after = before.clone().placed();
            tx.save(&before, &after).await?;
        }
        Ok(wake)
    }
}
