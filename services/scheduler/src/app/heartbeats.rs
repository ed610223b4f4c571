//! What is stored of agents that live: the heartbeat of this scheduler, for all agents together, and of each agent no
//! more than that it fell silent or is heard of again. A heartbeat itself is nobody's write.

use std::{sync::atomic::Ordering, time::Duration};

use ballast_model::{fault::Fault, time::Timestamp};
use ballast_store::Scheduler;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{App, fleet::Unrecorded};

/// How long what is to be recorded may wait for others.
const LONGEST: Duration = Duration::from_secs(1);
/// How many heartbeats there are until others hold a scheduler for dead.
const HEARTBEATS: u32 = 4;

impl App {
    /// Records that this scheduler lives, and which agents do, until the end.
    pub async fn keep_heartbeat(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval((self.heartbeat_interval / 4).clamp(Duration::from_millis(50), LONGEST));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let period = self.limits.suspect_after / HEARTBEATS;
        let mut recorded_at = self.clock.monotonic();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            let now = self.clock.monotonic();
            // On a database of its own it does so for the record alone: of agents there are.
            let is_told = self.is_shared || self.fleet.has_sessions();
            let is_time = is_told && now.saturating_sub(recorded_at) >= period;
            let unrecorded = self.fleet.take_unrecorded(now);
            match self.record(&unrecorded, is_time).await {
                Ok(()) if is_time => recorded_at = now,
                Ok(()) => {}
                Err(fault) => {
                    self.fleet.put_back(&unrecorded);
                    tracing::warn!(detail = fault.detail(), "what is known of agents is recorded later: {fault}");
                }
            }
        }
    }

    async fn record(&self, unrecorded: &Unrecorded, is_time: bool) -> Result<(), Fault> {
        if unrecorded.is_empty() && !is_time {
            return Ok(());
        }
        let (heartbeat, now) = (is_time.then(|| self.next_heartbeat()), self.now());
        let silent_for = i64::try_from(self.limits.suspect_after.as_micros()).unwrap_or(i64::MAX);
        let record = self.store.write(|tx, _| {
            let heartbeat = &heartbeat;
            Box::pin(async move {
                let is_known = match heartbeat {
                    Some(heartbeat) => tx.heartbeat(heartbeat).await?,
                    None => true,
                };
                let last = Timestamp(now.0.saturating_sub(silent_for));
                for (agents, is_heard, at) in [(&unrecorded.late, false, last), (&unrecorded.back, true, now)] {
                    if !agents.is_empty() {
                        tx.record_liveness(self.id, agents, is_heard, at).await?;
                    }
                }
                Ok(is_known)
            })
        });
        if !record.await? {
            // Others held this one for dead, and have not told it what they changed.
            self.refresh_all().await?;
        }
        let changed: Vec<_> = unrecorded.late.iter().chain(&unrecorded.back).copied().collect();
        if changed.is_empty() { Ok(()) } else { self.refresh_agents(&changed).await }
    }

    /// By the clock on the wall as it is now.
    fn started_at(&self) -> Timestamp {
        let runs_for = self.clock.monotonic().saturating_sub(self.started).as_micros();
        Timestamp(self.now().0.saturating_sub(i64::try_from(runs_for).unwrap_or(i64::MAX)))
    }

    /// As the others of the database know it. Each time its heartbeat is another.
    pub(super) fn next_heartbeat(&self) -> Scheduler {
        let heartbeat = self.heartbeats.fetch_add(1, Ordering::Relaxed);
        Scheduler {
            id: self.id,
            address: self.address.to_string(),
            heartbeat,
            heartbeat_at: self.now(),
            advertised: self.advertised.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(self.started_at()),
        }
    }
}
