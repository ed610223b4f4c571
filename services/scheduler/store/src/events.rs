//! The log of changes: which objects a transaction changed, written with it.
//!
//! A reader goes from position to position and never past a transaction that is still open: what that one writes would
//! come to lie behind the reader, and be skipped. SQLite has one writer, so the numbers of rows are the order in which
//! transactions end. On PostgreSQL a row has its transaction's id too, rows are in the order of that, and a reader sees
//! those alone below the oldest id that is still open. So the log does not rest on how schedulers take turns. (One
//! counter, locked by each writer until it has ended, would be as right, and would make all writers wait for one
//! another's disks.) A transaction of anybody that stays open on that server holds events up, and loses none.
//!
//! A row says what changed, not how: readers load the object as it is. So a row is small, and many changes of one
//! object can be told as one.

mod cause;
mod difference;
mod kind;
mod notes;
mod reading;
mod snapshot;
mod trimming;

use std::sync::Arc;

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{AgentId, LoadBalancerId, MonitorId, NetworkId, SubnetId},
    load_balancer::LoadBalancer,
    network::network_not_found,
    subnet::Subnet,
    time::Timestamp,
};
use sea_orm::{
    ConnectionTrait as _, FromQueryResult,
    sea_query::{Expr, Query},
};

pub(crate) use self::notes::Notes;
pub use self::{
    cause::{By, Cause, Settled, Why, because},
    kind::EventKind,
};
use crate::{
    Tx,
    backend::{fault_of, transaction_id},
    entity::event,
    notice::{Notice, Voice},
    write::changed::Changed,
    write::pieces::pieces,
};

/// A position in the log. Those behind it have been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    pub transaction_id: i64,
    pub seq: i64,
}

/// An object that changed: made, changed or gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    pub kind: EventKind,
    pub id: Uuid,
    /// Whom it concerns; none: everyone.
    pub project_id: Option<String>,
    /// In which it is, if that is known.
    pub load_balancer_id: Option<LoadBalancerId>,
    pub why: Why,
}

impl Change {
    /// One of which nothing else is known.
    #[must_use]
    pub fn of(kind: EventKind, id: Uuid, project_id: Option<&str>) -> Self {
        Self { kind, id, project_id: project_id.map(str::to_owned), load_balancer_id: None, why: Why::default() }
    }
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// In order, with the position behind each.
    pub changes: Vec<(Position, Change)>,
    /// Behind all that was read, of which some may be of kinds that later releases have.
    pub end: Position,
    /// Whether there is more at once.
    pub more: bool,
}

#[derive(FromQueryResult)]
struct PositionRow {
    transaction_id: i64,
    seq: i64,
}

impl From<PositionRow> for Position {
    fn from(row: PositionRow) -> Self {
        Self { transaction_id: row.transaction_id, seq: row.seq }
    }
}

/// Causes as they are stored: what changes together has the same one.
#[derive(Default)]
struct Texts(Option<(Arc<Cause>, Option<String>)>);

impl Texts {
    fn of(&mut self, cause: Option<&Arc<Cause>>) -> Option<String> {
        let cause = cause?;
        match &self.0 {
            Some((known, text)) if Arc::ptr_eq(known, cause) => text.clone(),
            _ => {
                let text = cause.to_text();
                self.0 = Some((Arc::clone(cause), text.clone()));
                text
            }
        }
    }
}

impl Tx {
    /// Notes what differs between two states of a load balancer; none: it was not there, or is there no longer.
    pub(crate) fn note_load_balancer(
        &self,
        changed: &Changed<'_>,
        before: Option<&LoadBalancer>,
        after: Option<&LoadBalancer>,
    ) {
        if let Some(one) = before.or(after) {
            difference::note(&self.notes().within(one.id), changed, before, after);
        }
        if let (Some(before), Some(after)) = (before, after)
            && before.generation != after.generation
        {
            self.notes().look(after.id);
        }
    }

    /// Something became known of a load balancer, if it is there, that changes nothing of what is stored.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn note_conflict(&self, id: LoadBalancerId) -> Result<(), Fault> {
        if let Some(load_balancer) = self.load(id).await? {
            let notes = self.notes().within(id);
            notes.note(EventKind::LoadBalancer, id.into(), Some(&load_balancer.project_id));
        }
        Ok(())
    }

    /// The same, which has a cause of its own, and not that of the transaction.
    ///
    /// # Errors
    /// As [`Self::note_conflict`].
    pub async fn note_of(&self, id: LoadBalancerId, cause: Arc<Cause>) -> Result<(), Fault> {
        if let Some(load_balancer) = self.load(id).await? {
            self.notes().note_because(id, Some(&load_balancer.project_id), cause);
        }
        Ok(())
    }

    /// The same of an agent.
    pub fn note_liveness(&self, id: AgentId) {
        self.note_agent(id);
    }

    pub(crate) fn note_agent(&self, id: AgentId) {
        // The kind is for admins alone, so no project is named.
        self.notes().note(EventKind::Agent, id.into(), None);
    }

    /// A shared network concerns everyone.
    pub(crate) fn note_network(&self, id: NetworkId, project_id: &str, shared: bool) {
        self.notes().note(EventKind::Network, id.into(), (!shared).then_some(project_id));
    }

    /// A subnet of a network that is shared, or was.
    pub(crate) fn note_shared_subnet(&self, id: SubnetId) {
        self.notes().note(EventKind::Subnet, id.into(), None);
    }

    /// So do its subnets. A network shows its subnets: it changes with them.
    pub(crate) async fn note_subnet(&self, subnet: &Subnet) -> Result<(), Fault> {
        let network = self.network(subnet.network_id).await?.ok_or_else(|| network_not_found(subnet.network_id))?;
        self.note_network(network.id, &network.project_id, network.shared);
        self.notes().note(EventKind::Subnet, subnet.id.into(), (!network.shared).then_some(&subnet.project_id));
        Ok(())
    }

    pub(crate) fn note_monitor(&self, id: MonitorId, project_id: &str) {
        self.notes().note(EventKind::HealthMonitor, id.into(), Some(project_id));
    }

    /// What changes in this load balancer has this cause, and not that of the rest.
    pub fn note_cause(&self, id: LoadBalancerId, cause: Arc<Cause>) {
        self.notes().note_cause(id, cause);
    }

    /// Writes what was noted, and says it to other schedulers. To be called last in a transaction.
    pub(crate) async fn write_events(&self, voice: &Voice, now: Option<Timestamp>) -> Result<(), Fault> {
        let (changes, looks) = self.notes().take();
        if let Some(scheduler_id) = voice.speaker() {
            let agents = changes.iter().filter(|change| change.kind == EventKind::Agent);
            let notice = Notice {
                scheduler_id,
                schedulers: looks.schedulers,
                events: !changes.is_empty(),
                agents: agents.map(|change| change.id.into()).collect(),
                load_balancers: looks.load_balancers,
            };
            self.say(notice).await?;
        }
        let mut texts = Texts::default();
        for piece in pieces(&changes) {
            let mut insert = Query::insert();
            insert.into_table(event::Entity).columns([
                event::Column::TransactionId,
                event::Column::Kind,
                event::Column::Noun,
                event::Column::ObjectId,
                event::Column::ProjectId,
                event::Column::LoadBalancerId,
                event::Column::At,
                event::Column::Cause,
            ]);
            for change in piece {
                insert.values_panic([
                    transaction_id(self.db().get_database_backend()),
                    Expr::val(change.kind.for_others().unwrap_or(change.kind).as_str()),
                    Expr::val(change.kind.for_others().map(|_| change.kind.as_str())),
                    Expr::val(change.id),
                    Expr::val(change.project_id.clone()),
                    Expr::val(change.load_balancer_id.map(Uuid::from)),
                    Expr::val(now.map(|now| now.0)),
                    Expr::val(texts.of(change.why.cause.as_ref())),
                ]);
            }
            self.db().execute(&insert).await.map_err(fault_of)?;
        }
        Ok(())
    }
}
