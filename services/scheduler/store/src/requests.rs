//! Requests that made an object and may be sent again: the client chose an id for each.
//!
//! The claim on the id is written in the transaction that makes the object, so that of two at the same time one fails,
//! and nothing is made without its claim.

use std::time::Duration;

use ballast_model::{
    Uuid,
    fault::{Call, Fault},
    time::Timestamp,
};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, NotSet, QueryFilter as _, Set};

use crate::{
    Tx,
    backend::{fault_of, is_duplicate},
    entity::request,
};

/// How long a request is known.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A request, by the id that its client chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The caller's; ids of one project are nothing to another.
    pub project_id: String,
    pub request_id: String,
    /// Of what was asked for: the same id with another one is refused.
    pub digest: String,
    /// What the request makes.
    pub object_id: Uuid,
    pub at: Timestamp,
}

/// The id was used for another request.
#[must_use]
pub fn request_id_reused(request_id: &str) -> Fault {
    Call::RequestIdReused { request_id: request_id.to_owned() }.into()
}

fn expired_by(now: Timestamp) -> i64 {
    now.0.saturating_sub(i64::try_from(KEPT.as_micros()).unwrap_or(i64::MAX))
}

fn same_id(claim: &Claim) -> Condition {
    Condition::all()
        .add(request::Column::ProjectId.eq(&claim.project_id))
        .add(request::Column::RequestId.eq(&claim.request_id))
}

impl Tx {
    /// What the same request has made before, if it is still known.
    ///
    /// # Errors
    /// `Code::RequestIdReused`: another request had the id; `Code::Internal`: the database failed.
    pub async fn claimed(&self, claim: &Claim) -> Result<Option<Uuid>, Fault> {
        let known = same_id(claim).add(request::Column::At.gt(expired_by(claim.at)));
        let row = request::Entity::find().filter(known).one(self.db()).await.map_err(fault_of)?;
        match row {
            Some(row) if row.digest == claim.digest => Ok(Some(row.object_id)),
            Some(_) => Err(request_id_reused(&claim.request_id)),
            None => Ok(None),
        }
    }

    /// Claims the id for this request, in the transaction that makes its object; nothing where the client chose none.
    ///
    /// # Errors
    /// `Code::RequestIdReused`: it is claimed already, be it by the same request sent before; or as [`Self::claimed`].
    pub async fn claim(&self, claim: Option<&Claim>) -> Result<(), Fault> {
        let Some(claim) = claim else { return Ok(()) };
        let expired = same_id(claim).add(request::Column::At.lte(expired_by(claim.at)));
        request::Entity::delete_many().filter(expired).exec(self.db()).await.map_err(fault_of)?;
        let row = request::ActiveModel {
            seq: NotSet,
            project_id: Set(claim.project_id.clone()),
            request_id: Set(claim.request_id.clone()),
            digest: Set(claim.digest.clone()),
            object_id: Set(claim.object_id),
            at: Set(claim.at.0),
        };
        let claimed = request::Entity::insert(row).exec_without_returning(self.db()).await;
        claimed
            .map(|_| ())
            .map_err(|error| if is_duplicate(&error) { request_id_reused(&claim.request_id) } else { fault_of(error) })
    }

    /// Forgets requests that are older than they need to be known.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn forget_requests(&self, now: Timestamp) -> Result<(), Fault> {
        let expired = request::Entity::delete_many().filter(request::Column::At.lte(expired_by(now)));
        expired.exec(self.db()).await.map(|_| ()).map_err(fault_of)
    }
}
