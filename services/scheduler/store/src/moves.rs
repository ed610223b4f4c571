//! Where load balancers go, told at once to who keeps that in memory.
//!
//! A transaction that binds one tells so as it does: who chooses next counts it, before anybody has committed anything.
//! What is undone afterwards is told to be stale, and read again by whoever counts.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{AgentId, LoadBalancerId},
};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};

use crate::{
    Binding, Phase, Side, Tx,
    backend::{fault_of, is_among},
    entity::binding,
};

/// A load balancer is on this agent's driver from now on; none: on no agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub load_balancer_id: LoadBalancerId,
    /// It is told of its side that stands by.
    pub standby: bool,
    pub to: Option<(AgentId, String)>,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Moved(Moved),
    /// Where it is has to be read.
    Stale(LoadBalancerId),
}

/// What was told and not taken yet. Nothing is kept before somebody follows it.
#[derive(Debug, Default)]
pub struct Journal {
    followed: AtomicBool,
    told: Mutex<Vec<Told>>,
}

impl Journal {
    pub(crate) fn follow(&self) {
        self.followed.store(true, Ordering::SeqCst);
    }

    fn tell(&self, told: impl IntoIterator<Item = Told>) {
        if self.followed.load(Ordering::SeqCst) {
            locked(&self.told).extend(told);
        }
    }

    /// What was told since this was asked last, in its order.
    pub fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *locked(&self.told))
    }
}

/// Where load balancers go in a transaction: in the work that is being done, and in what was done before it. Dropped,
/// it was undone.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    journal: Option<Arc<Journal>>,
    work: Mutex<Vec<LoadBalancerId>>,
    before: Mutex<Vec<LoadBalancerId>>,
}

impl Moves {
    pub(crate) fn told_to(journal: Arc<Journal>) -> Self {
        Self { journal: Some(journal), work: Mutex::default(), before: Mutex::default() }
    }

    pub(crate) fn add(&self, moved: Moved) {
        if let Some(journal) = &self.journal {
            locked(&self.work).push(moved.load_balancer_id);
            journal.tell([Told::Moved(moved)]);
        }
    }

    /// Where it is now nobody has said.
    pub(crate) fn mark_stale(&self, id: LoadBalancerId) {
        locked(&self.work).push(id);
        self.tell_stale(vec![id]);
    }

    /// Work begins: such as was not kept was undone.
    pub(crate) fn begin(&self) {
        self.tell_stale(std::mem::take(&mut *locked(&self.work)));
    }

    /// The work is done.
    pub(crate) fn keep(&self) {
        locked(&self.before).append(&mut locked(&self.work));
    }

    /// All that is to be committed.
    pub(crate) fn take(&self) -> Self {
        let before = Mutex::new(std::mem::take(&mut *locked(&self.before)));
        Self { journal: self.journal.clone(), work: Mutex::default(), before }
    }

    /// It is.
    pub(crate) fn committed(self) {
        locked(&self.before).clear();
    }

    fn tell_stale(&self, ids: Vec<LoadBalancerId>) {
        if let Some(journal) = &self.journal {
            journal.tell(ids.into_iter().map(Told::Stale));
        }
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        let mut undone = std::mem::take(&mut *locked(&self.before));
        undone.append(&mut locked(&self.work));
        self.tell_stale(undone);
    }
}

fn stood_by(side: Side) -> Moved {
    Moved { load_balancer_id: side.load_balancer_id, standby: true, to: Some((side.agent_id, side.driver)) }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tx {
    /// Where load balancers are, all of them.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn all_bound(&self) -> Result<Vec<Moved>, Fault> {
        let rows = binding::Entity::find()
            .select_only()
            .columns([binding::Column::LoadBalancerId, binding::Column::AgentId, binding::Column::Driver])
            .filter(binding::Column::Phase.eq(Phase::Bound.as_str()))
            .into_tuple::<(Uuid, Uuid, String)>();
        let rows = rows.all(self.db()).await.map_err(fault_of)?.into_iter();
        let moved = |(id, agent, driver): (Uuid, Uuid, String)| {
            let to = Some((agent.into(), driver));
            Moved { load_balancer_id: id.into(), standby: false, to }
        };
        let mut all: Vec<Moved> = rows.map(moved).collect();
        all.extend(self.standbys(None).await?.into_iter().map(stood_by));
        Ok(all)
    }

    /// Where these load balancers are.
    ///
    /// # Errors
    /// As [`Self::all_bound`].
    pub async fn bound_among(&self, ids: &[LoadBalancerId]) -> Result<Vec<Moved>, Fault> {
        let moved = |binding: Binding| {
            let to = Some((binding.agent_id, binding.driver));
            Moved { load_balancer_id: binding.load_balancer_id, standby: false, to }
        };
        let mut found: Vec<Moved> = self.bindings(ids).await?.into_values().map(moved).collect();
        found.extend(self.standbys(Some(ids)).await?.into_iter().map(stood_by));
        Ok(found)
    }

    /// The agents that have to do with these load balancers: those that run one, and those that have yet to let go of
    /// one.
    ///
    /// # Errors
    /// As [`Self::all_bound`].
    pub async fn agents_of(&self, ids: &[LoadBalancerId]) -> Result<Vec<(LoadBalancerId, AgentId)>, Fault> {
        let rows = binding::Entity::find()
            .select_only()
            .columns([binding::Column::LoadBalancerId, binding::Column::AgentId])
            .filter(is_among(self.db().get_database_backend(), "load_balancer_id", ids))
            .into_tuple::<(Uuid, Uuid)>();
        let rows = rows.all(self.db()).await.map_err(fault_of)?.into_iter();
        let mut agents: Vec<(LoadBalancerId, AgentId)> = rows.map(|(id, agent)| (id.into(), agent.into())).collect();
        agents.extend(self.standbys(Some(ids)).await?.into_iter().map(|side| (side.load_balancer_id, side.agent_id)));
        agents.extend(self.agents_of_successors(ids).await?);
        Ok(agents)
    }

    /// The load balancer may have something new to do that shows in nothing of its own: who has it is to look, also
    /// where another scheduler has its session.
    pub fn look(&self, id: LoadBalancerId) {
        self.notes().look(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(number: u128) -> Moved {
        Moved { load_balancer_id: LoadBalancerId::from_u128(number), standby: false, to: None }
    }

    fn stale(number: u128) -> Told {
        Told::Stale(LoadBalancerId::from_u128(number))
    }

    #[test]
    fn what_is_bound_is_told_at_once_and_what_is_undone_is_stale() {
        let journal = Arc::new(Journal::default());
        let moves = Moves::told_to(Arc::clone(&journal));
        moves.add(to(1));
        moves.keep();
        assert!(journal.take().is_empty(), "nobody follows it");
        journal.follow();
        moves.begin();
        moves.add(to(2));
        assert_eq!(journal.take(), [Told::Moved(to(2))]);
        moves.begin();
        assert_eq!(journal.take(), [stale(2)], "that work failed");
        moves.add(to(3));
        moves.keep();
        journal.take();
        moves.take().committed();
        drop(moves);
        assert!(journal.take().is_empty());
        let moves = Moves::told_to(Arc::clone(&journal));
        moves.add(to(4));
        moves.keep();
        moves.add(to(5));
        journal.take();
        drop(moves.take());
        drop(moves);
        assert_eq!(journal.take(), [stale(4), stale(5)]);
    }
}
