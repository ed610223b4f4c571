//! What the fleet knows is read again: the rows of agents when they change, and where load balancers are when that is
//! stale. What this process binds is told to the fleet at once, and is not read.

use std::time::Duration;

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
    pub(super) async fn refresh_agents(&self, ids: &[AgentId]) -> Result<(), Fault> {
        let _turn = self.refreshing.lock().await;
        let agents = self.store.glance(|tx, _| Box::pin(tx.agents_among(Some(ids)))).await?;
        self.fleet.set_agents(Some(ids), agents).into_iter().for_each(|id| self.wakes.end(id));
        Ok(())
    }

    /// Anything may have changed.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn refresh_fleet(&self) -> Result<(), Fault> {
        let _turn = self.refreshing.lock().await;
        let stale = self.fleet.take_stale();
        let read =
            self.store.read(|tx, _| Box::pin(async move { Ok((tx.agents_among(None).await?, tx.all_bound().await?)) }));
        let (agents, bound) = read.await.inspect_err(|_| self.fleet.mark_stale(stale.iter().copied()))?;
        self.fleet.set_agents(None, agents).into_iter().for_each(|id| self.wakes.end(id));
        self.fleet.set_all_bindings(bound);
        Ok(())
    }

    /// Reads where load balancers are when that is stale, until the end.
    pub async fn keep_refreshing_bindings(&self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = self.fleet.until_stale() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(fault) = self.refresh_bindings().await {
                tracing::warn!(detail = fault.detail(), "where load balancers are is read again: {fault}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn refresh_bindings(&self) -> Result<(), Fault> {
        let _turn = self.refreshing.lock().await;
        let ids = self.fleet.take_stale();
        if ids.is_empty() {
            return Ok(());
        }
        let read = self.store.glance(|tx, _| Box::pin(tx.bound_among(&ids))).await;
        let bound = read.inspect_err(|_| self.fleet.mark_stale(ids.iter().copied()))?;
        self.fleet.set_bindings(&ids, bound);
        Ok(())
    }
}
