//! What agents say of load balancers: outcomes, removals, health, statistics. An answer of a former owner (its epoch)
//! or of an older generation is dropped.

use std::collections::{HashMap, HashSet};

use ballast_model::{
    counters::{Epoch, Generation},
    fault::Fault,
    ids::{AgentId, LoadBalancerId},
    outcome::{MemberHealth, Outcome, Statistics},
};
use ballast_store::{Binding, Hold, Placed, Tx};

use super::{App, Wake};

/// A report of one load balancer, by its owner of `epoch`.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    pub agent_id: AgentId,
    pub load_balancer_id: LoadBalancerId,
    pub epoch: Epoch,
}

impl App {
    /// Outcomes of load balancers of the agent on this host, in their order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deployed(&self, host: &str, outcomes: &[(Owner, Outcome)]) -> Result<(), Fault> {
        let settle = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut placed = placed_of(tx, outcomes.iter().map(|(owner, _)| *owner)).await?;
                let before = placed.clone();
                for (owner, outcome) in outcomes {
                    if let Some(placed) = owner.find(&mut placed) {
                        placed.load_balancer = placed.load_balancer.clone().settle(outcome);
                    }
                }
                save_all(tx, &before, &placed).await?;
                let (mut wakes, mut answering) = (Vec::new(), Vec::new());
                for (owner, outcome) in outcomes.iter().filter(|(_, outcome)| outcome.fault.is_none()) {
                    let Some(placed) = owner.find(&mut placed) else { continue };
                    let vip = placed.load_balancer.vip.as_ref().filter(|_| placed.load_balancer.is_answering());
                    answering.extend(vip.map(|vip| vip.port_id));
                    if placed.holds {
                        let confirmed = outcome.generation;
                        let freed = tx.release_holds(owner.load_balancer_id, owner.agent_id, confirmed).await?;
                        wakes.extend(waiting(tx, &freed).await?);
                    }
                }
                Ok((wakes, self.plugged(tx, host, &answering).await?))
            })
        });
        let (wakes, plugged) = settle.await?;
        self.wakes.wake(wakes);
        self.plugging.add(plugged);
        Ok(())
    }

    /// The device of a load balancer's owner is busy: what is pending says so.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn waits(&self, owner: Owner, generation: Generation, why: &str) -> Result<(), Fault> {
        let wait = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut placed = placed_of(tx, [owner].into_iter()).await?;
                let before = placed.clone();
                if let Some(placed) = owner.find(&mut placed) {
                    placed.load_balancer = placed.load_balancer.clone().waits(generation, why);
                }
                save_all(tx, &before, &placed).await
            })
        });
        wait.await
    }

    /// The load balancer is gone from an agent that was to remove it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn removed(&self, owner: Owner) -> Result<(), Fault> {
        let drop = self.store.write(|tx, _| {
            Box::pin(async move {
                let tombstones = tx.tombstones(owner.agent_id, &[owner.load_balancer_id]).await?;
                if tombstones.iter().all(|binding| binding.epoch != owner.epoch) {
                    return Ok(Vec::new());
                }
                tx.drop_binding(owner.load_balancer_id, owner.agent_id, owner.epoch).await?;
                let freed = tx.release_holds(owner.load_balancer_id, owner.agent_id, Generation::new(u64::MAX)).await?;
                waiting(tx, &freed).await
            })
        });
        self.wakes.wake(drop.await?);
        Ok(())
    }

    /// What an agent observed of members.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn observed(&self, observed: &[(Owner, Vec<MemberHealth>)]) -> Result<(), Fault> {
        let observe = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut placed = placed_of(tx, observed.iter().map(|(owner, _)| *owner)).await?;
                let before = placed.clone();
                for (owner, health) in observed {
                    if let Some(placed) = owner.find(&mut placed) {
                        placed.load_balancer = placed.load_balancer.clone().observe(health);
                    }
                }
                save_all(tx, &before, &placed).await
            })
        });
        observe.await
    }

    /// What an agent counted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counted(&self, counted: &[(Owner, Statistics)]) -> Result<(), Fault> {
        let news = self.store.read(|tx, _| Box::pin(news(tx, counted))).await?;
        // Most of the time nothing has changed, and then there is nothing to make durable.
        if news.is_empty() {
            return Ok(());
        }
        let news = &news;
        let save = self.store.write(|tx, _| {
            Box::pin(async move {
                let ids: Vec<LoadBalancerId> = news.iter().map(|(owner, _)| owner.load_balancer_id).collect();
                let bindings = tx.bindings(&ids).await?;
                let owned = news.iter().filter(|(owner, _)| owner.has(bindings.get(&owner.load_balancer_id)));
                let owned = owned.map(|(owner, statistics)| (owner.load_balancer_id, *statistics)).collect();
                tx.save_statistics(&owned).await
            })
        });
        save.await
    }
}

/// The counters that are not what is stored.
async fn news(tx: &Tx, counted: &[(Owner, Statistics)]) -> Result<Vec<(Owner, Statistics)>, Fault> {
    let ids: Vec<LoadBalancerId> = counted.iter().map(|(owner, _)| owner.load_balancer_id).collect();
    let known = tx.statistics_of_many(&ids).await?;
    let is_new = |(owner, statistics): &&(Owner, Statistics)| {
        known.get(&owner.load_balancer_id).copied().unwrap_or_default() != *statistics
    };
    Ok(counted.iter().filter(is_new).copied().collect())
}

impl Owner {
    fn has(&self, binding: Option<&Binding>) -> bool {
        binding.is_some_and(|binding| binding.agent_id == self.agent_id && binding.epoch == self.epoch)
    }

    /// The load balancer, if it is this owner's.
    fn find<'a>(&self, placed: &'a mut HashMap<LoadBalancerId, Placed>) -> Option<&'a mut Placed> {
        placed.get_mut(&self.load_balancer_id).filter(|placed| self.has(placed.binding.as_ref()))
    }
}

async fn placed_of(tx: &Tx, owners: impl Iterator<Item = Owner>) -> Result<HashMap<LoadBalancerId, Placed>, Fault> {
    let ids: HashSet<LoadBalancerId> = owners.map(|owner| owner.load_balancer_id).collect();
    let placed = tx.load_many_placed(&ids.into_iter().collect::<Vec<_>>()).await?;
    Ok(placed.into_iter().map(|placed| (placed.load_balancer.id, placed)).collect())
}

async fn save_all(
    tx: &Tx,
    before: &HashMap<LoadBalancerId, Placed>,
    after: &HashMap<LoadBalancerId, Placed>,
) -> Result<(), Fault> {
    let changes = before.iter().filter_map(|(id, before)| Some((&before.load_balancer, &after.get(id)?.load_balancer)));
    tx.save_many(&changes.collect::<Vec<_>>()).await
}

/// Those that waited for the addresses of these holds.
async fn waiting(tx: &Tx, freed: &[Hold]) -> Result<Vec<Wake>, Fault> {
    let mut wakes = Vec::new();
    for hold in freed {
        for load_balancer_id in tx.waiting_for(hold.subnet_id, hold.address).await? {
            tx.look(load_balancer_id);
            wakes.extend(tx.binding(load_balancer_id).await?.as_ref().map(Wake::from));
        }
    }
    Ok(wakes)
}
