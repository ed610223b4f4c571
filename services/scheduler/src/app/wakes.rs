//! Who waits for what: the open sessions, and the load balancers in which each may have something new to do.
//!
//! A wake says where to look, and seldom what is there: the session reads that from the store. Wakes of one load balancer
//! fall together, so a slow session has one look to make however many writes there were.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ballast_model::ids::{AgentId, LoadBalancerId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Instruction, Question, Ready, Wake};

/// What waits to be asked of one agent.
const MOST_QUESTIONS: usize = 16;

/// The open sessions of this scheduler.
#[derive(Default)]
pub struct Wakes(Mutex<HashMap<AgentId, Arc<Inbox>>>);

#[derive(Debug)]
struct Inbox {
    dirty: Mutex<Dirty>,
    notify: Notify,
    /// Anything may be new.
    everything: Notify,
    questions: Mutex<VecDeque<Question>>,
    asked: Notify,
    ended: CancellationToken,
}

/// Where to look; with what is to be told, where that is known and nothing else has changed since.
pub type Dirty = HashMap<LoadBalancerId, Option<Instruction>>;

/// A session's side. Dropped, the session is gone.
pub struct Listening<'a> {
    wakes: &'a Wakes,
    agent_id: AgentId,
    inbox: Arc<Inbox>,
}

impl Wakes {
    /// Opens a session. An older one of the same agent is told to end.
    pub fn listen(&self, agent_id: AgentId) -> Listening<'_> {
        let inbox = Arc::new(Inbox {
            dirty: Mutex::default(),
            notify: Notify::new(),
            everything: Notify::new(),
            questions: Mutex::default(),
            asked: Notify::new(),
            ended: CancellationToken::new(),
        });
        if let Some(former) = self.lock().insert(agent_id, Arc::clone(&inbox)) {
            former.ended.cancel();
        }
        Listening { wakes: self, agent_id, inbox }
    }

    /// Whether the agent has a session here.
    pub fn has_session(&self, agent_id: AgentId) -> bool {
        self.lock().contains_key(&agent_id)
    }

    /// Ends the agent's session.
    pub fn end(&self, agent_id: AgentId) {
        if let Some(inbox) = self.lock().get(&agent_id) {
            inbox.ended.cancel();
        }
    }

    /// Tells sessions where to look.
    pub fn wake(&self, wakes: impl IntoIterator<Item = Wake>) {
        let sessions = self.lock();
        for wake in wakes {
            if let Some(inbox) = sessions.get(&wake.agent_id) {
                inbox.dirty().insert(wake.load_balancer_id, None);
                inbox.notify.notify_one();
            }
        }
    }

    /// Tells the agent's session what to tell. Two of one load balancer may come in another order than they were committed
    /// in: then it is looked at.
    pub fn tell(&self, Ready { agent_id, load_balancer_id, instruction }: Ready) {
        if let Some(inbox) = self.lock().get(&agent_id) {
            inbox.dirty().entry(load_balancer_id).and_modify(|one| *one = None).or_insert(Some(instruction));
            inbox.notify.notify_one();
        }
    }

    /// Has the agent's session ask something. Returns whether there is one, which is not asked too much already.
    pub fn ask(&self, agent_id: AgentId, question: Question) -> bool {
        let sessions = self.lock();
        let Some(inbox) = sessions.get(&agent_id) else { return false };
        let mut questions = inbox.questions.lock().unwrap_or_else(PoisonError::into_inner);
        let takes = questions.len() < MOST_QUESTIONS;
        if takes {
            questions.push_back(question);
            inbox.asked.notify_one();
        }
        takes
    }

    /// Tells all sessions to look at everything.
    pub fn wake_all(&self) {
        self.lock().values().for_each(|inbox| inbox.everything.notify_one());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, Arc<Inbox>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    fn dirty(&self) -> MutexGuard<'_, Dirty> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listening<'_> {
    /// Waits for somewhere to look.
    pub async fn woken(&self) -> Dirty {
        loop {
            let dirty = std::mem::take(&mut *self.inbox.dirty());
            if !dirty.is_empty() {
                return dirty;
            }
            self.inbox.notify.notified().await;
        }
    }

    /// Waits for something to ask.
    pub async fn asked(&self) -> Question {
        loop {
            let question = self.inbox.questions.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            if let Some(question) = question {
                return question;
            }
            self.inbox.asked.notified().await;
        }
    }

    /// Waits until it is to look at everything.
    pub async fn woken_for_all(&self) {
        self.inbox.everything.notified().await;
    }

    /// Waits until the session is to end: another replaced it, or the agent was deleted.
    pub async fn ended(&self) {
        self.inbox.ended.cancelled().await;
    }

    /// Whether this session is the agent's newest.
    pub fn is_newest(&self) -> bool {
        self.wakes.lock().get(&self.agent_id).is_some_and(|inbox| Arc::ptr_eq(inbox, &self.inbox))
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        if self.is_newest() {
            self.wakes.lock().remove(&self.agent_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wakes_of_one_load_balancer_fall_together() {
        let wakes = Wakes::default();
        let (agent_id, load_balancer_id) = (AgentId::from_u128(1), LoadBalancerId::from_u128(2));
        let session = wakes.listen(agent_id);
        wakes.wake([Wake { agent_id, load_balancer_id }; 3]);
        assert_eq!(session.woken().await.len(), 1);
        wakes.wake([Wake { agent_id: AgentId::from_u128(9), load_balancer_id }]);
        let again = tokio::time::timeout(std::time::Duration::from_millis(20), session.woken()).await;
        assert!(again.is_err());
    }

    #[tokio::test]
    async fn what_is_told_is_looked_at_where_anything_else_has_changed_too() {
        let wakes = Wakes::default();
        let (agent_id, load_balancer_id) = (AgentId::from_u128(1), LoadBalancerId::from_u128(2));
        let ready = |epoch: u64| {
            let (epoch, finish) = (epoch.into(), std::time::Duration::ZERO);
            let instruction = Instruction::Remove { load_balancer_id, epoch, finish };
            Ready { agent_id, load_balancer_id, instruction }
        };
        let session = wakes.listen(agent_id);
        let (told, looked_at) =
            ([(load_balancer_id, Some(ready(1).instruction))].into(), [(load_balancer_id, None)].into());
        wakes.tell(ready(1));
        assert_eq!(session.woken().await, told);
        wakes.tell(ready(2));
        wakes.tell(ready(1));
        assert_eq!(session.woken().await, looked_at);
        wakes.tell(ready(1));
        wakes.wake([Wake { agent_id, load_balancer_id }]);
        assert_eq!(session.woken().await, looked_at);
        wakes.wake([Wake { agent_id, load_balancer_id }]);
        wakes.tell(ready(1));
        assert_eq!(session.woken().await, looked_at);
    }

    #[tokio::test]
    async fn a_new_session_ends_the_former_and_outlives_it() {
        let wakes = Wakes::default();
        let agent_id = AgentId::from_u128(1);
        let former = wakes.listen(agent_id);
        let newer = wakes.listen(agent_id);
        former.ended().await;
        drop(former);
        assert!(newer.is_newest());
        drop(newer);
        assert!(wakes.lock().is_empty());
    }
}
