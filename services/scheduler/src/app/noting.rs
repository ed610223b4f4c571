//! What is stored of agents that are heard of: that this scheduler lives, all agents' together, and of each agent no more
//! than that it fell silent or is heard of again. A heartbeat itself is nobody's write.

use std::{sync::atomic::Ordering, time::Duration};

use ballast_model::{fault::Fault, time::Timestamp};
use ballast_store::Scheduler;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{App, fleet::Notable};

/// How long what is to be noted may wait for others.
const LONGEST: Duration = Duration::from_secs(1);
/// How many beats there are until others hold a scheduler for dead.
const BEATS: u32 = 4;

impl App {
    /// Notes that this scheduler lives, and which agents do, until the end.
    pub async fn keep_noting(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval((self.heartbeat_interval / 4).clamp(Duration::from_millis(50), LONGEST));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let period = self.limits.suspect_after / BEATS;
        let mut beaten_at = self.clock.monotonic();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            let now = self.clock.monotonic();
            // On a database of its own it does so for the record alone: of agents there are.
            let is_told = self.store.is_shared() || self.fleet.has_sessions();
            let is_time = is_told && now.saturating_sub(beaten_at) >= period;
            let notable = self.fleet.take_notable(now);
            match self.note(&notable, is_time).await {
                Ok(()) if is_time => beaten_at = now,
                Ok(()) => {}
                Err(fault) => {
                    self.fleet.note_later(&notable);
                    tracing::warn!(detail = fault.detail(), "what is known of agents is noted later: {fault}");
                }
            }
        }
    }

    async fn note(&self, notable: &Notable, is_time: bool) -> Result<(), Fault> {
        if notable.is_empty() && !is_time {
            return Ok(());
        }
        let (beat, now) = (is_time.then(|| self.as_scheduler()), self.now());
        let silent_for = i64::try_from(self.limits.suspect_after.as_micros()).unwrap_or(i64::MAX);
        let note = self.store.write(|tx, _| {
            let beat = &beat;
            Box::pin(async move {
                let is_known = match beat {
                    Some(beat) => tx.beat(beat).await?,
                    None => true,
                };
                let last = Timestamp(now.0.saturating_sub(silent_for));
                for (agents, is_heard, at) in [(&notable.late, false, last), (&notable.back, true, now)] {
                    if !agents.is_empty() {
                        tx.note_heard(self.id, agents, is_heard, at).await?;
                    }
                }
                Ok(is_known)
            })
        });
        if !note.await? {
            // Others held this one for dead, and have not told it what they changed.
            self.look_everywhere().await?;
        }
        let changed: Vec<_> = notable.late.iter().chain(&notable.back).copied().collect();
        if changed.is_empty() { Ok(()) } else { self.learn(&changed).await }
    }

    /// As the others of the database know it. Each time its beat is another.
    pub(super) fn as_scheduler(&self) -> Scheduler {
        let beat = self.beats.fetch_add(1, Ordering::Relaxed);
        Scheduler { id: self.id, home: self.home.to_string(), beat, beat_at: self.now() }
    }
}
