//! What placement and agents say of a load balancer.

use std::collections::HashMap;

use super::LoadBalancer;
use crate::{
    counters::Generation,
    ids::{MemberId, ObjectId},
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
        for pool in &mut self.pools {
            pool.progress.fail(why.as_deref().unwrap_or(NO_ELIGIBLE_BACKEND));
        }
        self
    }

    /// An agent took what could not be placed before.
    #[must_use]
    pub fn placed(mut self) -> Self {
        for pool in &mut self.pools {
            if pool.progress.status == ProvisioningStatus::Error {
                pool.progress = Progress::created(pool.progress.changed);
            }
        }
        self
    }

    /// It goes to another agent, which has not deployed it yet: what was there is to be there again. What is desired is the
    /// same, so the generation is.
    #[must_use]
    pub fn moved(mut self) -> Self {
        for (_, progress) in self.objects_mut() {
            if !progress.status.is_pending() {
                progress.update(progress.changed);
            }
        }
        self
    }

    /// Takes an outcome; one that is older than the last is dropped. Whether it comes from the agent that owns the load
    /// balancer now (its epoch) is for the caller to know.
    ///
    /// A fault is shown at the object that has it. One of the whole is shown at what it stops: what was not deployed
    /// before, and the pools and listeners, of which nothing can be changed now.
    #[must_use]
    pub fn settle(mut self, outcome: &Outcome) -> Self {
        if outcome.generation < self.settled || outcome.generation > self.generation {
            return self;
        }
        let before = std::mem::replace(&mut self.settled, outcome.generation);
        let fault_of =
            |id: ObjectId| outcome.faults.iter().find(|(object, _)| *object == id).map(|(_, why)| why.as_str());
        let whole = outcome.fault.as_deref();
        // Without a deploy nothing of these can be changed, whatever it was that changed.
        let mut stopped: Vec<ObjectId> = self.pools.iter().map(|pool| pool.id.into()).collect();
        stopped.extend(self.listeners.iter().map(|listener| ObjectId::from(listener.id)));
        for (id, progress) in self.objects_mut() {
            if progress.changed > outcome.generation {
                continue;
            }
            let was_deployed = progress.status == ProvisioningStatus::Active && progress.changed <= before;
            match (fault_of(id), whole) {
                (Some(why), _) => progress.fail(why),
                (None, Some(why)) if !was_deployed || stopped.contains(&id) => progress.fail(why),
                (None, Some(_)) => {}
                (None, None) => progress.succeed(),
            }
        }
        self
    }

    /// The device of its agent is busy, and what is desired is deployed later: what is pending says why.
    #[must_use]
    pub fn waits(mut self, generation: Generation, why: &str) -> Self {
        for (_, progress) in self.objects_mut() {
            if progress.status.is_pending() && progress.changed <= generation {
                progress.description = Some(why.to_owned());
            }
        }
        self
    }

    pub(super) fn objects_mut(&mut self) -> impl Iterator<Item = (ObjectId, &mut Progress)> {
        let listeners = self.listeners.iter_mut().map(|listener| (listener.id.into(), &mut listener.progress));
        let pools = self.pools.iter_mut().flat_map(|pool| {
            let members = pool.members.iter_mut().map(|member| (member.id.into(), &mut member.progress));
            let monitors = pool.monitors.iter_mut().map(|one| (one.monitor.id.into(), &mut one.progress));
            std::iter::once((pool.id.into(), &mut pool.progress)).chain(members).chain(monitors)
        });
        listeners.chain(pools)
    }

    /// Takes what an agent observed of members. What nobody checks stays unknown.
    #[must_use]
    pub fn observe(mut self, health: &[MemberHealth]) -> Self {
        let observed: HashMap<MemberId, OperatingStatus> =
            health.iter().rev().map(|observed| (observed.member_id, observed.status)).collect();
        let differs = |member: &Member| observed.get(&member.id).is_some_and(|now| *now != member.operating_status);
        for pool in self.pools.iter_mut().filter(|pool| pool.is_monitored()) {
            if pool.members.iter().any(differs) {
                for member in pool.members.iter_mut().filter(|member| differs(member)) {
                    member.operating_status = observed[&member.id];
                }
            }
        }
        self
    }
}
