//! Connections that are thrown away when what one of them is doing is not known.
//!
//! A database may end a transaction by itself: SQLite does when the disk is full or cannot be read, PostgreSQL when the
//! connection is lost. The ROLLBACK that follows fails, and sqlx goes on counting a transaction that is no more: the
//! next one would be a savepoint in nothing, whose commit stores nothing. So whoever cannot end a transaction in order
//! calls [`Renewed::doubt`], and nothing is done on those connections again.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::RwLock;

use super::stop::Stop;

/// How long the old connections may take to close. Until they are, SQLite's hold the lock of who writes.
const CLOSE: Duration = Duration::from_secs(5);

/// A pool of one connection, and how what runs on it is ended.
pub(super) type Stoppable = (DatabaseConnection, Stop);

pub(super) type Connecting = Pin<Box<dyn Future<Output = Result<Stoppable, DbErr>> + Send>>;

/// A clone is another handle of the same.
#[derive(Clone)]
pub(super) struct Renewed {
    connect: Arc<dyn Fn() -> Connecting + Send + Sync>,
    connections: Arc<RwLock<Stoppable>>,
    doubtful: Arc<AtomicBool>,
}

impl Renewed {
    pub(super) fn new<F>(connections: Stoppable, connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Stoppable, DbErr>> + Send + 'static,
    {
        Self {
            connect: Arc::new(move || Box::pin(connect())),
            connections: Arc::new(RwLock::new(connections)),
            doubtful: Arc::default(),
        }
    }

    /// What these connections are doing is not known.
    pub(super) fn doubt(&self) {
        self.doubtful.store(true, Ordering::SeqCst);
    }

    /// Connections of which nothing is in doubt: others than before, where something was.
    pub(super) async fn get(&self) -> Result<Stoppable, DbErr> {
        if !self.doubtful.load(Ordering::SeqCst) {
            return Ok(self.connections.read().await.clone());
        }
        let mut connections = self.connections.write().await;
        if self.doubtful.load(Ordering::SeqCst) {
            tracing::warn!("a transaction did not end in order: its connection to the database is replaced");
            if tokio::time::timeout(CLOSE, connections.0.clone().close()).await.is_err() {
                tracing::warn!("a connection to the database does not close");
            }
            *connections = (self.connect)().await?;
            self.doubtful.store(false, Ordering::SeqCst);
        }
        Ok(connections.clone())
    }
}

impl std::fmt::Debug for Renewed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renewed").field("doubtful", &self.doubtful).finish_non_exhaustive()
    }
}
