//! Deleting load balancers, and moving them.

use std::collections::BTreeSet;

use ballast_model::{
    fault::Fault,
    features,
    ids::{AgentId, ListenerId, LoadBalancerId},
    listener::Vip,
    load_balancer::LoadBalancer,
};
use ballast_store::{Hold, Placed, Tx};

use super::{
    super::{App, Caller, Come, Wake, moving::Prepared, placing::network_of, secrets::Named},
    addresses,
    read::{Target, load},
    write::{Write, drop_unused, monitors},
};
use crate::placement::Demand;

impl App {
    /// Deletes a load balancer, with all that is in it if it is to `cascade`. Its addresses stay reserved until its agent has
    /// confirmed that they are gone.
    ///
    /// # Errors
    /// That it is not there, or another project's; that it has parts, if it is not to cascade.
    pub async fn delete_load_balancer(
        &self,
        write: Write<'_>,
        id: LoadBalancerId,
        cascade: bool,
        check: impl Fn(&LoadBalancer) -> Result<(), Fault> + Send + Sync,
    ) -> Result<(), Fault> {
        let check = &check;
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let placed = load(tx, write.caller, Target::LoadBalancer(id)).await?;
                check(&placed.load_balancer)?;
                if !cascade {
                    placed.load_balancer.check_empty()?;
                }
                if write.validate_only {
                    self.foresee_quotas(tx, Some(&placed.load_balancer), None).await?;
                    let binding = placed.binding.as_ref();
                    self.foresee_whole(|| binding.map_or(Come::Nowhere, |binding| Come::Removed(binding.agent_id)));
                    return Ok(None);
                }
                let wakes = self.remove(tx, &placed).await?;
                Ok(Some((placed, wakes)))
            })
        });
        let Some((Placed { load_balancer, .. }, wakes)) = delete.await? else { return Ok(()) };
        self.wake(wakes);
        self.tell_keepers(id, &load_balancer.project_id, &load_balancer.references(), &Named::new());
        Ok(())
    }

    async fn remove(&self, tx: &Tx, placed: &Placed) -> Result<Vec<Wake>, Fault> {
        let load_balancer = &placed.load_balancer;
        let binding = placed.binding.as_ref();
        let mut wakes: Vec<Wake> = binding.map(Wake::from).into_iter().collect();
        if load_balancer.has_standby() {
            for side in tx.sides_of(load_balancer.id).await? {
                let stands_by = !side.is_active(binding);
                if let Some(vip) = load_balancer.vip.as_ref().filter(|_| stands_by) {
                    self.hold_addresses(tx, load_balancer, side.agent_id, vip).await?;
                }
                self.drop_side(tx, load_balancer, &side, stands_by).await?;
                wakes.push(Wake { agent_id: side.agent_id, load_balancer_id: load_balancer.id });
            }
        }
        if let Some(vip) = &load_balancer.vip {
            if let Some(binding) = binding {
                self.hold_addresses(tx, load_balancer, binding.agent_id, vip).await?;
            }
            self.give_back(tx, load_balancer, vip).await?;
        }
        tx.release(load_balancer.id).await?;
        tx.delete(load_balancer).await?;
        drop_unused(tx, monitors(load_balancer).into_iter()).await?;
        Ok(wakes)
    }

    /// Reserves addresses until the agent has confirmed that they are gone, if it was ever told of them.
    async fn hold_addresses(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        agent_id: AgentId,
        vip: &Vip,
    ) -> Result<(), Fault> {
        if !tx.untold(&[vip.port_id]).await?.is_empty() {
            return Ok(());
        }
        for one in vip.addresses() {
            tx.insert_hold(&Hold {
                id: self.new_id(),
                subnet_id: one.subnet_id,
                address: one.address,
                port_id: vip.port_id,
                load_balancer_id: load_balancer.id,
                agent_id,
                generation: load_balancer.generation.next(),
                project_id: load_balancer.project_id.clone(),
            })
            .await?;
        }
        Ok(())
    }

    /// A port that was made for the load balancer goes with it; one that was there before is free again.
    pub(super) async fn give_back(&self, tx: &Tx, load_balancer: &LoadBalancer, vip: &Vip) -> Result<(), Fault> {
        let Some(port) = tx.port(vip.port_id).await? else { return Ok(()) };
        match addresses::made_for(&port.name) {
            Some(id) => {
                tx.delete_port(vip.port_id).await?;
                self.leave_port(tx, ListenerId::new(id), vip).await
            }
            None => {
                let free = addresses::released(port.clone());
                tracing::debug!(load_balancer.id = %load_balancer.id, port.id = %port.id, "its port is its user's again");
                tx.save_port(&port, &free).await
            }
        }
    }

    /// Moves a load balancer to another agent that can run it; where there is none, it is deployed again where it is. Of one with
    /// a standby that is ready the other side answers from then on.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub async fn fail_over_one(&self, caller: &Caller, id: LoadBalancerId) -> Result<(), Fault> {
        let random = self.chance.number();
        let spares = &self.spares_for(id).await?;
        let fail_over = self.store.write(|tx, _| {
            Box::pin(async move {
                let placed = load(tx, caller, Target::LoadBalancer(id)).await?;
                let former = placed.binding.as_ref().map(Wake::from);
                let before = &placed.load_balancer;
                if before.has_standby() {
                    if let Some(wakes) = self.fail_over_sides(tx, before, spares).await? {
                        return Ok(wakes.into_iter().map(Some).collect());
                    }
                    let after = before.clone().change(|_| Ok(()))?;
                    tx.save(before, &after.stamped(Some(before), self.now())).await?;
                    return Ok(vec![former]);
                }
                if let Some(wake) = self.fail_over_in_order(tx, &placed, random).await? {
                    return Ok(vec![Some(wake)]);
                }
                let away_from = placed.binding.as_ref().map(|binding| binding.agent_id);
                let other = self.choose_another(tx, before, away_from, random).await?;
                let Some((agent_id, driver)) = other.zip(self.driver_of(&before.provider)) else {
                    let after = before.clone().change(|_| Ok(()))?;
                    tx.save(before, &after.stamped(Some(before), self.now())).await?;
                    return Ok(vec![former]);
                };
                tx.release(id).await?;
                tx.bind(id, agent_id, driver).await?;
                let after = before.clone().change(|_| Ok(()))?.moved();
                tx.save(before, &after.stamped(Some(before), self.now())).await?;
                Ok(vec![Some(Wake { agent_id, load_balancer_id: id }), former])
            })
        });
        let wakes = fail_over.await;
        self.give_back_spares(spares).await;
        let wakes = wakes?;
        self.wake(wakes.into_iter().flatten());
        Ok(())
    }

    /// Where its agent lives another one makes it ready first, and it is PENDING_UPDATE until it is there. `None`: not so.
    async fn fail_over_in_order(&self, tx: &Tx, placed: &Placed, random: u64) -> Result<Option<Wake>, Fault> {
        let before = &placed.load_balancer;
        let Some(binding) = placed.binding.as_ref().filter(|binding| self.is_alive(binding.agent_id)) else {
            return Ok(None);
        };
        match self.prepare_elsewhere(tx, before, binding, (&BTreeSet::new(), random)).await? {
            Prepared::By(successor) => {
                tx.save(before, &before.clone().moved().stamped(Some(before), self.now())).await?;
                Ok(Some(Wake { agent_id: successor.agent_id, load_balancer_id: before.id }))
            }
            Prepared::NotNow | Prepared::Never => Ok(None),
        }
    }

    async fn choose_another(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        away_from: Option<AgentId>,
        random: u64,
    ) -> Result<Option<AgentId>, Fault> {
        let Some(driver) = self.driver_of(&load_balancer.provider) else { return Ok(None) };
        let features = features::used(load_balancer);
        let network = network_of(tx, load_balancer).await?;
        let demand =
            Demand { driver, features: &features, members: load_balancer.members(), network: network.as_ref() };
        let now = self.clock.monotonic();
        Ok(self.fleet.choose_alive(demand, now, |found| {
            let others: Vec<_> = found.iter().filter(|one| Some(one.agent_id) != away_from).copied().collect();
            self.policy.choose(&others, random)
        }))
    }
}
