//! Draining: what agents have that an operator has switched off moves to others that live, so many at once, while they are served.
//! What nobody can take stays where it is, and is served there.

use std::collections::BTreeSet;

use ballast_model::{
    fault::{Code, Fault},
    ids::{AgentId, LoadBalancerId},
    status::ProvisioningStatus,
};
use ballast_store::{Phase, Tx, because};
use tokio_util::sync::CancellationToken;

use super::{App, failover::PERIOD, secrets::cause};
use crate::metrics::Led;

/// How far it is.
#[derive(Debug, Default)]
struct Course {
    /// Moved, and not deployed yet where they are now.
    moving: BTreeSet<LoadBalancerId>,
    /// Of which it was said that nobody can take them.
    stay: BTreeSet<LoadBalancerId>,
}

/// What is to be done next.
#[derive(Debug, Default)]
struct Next {
    /// Still under way.
    moving: BTreeSet<LoadBalancerId>,
    /// To be moved now, and from where.
    leave: Vec<(LoadBalancerId, AgentId)>,
    stay: BTreeSet<LoadBalancerId>,
    /// How many agents have yet that are switched off.
    left: usize,
}

impl App {
    /// Empties agents that are switched off, until the end.
    pub async fn keep_draining(&self, shutdown: CancellationToken) {
        if !self.failover.drain {
            return shutdown.cancelled().await;
        }
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut course = Course::default();
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            self.metrics.worked(Led::Draining);
            if let Err(fault) = Box::pin(self.drain(&mut course)).await {
                tracing::warn!(detail = fault.detail(), "agents that are switched off are not emptied yet: {fault}");
            }
        }
    }

    async fn drain(&self, course: &mut Course) -> Result<(), Fault> {
        let off = self.fleet.switched_off(self.clock.monotonic());
        if off.is_empty() && course.moving.is_empty() {
            *course = Course::default();
            self.metrics.drain_left.set(0);
            return Ok(());
        }
        let moving = &course.moving;
        let next = self.store.read(|tx, _| Box::pin(self.to_drain(tx, &off, moving))).await?;
        self.metrics.drain_left.set(i64::try_from(next.left).unwrap_or(i64::MAX));
        for id in next.stay.difference(&course.stay) {
            tracing::warn!(load_balancer.id = %id, "stays on an agent that is switched off: no other agent can run it now");
        }
        (course.moving, course.stay) = (next.moving, next.stay);
        for (id, from) in next.leave {
            let host = off.iter().find(|(agent, _)| *agent == from).map(|(_, host)| host.as_str()).unwrap_or_default();
            let (told, random) = (format!("the agent {host} is switched off"), self.chance.number());
            let spares = &self.spares_for(id).await?;
            let moved = self.store.write(|tx, _| Box::pin(self.leave_switched_off(tx, id, from, (spares, random))));
            let moved = because(cause(told), moved).await;
            self.give_back_spares(spares).await;
            let wakes = match moved {
                // One that cannot be moved keeps nobody else from moving.
                Err(fault) if fault.code() != Code::Unavailable => {
                    tracing::error!(load_balancer.id = %id, detail = fault.detail(), "stays on {host}: {fault}");
                    continue;
                }
                moved => moved?,
            };
            if let [to, ..] = wakes.as_slice() {
                self.metrics.drained.inc();
                course.moving.insert(id);
                tracing::info!(load_balancer.id = %id, agent.id = %to.agent_id, "moved off {host}, which is switched off");
            }
            self.wake(wakes);
        }
        Ok(())
    }

    async fn to_drain(
        &self,
        tx: &Tx,
        off: &[(AgentId, String)],
        moving: &BTreeSet<LoadBalancerId>,
    ) -> Result<Next, Fault> {
        let ids: Vec<LoadBalancerId> = moving.iter().copied().collect();
        let under_way = |status| status == ProvisioningStatus::PendingUpdate;
        let found = tx.load_many(&ids).await?.into_iter().filter(|one| under_way(one.progress.status));
        let mut next = Next { moving: found.map(|one| one.id).collect(), ..Next::default() };
        let room = self.failover.per_second.saturating_sub(next.moving.len());
        for (from, _) in off {
            let mut bound = tx.bindings_of(*from).await?;
            bound.retain(|one| one.binding.phase != Phase::Removing);
            // Standbys first: one that has its place elsewhere can take over.
            bound.sort_by_key(|one| one.binding.phase == Phase::Bound);
            for id in bound.into_iter().map(|one| one.binding.load_balancer_id) {
                next.left += 1;
                if next.leave.len() >= room {
                    continue;
                }
                match self.can_leave(tx, id, *from).await? {
                    true => next.leave.push((id, *from)),
                    false => drop(next.stay.insert(id)),
                }
            }
        }
        Ok(next)
    }
}
