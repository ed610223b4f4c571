//! Moves in order: the agent that is to have a load balancer makes it ready while the one that has it serves on. When it is ready
//! the binding becomes its own, and the former agent lets what is under way finish; once that has let go, the next one answers.
//!
//! All of it is in the database, and each step is one transaction of whoever hears of the step before: whichever scheduler dies,
//! another goes on. Until the binding changes nothing is lost by giving up.

use std::collections::{BTreeMap, BTreeSet};

use ballast_model::{
    agent::Liveness,
    fault::Fault,
    features,
    ids::{AgentId, LoadBalancerId},
    load_balancer::LoadBalancer,
    status::ProvisioningStatus,
};
use ballast_store::{Binding, Phase, Placed, Stage, Successor, Tx};

use super::{App, Ended, Wake, placing::network_of, secrets::cause};
use crate::placement::Demand;

/// What becomes of the wish to move one in order.
#[derive(Debug)]
pub(super) enum Prepared {
    /// This agent makes it ready, or did already.
    By(Successor),
    /// Only such could that have failed just now.
    NotNow,
    /// Where it is, or everywhere else, nobody can move in order.
    Never,
}

/// What came of a place's being ready.
#[derive(Debug, Default)]
pub(super) struct HandedOn {
    pub(super) wakes: Vec<Wake>,
    /// It has left an agent that is switched off.
    pub(super) drained: bool,
}

/// What becomes of what an agent has that is switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Emptying {
    /// How many another agent makes ready now.
    pub moving: u32,
    /// Those that nobody else can run now, by why.
    pub staying: BTreeMap<String, Vec<LoadBalancerId>>,
}

/// How many load balancers are read at once.
const TOGETHER: usize = 200;

impl App {
    /// What becomes of what this agent has.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn emptying(&self, id: AgentId) -> Result<Emptying, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let bound = tx.bindings_of(id).await?.into_iter().filter(|one| one.binding.phase == Phase::Bound);
                let bound: Vec<LoadBalancerId> = bound.map(|one| one.binding.load_balancer_id).collect();
                let silent = tx.successors().await?.into_iter().filter(|one| one.stage == Stage::Silent);
                let silent: BTreeSet<LoadBalancerId> = silent.map(|one| one.load_balancer_id).collect();
                let mut found = Emptying::default();
                for some in bound.chunks(TOGETHER) {
                    for load_balancer in tx.load_many(some).await? {
                        if silent.contains(&load_balancer.id) {
                            found.moving += 1;
                        } else if let Some(why) = self.stays(tx, &load_balancer, id).await? {
                            found.staying.entry(why).or_default().push(load_balancer.id);
                        }
                    }
                }
                Ok(found)
            })
        });
        read.await
    }

    /// Why it stays where it is; `None`: another agent could run it.
    pub(super) async fn stays(&self, tx: &Tx, one: &LoadBalancer, at: AgentId) -> Result<Option<String>, Fault> {
        let Some(driver) = self.driver_of(&one.provider) else { return Ok(Some("its provider is gone".to_owned())) };
        let (features, network) = (features::used(one), network_of(tx, one).await?);
        let demand = Demand { driver, features: &features, members: one.members(), network: network.as_ref() };
        let now = self.clock.monotonic();
        if self.fleet.choose_alive(demand, now, |found| found.iter().any(|other| other.agent_id != at)) {
            return Ok(None);
        }
        let others = self.fleet.consider(demand, now).into_iter().filter(|other| other.agent_id != at);
        let said = others.map(|other| match other.obstacle {
            Some(obstacle) => format!("{}: {obstacle}", other.host),
            None => format!("{}: not Alive, or not ready", other.host),
        });
        let said: Vec<String> = said.collect();
        Ok(Some(if said.is_empty() { "there is no other agent".to_owned() } else { said.join("; ") }))
    }

    pub(super) fn is_alive(&self, id: AgentId) -> bool {
        self.fleet.liveness_of(id, self.clock.monotonic()) == Some(Liveness::Alive)
    }

    fn can_be_silent(&self, agent_id: AgentId, driver: &str) -> bool {
        self.fleet.declares(agent_id, driver, features::DEPLOY_SILENT)
    }

    /// Has another agent make it ready. `apart`: not these.
    pub(super) async fn prepare_elsewhere(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        binding: &Binding,
        (apart, random): (&BTreeSet<AgentId>, u64),
    ) -> Result<Prepared, Fault> {
        let there = tx.successors_of(load_balancer.id).await?;
        if let Some(one) = there.iter().find(|one| one.stage != Stage::Leaving) {
            return Ok(Prepared::By(one.clone()));
        }
        let Some(driver) = self.driver_of(&load_balancer.provider) else { return Ok(Prepared::Never) };
        // One with a standby moves by its election.
        if load_balancer.has_standby()
            || load_balancer.vip.is_none()
            || !self.can_be_silent(binding.agent_id, &binding.driver)
        {
            return Ok(Prepared::Never);
        }
        let mut features = features::used(load_balancer);
        features.insert(features::DEPLOY_SILENT.to_owned());
        let network = network_of(tx, load_balancer).await?;
        let (features, network) = (&features, network.as_ref());
        let demand = Demand { driver, features, members: load_balancer.members(), network };
        let leaving: BTreeSet<AgentId> = there.iter().map(|one| one.agent_id).collect();
        let (able, chosen) = self.fleet.choose_alive(demand, self.clock.monotonic(), |found| {
            let mut others: Vec<_> = found.iter().filter(|one| one.agent_id != binding.agent_id).copied().collect();
            let able = !others.is_empty();
            others.retain(|one| !apart.contains(&one.agent_id) && !leaving.contains(&one.agent_id));
            (able, self.policy.choose(&others, random))
        });
        let Some(agent_id) = chosen else { return Ok(if able { Prepared::NotNow } else { Prepared::Never }) };
        let epoch = binding.epoch.next();
        tx.prepare(load_balancer.id, (agent_id, driver), epoch).await?;
        let (load_balancer_id, driver) = (load_balancer.id, driver.to_owned());
        Ok(Prepared::By(Successor { load_balancer_id, agent_id, driver, epoch, stage: Stage::Silent }))
    }

    /// A deploy that was to be silent has ended. `None`: nobody waits for it.
    pub(super) async fn is_ready(&self, tx: &Tx, host: &str, ended: &Ended) -> Result<Option<HandedOn>, Fault> {
        let owner = ended.owner;
        let known = tx.successors_of(owner.load_balancer_id).await?;
        let own = known.into_iter().find(|one| one.agent_id == owner.agent_id && one.epoch == owner.epoch);
        match (own, &ended.outcome.fault) {
            (Some(successor), Some(why)) if successor.stage == Stage::Silent => {
                let why = format!("{host} did not make it ready: {why}");
                let wakes = self.dismiss(tx, successor.load_balancer_id, &why).await?;
                Ok(Some(HandedOn { wakes, drained: false }))
            }
            (Some(successor), None) if successor.stage == Stage::Silent => {
                self.hand_on(tx, host, &successor).await.map(Some)
            }
            // It is told to answer in a moment.
            (Some(successor), _) if successor.stage == Stage::Taking => Ok(Some(HandedOn::default())),
            (Some(_) | None, _) => Ok(None),
        }
    }

    /// The binding becomes the successor's. Who had it finishes what is under way.
    async fn hand_on(&self, tx: &Tx, host: &str, successor: &Successor) -> Result<HandedOn, Fault> {
        let id = successor.load_balancer_id;
        let placed = tx.load_placed(id).await?;
        let Some(Placed { load_balancer: before, binding: Some(former), .. }) = placed else {
            return Ok(HandedOn::default());
        };
        let fits = self.fleet.has(successor.agent_id, &successor.driver, &features::used(&before));
        if former.epoch.next() != successor.epoch || !fits {
            let wakes = self.dismiss(tx, id, &format!("{host} is not the place for it any more")).await?;
            return Ok(HandedOn { wakes, drained: false });
        }
        let agent = tx.agent(former.agent_id).await?;
        let from = agent.as_ref().map_or("", |agent| agent.host.as_str());
        tx.note_cause(id, cause(format!("{host} has it ready: it takes over from {from}")));
        tx.take_over(successor).await?;
        tx.save(&before, &before.clone().moved()).await?;
        tracing::info!(load_balancer.id = %id, agent.id = %successor.agent_id, from, "ready elsewhere: it moves there now");
        let wakes = [successor.agent_id, former.agent_id].map(|agent_id| Wake { agent_id, load_balancer_id: id });
        Ok(HandedOn { wakes: wakes.to_vec(), drained: agent.is_some_and(|agent| !agent.admin_state_up) })
    }

    /// Nobody is to have it next: it stays where it is, and serves there.
    pub(super) async fn dismiss(&self, tx: &Tx, id: LoadBalancerId, why: &str) -> Result<Vec<Wake>, Fault> {
        let there = tx.successors_of(id).await?;
        tx.dismiss_successors(id).await?;
        tracing::warn!(load_balancer.id = %id, "it stays where it is: {why}");
        tx.note_cause(id, cause(format!("it stays where it is: {why}")));
        let mut wakes: Vec<Wake> =
            there.iter().map(|one| Wake { agent_id: one.agent_id, load_balancer_id: id }).collect();
        let Some(Placed { load_balancer: before, binding, .. }) = tx.load_placed(id).await? else { return Ok(wakes) };
        if before.progress.status == ProvisioningStatus::PendingUpdate {
            // Somebody waits for it: it is deployed again where it is.
            let after = before.clone().change(|_| Ok(()))?;
            tx.save(&before, &after.stamped(Some(&before), self.now())).await?;
            wakes.extend(binding.as_ref().map(Wake::from));
        } else {
            tx.note_conflict(id).await?;
        }
        Ok(wakes)
    }
}
