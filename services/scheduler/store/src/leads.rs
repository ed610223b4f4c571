//! Which scheduler leads: it alone does what one is enough for.
//!
//! The lease is the scheduler's own: who is among the [schedulers](Tx::schedulers) keeps the lead, whatever it does, and who is
//! not loses it to the first that asks. Each that begins to lead has another term. What one does because it leads it does
//! within [`leading`]: each transaction of it looks first whether the term is still that one. As who writes is alone, a
//! scheduler that stood still and wakes up writes nothing once another leads.

use ballast_model::{
    fault::{Absence, Fault},
    ids::SchedulerId,
};
use sea_orm::{ActiveValue::Set, EntityTrait as _, sea_query::Expr};

use crate::{Tx, backend::fault_of, entity::lead};

tokio::task_local! {
    static LEAD: Lead;
}

/// The row is one.
const SEQ: i32 = 1;

/// That a scheduler leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    pub scheduler_id: SchedulerId,
    /// Of each that begins to lead it is another.
    pub term: i64,
}

/// `work`, of which nothing is written once another leads.
pub async fn leading<F: Future>(lead: Lead, work: F) -> F::Output {
    LEAD.scope(lead, work).await
}

/// What this task does it does because its scheduler leads; none: anybody may.
pub(crate) fn present() -> Option<Lead> {
    LEAD.try_with(|lead| *lead).ok()
}

impl Tx {
    /// Who leads, or did last.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn lead(&self) -> Result<Option<Lead>, Fault> {
        let row = lead::Entity::find_by_id(SEQ).one(self.db()).await.map_err(fault_of)?;
        let of = |row: lead::Model| row.scheduler_id.map(|id| Lead { scheduler_id: id.into(), term: row.term });
        Ok(row.and_then(of))
    }

    /// This scheduler leads from now on, unless another one that lives does; who does then. None: this one is not among the
    /// living itself.
    ///
    /// # Errors
    /// As [`Self::lead`].
    pub async fn take_lead(&self, scheduler_id: SchedulerId) -> Result<Option<Lead>, Fault> {
        let former = lead::Entity::find_by_id(SEQ).one(self.db()).await.map_err(fault_of)?;
        let holder = former.as_ref().and_then(|row| row.scheduler_id.map(SchedulerId::from));
        let term = former.as_ref().map_or(0, |row| row.term);
        let living = self.schedulers().await?;
        let lives = |id: SchedulerId| living.iter().any(|one| one.id == id);
        if let Some(holder) = holder.filter(|holder| *holder == scheduler_id || lives(*holder)) {
            return Ok(Some(Lead { scheduler_id: holder, term }));
        }
        if !lives(scheduler_id) {
            return Ok(None);
        }
        let next = Lead { scheduler_id, term: term + 1 };
        if former.is_some() {
            let take = lead::Entity::update_many()
                .col_expr(lead::Column::SchedulerId, Expr::val(scheduler_id.uuid()))
                .col_expr(lead::Column::Term, Expr::val(next.term));
            take.exec(self.db()).await.map_err(fault_of)?;
        } else {
            let row =
                lead::ActiveModel { seq: Set(SEQ), scheduler_id: Set(Some(scheduler_id.uuid())), term: Set(next.term) };
            lead::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
        }
        Ok(Some(next))
    }

    /// In a transaction of who leads.
    ///
    /// # Errors
    /// [`Absence::Lead`]: another one does by now.
    pub(crate) async fn must_lead(&self, lead: Lead) -> Result<(), Fault> {
        match self.lead().await? {
            Some(now) if now == lead => Ok(()),
            _ => Err(Absence::Lead.into()),
        }
    }
}
