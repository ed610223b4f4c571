//! What load balancers were: each change of what is desired of one, with the difference that it made ([`difference`]), and
//! what it was before some of them ([`past`]).
//!
//! A scheduler of an older release notes nothing: who goes back stops where a change is missing.

mod difference;
mod past;

use std::sync::Arc;

use ballast_model::{
    counters::Generation, fault::Fault, ids::LoadBalancerId, load_balancer::LoadBalancer, time::Timestamp,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, NotSet, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
    sea_query::{Expr, ExprTrait as _, Query},
};

pub use self::{difference::Difference, past::before};
use crate::{
    Tx, Why,
    backend::fault_of,
    codec::{counter, number},
    entity::revision,
    events::Cause,
    write::{changed::Changed, rows::Rows},
};

/// Revisions that are beyond what is to be kept go with each so-manieth change: a statement more for each is a tenth of it.
const TRIMMED_EACH: u64 = 8;
/// Bytes of the largest difference that is kept.
const LARGEST: usize = 256 << 10;

/// A change of what was desired of a load balancer.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// That it made.
    pub generation: Generation,
    /// That it found; none: it made the load balancer.
    pub former: Generation,
    pub why: Why,
    /// None: it was too large to be kept.
    pub difference: Option<Difference>,
}

impl Tx {
    /// The last changes of a load balancer, the newest first. One that goes back from what it is now needs no others.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn revisions(&self, id: LoadBalancerId, limit: u64) -> Result<Vec<Revision>, Fault> {
        let rows = revision::Entity::find()
            .filter(revision::Column::LoadBalancerId.eq(id.uuid()))
            .order_by_desc(revision::Column::Seq)
            .limit(limit)
            .all(self.db());
        rows.await.map_err(fault_of)?.into_iter().map(Revision::try_from).collect()
    }

    /// Notes that a load balancer was made.
    pub(crate) async fn note_made(&self, made: &LoadBalancer) -> Result<(), Fault> {
        self.note_revision(None, made, &Difference::default()).await
    }

    /// Notes what differs, if somebody wants something else of it than before.
    pub(crate) async fn note_change(
        &self,
        (before, old): (&LoadBalancer, &Rows),
        (after, new): (&LoadBalancer, &Rows),
        changed: &Changed<'_>,
    ) -> Result<(), Fault> {
        if before.generation == after.generation {
            return Ok(());
        }
        let difference = Difference::between((before, old), (after, new), changed);
        self.note_revision(Some(before.generation), after, &difference).await
    }

    async fn note_revision(
        &self,
        former: Option<Generation>,
        after: &LoadBalancer,
        difference: &Difference,
    ) -> Result<(), Fault> {
        let keep = self.keep_revisions();
        if keep == 0 {
            return Ok(());
        }
        let at = after.labels.updated_at.unwrap_or(after.labels.created_at);
        let row = revision::ActiveModel {
            seq: NotSet,
            load_balancer_id: Set(after.id.uuid()),
            generation: Set(number(after.generation)),
            former: Set(former.map_or(0, number)),
            at: Set(at.0),
            cause: Set(self.notes().cause_of(after.id).and_then(|cause| cause.to_text())),
            changes: Set(difference.to_text().filter(|text| text.len() <= LARGEST)),
        };
        revision::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
        if u64::from(after.generation).is_multiple_of(TRIMMED_EACH) {
            self.trim_revisions(after.id, keep).await?;
        }
        Ok(())
    }

    async fn trim_revisions(&self, id: LoadBalancerId, keep: u64) -> Result<(), Fault> {
        let own = || Expr::col(revision::Column::LoadBalancerId).eq(id.uuid());
        let oldest = Query::select()
            .column(revision::Column::Seq)
            .from(revision::Entity)
            .and_where(own())
            .order_by(revision::Column::Seq, sea_orm::sea_query::Order::Desc)
            .limit(1)
            .offset(keep)
            .take();
        let older = Expr::col(revision::Column::Seq).lte(Expr::SubQuery(None, Box::new(oldest.into())));
        let delete = Query::delete().from_table(revision::Entity).and_where(own()).and_where(older).take();
        self.db().execute(&delete).await.map(drop).map_err(fault_of)
    }
}

impl TryFrom<revision::Model> for Revision {
    type Error = Fault;

    fn try_from(row: revision::Model) -> Result<Self, Fault> {
        let cause = row.cause.as_deref().and_then(Cause::parse).map(Arc::new);
        Ok(Self {
            generation: counter("generation", row.generation)?,
            former: counter("former", row.former)?,
            why: Why { at: Some(Timestamp(row.at)), cause },
            difference: row.changes.as_deref().map(Difference::parse).transpose()?,
        })
    }
}
