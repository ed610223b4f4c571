//! Standbys: where they are placed, when one becomes the active side, and what is done when an agent of one of the two is Dead
//! or switched off.
//!
//! A standby that fails is shown, and makes its load balancer no ERROR: what tenants asked for is served by the active side.
//! With no agent that could run it the load balancer has one side, and gets the other as soon as it can.

use std::sync::Arc;

use ballast_model::{
    agent::Liveness,
    counters::{Generation, Term},
    fault::{Code, Fault},
    features,
    ids::{AgentId, LoadBalancerId},
    load_balancer::LoadBalancer,
    side::{Said, SideNumber},
};
use ballast_store::{Binding, By, Cause, Phase, Side, Tx};
use tokio_util::sync::CancellationToken;

use super::{
    App, Owner, Wake,
    fleet::Beside,
    placing::network_of,
    sides::{Sides, Spare, sides_of},
};
use crate::{metrics::Takeover, placement::Demand};

/// How long it waits until the next of many standbys are placed.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// An agent for a standby, with its driver.
struct Found<'a> {
    agent_id: AgentId,
    driver: &'a str,
    /// The active side is in the same zone.
    together: bool,
}

/// At which host, which operators alone are told.
fn told(who: String, what: String) -> Arc<Cause> {
    Arc::new(Cause { by: By::Scheduler, who, what, ..Cause::default() })
}

/// Whom a change of its sides concerns: those who have one, and those who are to let go of one.
async fn all_wakes(tx: &Tx, id: LoadBalancerId) -> Result<Vec<Wake>, Fault> {
    let agents = tx.agents_of(&[id]).await?.into_iter();
    Ok(agents.map(|(load_balancer_id, agent_id)| Wake { agent_id, load_balancer_id }).collect())
}

impl App {
    /// A load balancer with a standby has got an agent: that is its first side. Its other one is placed beside it, where one can
    /// take it.
    pub(super) async fn begin_sides(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        binding: &Binding,
        spares: &[Spare],
    ) -> Result<Option<Binding>, Fault> {
        self.begin_term(tx, load_balancer.id).await?;
        self.add_side(tx, load_balancer, (binding, SideNumber::One), spares).await?;
        self.place_standby(tx, load_balancer, &[], spares).await
    }

    /// Gives it the standby that it lacks; none can take it: nothing happens.
    async fn place_standby(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        not: &[AgentId],
        spares: &[Spare],
    ) -> Result<Option<Binding>, Fault> {
        let id = load_balancer.id;
        let Some(sides) = sides_of(tx, id).await?.filter(|sides| sides.standby.is_none()) else { return Ok(None) };
        let active = &sides.active;
        let Some(found) = self.find_beside(tx, load_balancer, active.agent_id, not).await? else { return Ok(None) };
        let binding = Binding {
            load_balancer_id: id,
            agent_id: found.agent_id,
            driver: found.driver.to_owned(),
            epoch: tx.begin_epoch(id).await?,
            phase: Phase::Standby,
        };
        let added = self.add_side(tx, load_balancer, (&binding, active.number.other()), spares).await;
        match added {
            // The subnet has no address for it.
            Err(fault) if fault.code() == Code::SubnetFull => return Ok(None),
            added => drop(added?),
        }
        let host = tx.agent(found.agent_id).await?.map(|agent| agent.host).unwrap_or_default();
        let remark = if found.together { ", in the zone of the active side: no other can take it" } else { "" };
        tx.note_of(id, told(host, format!("standby placed{remark}"))).await?;
        Ok(Some(binding))
    }

    async fn find_beside(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        agent_id: AgentId,
        not: &[AgentId],
    ) -> Result<Option<Found<'_>>, Fault> {
        let Some(driver) = self.driver_of(&load_balancer.provider) else { return Ok(None) };
        let (features, random) = (features::used(load_balancer), self.chance.number());
        let network = network_of(tx, load_balancer).await?;
        let demand =
            Demand { driver, features: &features, members: load_balancer.members(), network: network.as_ref() };
        let (beside, now) = (Beside { agent_id, not }, self.clock.monotonic());
        let (chosen, together) =
            self.fleet.choose_beside(demand, now, beside, |found| self.policy.choose(found, random));
        Ok(chosen.map(|agent_id| Found { agent_id, driver, together }))
    }

    /// Places the standbys that are missing, so many in a second.
    pub(super) async fn place_standbys(&self, shutdown: &CancellationToken) -> Result<(), Fault> {
        loop {
            let missing = self.store.read(|tx, _| Box::pin(tx.without_standby())).await?;
            let (mut left, mut placed) = (missing.len(), 0);
            for id in missing {
                if placed == self.failover.per_second {
                    break;
                }
                match self.equip(id).await {
                    Ok(true) => (left, placed) = (left - 1, placed + 1),
                    Ok(false) => {}
                    Err(fault) if fault.code() == Code::Unavailable => return Err(fault),
                    Err(fault) => {
                        tracing::error!(load_balancer.id = %id, detail = fault.detail(), "it gets no standby: {fault}");
                    }
                }
            }
            self.metrics.standbys_missing.set(i64::try_from(left).unwrap_or(i64::MAX));
            self.count_disputes().await?;
            if placed < self.failover.per_second || placed == 0 {
                return Ok(());
            }
            if shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Gives one its standby; whether it has got one.
    async fn equip(&self, id: LoadBalancerId) -> Result<bool, Fault> {
        // What nobody can take costs a look, and no turn to write.
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let Some(load_balancer) = tx.load(id).await? else { return Ok(None) };
                let Some(binding) = tx.binding(id).await? else { return Ok(None) };
                let found = self.find_beside(tx, &load_balancer, binding.agent_id, &[]).await?;
                Ok(found.map(|_| load_balancer))
            })
        });
        let Some(load_balancer) = read.await? else { return Ok(false) };
        let spares = &self.spare_ports(&load_balancer, 2).await?;
        let place = self.store.write(|tx, _| {
            Box::pin(async move {
                let Some(before) = tx.load_placed(id).await? else { return Ok(Vec::new()) };
                let Some(binding) = &before.binding else { return Ok(Vec::new()) };
                let one = &before.load_balancer;
                let has_sides = sides_of(tx, id).await?.is_some();
                let standby = match has_sides {
                    true => self.place_standby(tx, one, &[], spares).await?,
                    // A scheduler of the release before has placed it.
                    false => self.begin_sides(tx, one, binding, spares).await?,
                };
                if standby.is_none() && has_sides {
                    return Ok(Vec::new());
                }
                tx.save(one, &one.clone().side_changed()).await?;
                all_wakes(tx, id).await
            })
        });
        let placed = place.await;
        self.give_back_spares(spares).await;
        let wakes = placed?;
        let is_placed = !wakes.is_empty();
        self.wake(wakes);
        if is_placed {
            tracing::info!(load_balancer.id = %id, "it has a standby");
        }
        Ok(is_placed)
    }

    /// How many load balancers have two sides that live and both say that they answer.
    async fn count_disputes(&self) -> Result<(), Fault> {
        let mut answering = self.store.read(|tx, _| Box::pin(tx.answering_sides())).await?;
        let now = self.clock.monotonic();
        answering.retain(|side| !self.fleet.is_dead(side.agent_id, now));
        answering.sort_unstable_by_key(|side| side.load_balancer_id);
        let both = answering.windows(2).filter(|two| two[0].load_balancer_id == two[1].load_balancer_id).count();
        self.metrics.standby_disputes.set(i64::try_from(both).unwrap_or(i64::MAX));
        Ok(())
    }

    /// The other side is to answer from now on: it begins the next term.
    async fn promote(&self, tx: &Tx, sides: &Sides, why: &str) -> Result<Vec<Wake>, Fault> {
        let Sides { active, standby: Some(standby), .. } = sides else { return Ok(Vec::new()) };
        let term = sides.ruling().next_term(sides.said());
        self.metrics.took_over(Takeover::Ordered);
        self.swap(tx, active, standby, (term, why)).await
    }

    async fn swap(&self, tx: &Tx, from: &Side, to: &Side, (term, why): (Term, &str)) -> Result<Vec<Wake>, Fault> {
        let id = from.load_balancer_id;
        tx.swap_sides(from, to).await?;
        tx.save_term(id, term).await?;
        let host = tx.agent(to.agent_id).await?.map(|agent| agent.host).unwrap_or_default();
        tx.note_of(id, told(host, format!("standby took over: {why}"))).await?;
        all_wakes(tx, id).await
    }

    /// A side says which of the two answers. What is not of a side that is there, or of a former term, does nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stands(&self, owner: Owner, said: Said) -> Result<(), Fault> {
        let hear = self.store.write(|tx, _| Box::pin(self.hear(tx, owner, said)));
        let (wakes, has_swapped) = hear.await?;
        if has_swapped {
            let id = owner.load_balancer_id;
            tracing::warn!(load_balancer.id = %id, term = said.term.number(), "its standby took over");
        }
        self.wake(wakes);
        Ok(())
    }

    async fn hear(&self, tx: &Tx, owner: Owner, said: Said) -> Result<(Vec<Wake>, bool), Fault> {
        let id = owner.load_balancer_id;
        let Some(sides) = sides_of(tx, id).await? else { return Ok((Vec::new(), false)) };
        let Some(from) = sides.of(owner.epoch, owner.agent_id) else { return Ok((Vec::new(), false)) };
        let ruling = sides.ruling().after(from.number, said, sides.standby.is_some());
        if from.said == Some(said) && ruling == sides.ruling() {
            return Ok((Vec::new(), false));
        }
        tx.save_said(id, from.epoch, said).await?;
        match &sides.standby {
            Some(standby) if ruling.active == standby.number => {
                self.metrics.took_over(Takeover::Said);
                let wakes = self.swap(tx, &sides.active, standby, (ruling.term, "as the sides say")).await?;
                Ok((wakes, true))
            }
            _ => {
                if ruling.term != sides.term {
                    tx.save_term(id, ruling.term).await?;
                }
                tx.note_conflict(id).await?;
                Ok((if ruling == sides.ruling() { Vec::new() } else { all_wakes(tx, id).await? }, false))
            }
        }
    }

    /// Whether the standby can answer at once: it runs, and both hear each other.
    async fn is_standby_ready(&self, tx: &Tx, standby: &Side) -> Result<bool, Fault> {
        let deployed = standby.generation > Generation::NONE && standby.fault.is_empty();
        if !deployed || !standby.said.is_some_and(|said| said.peer_heard) {
            return Ok(false);
        }
        let agent = tx.agent(standby.agent_id).await?;
        Ok(agent.is_some_and(|agent| agent.admin_state_up && self.liveness(&agent) == Liveness::Alive))
    }

    /// Whether what this agent has of a load balancer, which it is to lose, could go somewhere else now.
    pub(super) async fn can_leave(&self, tx: &Tx, id: LoadBalancerId, from: AgentId) -> Result<bool, Fault> {
        let Some(load_balancer) = tx.load(id).await? else { return Ok(false) };
        let Some(sides) = sides_of(tx, id).await?.filter(|_| load_balancer.has_standby()) else {
            return Ok(self.choose_alive(tx, id, 0).await?.is_some());
        };
        if sides.active.agent_id != from {
            return Ok(self.find_beside(tx, &load_balancer, sides.active.agent_id, &[from]).await?.is_some());
        }
        let is_dead = self.fleet.is_dead(from, self.clock.monotonic());
        match &sides.standby {
            Some(standby) if is_dead && self.fleet.is_dead(standby.agent_id, self.clock.monotonic()) => {
                Ok(self.find_beside(tx, &load_balancer, from, &[standby.agent_id]).await?.is_some())
            }
            Some(standby) => Ok(is_dead || self.is_standby_ready(tx, standby).await?),
            None => Ok(is_dead && self.find_beside(tx, &load_balancer, from, &[]).await?.is_some()),
        }
    }

    /// What this agent has of a load balancer with a standby goes somewhere else: it is Dead, or switched off. Nothing happens
    /// where that cannot be now.
    pub(super) async fn leave_side(
        &self,
        tx: &Tx,
        id: LoadBalancerId,
        from: AgentId,
        spares: &[Spare],
    ) -> Result<Vec<Wake>, Fault> {
        let Some(load_balancer) = tx.load(id).await? else { return Ok(Vec::new()) };
        let Some(sides) = sides_of(tx, id).await? else { return Ok(Vec::new()) };
        if !self.can_leave(tx, id, from).await? {
            return Ok(Vec::new());
        }
        let (now, is_dead) = (self.clock.monotonic(), |id| self.fleet.is_dead(id, self.clock.monotonic()));
        let why = if self.fleet.is_dead(from, now) { "its agent is Dead" } else { "its agent is switched off" };
        match &sides.standby {
            Some(standby) if standby.agent_id == from => {
                self.replace_standby(tx, &load_balancer, standby, spares).await
            }
            Some(standby) if sides.active.agent_id == from && !is_dead(standby.agent_id) => {
                self.promote(tx, &sides, why).await
            }
            _ if sides.active.agent_id == from => self.replace_active(tx, &load_balancer, &sides, spares).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn replace_standby(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        standby: &Side,
        spares: &[Spare],
    ) -> Result<Vec<Wake>, Fault> {
        self.drop_side(tx, load_balancer, standby, true).await?;
        self.place_standby(tx, load_balancer, &[standby.agent_id], spares).await?;
        tx.save(load_balancer, &load_balancer.clone().side_changed()).await?;
        all_wakes(tx, load_balancer.id).await
    }

    /// The active side goes to an agent that has no side of it; none can take it: nothing happens.
    async fn replace_active(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        sides: &Sides,
        spares: &[Spare],
    ) -> Result<Vec<Wake>, Fault> {
        let (id, former) = (load_balancer.id, &sides.active);
        let not: Vec<AgentId> = sides.standby.iter().map(|side| side.agent_id).collect();
        let Some(found) = self.find_beside(tx, load_balancer, former.agent_id, &not).await? else {
            return Ok(Vec::new());
        };
        let term = self.begin_term(tx, id).await?;
        tx.release(id).await?;
        self.drop_side(tx, load_balancer, former, false).await?;
        let binding = tx.bind_side(id, found.agent_id, found.driver, Some(former.epoch)).await?;
        self.add_side(tx, load_balancer, (&binding, former.number), spares).await?;
        tx.save(load_balancer, &load_balancer.clone().moved()).await?;
        tracing::info!(load_balancer.id = %id, term = term.number(), "its active side is placed anew");
        all_wakes(tx, id).await
    }

    /// What is to leave has no spare port yet that another service would have to make.
    pub(super) async fn spares_for(&self, id: LoadBalancerId) -> Result<Vec<Spare>, Fault> {
        if self.network.must_be_ours().is_ok() {
            return Ok(Vec::new());
        }
        match self.store.read(|tx, _| Box::pin(tx.load(id))).await? {
            Some(load_balancer) => self.spare_ports(&load_balancer, 2).await,
            None => Ok(Vec::new()),
        }
    }

    /// An operator wants another one to answer. None: it is to be moved as one without a standby.
    pub(super) async fn fail_over_sides(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        spares: &[Spare],
    ) -> Result<Option<Vec<Wake>>, Fault> {
        let Some(sides) = sides_of(tx, load_balancer.id).await? else { return Ok(None) };
        if let Some(standby) = &sides.standby
            && self.is_standby_ready(tx, standby).await?
        {
            return self.promote(tx, &sides, "an operator wants it").await.map(Some);
        }
        let wakes = self.replace_active(tx, load_balancer, &sides, spares).await?;
        Ok((!wakes.is_empty()).then_some(wakes))
    }

    /// The agent goes for good: what it has of load balancers with a standby goes, too.
    pub(super) async fn forget_sides_on(&self, tx: &Tx, agent_id: AgentId) -> Result<Vec<Wake>, Fault> {
        let mut wakes = Vec::new();
        for side in tx.sides_on(agent_id).await? {
            let id = side.load_balancer_id;
            let (Some(load_balancer), Some(sides)) = (tx.load(id).await?, sides_of(tx, id).await?) else { continue };
            let is_active = sides.active.epoch == side.epoch;
            if is_active && sides.standby.is_some() {
                wakes.extend(self.promote(tx, &sides, "its agent is deleted").await?);
            }
            let stands_by = !is_active || sides.standby.is_some();
            self.drop_side(tx, &load_balancer, &side, stands_by).await?;
            tx.save(&load_balancer, &load_balancer.clone().side_changed()).await?;
            wakes.extend(all_wakes(tx, id).await?);
        }
        Ok(wakes)
    }

    /// It uses something now that an agent of one of its sides has not. Where another can take it, that side goes there.
    pub(super) async fn leave_unable(&self, tx: &Tx, load_balancer: &LoadBalancer) -> Result<Vec<Wake>, Fault> {
        let Some(driver) = self.driver_of(&load_balancer.provider) else { return Ok(Vec::new()) };
        let used = features::used(load_balancer);
        let is_able = |side: &Side| self.fleet.has(side.agent_id, driver, &used);
        let Some(mut sides) = sides_of(tx, load_balancer.id).await? else { return Ok(Vec::new()) };
        let mut wakes = Vec::new();
        if let Some(standby) = sides.standby.take_if(|standby| !is_able(standby)) {
            self.drop_side(tx, load_balancer, &standby, true).await?;
            tx.save(load_balancer, &load_balancer.clone().side_changed()).await?;
            wakes = all_wakes(tx, load_balancer.id).await?;
            self.place_soon();
        }
        if is_able(&sides.active) {
            return Ok(wakes);
        }
        wakes.extend(match &sides.standby {
            Some(_) => self.promote(tx, &sides, "the other one lacks what it uses").await?,
            None => {
                let now = tx.load(load_balancer.id).await?;
                match now {
                    Some(now) => self.replace_active(tx, &now, &sides, &[]).await?,
                    None => Vec::new(),
                }
            }
        });
        Ok(wakes)
    }
}
