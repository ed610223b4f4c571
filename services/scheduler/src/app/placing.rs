//! Giving load balancers to agents.

use std::{collections::HashMap, time::Duration};

use ballast_model::{
    fault::{Clash, Code, Facts, Fault},
    features,
    ids::{AgentId, LoadBalancerId, SubnetId},
    load_balancer::LoadBalancer,
    network::Attachment,
    view::v1,
};
use ballast_store::{Binding, Placed, Tx};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{App, Wake, fleet::Looked, sides::Spare};
use crate::{
    metrics::{Led, Placed as PlacedOutcome},
    placement::{Candidate, Demand},
};

/// How often it is looked at what is placed nowhere, though nobody said anything.
const PERIOD: Duration = Duration::from_secs(5);
/// How many load balancers are read at once.
const TOGETHER: usize = 200;

/// No agent can run it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Nowhere {
    /// One could, if it was able to plug into this network.
    pub(super) network: Option<Attachment>,
}

impl Nowhere {
    /// As who asked is told: why is said by the pool and in the log.
    pub(super) fn told(&self, id: LoadBalancerId) -> Fault {
        if let Some(network) = &self.network {
            tracing::warn!(load_balancer.id = %id, "no eligible agent: none can plug into {network}");
        }
        Facts::NoEligibleAgent { pool_id: v1::pool_of(id) }.into()
    }
}

/// The network that its agent plugs it into.
pub(super) async fn network_of(tx: &Tx, load_balancer: &LoadBalancer) -> Result<Option<Attachment>, Fault> {
    match load_balancer.subnet_id() {
        Some(subnet_id) => attachment_of(tx, subnet_id).await,
        None => Ok(None),
    }
}

async fn attachment_of(tx: &Tx, subnet_id: SubnetId) -> Result<Option<Attachment>, Fault> {
    Ok(tx.subnetwork(subnet_id).await?.map(|found| found.network.attachment))
}

/// An agent, and its driver that is to run a load balancer.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    agent_id: AgentId,
    driver: &'a str,
}

/// Where something would be placed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// None: nowhere.
    pub agent_id: Option<AgentId>,
    /// All agents, in the order of their ids.
    pub looked: Vec<Looked>,
}

impl App {
    /// Binds the load balancer to an agent that can run it and plug it into the network; none can: nothing is bound.
    pub(super) async fn place(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        network: Option<&Attachment>,
        random: u64,
    ) -> Result<Result<Binding, Nowhere>, Fault> {
        let place = match self.look_for_place(load_balancer, network, random) {
            Ok(place) => place,
            Err(nowhere) => return Ok(Err(nowhere)),
        };
        let bound = match load_balancer.has_standby() {
            true => tx.bind_side(load_balancer.id, place.agent_id, place.driver, None).await,
            false => tx.bind(load_balancer.id, place.agent_id, place.driver).await,
        };
        self.placed(place, bound).map(Ok)
    }

    /// Stores a new load balancer, and binds it as [`Self::place`] does; where none can take it, it says so.
    pub(super) async fn insert_placed(
        &self,
        tx: &Tx,
        load_balancer: LoadBalancer,
        network: Option<&Attachment>,
        random: u64,
    ) -> Result<(LoadBalancer, Result<Binding, Nowhere>), Fault> {
        match self.look_for_place(&load_balancer, network, random) {
            Ok(place) => {
                let bound = tx.insert_bound(&load_balancer, place.agent_id, place.driver).await;
                let binding = self.placed(place, bound)?;
                Ok((load_balancer, Ok(binding)))
            }
            Err(nowhere) => {
                let unplaced = load_balancer.unplaceable(nowhere.network.as_ref());
                tx.insert(&unplaced).await?;
                Ok((unplaced, Err(nowhere)))
            }
        }
    }

    /// As [`Self::find_place`], and it counts: something is to be placed.
    fn look_for_place(
        &self,
        load_balancer: &LoadBalancer,
        network: Option<&Attachment>,
        random: u64,
    ) -> Result<Place<'_>, Nowhere> {
        let found = self.find_place(load_balancer, network, random);
        if self.foresight.is_none() {
            self.metrics.placed(if found.is_ok() { PlacedOutcome::Placed } else { PlacedOutcome::NoneEligible });
        }
        found
    }

    fn find_place(
        &self,
        load_balancer: &LoadBalancer,
        network: Option<&Attachment>,
        random: u64,
    ) -> Result<Place<'_>, Nowhere> {
        let Some(driver) = self.driver_of(&load_balancer.provider) else { return Err(Nowhere::default()) };
        let features = features::used(load_balancer);
        let demand = Demand { driver, features: &features, members: load_balancer.members(), network };
        let now = self.clock.monotonic();
        let Some(agent_id) = self.fleet.choose(demand, now, |found| self.policy.choose(found, random)) else {
            let elsewhere = self.fleet.choose(Demand { network: None, ..demand }, now, |found| !found.is_empty());
            return Err(Nowhere { network: network.filter(|_| elsewhere).cloned() });
        };
        Ok(Place { agent_id, driver })
    }

    /// Where it would go now, and where else it could or could not.
    pub(super) fn would_be_placed(&self, load_balancer: &LoadBalancer, network: Option<&Attachment>) -> Choice {
        let Some(driver) = self.driver_of(&load_balancer.provider) else { return Choice::default() };
        let features = features::used(load_balancer);
        let demand = Demand { driver, features: &features, members: load_balancer.members(), network };
        let looked = self.fleet.consider(demand, self.clock.monotonic());
        let able = looked.iter().filter(|one| one.obstacle.is_none());
        let able: Vec<Candidate> =
            able.map(|one| Candidate { agent_id: one.agent_id, load_balancers: one.load_balancers }).collect();
        Choice { agent_id: self.policy.choose(&able, self.chance.number()), looked }
    }

    fn placed(&self, place: Place<'_>, bound: Result<Binding, Fault>) -> Result<Binding, Fault> {
        let agent_id = place.agent_id;
        bound.map_err(|fault| match fault.code() {
            // It was deleted a moment ago, at another scheduler: another one is chosen.
            Code::AgentNotFound => {
                self.fleet.forget(agent_id);
                Fault::from(Clash::AgentDeleted { agent_id }).with_detail(fault)
            }
            _ => fault,
        })
    }

    /// Saves a load balancer that got a vip, and says whom it concerns. The vip may be on another network than its pool
    /// was placed for: if its agent cannot plug into that, the load balancer goes to one that can.
    ///
    /// # Errors
    /// [`Code::NoEligibleAgent`]: none can. Then everything is to stay as it was.
    pub(super) async fn save_with_vip(
        &self,
        tx: &Tx,
        before: &Placed,
        after: LoadBalancer,
    ) -> Result<(LoadBalancer, Vec<Wake>), Fault> {
        let Some(former) = self.must_leave(tx, before, &after).await? else {
            let wake = self.save(tx, before, &after).await?;
            return Ok((after, wake.into_iter().collect()));
        };
        let network = network_of(tx, &after).await?;
        tx.release(after.id).await?;
        let wake = match self.place(tx, &after, network.as_ref(), self.chance.number()).await? {
            Ok(binding) => Wake::from(&binding),
            Err(nowhere) => return Err(nowhere.told(after.id)),
        };
        let moved = after.moved();
        tx.save(&before.load_balancer, &moved).await?;
        Ok((moved, vec![wake, former]))
    }

    /// The agent that has it, if that cannot plug it in where it is to be now.
    async fn must_leave(&self, tx: &Tx, before: &Placed, after: &LoadBalancer) -> Result<Option<Wake>, Fault> {
        let Some(binding) = before.binding.as_ref().filter(|_| after.subnet_id() != before.load_balancer.subnet_id())
        else {
            return Ok(None);
        };
        let (Some(network), Some(driver)) = (network_of(tx, after).await?, self.driver_of(&after.provider)) else {
            return Ok(None);
        };
        let Some(agent) = tx.agent(binding.agent_id).await? else { return Ok(None) };
        // Of a driver that it has no more, nobody knows: it may come back.
        let stays = agent.drivers.iter().find(|one| one.name == driver).is_none_or(|one| one.plugs.take(&network));
        Ok(if stays { None } else { Some(Wake::from(binding)) })
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
            self.metrics.worked(Led::Placing);
            if let Err(fault) = self.place_unplaced().await {
                tracing::warn!(detail = fault.detail(), "what is placed nowhere is looked at again: {fault}");
            }
            if let Err(fault) = Box::pin(self.place_standbys(&shutdown)).await {
                tracing::warn!(detail = fault.detail(), "standbys that are missing are looked at again: {fault}");
            }
        }
    }

    /// One pass. A load balancer that fails keeps no other from being placed.
    async fn place_unplaced(&self) -> Result<(), Fault> {
        for id in self.store.read(|tx, _| Box::pin(self.placeable(tx))).await? {
            let random = self.chance.number();
            let spares = &self.spares_for(id).await?;
            let placed = self.store.write(|tx, _| Box::pin(self.place_one(tx, id, spares, random))).await;
            self.give_back_spares(spares).await;
            match placed {
                Ok(Some(wake)) => {
                    tracing::info!(load_balancer.id = %id, agent.id = %wake.agent_id, "placed");
                    self.wake([wake]);
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
        let now = self.clock.monotonic();
        let unplaced = tx.unplaced().await?;
        let mut placeable = Vec::new();
        let mut networks: HashMap<SubnetId, Option<Attachment>> = HashMap::new();
        for chunk in unplaced.chunks(TOGETHER) {
            for load_balancer in tx.load_many(chunk).await? {
                let Some(driver) = self.driver_of(&load_balancer.provider) else { continue };
                let features = features::used(&load_balancer);
                let network = match load_balancer.subnet_id() {
                    Some(id) if !networks.contains_key(&id) => {
                        networks.entry(id).or_insert(attachment_of(tx, id).await?).as_ref()
                    }
                    Some(id) => networks.get(&id).and_then(Option::as_ref),
                    None => None,
                };
                let demand = Demand { driver, features: &features, members: load_balancer.members(), network };
                if self.fleet.choose(demand, now, |found| !found.is_empty()) {
                    placeable.push(load_balancer.id);
                }
            }
        }
        Ok(placeable)
    }

    async fn place_one(
        &self,
        tx: &Tx,
        id: LoadBalancerId,
        spares: &[Spare],
        random: u64,
    ) -> Result<Option<Wake>, Fault> {
        let placed = tx.load_placed(id).await?.filter(|placed| placed.binding.is_none());
        let Some(Placed { load_balancer: before, .. }) = placed else { return Ok(None) };
        let network = network_of(tx, &before).await?;
        let Ok(binding) = self.place(tx, &before, network.as_ref(), random).await? else { return Ok(None) };
        if before.has_standby() {
            self.begin_sides(tx, &before, &binding, spares).await?;
        }
        let after = before.clone().placed();
        tx.save(&before, &after).await?;
        Ok(Some(Wake::from(&binding)))
    }
}
