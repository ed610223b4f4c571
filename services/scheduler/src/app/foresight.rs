//! What a change would do to what serves: the change is made in a transaction that is not kept, and what its agent would be
//! told is asked of it instead.
//!
//! It is a read that somebody waits for. No change waits for it, and whatever goes wrong is "not known".

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ballast_model::{
    fault::Fault,
    features,
    ids::AgentId,
    load_balancer::LoadBalancer,
    quota::{Limit, Resource},
};
use ballast_proto::driver::Preview;
use ballast_store::{Binding, Tx};
use tokio::sync::oneshot;

use super::{
    App, Desired, Instruction,
    placing::{Choice, network_of},
    v2::parts_of,
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a change would come to, once it is known.
pub type Foresight = Arc<Mutex<Foreseen>>;

#[derive(Debug, Default)]
pub struct Foreseen {
    pub come: Option<Come>,
    /// Of what quotas count, what there would be more or fewer of.
    pub counted: Vec<Counted>,
}

/// How many the project would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub resource: Resource,
    pub used: u64,
    pub limit: Limit,
}

/// What it would come to.
#[derive(Debug)]
pub enum Come {
    /// No agent runs it.
    Nowhere,
    /// It is new, and goes there.
    Placed(Choice),
    /// Its agent cannot run what it becomes, and another one can.
    Moves(Choice),
    /// It goes; the agent runs it.
    Removed(AgentId),
    /// Its agent is told this.
    Told { agent_id: AgentId, desired: Box<Desired> },
}

/// Asked of an agent.
#[derive(Debug)]
pub struct Question {
    pub number: u64,
    pub desired: Box<Desired>,
}

/// What was answered; or why it is not known.
pub(super) type Answer = Result<Preview, String>;

/// Who waits for which answer.
#[derive(Debug, Default)]
pub struct Questions(Mutex<HashMap<(AgentId, u64), oneshot::Sender<Answer>>>);

impl Questions {
    /// An agent has answered. Nobody may wait for it any more.
    pub fn answered(&self, agent_id: AgentId, number: u64, answer: Answer) {
        if let Some(waiting) = self.lock().remove(&(agent_id, number)) {
            // It has just been given up.
            let _ = waiting.send(answer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(AgentId, u64), oneshot::Sender<Answer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Another handle, whose changes are not kept, and note what they would come to.
    #[must_use]
    pub fn foreseeing(&self) -> (Self, Foresight) {
        let foresight = Foresight::default();
        (Self { foresight: Some(Arc::clone(&foresight)), ..self.clone() }, foresight)
    }

    /// Notes what this would come to, where that is asked for.
    pub(super) async fn foresee(&self, tx: &Tx, after: &LoadBalancer, binding: Option<&Binding>) -> Result<(), Fault> {
        let Some(foresight) = &self.foresight else { return Ok(()) };
        let come = match binding {
            None => Come::Nowhere,
            Some(binding) if self.would_move(tx, after, binding).await? => {
                Come::Moves(self.would_be_placed(after, network_of(tx, after).await?.as_ref()))
            }
            Some(binding) => match self.instruction(tx, after.clone(), binding.clone()).await? {
                Instruction::Desired(desired) => Come::Told { agent_id: binding.agent_id, desired },
                Instruction::Remove { .. } => Come::Nowhere,
            },
        };
        note(foresight, come);
        Ok(())
    }

    /// Notes what the project would have, where that is asked for; none: it is not there, before or after.
    pub(super) async fn foresee_quotas(
        &self,
        tx: &Tx,
        before: Option<&LoadBalancer>,
        after: Option<&LoadBalancer>,
    ) -> Result<(), Fault> {
        let (Some(foresight), Some(one)) = (&self.foresight, after.or(before)) else { return Ok(()) };
        let limits = self.quotas.clone().with(&tx.own_limits(&one.project_id).await?);
        let mut counted = Vec::new();
        for ((resource, old), (_, new)) in counts(before).into_iter().zip(counts(after)).filter(|(old, new)| old != new)
        {
            let used = tx.used(resource, &one.project_id).await?.saturating_add(new).saturating_sub(old);
            counted.push(Counted { resource, used, limit: limits.of(resource) });
        }
        lock(foresight).counted = counted;
        Ok(())
    }

    /// As [`Self::foresee`], of a load balancer that is made, or goes.
    pub(super) fn foresee_whole(&self, come: impl FnOnce() -> Come) {
        if let Some(foresight) = &self.foresight {
            note(foresight, come());
        }
    }

    async fn would_move(&self, tx: &Tx, after: &LoadBalancer, binding: &Binding) -> Result<bool, Fault> {
        let Some(driver) = self.driver_of(&after.provider) else { return Ok(false) };
        if self.fleet.has(binding.agent_id, driver, &features::used(after)) {
            return Ok(false);
        }
        Ok(self.can_be_placed(after, network_of(tx, after).await?.as_ref()))
    }

    /// What its agent's driver says of it, if that is known in time.
    pub async fn ask(&self, agent_id: AgentId, desired: Box<Desired>) -> Answer {
        let number = self.chance.number();
        let (tell, told) = oneshot::channel();
        self.questions.lock().insert((agent_id, number), tell);
        if !self.wakes.ask(agent_id, Question { number, desired }) {
            self.questions.lock().remove(&(agent_id, number));
            return Err("its agent has no session with this scheduler, or is asked too much at once".to_owned());
        }
        let answer = tokio::time::timeout(PATIENCE, told).await;
        self.questions.lock().remove(&(agent_id, number));
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err("its agent has not answered in time".to_owned()),
        }
    }
}

fn note(foresight: &Foresight, come: Come) {
    lock(foresight).come = Some(come);
}

fn lock(foresight: &Foresight) -> MutexGuard<'_, Foreseen> {
    foresight.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many there are of what quotas of load balancing count.
fn counts(one: Option<&LoadBalancer>) -> Vec<(Resource, u64)> {
    let parts = one.map(parts_of);
    let all = Resource::V2.into_iter().map(|resource| {
        let part = parts.and_then(|parts| parts.into_iter().find(|(of, _)| *of == resource));
        match (resource, part) {
            (Resource::LoadBalancer, _) => (resource, u64::from(one.is_some())),
            (_, part) => (resource, part.map_or(0, |(_, count)| count)),
        }
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_goes_to_who_asked_that_agent_and_to_nobody_else() {
        let questions = Questions::default();
        let (one, other) = (AgentId::from_u128(1), AgentId::from_u128(2));
        let (tell, told) = oneshot::channel();
        questions.lock().insert((one, 7), tell);
        questions.answered(other, 7, Ok(Preview::default()));
        questions.answered(one, 8, Ok(Preview::default()));
        questions.answered(one, 7, Err("it is busy".to_owned()));
        questions.answered(one, 7, Ok(Preview::default()));
        assert_eq!(told.await.unwrap(), Err("it is busy".to_owned()));
        assert!(questions.lock().is_empty());
    }
}
