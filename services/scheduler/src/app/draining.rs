//! Draining: what agents have that an operator has switched off moves to others that live, so many at once, while they are served.
//! What nobody can take stays where it is, and is served there.
//!
//! With it goes the care for all that move in order, whatever for: a place that does not become ready is given up.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ballast_model::{
    agent::Liveness,
    fault::{Code, Fault},
    ids::{AgentId, LoadBalancerId},
    status::ProvisioningStatus,
};
use ballast_store::{Phase, Stage, Successor, Tx, because};
use tokio_util::sync::CancellationToken;

use super::{App, Wake, failover::PERIOD, moving::Prepared, secrets::cause, sides::Spare};
use crate::metrics::Led;

/// How long it may take until one is ready elsewhere.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long an agent that did not make one ready is not asked again for the same, where another may be.
const APART: Duration = Duration::from_secs(60);
/// Why a side stays.
const NO_OTHER_SIDE: &str = "nobody else can have this side, or the other one is not ready";
/// How long one rests that could not be moved.
const REST: Duration = Duration::from_secs(5);

/// How far it is.
#[derive(Debug, Default)]
struct Course {
    /// Moved, and not deployed yet where they are now.
    moving: BTreeSet<LoadBalancerId>,
    /// Who makes which ready, and since when.
    ready: BTreeMap<LoadBalancerId, (AgentId, Duration)>,
    /// Who has failed at it, and when.
    failed: BTreeMap<(LoadBalancerId, AgentId), Duration>,
    /// Which are left alone, until then.
    rests: BTreeMap<LoadBalancerId, Duration>,
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
    /// Where, and why.
    stay: BTreeMap<LoadBalancerId, (AgentId, String)>,
    /// Those of two sides.
    paired: BTreeSet<LoadBalancerId>,
    /// How many agents have yet that are switched off.
    left: usize,
}

impl Course {
    /// Who makes which ready now. Whoever did, and does not any more, has failed, unless he has it.
    fn note(&mut self, successors: &[Successor], bound: &BTreeMap<LoadBalancerId, AgentId>, now: Duration) {
        let silent = successors.iter().filter(|one| one.stage == Stage::Silent);
        let before = std::mem::take(&mut self.ready);
        for one in silent {
            let since = before.get(&one.load_balancer_id).filter(|(agent_id, _)| *agent_id == one.agent_id);
            self.ready.insert(one.load_balancer_id, (one.agent_id, since.map_or(now, |(_, since)| *since)));
        }
        for (id, (agent_id, _)) in before {
            let goes_on = self.ready.get(&id).is_some_and(|(now, _)| *now == agent_id);
            if !goes_on && bound.get(&id).is_some_and(|has| *has != agent_id) {
                self.failed.insert((id, agent_id), now);
            }
        }
        self.failed.retain(|_, failed| now.saturating_sub(*failed) < APART);
        self.rests.retain(|_, until| *until > now);
    }

    fn apart(&self, id: LoadBalancerId) -> BTreeSet<AgentId> {
        self.failed.keys().filter(|(failed, _)| *failed == id).map(|(_, agent_id)| *agent_id).collect()
    }
}

impl App {
    /// Empties agents that are switched off, until the end.
    pub async fn keep_draining(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut course = Course::default();
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            self.metrics.worked(Led::Draining);
            if let Err(fault) = Box::pin(self.tend(&mut course)).await {
                tracing::warn!(detail = fault.detail(), "what moves is not looked after: {fault}");
            }
            if !self.failover.drain {
                continue;
            }
            if let Err(fault) = Box::pin(self.drain(&mut course)).await {
                tracing::warn!(detail = fault.detail(), "agents that are switched off are not emptied yet: {fault}");
            }
        }
    }

    /// Gives up what does not become ready. Who is to let go of it is told again, wherever he was told before.
    async fn tend(&self, course: &mut Course) -> Result<(), Fault> {
        let known: Vec<LoadBalancerId> = course.ready.keys().copied().collect();
        let read = self.store.glance(|tx, _| {
            let known = &known;
            Box::pin(async move {
                let successors = tx.successors().await?;
                let mut taken = Vec::new();
                for one in successors.iter().filter(|one| one.stage == Stage::Taking) {
                    let is_over = tx.handover(one.load_balancer_id, one.epoch).await?.is_none();
                    taken.extend(is_over.then_some((one.load_balancer_id, one.epoch)));
                }
                Ok((successors, tx.bindings(known).await?, taken))
            })
        });
        let (successors, bound, taken) = read.await?;
        if !taken.is_empty() {
            // A scheduler of a former release has heard that it is deployed, or has moved it.
            self.store.write(|tx, _| Box::pin(tx.have_taken(&taken))).await?;
        }
        let now = self.clock.monotonic();
        let bound = bound.into_iter().map(|(id, binding)| (id, binding.agent_id)).collect();
        course.note(&successors, &bound, now);
        let leaving = successors.iter().filter(|one| one.stage == Stage::Leaving);
        self.wake(leaving.map(|one| Wake { agent_id: one.agent_id, load_balancer_id: one.load_balancer_id }));
        for (id, (agent_id, since)) in &course.ready {
            let Some(why) = self.is_given_up(*agent_id, now.saturating_sub(*since)) else { continue };
            let dismiss = self.store.write(|tx, _| Box::pin(self.dismiss(tx, *id, why)));
            self.wake(dismiss.await?);
        }
        Ok(())
    }

    fn is_given_up(&self, agent_id: AgentId, for_so_long: Duration) -> Option<&'static str> {
        match self.fleet.liveness_of(agent_id, self.clock.monotonic()) {
            None | Some(Liveness::Dead) => Some("the agent that was to have it is Dead"),
            Some(Liveness::Alive | Liveness::Suspect) if for_so_long >= READY_WITHIN => {
                Some("the agent that was to have it did not make it ready in time")
            }
            Some(Liveness::Alive | Liveness::Suspect) => None,
        }
    }

    async fn drain(&self, course: &mut Course) -> Result<(), Fault> {
        let off = self.fleet.switched_off(self.clock.monotonic());
        if off.is_empty() && course.moving.is_empty() {
            (course.moving, course.stay) = (BTreeSet::new(), BTreeSet::new());
            self.metrics.drain_left.set(0);
            return Ok(());
        }
        let seen = &*course;
        let next = self.store.read(|tx, _| Box::pin(self.to_drain(tx, &off, seen))).await?;
        self.metrics.drain_left.set(i64::try_from(next.left).unwrap_or(i64::MAX));
        let host = |id: AgentId| off.iter().find(|(agent, _)| *agent == id).map_or("", |(_, host)| host.as_str());
        for (id, (from, why)) in next.stay.iter().filter(|(id, _)| !course.stay.contains(id)) {
            self.tell_stays(*id, host(*from), why).await?;
        }
        (course.moving, course.stay) = (next.moving, next.stay.into_keys().collect());
        for (id, from) in next.leave {
            let (told, random, apart) =
                (format!("the agent {} is switched off", host(from)), self.chance.number(), &course.apart(id));
            let spares = &self.spares_for(id).await?;
            let how = (apart, spares.as_slice(), random);
            let moved = self.store.write(|tx, _| Box::pin(self.leave_switched_off(tx, id, from, how)));
            let moved = because(cause(told), moved).await;
            self.give_back_spares(spares).await;
            let wakes = match moved {
                // One that cannot be moved keeps nobody else from moving.
                Err(fault) if fault.code() != Code::Unavailable => {
                    tracing::error!(load_balancer.id = %id, detail = fault.detail(), "stays on {}: {fault}", host(from));
                    Vec::new()
                }
                moved => moved?,
            };
            match wakes.as_slice() {
                [to, _, ..] => {
                    self.metrics.drained.inc();
                    course.moving.insert(id);
                    tracing::info!(load_balancer.id = %id, agent.id = %to.agent_id, "moved off {}, which is switched off", host(from));
                }
                // Whoever fails before this is looked at again has failed all the same.
                [to] if !next.paired.contains(&id) => {
                    course.ready.insert(id, (to.agent_id, self.clock.monotonic()));
                }
                [_] | [] => {
                    course.rests.insert(id, self.clock.monotonic() + REST);
                }
            }
            self.wake(wakes);
        }
        Ok(())
    }

    /// Who watches it hears that nobody else can have it.
    async fn tell_stays(&self, id: LoadBalancerId, host: &str, why: &str) -> Result<(), Fault> {
        tracing::warn!(load_balancer.id = %id, "stays on {host}, which is switched off: no other agent can run it now: {why}");
        let told = format!("it stays on {host}, which is switched off: no other agent can run it now: {why}");
        because(cause(told), self.store.write(|tx, _| Box::pin(tx.note_conflict(id)))).await
    }

    async fn to_drain(&self, tx: &Tx, off: &[(AgentId, String)], course: &Course) -> Result<Next, Fault> {
        let ids: Vec<LoadBalancerId> = course.moving.iter().copied().collect();
        let under_way = |status| status == ProvisioningStatus::PendingUpdate;
        let found = tx.load_many(&ids).await?.into_iter().filter(|one| under_way(one.progress.status));
        let mut next = Next { moving: found.map(|one| one.id).collect(), ..Next::default() };
        let successors = tx.successors().await?.into_iter().filter(|one| one.stage != Stage::Leaving);
        let in_order: BTreeSet<LoadBalancerId> = successors.map(|one| one.load_balancer_id).collect();
        let room = self.failover.per_second.saturating_sub(next.moving.union(&in_order).count());
        for (from, _) in off {
            let mut bound = tx.bindings_of(*from).await?;
            bound.retain(|one| one.binding.phase != Phase::Removing);
            // Standbys first: one that has its place elsewhere can take over.
            bound.sort_by_key(|one| one.binding.phase == Phase::Bound);
            for id in bound.into_iter().map(|one| one.binding.load_balancer_id) {
                next.left += 1;
                if next.leave.len() >= room || in_order.contains(&id) || course.rests.contains_key(&id) {
                    continue;
                }
                let Some(load_balancer) = tx.load(id).await? else { continue };
                if load_balancer.has_standby() {
                    next.paired.insert(id);
                    match self.can_leave(tx, id, *from).await? {
                        true => next.leave.push((id, *from)),
                        false => drop(next.stay.insert(id, (*from, NO_OTHER_SIDE.to_owned()))),
                    }
                    continue;
                }
                let Some(load_balancer) = tx.load(id).await? else { continue };
                match self.stays(tx, &load_balancer, *from).await? {
                    None => next.leave.push((id, *from)),
                    Some(why) => drop(next.stay.insert(id, (*from, why))),
                }
            }
        }
        Ok(next)
    }

    /// Moves one load balancer, if it is still there and its agent still switched off. Wakes who makes it ready; where nobody
    /// can, it is moved at once, and its new agent is woken and then the former one.
    async fn leave_switched_off(
        &self,
        tx: &Tx,
        id: LoadBalancerId,
        from: AgentId,
        (apart, spares, random): (&BTreeSet<AgentId>, &[Spare], u64),
    ) -> Result<Vec<Wake>, Fault> {
        let Some(placed) = tx.load_placed(id).await? else { return Ok(Vec::new()) };
        let is_off = tx.agent(from).await?.is_some_and(|agent| !agent.admin_state_up);
        if is_off && placed.load_balancer.has_standby() {
            return self.leave_side(tx, id, from, spares).await;
        }
        let Some(binding) = placed.binding.filter(|bound| bound.agent_id == from && is_off) else {
            return Ok(Vec::new());
        };
        match self.prepare_elsewhere(tx, &placed.load_balancer, &binding, (apart, random)).await? {
            Prepared::By(successor) => {
                tx.note_conflict(id).await?;
                Ok(vec![Wake { agent_id: successor.agent_id, load_balancer_id: id }])
            }
            Prepared::NotNow => Ok(Vec::new()),
            Prepared::Never => self.move_elsewhere(tx, id, from, random).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use ballast_model::counters::Epoch;

    use super::*;

    const ID: LoadBalancerId = LoadBalancerId::from_u128(1);
    const ONE: AgentId = AgentId::from_u128(1);
    const TWO: AgentId = AgentId::from_u128(2);

    fn silent(agent_id: AgentId) -> Successor {
        let driver = String::new();
        Successor { load_balancer_id: ID, agent_id, driver, epoch: Epoch::FIRST, stage: Stage::Silent }
    }

    #[test]
    fn who_does_not_make_one_ready_any_more_has_failed_unless_he_has_it() {
        let (mut course, seconds) = (Course::default(), Duration::from_secs);
        course.note(&[silent(TWO)], &[(ID, ONE)].into(), seconds(1));
        course.note(&[silent(TWO)], &[(ID, ONE)].into(), seconds(5));
        assert_eq!(course.ready, [(ID, (TWO, seconds(1)))].into(), "it counts from the beginning");
        let mut taken = Course { ready: course.ready.clone(), ..Course::default() };
        taken.note(&[], &[(ID, TWO)].into(), seconds(6));
        assert!(taken.apart(ID).is_empty() && taken.ready.is_empty(), "it has it");
        course.note(&[], &[(ID, ONE)].into(), seconds(6));
        assert_eq!(course.apart(ID), [TWO].into());
        course.note(&[], &BTreeMap::new(), seconds(6) + APART);
        assert!(course.apart(ID).is_empty(), "he may be asked again");
    }
}
