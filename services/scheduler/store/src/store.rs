//! The database, and transactions on it.
//!
//! A piece of work is run again when others changed what it read: it must do nothing but read and write through its
//! [`Tx`]. It must not begin another transaction: there is one writer, and it would wait for itself. When a statement
//! fails, the work must fail: PostgreSQL takes no further one in its transaction.

use std::{marker::PhantomData, pin::Pin, sync::Arc, time::Duration};

use ballast_metrics::Registry;
use ballast_model::{
    Uuid,
    counters::Generation,
    fault::{Code, Fault},
    ids::{LoadBalancerId, PoolId, SchedulerId},
    time::Timestamp,
};
use ballast_traces::{Origin, Span, SpanKind};
use rand::RngExt as _;
use tokio::sync::watch;

use crate::{
    Notifications, Query, Tx,
    backend::{Backend, By, Link, fault_of, reason},
    metrics::{Kind, Metrics},
    moves::Journal,
    read::{
        batch::Batch,
        cache::{Cache, Desk, Memory},
        whole::Owner,
    },
    url::without_password,
    write::writers::Writers,
};

/// How often a piece of work is tried.
const ATTEMPTS: u32 = 5;
/// The longest pause before the second attempt; it doubles with each.
const PAUSE_MICROS: u64 = 2_000;

/// Lets work borrow from its caller: whatever `'env` names outlives the transaction's `'t`. Closures ignore it.
pub type Scope<'env, 't> = PhantomData<&'t &'env ()>;

/// Load balancers of pools that are shown.
type Owners = Batch<PoolId, Owner>;

/// What is done in one transaction.
pub type Work<'t, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 't>>;

/// The database. A clone is another handle of the same.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    writers: Writers,
    cache: Arc<Cache>,
    owners: Arc<Owners>,
    cluster_id: Uuid,
    /// Counts the transactions of this process that changed something that events tell of.
    changes: Arc<watch::Sender<u64>>,
    metrics: Metrics,
}

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the database {url}: {reason}")]
pub struct OpenError {
    url: String,
    reason: String,
}

impl Store {
    /// Opens the database at `url`, as in `sqlite:///var/lib/ballast/scheduler.db` or `postgres://user@host/ballast`:
    /// makes it when it is missing, brings the schema up to date, and makes the cluster's id once.
    ///
    /// # Errors
    /// When it cannot be used: one line that names the url, why, and what to do.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_with(url, Memory::default()).await
    }

    /// The same, with so much in memory.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &str, memory: Memory) -> Result<Self, OpenError> {
        let refuse = |reason| OpenError { url: without_password(url), reason };
        let backend = Backend::open(url).await.map_err(refuse)?;
        backend.migrate().await.map_err(|error| refuse(reason(&error)))?;
        let cache = Cache::new(memory);
        let writers = Writers::new(backend.clone(), Arc::clone(&cache));
        let metrics = Metrics::new(backend.engine());
        let (owners, changes) = (Arc::default(), Arc::default());
        let mut store = Self { backend, writers, cache, owners, cluster_id: Uuid::nil(), changes, metrics };
        let cluster_id = store.write(|tx, _| Box::pin(tx.make_cluster_id())).await;
        store.cluster_id = cluster_id.map_err(|fault| refuse(fault.for_log()))?;
        store.write(|tx, _| Box::pin(tx.open_events())).await.map_err(|fault| refuse(fault.for_log()))?;
        Ok(store)
    }

    /// Changes whenever a transaction of this process has ended that wrote events, and when it is known that one of
    /// another has ([`Self::others_changed`]).
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether other schedulers may serve the same database.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.backend.is_shared()
    }

    /// Tells what is measured here.
    pub fn add_metrics_to(&self, registry: &mut Registry) {
        self.metrics.add_to(registry);
    }

    /// How many wait for their turn to write.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.writers.queued()
    }

    /// How many read, with those that wait for a connection.
    #[must_use]
    pub fn reading(&self) -> usize {
        self.metrics.running(Kind::Read)
    }

    /// How many write, with those that wait for their turn.
    #[must_use]
    pub fn writing(&self) -> usize {
        self.metrics.running(Kind::Write)
    }

    /// Another process wrote events, or may have.
    pub fn others_changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// From now on what changes is said to other schedulers, by this one.
    pub fn speak_as(&self, id: SchedulerId) {
        self.backend.voice().speak_as(id);
    }

    /// Whether there is no other scheduler to say it to.
    pub fn set_alone(&self, is_alone: bool) {
        self.backend.voice().set_alone(is_alone);
    }

    /// What other schedulers say; none: there are no others on such a database.
    #[must_use]
    pub fn notifications(&self) -> Option<Notifications> {
        self.backend.notifications()
    }

    /// Where load balancers go from now on, at once as they do.
    #[must_use]
    pub fn follow_moves(&self) -> Arc<Journal> {
        self.backend.journal().follow();
        Arc::clone(self.backend.journal())
    }

    /// What changes has a time from now on: that of its commit, as this clock has it.
    pub fn tell_time_by(&self, now: impl Fn() -> Timestamp + Send + Sync + 'static) {
        self.writers.tell_time_by(now);
    }

    /// So many changes of each load balancer are kept from now on; 0: none.
    pub fn keep_revisions(&self, count: u64) {
        self.writers.keep_revisions(count);
    }

    #[cfg(test)]
    pub(crate) const fn backend(&self) -> &Backend {
        &self.backend
    }

    pub(crate) fn owners(&self) -> &Owners {
        &self.owners
    }

    /// The cluster's id, made with the database.
    #[must_use]
    pub const fn cluster_id(&self) -> Uuid {
        self.cluster_id
    }

    /// What is followed of the changes of a load balancer up to this generation, the newest last. An agent is told of them
    /// now: they are not told again.
    #[must_use]
    pub fn take_followed(&self, id: LoadBalancerId, generation: Generation) -> Vec<Origin> {
        self.writers.on_their_way().take(id, generation)
    }

    /// The last change of a load balancer that is followed, if no agent was told of it yet.
    #[must_use]
    pub fn newest_followed(&self, id: LoadBalancerId) -> Option<Origin> {
        self.writers.on_their_way().newest(id)
    }

    /// Runs `work` in one transaction, which ends with a durable commit when it is `Ok` and is undone when it is `Err`.
    /// Work that comes at the same time shares the commit, and sees what was done before it.
    /// On [`Code::Conflict`] it is run again, a few times.
    ///
    /// # Errors
    /// Those of `work`; [`Code::Conflict`] when others were faster each time; [`Code::Unavailable`] when the database
    /// does not answer.
    pub async fn write<'env, T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        let span = Span::part("transaction", SpanKind::Internal);
        let mut attempt = 1;
        loop {
            // It is large, and is in every future that writes.
            match span.around(Box::pin(self.attempt(&work))).await {
                Err(fault) if fault.code() == Code::Conflict && attempt < ATTEMPTS => {
                    let longest = PAUSE_MICROS << attempt;
                    #[expect(clippy::disallowed_methods, reason = "nothing but the wait of two that met depends on it")]
                    let pause = rand::rng().random_range(0..longest);
                    tracing::debug!(attempt, pause, detail = fault.detail(), "trying again: {fault}");
                    tokio::time::sleep(Duration::from_micros(pause)).await;
                    self.metrics.again();
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn attempt<'env, T, F>(&self, work: &F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        let _running = self.metrics.begin(Kind::Write);
        let (value, wrote_events) = self.writers.run(work).await?;
        if wrote_events {
            self.changes.send_modify(|count| *count += 1);
        }
        Ok(value)
    }

    /// Runs `work` on one consistent view of the database, which later writes do not change. It cannot write.
    ///
    /// # Errors
    /// Those of `work`; [`Code::Unavailable`] when the database does not answer.
    pub async fn read<'env, T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        self.view(By::Index, work).await
    }

    /// The same for a list: the database plans for what the user filters and sorts by.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_list<'env, T, F>(&self, query: &Query, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        self.view(query.by(), work).await
    }

    async fn view<'env, T, F>(&self, by: By, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        let _running = self.metrics.begin(Kind::Read);
        let link = Link::Transaction(self.backend.begin_read(by).await.map_err(fault_of)?);
        let tx = Tx::new(link, Desk::of_reader(&self.cache));
        let done = work(&tx, Scope::default()).await;
        tx.undo().await;
        done
    }

    /// As [`Self::read`], for work that is one statement, or to whose statements it does not matter whether others
    /// write in between: a transaction for it would cost as much again.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn glance<'env, T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        self.look(By::Index, work).await
    }

    /// The same for a list, as [`Self::read_list`].
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn glance_list<'env, T, F>(&self, query: &Query, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        self.look(query.by(), work).await
    }

    async fn look<'env, T, F>(&self, by: By, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        let _running = self.metrics.begin(Kind::Read);
        let reader = self.backend.reader(by).await.map_err(fault_of)?;
        work(&Tx::new(Link::Connections(reader), Desk::of_reader(&self.cache)), Scope::default()).await
    }
}
