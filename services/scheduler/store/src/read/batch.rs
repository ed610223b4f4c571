//! Reads by id that come at the same time share a statement.
//!
//! A statement costs more than the row that it reads. Who comes while as many statements as may be are on their way
//! waits for the next one, which is for all who wait. Who comes alone is served at once. A statement begins after all
//! that it is for have come: each sees what was committed before it asked.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ballast_model::fault::Fault;
use tokio::sync::{self, oneshot};

/// How many ids one statement is for, at most.
const LARGEST: usize = 64;

type Answer<V> = Result<Option<V>, Fault>;

/// Who waits for the next statement.
#[derive(Debug)]
struct Waiting<K, V> {
    number: u64,
    id: K,
    told: oneshot::Sender<Answer<V>>,
}

#[derive(Debug)]
pub(crate) struct Batch<K, V> {
    waiting: Mutex<Vec<Waiting<K, V>>>,
    next: AtomicU64,
    /// Held while a statement is on its way.
    turn: sync::Mutex<()>,
}

impl<K, V> Default for Batch<K, V> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), next: AtomicU64::default(), turn: sync::Mutex::default() }
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Batch<K, V> {
    /// What has this id, read by `read` together with what others ask for. A fault of `read` is that of all, and all
    /// wait for it: it is to read little, and nothing that may be one's fault.
    pub(crate) async fn get<F>(&self, id: K, read: impl Fn(Vec<K>) -> F) -> Answer<V>
    where
        F: Future<Output = Result<HashMap<K, V>, Fault>>,
    {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let (told, mut answer) = oneshot::channel();
            self.waiting().push(Waiting { number, id, told });
            loop {
                tokio::select! {
                    biased;
                    // Whoever asked for all is gone: once more.
                    answered = &mut answer => match answered {
                        Ok(answer) => return answer,
                        Err(_) => break,
                    },
                    turn = self.turn.lock() => {
                        let Some(asked) = self.take(number) else {
                            drop(turn);
                            match answer.await {
                                Ok(answer) => return answer,
                                Err(_) => break,
                            }
                        };
                        tell(asked, &read).await;
                    }
                }
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting<K, V>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who have waited longest; none: this one does not wait, another asks for it.
    fn take(&self, number: u64) -> Option<Vec<Waiting<K, V>>> {
        let mut waiting = self.waiting();
        if !waiting.iter().any(|one| one.number == number) {
            return None;
        }
        let count = waiting.len().min(LARGEST);
        Some(waiting.drain(..count).collect())
    }
}

async fn tell<K: Copy + Eq + Hash, V: Clone, F>(asked: Vec<Waiting<K, V>>, read: &impl Fn(Vec<K>) -> F)
where
    F: Future<Output = Result<HashMap<K, V>, Fault>>,
{
    let found = read(asked.iter().map(|one| one.id).collect()).await;
    for Waiting { id, told, .. } in asked {
        let answer = match &found {
            Ok(found) => Ok(found.get(&id).cloned()),
            Err(fault) => Err(fault.clone()),
        };
        // Whoever does not wait any more has no use for it.
        let _ = told.send(answer);
    }
}

#[cfg(test)]
mod tests;
