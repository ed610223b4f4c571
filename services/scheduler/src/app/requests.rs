//! Requests that may be sent again: what the same one made before is found, and not made once more.

use ballast_model::{Uuid, fault::Fault};
use ballast_store::Claim;

use super::App;

impl App {
    /// The use cases, with each write claiming the request's id in its own transaction.
    #[must_use]
    pub fn claiming(&self, claim: Claim) -> Self {
        Self { store: self.store.claiming(claim), ..self.clone() }
    }

    /// What the same request has made before.
    ///
    /// # Errors
    /// [`Code::RequestIdReused`](ballast_model::fault::Code::RequestIdReused): another request had the id.
    pub async fn claimed(&self, claim: &Claim) -> Result<Option<Uuid>, Fault> {
        self.store.read(|tx, _| Box::pin(tx.claimed(claim))).await
    }
}
