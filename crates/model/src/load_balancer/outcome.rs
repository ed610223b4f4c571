//! What placement and agents say of a load balancer.

use std::collections::{HashMap, HashSet};

use super::LoadBalancer;
use crate::{
    counters::Generation,
    ids::{ListenerId, MemberId, ObjectId},
    listener::{Answering, Listener},
    member::Member,
    network::Attachment,
    outcome::{MemberHealth, Outcome},
    status::{OperatingStatus, Progress, ProvisioningStatus},
};

/// What a pool shows that no agent could take.
pub const NO_ELIGIBLE_BACKEND: &str = "No eligible backend";

impl LoadBalancer {
    /// No agent could take it, because there is none that can plug into this network, or for another reason: the pool says
    /// so until one can.
    #[must_use]
    pub fn unplaceable(mut self, network: Option<&Attachment>) -> Self {
        let why = network.map(|network| format!("{NO_ELIGIBLE_BACKEND}: no agent can plug into {network}"));
        let why = why.as_deref().unwrap_or(NO_ELIGIBLE_BACKEND);
        for pool in &mut self.pools {
            pool.progress.fail(why);
        }
        self.progress.fail(why);
        self
    }

    /// An agent took what could not be placed before.
    #[must_use]
    pub fn placed(mut self) -> Self {
        let pools = self.pools.iter_mut().map(|pool| &mut pool.progress);
        for progress in pools.chain([&mut self.progress]) {
            if progress.status == ProvisioningStatus::Error {
                *progress = Progress::created(progress.changed);
            }
        }
        self
    }

    /// It goes to another agent, which has not deployed it yet: what was there is to be there again. What is desired is the
    /// same, so the generation is.
    #[must_use]
    pub fn moved(mut self) -> Self {
        // What ran at the former agent is not what runs.
        self.settled = self.generation;
        let again = |_: ObjectId, progress: &Progress| {
            let pending = Progress { status: ProvisioningStatus::PendingUpdate, description: None, ..*progress };
            (!progress.status.is_pending()).then_some(pending)
        };
        self.with_progress(&again)
    }

    /// Takes an outcome; one that is older than the last is dropped. Whether it comes from the agent that owns the load
    /// balancer now (its epoch) is for the caller to know.
    ///
    /// A fault is shown at the object that has it. One of the whole is shown at what it stops: what was not deployed
    /// before, and the pools and listeners, of which nothing can be changed now. Where one object is the cause it has the
    /// fault, and what was deployed before is as it was.
    #[must_use]
    pub fn settle(mut self, outcome: &Outcome) -> Self {
        if outcome.generation < self.settled || outcome.generation > self.generation {
            return self;
        }
        let before = std::mem::replace(&mut self.settled, outcome.generation);
        let whole = outcome.fault.as_deref();
        let cause = outcome.cause.filter(|id| self.has(*id));
        // The first that is said of an object.
        let mut faults: HashMap<ObjectId, &str> =
            outcome.faults.iter().rev().map(|(id, why)| (*id, why.as_str())).collect();
        faults.extend(cause.zip(whole));
        // Without a deploy nothing of these can be changed, whatever it was that changed.
        let mut stopped: HashSet<ObjectId> = self.pools.iter().map(|pool| pool.id.into()).collect();
        stopped.extend(self.listeners.iter().map(|listener| ObjectId::from(listener.id)));
        let is_one_change = cause.is_some() && before.next() == outcome.generation;
        let touched = if is_one_change { self.only_touched(outcome.generation) } else { HashSet::new() };
        let is_touched = is_one_change && self.is_only_touched(outcome.generation);
        if cause.is_some() {
            stopped.clear();
        }
        self.change_progress(&|id, progress| {
            if progress.changed > outcome.generation {
                return None;
            }
            let was_deployed = progress.status == ProvisioningStatus::Active && progress.changed <= before;
            let mut after = progress.clone();
            match (faults.get(&id), whole) {
                (Some(why), _) => after.fail(why),
                (None, Some(_)) if touched.contains(&id) => after.succeed(),
                (None, Some(why)) if !was_deployed || stopped.contains(&id) => after.fail(why),
                (None, Some(_)) => {}
                (None, None) => after.succeed(),
            }
            (after != *progress).then_some(after)
        });
        // v1's load balancer has the id of its pool, whose fault is no fault of the whole.
        let id = ObjectId::from(self.id);
        let own = faults.get(&id).copied().filter(|_| self.pools.iter().all(|pool| ObjectId::from(pool.id) != id));
        let runs_on = cause.is_some() && (is_touched || self.progress.status == ProvisioningStatus::Active);
        if self.progress.changed <= outcome.generation {
            match whole.filter(|_| !runs_on).or(own) {
                Some(why) => self.progress.fail(why),
                None => self.progress.succeed(),
            }
        }
        self
    }

    /// The device of its agent is busy, and what is desired is deployed later: what is pending says why.
    #[must_use]
    pub fn waits(self, generation: Generation, why: &str) -> Self {
        let waits = |_: ObjectId, progress: &Progress| {
            let is_late = progress.status.is_pending() && progress.changed <= generation;
            is_late.then(|| Progress { description: Some(why.to_owned()), ..progress.clone() })
        };
        self.with_progress(&waits)
    }

    /// Takes what an agent observed of listeners: those that answer, all of them.
    #[must_use]
    pub fn answers(mut self, answering: &HashMap<ListenerId, Answering>) -> Self {
        let now = |listener: &Listener| answering.get(&listener.id).copied().unwrap_or_default();
        for listener in self.listeners.iter_mut_of(|listener| listener.answering != now(listener)) {
            listener.answering = now(listener);
        }
        self
    }

    /// Takes what an agent observed of members. What nobody checks stays unknown.
    #[must_use]
    pub fn observe(mut self, health: &[MemberHealth]) -> Self {
        let observed: HashMap<MemberId, OperatingStatus> =
            health.iter().rev().map(|observed| (observed.member_id, observed.status)).collect();
        let differs = |member: &Member| observed.get(&member.id).is_some_and(|now| *now != member.operating_status);
        for pool in self.pools.iter_mut_of(|pool| pool.is_monitored() && pool.members.iter().any(differs)) {
            for member in pool.members.iter_mut_of(differs) {
                member.operating_status = observed[&member.id];
            }
        }
        self
    }
}
