//! Heartbeats, stored: those of all agents together, after they were heard.

use std::time::Duration;

use ballast_model::{fault::Fault, ids::AgentId};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::App;

/// How long a heartbeat may wait for others.
const LONGEST: Duration = Duration::from_secs(1);

impl App {
    /// Notes who was heard of, until the end.
    pub async fn keep_noting(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval((self.heartbeat_interval / 4).clamp(Duration::from_millis(50), LONGEST));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            let heard = self.fleet.take_unnoted();
            if let Err(fault) = self.note_heard(&heard).await {
                self.fleet.note_later(&heard);
                tracing::warn!(detail = fault.detail(), "heartbeats are noted later: {fault}");
            }
        }
    }

    async fn note_heard(&self, heard: &[AgentId]) -> Result<(), Fault> {
        if heard.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let gone = self.store.write(|tx, _| Box::pin(tx.touch_agents(heard, now))).await?;
        // Another scheduler was asked to forget them.
        gone.into_iter().for_each(|id| self.wakes.end(id));
        Ok(())
    }
}
