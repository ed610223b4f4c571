//! Where the log begins and ends, and what is in it.

use std::sync::Arc;

use ballast_model::{
    fault::{Call, Fault},
    ids::LoadBalancerId,
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, FromQueryResult as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, Query},
};

use super::{Cause, Change, Changes, EventKind, Position, PositionRow, Why};
use crate::{
    Tx,
    backend::{fault_of, oldest_open_transaction},
    entity::{event, event_mark},
};

pub(super) fn after(position: Position) -> Expr {
    let columns = Expr::tuple([
        Expr::col(event::Column::TransactionId.as_column_ref()),
        Expr::col(event::Column::Seq.as_column_ref()),
    ]);
    columns.gt(Expr::tuple([Expr::val(position.transaction_id), Expr::val(position.seq)]))
}

fn expired() -> Fault {
    Call::CursorExpired.into()
}

impl Tx {
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
    pub(super) async fn last_event(&self, skip: u64) -> Result<Option<Position>, Fault> {
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
}
