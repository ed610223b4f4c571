//! What differs between databases: how one is opened, how a transaction begins, and which errors mean what.
//!
//! The only place that knows which database it is. Everything else is written in statements that every database has,
//! and relies on one thing: whoever writes is alone. SQLite has one writer; on PostgreSQL a lock makes it so, for all
//! schedulers of a database.

mod copies;
mod damage;
mod errors;
mod files;
mod libpq;
mod link;
mod notifications;
mod postgres;
mod renewed;
mod seats;
mod servers;
mod sqlite;
mod stop;

use std::{sync::Arc, time::Duration};

use ballast_model::Uuid;
#[cfg(test)]
use sea_orm::DatabaseConnection;
use sea_orm::{DbBackend, DbErr, TransactionTrait, Value, sea_query::Expr};
use sea_orm_migration::MigratorTrait as _;

pub use self::notifications::{Notification, Notifications};
pub(crate) use self::{
    copies::copy_sqlite,
    errors::{fault_of, fault_of_commit, is_duplicate, is_reference, reason},
    link::{Link, Watched},
    notifications::CHANNEL,
};
use self::{
    errors::{ends_transaction, unwritable},
    files::Files,
    renewed::{Connecting, Renewed, Stoppable},
    seats::Seats,
    servers::Servers,
    stop::Lease,
};
use crate::{metrics::Engine, migration::Migrator, moves::Journal, notice::Voice};

/// How long a transaction waits for a connection: behind all that queue to write.
const QUEUE: Duration = Duration::from_secs(30);

/// Connections to one database.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    kind: Kind,
    /// One connection: writers queue here, in order, instead of failing there.
    writer: Renewed,
    readers: Seats,
    /// For lists that users filter or sort; none: those that read.
    browsers: Option<Seats>,
    /// Of SQLite.
    files: Option<Arc<Files>>,
    /// Of PostgreSQL: where to listen for what others change, too.
    servers: Option<Servers>,
    voice: Arc<Voice>,
    journal: Arc<Journal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Backend {
    /// Opens the database; the error is the reason, for a person.
    pub(crate) async fn open(url: &str) -> Result<Self, String> {
        if postgres::is_url(url) {
            let servers = Servers::of(url)?;
            let postgres::Opened { writer, readers, browsers } = postgres::open(&servers).await?;
            servers.watch();
            let again = servers.clone();
            let writer = Renewed::new(writer, move || postgres::writer(again.clone()));
            let reader = |reader| {
                let servers = servers.clone();
                Renewed::new(reader, move || postgres::reader(servers.clone(), false))
            };
            let browser = |browser| {
                let servers = servers.clone();
                Renewed::new(browser, move || postgres::browser(servers.clone(), false))
            };
            let readers = Seats::new(readers.into_iter().map(reader).collect());
            let browsers = Seats::new(browsers.into_iter().map(browser).collect());
            return Ok(Self {
                kind: Kind::Postgres,
                writer,
                readers,
                browsers: Some(browsers),
                files: None,
                servers: Some(servers),
                voice: Arc::default(),
                journal: Arc::default(),
            });
        }
        let (writer, readers, files) = sqlite::open(url).await?;
        let files = Arc::new(files);
        let renewed = |connect: fn(String) -> Connecting, connections: Stoppable| {
            let (url, files) = (url.to_owned(), Arc::clone(&files));
            let connect = move || {
                files.forget_log();
                connect(url.clone())
            };
            Renewed::new(connections, connect)
        };
        // A file that is gone is not made anew under who has written to it.
        let writer = renewed(|url| Box::pin(sqlite::writer(url, false)), writer);
        let reader = |connections| renewed(|url| Box::pin(sqlite::reader(url, false)), connections);
        let readers = Seats::new(readers.into_iter().map(reader).collect());
        Ok(Self {
            kind: Kind::Sqlite,
            writer,
            readers,
            browsers: None,
            files: Some(files),
            servers: None,
            voice: Arc::default(),
            journal: Arc::default(),
        })
    }

    /// Brings the schema up to date. Schedulers that start at once take turns.
    pub(crate) async fn migrate(&self) -> Result<(), DbErr> {
        let turn = match self.kind {
            Kind::Sqlite => None,
            Kind::Postgres => {
                let lease = self.readers.take().await?;
                Some((postgres::begin_alone(&lease.connections, postgres::SCHEMA).await?, lease))
            }
        };
        Migrator::up(&self.writer.get().await?.0, None).await?;
        match turn {
            Some((turn, _lease)) => turn.commit().await,
            None => Ok(()),
        }
    }

    pub(crate) const fn engine(&self) -> Engine {
        match self.kind {
            Kind::Sqlite => Engine::Sqlite,
            Kind::Postgres => Engine::Postgres,
        }
    }

    pub(crate) fn voice(&self) -> &Voice {
        &self.voice
    }

    pub(crate) const fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    pub(crate) fn notifications(&self) -> Option<Notifications> {
        self.servers.clone().map(Notifications::new)
    }

    /// Whether other processes may serve it too.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.kind, Kind::Postgres)
    }

    /// The connection for changes of the schema.
    #[cfg(test)]
    pub(crate) async fn writer(&self) -> DatabaseConnection {
        self.writer.get().await.unwrap().0
    }

    /// Begins a transaction that writes, and waits until no other does. It has the write lock from the start: it never
    /// has to be undone because it read first and wrote later, and what it reads stays true until it ends.
    pub(crate) async fn begin_write(&self) -> Result<Watched, DbErr> {
        match self.try_begin_write().await {
            // On a connection that was lost since it was last used nothing has begun.
            Err(error) if ends_transaction(&error) => self.try_begin_write().await,
            begun => begun,
        }
    }

    async fn try_begin_write(&self) -> Result<Watched, DbErr> {
        self.check_files()?;
        let (writer, stop) = self.unless_silent(self.writer.get()).await?;
        let lease = Lease::new(writer, stop, None);
        let begun = match self.kind {
            Kind::Sqlite => sqlite::begin_write(&lease.connections).await.map_err(unwritable),
            Kind::Postgres => lease.unless_in_vain(postgres::begin_write(&lease.connections)).await,
        };
        let begun = begun.inspect_err(|_| self.doubt_writer())?;
        Ok(Watched::new(begun, lease))
    }

    /// Whether what is written is still where it is looked for.
    pub(crate) fn check_files(&self) -> Result<(), DbErr> {
        self.files.as_ref().map_or(Ok(()), |files| files.check())
    }

    /// A transaction that writes did not end in order: the next one begins on another connection.
    pub(crate) fn doubt_writer(&self) {
        self.writer.doubt();
    }

    /// A connection that only reads; each statement sees what was committed before it.
    pub(crate) async fn reader(&self, by: By) -> Result<Lease, DbErr> {
        self.check_files()?;
        let seats = match (by, &self.browsers) {
            (By::Choice, Some(browsers)) => browsers,
            _ => &self.readers,
        };
        self.unless_silent(seats.take()).await
    }

    /// What is done before a connection is used; of PostgreSQL, as long as its server answers.
    async fn unless_silent<T>(&self, work: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        match &self.servers {
            Some(servers) => servers.unless_silent(work).await,
            None => work.await,
        }
    }

    /// Begins a transaction that only reads, on one view of the database.
    pub(crate) async fn begin_read(&self, by: By) -> Result<Watched, DbErr> {
        match self.try_begin_read(by).await {
            Err(error) if ends_transaction(&error) => self.try_begin_read(by).await,
            begun => begun,
        }
    }

    async fn try_begin_read(&self, by: By) -> Result<Watched, DbErr> {
        let lease = self.reader(by).await?;
        let begun = lease.unless_in_vain(lease.connections.begin()).await.inspect_err(|_| lease.doubt())?;
        Ok(Watched::new(begun, lease))
    }
}

/// What rows are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Columns that have an index.
    Index,
    /// What a user chose, which may have none.
    Choice,
}

/// Whether there is never more than one scheduler: who starts on it is alone.
pub(crate) const fn has_one_scheduler(backend: DbBackend) -> bool {
    !matches!(backend, DbBackend::Postgres)
}

/// What stands behind FROM and behind WHERE for the rows of a table whose column is one of the ids in the statement's
/// first value, which is made by [`list_of`].
pub(crate) fn rows_among(backend: DbBackend, table: &str, column: &str) -> (String, String) {
    match backend {
        DbBackend::Postgres => (table.to_owned(), format!("{table}.{column} = ANY($1)")),
        _ => {
            let from = format!("json_each($1) AS given CROSS JOIN {table}");
            (from, format!("{table}.{column} = unhex(given.value)"))
        }
    }
}

/// That a column of a table is one of these ids.
pub(crate) fn is_among<I: Copy + Into<Uuid>>(backend: DbBackend, column: &str, ids: &[I]) -> Expr {
    let condition = match backend {
        DbBackend::Postgres => format!("{column} = ANY($1)"),
        _ => format!("{column} IN (SELECT unhex(value) FROM json_each(?))"),
    };
    Expr::cust_with_values(condition, [list_of(backend, ids)])
}

/// Ids as one value: however many they are, the statement is the same.
pub(crate) fn list_of<I: Copy + Into<Uuid>>(backend: DbBackend, ids: &[I]) -> Value {
    let ids = ids.iter().map(|id| (*id).into());
    match backend {
        DbBackend::Postgres => ids.collect::<Vec<Uuid>>().into(),
        _ => Value::from(serde_json::json!(ids.map(Uuid::simple).collect::<Vec<_>>()).to_string()),
    }
}

/// The number of the transaction that writes, in the order in which they began; the same for all where one follows the
/// other.
pub(crate) fn transaction_id(backend: DbBackend) -> Expr {
    match backend {
        DbBackend::Postgres => Expr::cust("pg_current_xact_id()::text::bigint"),
        _ => Expr::val(0i64),
    }
}

/// A number that no transaction has had yet; none where they have none.
pub(crate) fn next_transaction(backend: DbBackend) -> Option<Expr> {
    match backend {
        DbBackend::Postgres => Some(Expr::cust("pg_snapshot_xmax(pg_current_snapshot())::text::bigint")),
        _ => None,
    }
}

/// The lowest number of a transaction that has not ended; none where there can be no such when one reads.
pub(crate) fn oldest_open_transaction(backend: DbBackend) -> Option<Expr> {
    match backend {
        DbBackend::Postgres => Some(Expr::cust("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")),
        _ => None,
    }
}
