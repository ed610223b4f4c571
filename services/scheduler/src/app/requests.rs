//! Requests that may be sent again: what the same one made before is found, and not made once more.

use ballast_model::{Uuid, fault::Fault};
use ballast_store::Claim;

use super::App;

impl App {
    /// What the same request has made before.
    ///
    /// # Errors
    /// [`Code::RequestIdReused`](ballast_model::fault::Code::RequestIdReused): another request had the id.
    pub async fn claimed(&self, claim: &Claim) -> Result<Option<Uuid>, Fault> {
        self.store.read(|tx, _| Box::pin(tx.claimed(claim))).await
    }

    /// The same, when the id has just been found to be claimed: in the writers' turn, because the transaction that
    /// claims it may not have ended yet.
    ///
    /// # Errors
    /// As [`Self::claimed`].
    pub async fn claimed_just_now(&self, claim: &Claim) -> Result<Option<Uuid>, Fault> {
        self.store.write(|tx, _| Box::pin(tx.claimed(claim))).await
    }
}
