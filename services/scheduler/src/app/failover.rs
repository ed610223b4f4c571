//! Failover: what Dead agents have moves to others, so many in a second. What nobody can take stays where it is.
//!
//! Only the binding moves. A former owner that comes back finds a tombstone, and removes what it still runs; what it
//! says meanwhile is of a former epoch, and dropped.

use std::{sync::Arc, time::Duration};

use ballast_model::{
    agent::Liveness,
    fault::{Code, Fault},
    features,
    ids::{AgentId, LoadBalancerId},
};
use ballast_service::config::Failover as Settings;
use ballast_store::{Cause, Phase, Tx, because};
use tokio_util::sync::CancellationToken;

use super::{App, Wake, placing::network_of, sides::Spare};
use crate::{
    metrics::{FailedOver, Led},
    placement::{
        Demand,
        failover::{Failover, Pause, decide},
    },
};

/// How often Dead agents are looked for.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// How failover goes about it.
#[derive(Debug, Clone, Copy)]
pub struct FailoverLimits {
    pub enabled: bool,
    /// How many load balancers move in a second.
    pub per_second: usize,
    pub pause: Pause,
    /// Whether what agents have that are switched off moves, too.
    pub drain: bool,
    /// How long what is under way may go on where another agent is ready.
    pub finish: Duration,
}

impl FailoverLimits {
    /// Those of the configuration.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            enabled: settings.enabled,
            per_second: usize::try_from(settings.per_second).unwrap_or(usize::MAX),
            pause: Pause {
                share: settings.pause_share,
                window: Duration::from_secs(settings.pause_window_seconds.into()),
            },
            drain: settings.drain,
            finish: Duration::from_millis(settings.finish_ms.into()),
        }
    }
}

impl App {
    /// Looks for Dead agents until the end.
    pub async fn keep_failing_over(&self, shutdown: CancellationToken) {
        if !self.failover.enabled {
            return;
        }
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut paused = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            // Agents that have not been heard of since this scheduler's start may be about to dial.
            if self.clock.monotonic().saturating_sub(self.started) < self.limits.dead_after {
                continue;
            }
            self.metrics.worked(Led::Failover);
            let decided = self.fail_over().await;
            if let Ok(decided) = &decided {
                self.metrics.failover_paused.set(i64::from(matches!(decided, Failover::Paused { .. })));
            }
            match decided {
                Ok(Failover::Paused { dead, of }) if !paused => {
                    paused = true;
                    tracing::warn!(
                        "failover is paused: {dead} of {of} agents died at once; nothing moves until others live"
                    );
                    self.tell_pause(&format!("failover paused: {dead} of {of} agents died at once")).await;
                }
                Ok(Failover::Paused { .. }) => {}
                Ok(Failover::Nothing | Failover::From(_)) if paused => {
                    paused = false;
                    tracing::info!("failover goes on");
                    self.tell_pause("failover goes on").await;
                }
                Ok(Failover::Nothing | Failover::From(_)) => {}
                Err(fault) => tracing::warn!(detail = fault.detail(), "failover did not get on: {fault}"),
            }
        }
    }

    /// Tells who watches, at the agents that are Dead; where none is any more, at all.
    async fn tell_pause(&self, what: &str) {
        let agents = self.fleet.standings(self.clock.monotonic());
        let dead = agents.iter().filter(|one| one.liveness == Liveness::Dead).map(|one| one.agent_id);
        let mut whom: Vec<AgentId> = dead.collect();
        if whom.is_empty() {
            whom.extend(agents.iter().map(|one| one.agent_id));
        }
        let cause = Arc::new(Cause { what: what.to_owned(), ..Cause::default() });
        let note = self.store.write(|tx, _| {
            let whom = &whom;
            Box::pin(async move {
                whom.iter().for_each(|id| tx.note_liveness(*id));
                Ok(())
            })
        });
        if let Err(fault) = because(cause, note).await {
            tracing::warn!(detail = fault.detail(), "nobody who watches is told that {what}: {fault}");
        }
    }

    /// Moves some of what Dead agents have; what was decided about them.
    async fn fail_over(&self) -> Result<Failover, Fault> {
        let (decision, moving) = self.store.read(|tx, _| Box::pin(self.to_move(tx))).await?;
        for (load_balancer_id, from) in moving {
            let random = self.chance.number();
            let spares = &self.spares_for(load_balancer_id).await?;
            let moved =
                self.store.write(|tx, _| Box::pin(self.move_off(tx, load_balancer_id, from, (spares, random)))).await;
            self.give_back_spares(spares).await;
            let wakes = match moved {
                // One that cannot be moved keeps nobody else from moving.
                Err(fault) if fault.code() != Code::Unavailable => {
                    let detail = fault.detail();
                    self.metrics.failed_over(FailedOver::Failed);
                    tracing::error!(load_balancer.id = %load_balancer_id, from = %from, detail, "stays on a Dead agent: {fault}");
                    continue;
                }
                moved => moved?,
            };
            if let [to, ..] = wakes.as_slice() {
                self.metrics.failed_over(FailedOver::Moved);
                tracing::warn!(load_balancer.id = %load_balancer_id, from = %from, agent.id = %to.agent_id, "moved off a Dead agent");
            }
            self.wake(wakes);
        }
        Ok(decision)
    }

    /// What moves next, and from where.
    async fn to_move(&self, tx: &Tx) -> Result<(Failover, Vec<(LoadBalancerId, AgentId)>), Fault> {
        let decision = decide(&self.fleet.standings(self.clock.monotonic()), self.failover.pause);
        let mut moving = Vec::new();
        if let Failover::From(dead) = &decision {
            for from in dead {
                for bound in
                    tx.bindings_of(*from).await?.into_iter().filter(|bound| bound.binding.phase != Phase::Removing)
                {
                    if moving.len() == self.failover.per_second {
                        return Ok((decision, moving));
                    }
                    let id = bound.binding.load_balancer_id;
                    if self.can_leave(tx, id, *from).await? {
                        moving.push((id, *from));
                    }
                }
            }
        }
        Ok((decision, moving))
    }

    /// An agent that is Alive and can run the load balancer, with its driver.
    pub(super) async fn choose_alive(
        &self,
        tx: &Tx,
        load_balancer_id: LoadBalancerId,
        random: u64,
    ) -> Result<Option<(AgentId, &str)>, Fault> {
        let Some(load_balancer) = tx.load(load_balancer_id).await? else { return Ok(None) };
        let Some(driver) = self.driver_of(&load_balancer.provider) else { return Ok(None) };
        let features = features::used(&load_balancer);
        let network = network_of(tx, &load_balancer).await?;
        let demand =
            Demand { driver, features: &features, members: load_balancer.members(), network: network.as_ref() };
        let now = self.clock.monotonic();
        let chosen = self.fleet.choose_alive(demand, now, |found| self.policy.choose(found, random));
        Ok(chosen.map(|agent_id| (agent_id, driver)))
    }

    /// Moves one load balancer, if it is still there and its agent still Dead; wakes its new agent, then the former
    /// one.
    async fn move_off(
        &self,
        tx: &Tx,
        load_balancer_id: LoadBalancerId,
        from: AgentId,
        (spares, random): (&[Spare], u64),
    ) -> Result<Vec<Wake>, Fault> {
        let bound = tx.binding(load_balancer_id).await?;
        let is_dead = self.fleet.is_dead(from, self.clock.monotonic());
        if is_dead && tx.election(load_balancer_id).await?.is_some() {
            return self.leave_side(tx, load_balancer_id, from, spares).await;
        }
        if bound.is_none_or(|bound| bound.agent_id != from) || !is_dead {
            return Ok(Vec::new());
        }
        self.move_elsewhere(tx, load_balancer_id, from, random).await
    }

    /// Moves one load balancer, if it is still there, as its agent is to be forgotten; wakes as [`Self::move_off`] does.
    pub(super) async fn leave_forgotten(
        &self,
        tx: &Tx,
        load_balancer_id: LoadBalancerId,
        from: AgentId,
        random: u64,
    ) -> Result<Vec<Wake>, Fault> {
        if tx.election(load_balancer_id).await?.is_some() {
            // Its other side takes over when the agent is forgotten.
            return Ok(Vec::new());
        }
        let is_there = tx.binding(load_balancer_id).await?.is_some_and(|bound| bound.agent_id == from);
        if is_there { self.move_elsewhere(tx, load_balancer_id, from, random).await } else { Ok(Vec::new()) }
    }

    pub(super) async fn move_elsewhere(
        &self,
        tx: &Tx,
        load_balancer_id: LoadBalancerId,
        from: AgentId,
        random: u64,
    ) -> Result<Vec<Wake>, Fault> {
        let Some((chosen, driver)) = self.choose_alive(tx, load_balancer_id, random).await? else {
            return Ok(Vec::new());
        };
        // Who makes it ready already is the soonest to serve it.
        let ready =
            tx.successor(load_balancer_id).await?.filter(|one| self.is_alive(one.agent_id) && one.driver == driver);
        let agent_id = ready.map_or(chosen, |one| one.agent_id);
        let Some(before) = tx.load(load_balancer_id).await? else { return Ok(Vec::new()) };
        tx.release(load_balancer_id).await?;
        tx.bind(load_balancer_id, agent_id, driver).await?;
        tx.save(&before, &before.clone().moved()).await?;
        Ok([agent_id, from].map(|agent_id| Wake { agent_id, load_balancer_id }).to_vec())
    }
}
