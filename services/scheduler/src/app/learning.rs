//! Reading what the fleet is to know: the rows of agents when they change, and where load balancers are when that is in
//! doubt. What this process binds is told to the fleet at once, and is not read.

use std::{collections::HashMap, time::Duration};

use ballast_model::{fault::Fault, ids::AgentId};
use tokio_util::sync::CancellationToken;

use super::App;

/// How long until what could not be read is read again.
const PAUSE: Duration = Duration::from_millis(500);

impl App {
    /// These agents changed.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn learn(&self, ids: &[AgentId]) -> Result<(), Fault> {
        let _turn = self.learning.lock().await;
        let agents = self.store.glance(|tx, _| Box::pin(tx.agents_among(Some(ids)))).await?;
        self.fleet.learn(Some(ids), agents).into_iter().for_each(|id| self.wakes.end(id));
        Ok(())
    }

    /// Anything may have changed.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn learn_all(&self) -> Result<(), Fault> {
        let _turn = self.learning.lock().await;
        let doubtful = self.fleet.take_doubtful();
        let read =
            self.store.read(|tx, _| Box::pin(async move { Ok((tx.agents_among(None).await?, tx.all_bound().await?)) }));
        let (agents, bound) = read.await.inspect_err(|_| self.fleet.doubt(doubtful.iter().copied()))?;
        self.fleet.learn(None, agents).into_iter().for_each(|id| self.wakes.end(id));
        self.fleet.found_all(bound);
        Ok(())
    }

    /// Reads where load balancers are when that is in doubt, until the end.
    pub async fn keep_counting(&self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = self.fleet.doubted() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(fault) = self.count().await {
                tracing::warn!(detail = fault.detail(), "where load balancers are is read again: {fault}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn count(&self) -> Result<(), Fault> {
        let _turn = self.learning.lock().await;
        let ids = self.fleet.take_doubtful();
        if ids.is_empty() {
            return Ok(());
        }
        let read = self.store.glance(|tx, _| Box::pin(tx.bindings(&ids))).await;
        let bound = read.inspect_err(|_| self.fleet.doubt(ids.iter().copied()))?.into_iter();
        let bound: HashMap<_, _> = bound.map(|(id, binding)| (id, (binding.agent_id, binding.driver))).collect();
        self.fleet.found(&ids, bound);
        Ok(())
    }
}
