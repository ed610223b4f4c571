//! Statements end with who waits for them.
//!
//! A call whose time is over is dropped, and with it what it is waiting for. The database does not notice: it would go
//! on until it has a row to give, and have its connection so long. So a statement that is given up is ended: SQLite
//! asks between its steps whether to go on, PostgreSQL is told by another connection.
//!
//! A connection is known by its [`Stop`], so each has a pool of its own. It is in nobody's hands until what was given
//! up on it has ended: its pool takes it back after that, and whoever is to tell PostgreSQL keeps its [`Seat`]
//! meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    DatabaseConnection, DbErr, RuntimeErr,
    sqlx::{self, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection, postgres::PgConnectOptions},
};

use super::{seats::Seat, servers::Following};

/// How long telling PostgreSQL may take.
const TELLING: Duration = Duration::from_secs(5);
/// Steps of SQLite between two questions: some hundredths of a millisecond.
const STEPS: i32 = 1_000;

/// How what runs on one connection is ended.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    /// Whether it is to end.
    Sqlite(Arc<AtomicBool>),
    /// Its process, how another connection is made, and whether its server still is the one and answers.
    Postgres(Arc<AtomicI32>, Box<PgConnectOptions>, Following),
}

impl Stop {
    pub(super) fn sqlite() -> Self {
        Self::Sqlite(Arc::default())
    }

    pub(super) fn postgres(options: PgConnectOptions, following: Following) -> Self {
        Self::Postgres(Arc::default(), Box::new(options), following)
    }

    /// Until what runs there is in vain: why.
    async fn is_in_vain(&self) -> &'static str {
        match self {
            Self::Postgres(_, _, following) => following.is_over().await,
            Self::Sqlite(_) => std::future::pending().await,
        }
    }

    /// What is done on a new connection of SQLite.
    pub(super) async fn watch_sqlite(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let Self::Sqlite(stopped) = self else { return Ok(()) };
        stopped.store(false, Ordering::SeqCst);
        connection.lock_handle().await?.set_progress_handler(STEPS, move || !stopped.load(Ordering::Relaxed));
        Ok(())
    }

    /// What is done on a new connection of PostgreSQL.
    pub(super) async fn watch_postgres(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Self::Postgres(process, ..) = self else { return Ok(()) };
        process.store(sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(connection).await?, Ordering::SeqCst);
        Ok(())
    }

    /// The connection is idle, and is given to the next.
    pub(super) fn begin_anew(&self) {
        match self {
            Self::Sqlite(stopped) => stopped.store(false, Ordering::SeqCst),
            Self::Postgres(..) => {}
        }
    }

    fn now(&self, seat: Option<Arc<Seat>>) {
        match self {
            Self::Sqlite(stopped) => stopped.store(true, Ordering::SeqCst),
            Self::Postgres(process, options, _) => {
                let (process, options) = (process.load(Ordering::SeqCst), options.clone());
                // Without a runtime the process ends, and its connections with it.
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move {
                        let told = tokio::time::timeout(TELLING, cancel(process, &options)).await;
                        let told = told.map_err(|_| format!("no answer within {TELLING:?}"));
                        if let Err(why) = told.and_then(|told| told.map_err(|error| error.to_string())) {
                            tracing::warn!("a statement that nobody waits for could not be ended: {why}");
                            // Nobody waits for the end of it either: another connection takes the place of this one.
                            seat.iter().for_each(|seat| seat.doubt());
                        }
                        drop(seat);
                    });
                }
            }
        }
    }
}

async fn cancel(process: i32, options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = options.connect().await?;
    sqlx::query("SELECT pg_cancel_backend($1)").bind(process).execute(&mut connection).await?;
    connection.close().await
}

/// A connection in somebody's hands.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(super) connections: DatabaseConnection,
    stop: Stop,
    /// None of the writer, which has a queue of its own.
    seat: Option<Arc<Seat>>,
}

impl Lease {
    pub(super) const fn new(connections: DatabaseConnection, stop: Stop, seat: Option<Arc<Seat>>) -> Self {
        Self { connections, stop, seat }
    }

    /// What it does is not known: nothing is done on it again.
    pub(super) fn doubt(&self) {
        if let Some(seat) = &self.seat {
            seat.doubt();
        }
    }

    /// The same, where its server may be another one by now.
    pub(super) fn doubt_server(&self) {
        if matches!(self.stop, Stop::Postgres(..)) {
            self.doubt();
        }
    }

    /// Waits for a statement, and ends it when nobody does any more.
    pub(super) async fn run<T>(&self, statement: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        let mut running = Running { lease: self, ended: false };
        let done = self.unless_in_vain(statement).await;
        running.ended = true;
        done
    }

    /// Waits, and no longer than what it is done on is the server that takes writes, and answers.
    pub(super) async fn unless_in_vain<T>(
        &self,
        work: impl Future<Output = Result<T, DbErr>> + Send,
    ) -> Result<T, DbErr> {
        tokio::select! {
            biased;
            done = work => done,
            why = self.stop.is_in_vain() => Err(DbErr::Conn(RuntimeErr::Internal(why.to_owned()))),
        }
    }
}

struct Running<'l> {
    lease: &'l Lease,
    ended: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.lease.stop.now(self.lease.seat.clone());
        }
    }
}
