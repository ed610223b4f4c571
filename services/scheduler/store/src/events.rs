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
mod snapshot;

use std::{sync::Arc, time::Duration};

use ballast_model::{
    Uuid,
    fault::{Call, Fault},
    ids::{AgentId, LoadBalancerId, MonitorId, NetworkId, SubnetId},
    load_balancer::LoadBalancer,
    network::network_not_found,
    subnet::Subnet,
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set,
    sea_query::{Expr, OnConflict, Query},
};

pub(crate) use self::notes::Notes;
pub use self::{
    cause::{By, Cause, Settled, Why, because},
    kind::EventKind,
};
use crate::{
    Tx,
    backend::{fault_of, next_transaction, oldest_open_transaction, transaction_id},
    entity::{event, event_mark},
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

fn after(position: Position) -> Expr {
    let columns = Expr::tuple([
        Expr::col(event::Column::TransactionId.as_column_ref()),
        Expr::col(event::Column::Seq.as_column_ref()),
    ]);
    columns.gt(Expr::tuple([Expr::val(position.transaction_id), Expr::val(position.seq)]))
}

fn marks_before(position: Position) -> Expr {
    let columns = Expr::tuple([
        Expr::col(event_mark::Column::TransactionId.as_column_ref()),
        Expr::col(event_mark::Column::EventSeq.as_column_ref()),
    ]);
    columns.lt(Expr::tuple([Expr::val(position.transaction_id), Expr::val(position.seq)]))
}

fn expired() -> Fault {
    Call::CursorExpired.into()
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

    /// Where the log is now: every transaction behind it has ended, and this view shows what they did.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn end_of_events(&self) -> Result<Position, Fault> {
        if let Some(oldest_open) = oldest_open_transaction(self.db().get_database_backend()) {
            let select = Query::select().expr_as(oldest_open, "transaction_id").expr_as(Expr::val(0i64), "seq").take();
            let row = self.db().query_one(&select).await.map_err(fault_of)?;
            let row = row.ok_or_else(|| Fault::internal("the database does not know its transactions"))?;
            return PositionRow::from_query_result(&row, "").map(Position::from).map_err(fault_of);
        }
        let last = self.last_event(0).await?;
        let mark = event_mark::Entity::find()
            .order_by_desc(event_mark::Column::TransactionId)
            .order_by_desc(event_mark::Column::EventSeq)
            .one(self.db())
            .await
            .map_err(fault_of)?
            .map(|mark| Position { transaction_id: mark.transaction_id, seq: mark.event_seq });
        Ok(last.max(mark).unwrap_or_default())
    }

    /// A number that grows with each change, and with nothing that makes it smaller but another database.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn how_much_is_known(&self) -> Result<u64, Fault> {
        let last = event::Entity::find().select_only().column_as(event::Column::Seq.max(), "seq");
        let mark = event_mark::Entity::find().select_only().column_as(event_mark::Column::EventSeq.max(), "seq");
        let last = last.into_tuple::<Option<i64>>().one(self.db()).await.map_err(fault_of)?;
        let mark = mark.into_tuple::<Option<i64>>().one(self.db()).await.map_err(fault_of)?;
        let newest = Ord::max(last.flatten(), mark.flatten()).unwrap_or_default();
        Ok(u64::try_from(newest).unwrap_or_default())
    }

    /// The position before so many of the last changes, or before all that are kept.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn before_last_events(&self, back: u64) -> Result<Position, Fault> {
        let end = self.end_of_events().await?;
        if back == 0 {
            return Ok(end);
        }
        let before = self.last_event(back).await?.unwrap_or_default();
        Ok(before.max(self.begin_of_events().await?).min(end))
    }

    /// The position before the first change of this time or of a later one; where there is none, that of now. What an older
    /// release has written has no time.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn before_events_since(&self, since: Timestamp) -> Result<Position, Fault> {
        let end = self.end_of_events().await?;
        let select = event::Entity::find()
            .select_only()
            .column(event::Column::TransactionId)
            .column(event::Column::Seq)
            .filter(event::Column::At.gte(since.0))
            .order_by_asc(event::Column::TransactionId)
            .order_by_asc(event::Column::Seq);
        let first = select.into_model::<PositionRow>().one(self.db()).await.map_err(fault_of)?;
        let Some(first) = first.map(Position::from) else { return Ok(end) };
        let before = Position { seq: first.seq.saturating_sub(1), ..first };
        Ok(before.max(self.begin_of_events().await?).min(end))
    }

    /// The last event but `skip`, of transactions that have ended.
    async fn last_event(&self, skip: u64) -> Result<Option<Position>, Fault> {
        let mut select = event::Entity::find()
            .select_only()
            .column(event::Column::TransactionId)
            .column(event::Column::Seq)
            .order_by_desc(event::Column::TransactionId)
            .order_by_desc(event::Column::Seq)
            .offset(skip);
        if let Some(oldest_open) = oldest_open_transaction(self.db().get_database_backend()) {
            select = select.filter(Expr::col(event::Column::TransactionId).lt(oldest_open));
        }
        let row = select.into_model::<PositionRow>().one(self.db()).await.map_err(fault_of)?;
        Ok(row.map(Position::from))
    }

    /// The first changes after a position, up to `limit`.
    ///
    /// # Errors
    /// `Code::CursorExpired`: they are not kept any more, or the position is none of this log; `Code::Internal`.
    pub async fn events_after(&self, position: Position, limit: u64) -> Result<Changes, Fault> {
        if position < self.begin_of_events().await? {
            return Err(expired());
        }
        let mut select = event::Entity::find()
            .filter(after(position))
            .order_by_asc(event::Column::TransactionId)
            .order_by_asc(event::Column::Seq)
            .limit(limit);
        if let Some(oldest_open) = oldest_open_transaction(self.db().get_database_backend()) {
            select = select.filter(Expr::col(event::Column::TransactionId).lt(oldest_open));
        }
        let rows = select.all(self.db()).await.map_err(fault_of)?;
        if rows.is_empty() && position > self.end_of_events().await? {
            return Err(expired());
        }
        let more = u64::try_from(rows.len()).is_ok_and(|count| count == limit);
        let position_of = |row: &event::Model| Position { transaction_id: row.transaction_id, seq: row.seq };
        let end = rows.last().map_or(position, position_of);
        let change = |row: event::Model| {
            let position = position_of(&row);
            let kind = match &row.noun {
                Some(noun) => EventKind::parse(noun)?,
                None => EventKind::parse(&row.kind)?,
            };
            let why =
                Why { at: row.at.map(Timestamp), cause: row.cause.as_deref().and_then(Cause::parse).map(Arc::new) };
            let load_balancer_id = row.load_balancer_id.map(LoadBalancerId::new);
            Some((position, Change { kind, id: row.object_id, project_id: row.project_id, load_balancer_id, why }))
        };
        Ok(Changes { changes: rows.into_iter().filter_map(change).collect(), end, more })
    }

    async fn begin_of_events(&self) -> Result<Position, Fault> {
        let first = event_mark::Entity::find()
            .order_by_asc(event_mark::Column::TransactionId)
            .order_by_asc(event_mark::Column::EventSeq)
            .one(self.db());
        let first = first.await.map_err(fault_of)?;
        Ok(first.map(|mark| Position { transaction_id: mark.transaction_id, seq: mark.event_seq }).unwrap_or_default())
    }

    /// Forgets changes that are older than `keep`, and those beyond the newest `count`. Called from time to time: it is
    /// also what notes how far the log was when.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn trim_events(&self, now: Timestamp, keep: Duration, count: u64) -> Result<(), Fault> {
        if event_mark::Entity::find().one(self.db()).await.map_err(fault_of)?.is_none() {
            // Nothing was ever forgotten: the log begins where it began.
            self.mark(Position::default(), now).await?;
        }
        self.mark(self.end_of_events().await?, now).await?;
        let oldest = now.0.saturating_sub(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX));
        let by_age = event_mark::Entity::find()
            .filter(event_mark::Column::At.lte(oldest))
            .order_by_desc(event_mark::Column::TransactionId)
            .order_by_desc(event_mark::Column::EventSeq)
            .one(self.db());
        let by_age = by_age.await.map_err(fault_of)?;
        let by_age = by_age.map(|mark| Position { transaction_id: mark.transaction_id, seq: mark.event_seq });
        let by_count = self.last_event(count).await?;
        let Some(bound) = by_age.max(by_count) else { return Ok(()) };
        self.mark(bound, now).await?;
        let gone = event::Entity::delete_many().filter(after(bound).not());
        gone.exec(self.db()).await.map_err(fault_of)?;
        let gone = event_mark::Entity::delete_many().filter(marks_before(bound));
        gone.exec(self.db()).await.map(|_| ()).map_err(fault_of)
    }

    async fn mark(&self, position: Position, now: Timestamp) -> Result<(), Fault> {
        let row = event_mark::ActiveModel {
            transaction_id: Set(position.transaction_id),
            event_seq: Set(position.seq),
            at: Set(now.0),
        };
        let columns = [event_mark::Column::TransactionId, event_mark::Column::EventSeq];
        let once = OnConflict::columns(columns).do_nothing().to_owned();
        let insert = event_mark::Entity::insert(row).on_conflict(once).exec_without_returning(self.db());
        insert.await.map(|_| ()).map_err(fault_of)
    }

    /// The log when the database is opened. One that was copied from another server may have ids of transactions that
    /// this one has yet to come to: they would never be told in order, so they go, and cursors with them.
    pub(crate) async fn open_events(&self) -> Result<(), Fault> {
        let Some(next) = next_transaction(self.db().get_database_backend()) else { return Ok(()) };
        let event_ahead = event::Entity::find().filter(Expr::col(event::Column::TransactionId).gt(next.clone()));
        let event_ahead = event_ahead.one(self.db()).await.map_err(fault_of)?.is_some();
        let mark_ahead = event_mark::Entity::find().filter(Expr::col(event_mark::Column::TransactionId).gt(next));
        let mark_ahead = mark_ahead.one(self.db()).await.map_err(fault_of)?.is_some();
        if !event_ahead && !mark_ahead {
            return Ok(());
        }
        let end = self.end_of_events().await?;
        event::Entity::delete_many().exec(self.db()).await.map_err(fault_of)?;
        event_mark::Entity::delete_many().exec(self.db()).await.map_err(fault_of)?;
        self.mark(end, Timestamp(0)).await
    }
}
