//! One reader of the store's events for all watches of this scheduler.
//!
//! It reads what changed, once, and tells all watches where to look and whom it concerns; a watch that it does not
//! concern goes on without asking the store. Who falls behind, or began in between, reads for himself from where he
//! was.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ballast_model::fault::{Call, Code, Fault};
use ballast_store::{Change, Position};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::{App, Caller, events::Wanted};

/// How many changes are read at once.
const BATCH: u64 = 200;
/// How many batches a watch may be behind.
const BEHIND: usize = 64;
/// Changes that follow one another more closely are told together.
const TOGETHER: Duration = Duration::from_millis(10);

/// Changes that follow one another without a gap.
#[derive(Debug)]
pub struct Changed {
    /// After this one.
    pub after: Position,
    /// The last of them.
    pub until: Position,
    changes: Vec<(Position, Change)>,
}

impl Changed {
    /// Whether any of them is for this caller, of those that he does not know.
    pub fn concerns(&self, caller: &Caller, wanted: &Wanted, known: Position) -> bool {
        let unknown = self.changes.iter().filter(|(position, _)| *position > known);
        unknown.into_iter().any(|(_, change)| wanted.has(caller, change))
    }
}

/// The watches of this scheduler.
pub struct Watching {
    told: broadcast::Sender<Arc<Changed>>,
    /// How many each project has.
    open: Mutex<HashMap<String, u32>>,
}

impl Default for Watching {
    fn default() -> Self {
        Self { told: broadcast::channel(BEHIND).0, open: Mutex::default() }
    }
}

/// One of a project's watches, until it is dropped.
pub struct Permit {
    watching: Arc<Watching>,
    project_id: String,
}

impl Watching {
    /// What is read from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Changed>> {
        self.told.subscribe()
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).values().copied().map(u64::from).sum()
    }

    /// A permit for one more watch of the project.
    ///
    /// # Errors
    /// [`Code::OverQuota`]: it has as many as it may.
    pub fn admit(self: &Arc<Self>, project_id: &str, most: u32) -> Result<Permit, Fault> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(project_id.to_owned()).or_default();
        if *count >= most {
            return Err(Call::TooManyWatches { most }.into());
        }
        *count += 1;
        Ok(Permit { watching: Arc::clone(self), project_id: project_id.to_owned() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.watching.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.project_id) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.project_id);
            }
        }
    }
}

impl App {
    /// Reads what changes, and tells the watches, until the end.
    pub async fn keep_following(&self, shutdown: CancellationToken) {
        let mut changes = self.store.changes();
        let mut position = None;
        let lag = self.metrics.lags.begin();
        while !shutdown.is_cancelled() {
            changes.mark_unchanged();
            let watched = self.watching.told.receiver_count() > 0;
            let more = match if watched { self.follow(position).await } else { Ok((None, false)) } {
                Ok((next, more)) => {
                    lag.level();
                    position = next;
                    more
                }
                Err(fault) => {
                    lag.behind(self.clock.monotonic());
                    tracing::warn!(detail = fault.detail(), "watches wait: {fault}");
                    // What was forgotten meanwhile is read by each watch, which then says so.
                    position = position.filter(|_| fault.code() != Code::CursorExpired);
                    false
                }
            };
            if !more {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    // Woken by this process; others' changes are found when it is time to look.
                    _ = tokio::time::timeout(self.events.poll, changes.changed()) => {}
                }
                tokio::time::sleep(TOGETHER).await;
            }
        }
    }

    /// One step: where it ends, and whether there is more. While nobody watches, there is none.
    async fn follow(&self, after: Option<Position>) -> Result<(Option<Position>, bool), Fault> {
        let Some(after) = after else {
            let end = self.end_of_events().await?;
            // What lies between a watch and here was told to nobody: it reads that for himself.
            self.tell(Changed { after: end, until: end, changes: Vec::new() });
            return Ok((Some(end), true));
        };
        let found = self.store.read(|tx, _| Box::pin(tx.events_after(after, BATCH))).await?;
        let until = found.end;
        if until == after {
            return Ok((Some(after), false));
        }
        self.tell(Changed { after, until, changes: found.changes });
        Ok((Some(until), found.more))
    }

    fn tell(&self, changed: Changed) {
        // Nobody may be there by now, and then nobody misses it.
        let _ = self.watching.told.send(Arc::new(changed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_as_many_watches_as_it_may_and_others_have_theirs() {
        let watching = Arc::new(Watching::default());
        let permits: Vec<_> = (0..2).map(|_| watching.admit("a", 2).unwrap()).collect();
        assert_eq!(watching.admit("a", 2).err().map(|fault| fault.code()), Some(Code::OverQuota));
        assert!(watching.admit("b", 2).is_ok());
        drop(permits);
        assert!(watching.open.lock().unwrap().is_empty());
        assert!(watching.admit("a", 2).is_ok());
    }
}
