//! A transaction, and what is known in it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ballast_model::{Uuid, fault::Fault, ids::AgentId};
use sea_orm::{EntityTrait, Set};

use crate::{
    OwnLimits,
    backend::{Link, fault_of},
    entity::cluster,
    events::Notes,
    moves::{Journal, Moves},
    read::cache::Desk,
    traces::{OnTheirWay, Traces},
};

/// A transaction.
#[derive(Debug)]
pub struct Tx {
    link: Link,
    notes: Notes,
    known: Mutex<Known>,
    moves: Moves,
    traces: Traces,
    desk: Desk,
    /// How many changes of each load balancer are kept.
    revisions: u64,
}

/// What was read in a transaction and is asked for by each piece of work in it. Nobody else can change it before the
/// transaction ends; who does in it says so here.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The projects' own limits.
    pub(crate) limits: HashMap<String, OwnLimits>,
    pub(crate) loads: Option<Loads>,
}

/// How many load balancers are bound to each agent that has any, by driver.
pub(crate) type Loads = HashMap<AgentId, HashMap<String, u32>>;

impl Tx {
    pub(crate) fn new(link: Link, desk: Desk) -> Self {
        Self {
            link,
            notes: Notes::default(),
            known: Mutex::default(),
            moves: Moves::default(),
            traces: Traces::default(),
            desk,
            revisions: 0,
        }
    }

    /// The same; where load balancers go is told there.
    pub(crate) fn telling(self, journal: Arc<Journal>) -> Self {
        Self { moves: Moves::told_to(journal), ..self }
    }

    /// The same; what is followed of its changes is told there.
    pub(crate) fn followed(self, way: Arc<OnTheirWay>) -> Self {
        Self { traces: Traces::told_to(way), ..self }
    }

    /// What is followed of its changes.
    pub(crate) const fn traces(&self) -> &Traces {
        &self.traces
    }

    /// The same, which keeps so many changes of each load balancer.
    pub(crate) fn keeping(self, revisions: u64) -> Self {
        Self { revisions, ..self }
    }

    pub(crate) const fn keep_revisions(&self) -> u64 {
        self.revisions
    }

    /// Where load balancers go in this transaction.
    pub(crate) const fn moves(&self) -> &Moves {
        &self.moves
    }

    pub(crate) async fn commit(self) -> Result<(), sea_orm::DbErr> {
        match self.link {
            Link::Transaction(transaction) => transaction.commit().await,
            Link::Connections(_) => Ok(()),
        }
    }

    /// Whether no statement has failed in it.
    pub(crate) fn usable(&self) -> Result<(), sea_orm::DbErr> {
        match &self.link {
            Link::Transaction(transaction) => transaction.usable(),
            Link::Connections(_) => Ok(()),
        }
    }

    /// Undoes what was done since the savepoint.
    pub(crate) async fn back_to(&self, savepoint: &str) -> Result<(), sea_orm::DbErr> {
        match &self.link {
            Link::Transaction(transaction) => transaction.back_to(savepoint).await,
            Link::Connections(_) => Ok(()),
        }
    }

    /// What statements run on.
    pub(crate) const fn db(&self) -> &Link {
        &self.link
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held of load balancers.
    pub(crate) const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// What this transaction changes.
    pub(crate) const fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Whether it was undone in order. If not, the database has done it by itself, and what its connection is doing is
    /// not known.
    pub(crate) async fn undo(self) -> bool {
        let Link::Transaction(transaction) = self.link else { return true };
        let undone = transaction.rollback().await;
        undone.inspect_err(|error| tracing::warn!(%error, "a transaction was not rolled back in order")).is_ok()
    }

    pub(crate) async fn make_cluster_id(&self) -> Result<Uuid, Fault> {
        if let Some(cluster) = cluster::Entity::find().one(self.db()).await.map_err(fault_of)? {
            return Ok(cluster.id);
        }
        #[expect(clippy::disallowed_methods, reason = "once in the life of a database")]
        let id = Uuid::new_v4();
        let row = cluster::ActiveModel { seq: Set(1), id: Set(id) };
        cluster::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
        Ok(id)
    }
}
