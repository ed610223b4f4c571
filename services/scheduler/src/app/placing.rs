//! Giving load balancers to agents.

use ballast_model::{Uuid, fault::Fault, features, load_balancer::LoadBalancer};
use ballast_store::{Placed, Query, Tx};

use super::{App, Wake};
use crate::placement::{Demand, candidates};

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
        let agents = tx.agents(&Query::default()).await?;
        let demand = Demand { driver, features: &features, members: load_balancer.members() };
        let found = candidates(&agents, demand, &self.limits, self.now());
        let Some(agent_id) = self.policy.choose(&found, random) else { return Ok(None) };
        tx.bind(load_balancer.id, agent_id, driver).await?;
        Ok(Some(Wake { agent_id, load_balancer_id: load_balancer.id }))
    }

    /// Places what could not be placed before. Called whenever an agent may have become eligible.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn place_unplaced(&self) -> Result<(), Fault> {
        let unplaced = self.store.read(|tx, _| Box::pin(tx.unplaced())).await?;
        for id in unplaced {
            let random = rand::random();
            let wake = self.store.write(|tx, _| Box::pin(self.place_one(tx, id, random))).await?;
            if let Some(wake) = wake {
                tracing::info!(load_balancer.id = %id, agent.id = %wake.agent_id, "placed");
                self.wakes.wake([wake]);
            }
        }
        Ok(())
    }

    async fn place_one(&self, tx: &Tx, id: Uuid, random: u64) -> Result<Option<Wake>, Fault> {
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
