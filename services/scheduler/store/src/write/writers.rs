//! Transactions that share a commit.
//!
//! A commit waits for the disk, which takes longer than all that a transaction does before. Writers take turns in one
//! transaction of the database instead, each in a savepoint, and the last of those that are there commits it for all.
//! No one is told that his work is done before that commit: what is acknowledged survives the loss of power. A writer
//! that comes alone commits alone, at once.
//!
//! Work that fails is undone by itself. Work that is dropped in its middle takes its group with it, whose others are
//! told to try again: what the database was doing at that moment is not known.

use std::{
    fmt,
    ops::Deref as _,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ballast_failpoint as failpoint;
use ballast_model::{
    fault::{Absence, Clash, Fault},
    time::Timestamp,
};
use ballast_traces::{Origin, Span, SpanKind};
use sea_orm::ConnectionTrait as _;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::{
    Scope, Tx, Work,
    backend::{Backend, Link, fault_of, fault_of_commit},
    leads,
    read::cache::{Cache, Desk},
    traces::OnTheirWay,
    tx::Known,
};

/// A group that is as large as this commits though more are waiting: those in it wait for its last.
const LARGEST: usize = 64;
/// How long a server may take for a commit: as long as it may wait for its standby.
const COMMIT: Duration = Duration::from_secs(30);
/// Changes of each load balancer that are kept where nothing else is said.
const REVISIONS: u64 = 50;

/// Where writers queue.
#[derive(Debug, Clone)]
pub(crate) struct Writers {
    line: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    backend: Backend,
    cache: Arc<Cache>,
    /// Held by whose turn it is.
    group: Arc<Mutex<Option<Group>>>,
    queued: AtomicUsize,
    clock: OnceLock<Clock>,
    revisions: AtomicU64,
    way: Arc<OnTheirWay>,
}

/// Says what time it is.
#[derive(Clone)]
struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// An open transaction, and those whose work is in it.
#[derive(Debug)]
struct Group {
    tx: Tx,
    /// Whether there is a savepoint before the latest work.
    marked: bool,
    waiting: Waiting,
}

type Waiting = Vec<(oneshot::Sender<Result<(), Fault>>, Option<Origin>)>;

impl Writers {
    pub(crate) fn new(backend: Backend, cache: Arc<Cache>) -> Self {
        let (group, queued, clock) = (Arc::default(), AtomicUsize::default(), OnceLock::new());
        let (revisions, way) = (AtomicU64::new(REVISIONS), Arc::default());
        Self { line: Arc::new(Line { backend, cache, group, queued, clock, revisions, way }) }
    }

    /// Changes have a time from now on.
    pub(crate) fn tell_time_by(&self, now: impl Fn() -> Timestamp + Send + Sync + 'static) {
        // Who was first goes on to tell it.
        let _ = self.line.clock.set(Clock(Arc::new(now)));
    }

    /// So many changes of each load balancer are kept from now on.
    pub(crate) fn keep_revisions(&self, count: u64) {
        self.line.revisions.store(count, Ordering::Relaxed);
    }

    /// What is followed of what is committed.
    pub(crate) fn on_their_way(&self) -> &OnTheirWay {
        &self.line.way
    }

    /// How many wait for their turn.
    pub(crate) fn queued(&self) -> usize {
        self.line.queued.load(Ordering::Relaxed)
    }

    /// Runs `work` when its turn comes; returns when what it wrote is durable, with whether there are events of it.
    pub(crate) async fn run<'env, T, F>(&self, work: &F) -> Result<(T, bool), Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        let (value, committed) = {
            let turn = self.turn().await?;
            let done = match turn.slot.deref() {
                Some(group) => whole(&group.tx, work).await,
                None => Err(Fault::internal("a writer's turn began without a transaction")),
            };
            match done {
                Ok(value) => (value, turn.keep()),
                Err(fault) => {
                    turn.undo().await;
                    return Err(fault);
                }
            }
        };
        committed.await.unwrap_or_else(|_| Err(unknown())).map(|()| value)
    }

    async fn turn(&self) -> Result<Turn, Fault> {
        let mut queued = Queued::join(Arc::clone(&self.line));
        let slot = Arc::clone(&self.line.group).lock_owned().await;
        queued.admit();
        let mut turn = Turn { slot: Slot(Some(slot)), line: Arc::clone(&self.line), settled: false, shared: false };
        turn.begin().await.map_err(fault_of)?;
        Ok(turn)
    }
}

/// What those are told whose group was undone before its commit: to try again.
fn undone() -> Fault {
    Clash::CommitUndone.into()
}

/// What those are told whose commit nobody saw the end of.
fn unknown() -> Fault {
    Absence::OutcomeUnknownAtStop.into()
}

/// The work, with whether there will be events of it.
async fn whole<'env, T, F>(tx: &Tx, work: &F) -> Result<(T, bool), Fault>
where
    T: Send,
    F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
{
    tx.notes().begin();
    tx.moves().begin();
    tx.traces().begin();
    tx.desk().begin();
    if let Some(lead) = leads::present() {
        tx.must_lead(lead).await?;
    }
    let value = work(tx, Scope::default()).await?;
    // Work that went on after a statement of it had failed.
    tx.usable().map_err(fault_of)?;
    tx.moves().keep();
    tx.traces().keep();
    tx.desk().keep();
    Ok((value, tx.notes().keep()))
}

/// A place in the queue.
struct Queued {
    line: Arc<Line>,
    admitted: bool,
}

impl Queued {
    fn join(line: Arc<Line>) -> Self {
        line.queued.fetch_add(1, Ordering::SeqCst);
        Self { line, admitted: false }
    }

    fn admit(&mut self) {
        self.admitted = true;
        self.line.queued.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if self.admitted {
            return;
        }
        self.line.queued.fetch_sub(1, Ordering::SeqCst);
        // Whoever went before may have left the commit to this one.
        let line = Arc::clone(&self.line);
        spawn(async move {
            let slot = Arc::clone(&line.group).lock_owned().await;
            if line.queued.load(Ordering::SeqCst) == 0 {
                commit(slot, &line).await;
            }
        });
    }
}

/// The slot of the group, until it is given on.
struct Slot(Option<OwnedMutexGuard<Option<Group>>>);

impl Slot {
    fn deref(&self) -> Option<&Group> {
        self.0.as_ref().and_then(|slot| slot.deref().as_ref())
    }

    fn group(&mut self) -> Option<&mut Group> {
        self.0.as_mut().and_then(|slot| slot.as_mut())
    }

    fn clear(&mut self) -> Option<Group> {
        self.0.as_mut().and_then(|slot| slot.take())
    }
}

/// The one writer whose turn it is. Dropped, it gives the turn on, or commits when nobody is there to take it.
struct Turn {
    slot: Slot,
    line: Arc<Line>,
    /// The transaction holds what it is to hold.
    settled: bool,
    /// Others' work is in the transaction already: this one is in a savepoint.
    shared: bool,
}

impl Turn {
    async fn begin(&mut self) -> Result<(), sea_orm::DbErr> {
        if let Some(group) = self.slot.group() {
            self.shared = true;
            let mark = if group.marked { "RELEASE SAVEPOINT work; SAVEPOINT work" } else { "SAVEPOINT work" };
            group.tx.db().execute_unprepared(mark).await?;
            group.marked = true;
            return Ok(());
        }
        let transaction = self.line.backend.begin_write().await?;
        if let Some(slot) = &mut self.slot.0 {
            let tx = Tx::new(Link::Transaction(transaction), Desk::of_writer(&self.line.cache));
            let revisions = self.line.revisions.load(Ordering::Relaxed);
            let tx = tx.telling(Arc::clone(self.line.backend.journal())).keeping(revisions);
            let tx = tx.followed(Arc::clone(&self.line.way));
            **slot = Some(Group { tx, marked: false, waiting: Vec::new() });
        }
        Ok(())
    }

    /// The work is done; what comes back says when it is durable.
    fn keep(mut self) -> oneshot::Receiver<Result<(), Fault>> {
        let (told, committed) = oneshot::channel();
        if let Some(group) = self.slot.group() {
            group.waiting.push((told, Origin::current()));
        }
        self.settled = true;
        committed
    }

    /// The work failed: nothing of it stays.
    async fn undo(mut self) {
        if self.shared
            && let Some(group) = self.slot.deref()
        {
            *group.tx.known() = Known::default();
            match group.tx.back_to("work").await {
                Ok(()) => self.settled = true,
                Err(error) => tracing::warn!(%error, "work was not undone alone; its group is"),
            }
        } else if let Some(group) = self.slot.clear() {
            if !group.tx.undo().await {
                self.line.backend.doubt_writer();
            }
            self.settled = true;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut slot) = self.slot.0.take() else { return };
        if !self.settled
            && let Some(group) = slot.take()
        {
            // Dropped, the transaction is rolled back. Whether that went well nobody hears.
            self.line.backend.doubt_writer();
            drop(group.tx);
            tell(group.waiting, &Err(undone()));
        }
        let full = slot.as_ref().is_some_and(|group| group.waiting.len() >= LARGEST);
        if slot.is_some() && (full || self.line.queued.load(Ordering::SeqCst) == 0) {
            let line = Arc::clone(&self.line);
            spawn(async move { commit(slot, &line).await });
        }
    }
}

/// Commits, if there is something to, and tells everyone in the group.
async fn commit(mut slot: OwnedMutexGuard<Option<Group>>, line: &Line) {
    let Some(Group { tx, waiting, .. }) = slot.take() else { return };
    let origins: Vec<_> = waiting.iter().filter_map(|(_, origin)| origin.clone()).collect();
    let span = Span::because_of("commit", SpanKind::Internal, &origins);
    span.note("ballast.group", i64::try_from(waiting.len()).unwrap_or(i64::MAX));
    let done = span.around(end(tx, line)).await;
    drop(span);
    if done.is_err() {
        line.backend.doubt_writer();
    }
    tell(waiting, &done);
}

fn tell(waiting: Waiting, done: &Result<(), Fault>) {
    for (waiting, _) in waiting {
        // Whoever gave up waiting has no use for it.
        let _ = waiting.send(done.clone());
    }
}

/// The events of all, then the commit.
async fn end(tx: Tx, line: &Line) -> Result<(), Fault> {
    let backend = &line.backend;
    tx.write_events(backend.voice(), line.clock.get().map(|clock| (clock.0)())).await?;
    let (moves, followed, done) = (tx.moves().take(), tx.traces().take(), tx.desk().done());
    failpoint::at("store: before a commit");
    if backend.is_shared() {
        // Who commits is dropped by nobody, and a server that went without a word never answers.
        match tokio::time::timeout(COMMIT, tx.commit()).await {
            Ok(committed) => committed.map_err(fault_of_commit)?,
            Err(_) => return Err(Absence::OutcomeUnknown.into()),
        }
    } else {
        tx.commit().await.map_err(fault_of_commit)?;
    }
    backend.check_files().map_err(fault_of_commit)?;
    moves.committed();
    followed();
    done.publish();
    Ok(())
}

/// A commit is not dropped with whoever asked for it. Without a runtime the process ends, and nobody waits any more.
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(task);
    }
}
