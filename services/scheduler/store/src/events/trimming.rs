//! What is forgotten of the log, and how far it was when.

use std::time::Duration;

use ballast_model::{fault::Fault, time::Timestamp};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _, Set,
    sea_query::{Expr, OnConflict},
};

use super::{Position, reading::after};
use crate::{
    Tx,
    backend::{fault_of, next_transaction},
    entity::{event, event_mark},
};

fn marks_before(position: Position) -> Expr {
    let columns = Expr::tuple([
        Expr::col(event_mark::Column::TransactionId.as_column_ref()),
        Expr::col(event_mark::Column::EventSeq.as_column_ref()),
    ]);
    columns.lt(Expr::tuple([Expr::val(position.transaction_id), Expr::val(position.seq)]))
}

impl Tx {
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
