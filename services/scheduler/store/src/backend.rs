//! What differs between databases: how one is opened, how a transaction begins, and which errors mean what.
//!
//! The only place that knows which database it is. Everything else is written in statements that every database has.

use std::{path::Path, time::Duration};

use ballast_model::fault::{Code, Fault};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, SqlErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sqlx::{
        self,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};

/// How long SQLite waits for another process that writes.
const BUSY: Duration = Duration::from_secs(10);
/// How long a transaction waits for a connection: behind all that queue to write.
const QUEUE: Duration = Duration::from_secs(30);
/// Connections that read.
const READERS: u32 = 4;

/// Connections to one database.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    /// SQLite has one writer at a time: with one connection they queue here, in order, instead of failing there.
    writer: DatabaseConnection,
    reader: DatabaseConnection,
}

impl Backend {
    /// Opens the database; the error is the reason, for a person.
    pub(crate) async fn open(url: &str) -> Result<Self, String> {
        if !names_a_file(url) {
            return Err("the url must name a file, as in sqlite:///var/lib/ballast/scheduler.db".to_owned());
        }
        let options: SqliteConnectOptions = url.parse().map_err(|error: sqlx::Error| reason(&error))?;
        make_parent(options.get_filename())?;
        let writer = Database::connect(sqlite(url, 1, |options| {
            options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
        }));
        let writer = writer.await.map_err(|error| reason(&error))?;
        let reader = Database::connect(sqlite(url, READERS, |options| options.pragma("query_only", "1")));
        let reader = reader.await.map_err(|error| reason(&error))?;
        Ok(Self { writer, reader })
    }

    /// The connection for changes of the schema.
    pub(crate) const fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Begins a transaction that writes. It has the write lock from the start: it never has to be undone because it
    /// read first and wrote later.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, DbErr> {
        let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
        self.writer
            .begin_with_options(TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() })
            .await
    }

    /// Begins a transaction that only reads.
    pub(crate) async fn begin_read(&self) -> Result<DatabaseTransaction, DbErr> {
        self.reader.begin().await
    }
}

fn sqlite(url: &str, connections: u32, adapt: fn(SqliteConnectOptions) -> SqliteConnectOptions) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(QUEUE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| adapt(options.foreign_keys(true).busy_timeout(BUSY)));
    options
}

/// SQLite's databases in memory are each connection's own, and gone with the process.
fn names_a_file(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("sqlite:") else { return false };
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.trim_start_matches("//");
    !path.is_empty() && path != ":memory:" && parameters.split('&').all(|parameter| parameter != "mode=memory")
}

fn make_parent(file: &Path) -> Result<(), String> {
    let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(parent).map_err(|error| {
        format!(
            "cannot make its directory {}: {error}; make it, or name one that this user may write to",
            parent.display()
        )
    })
}

/// Why the database cannot be used, in one line, with what to do where that is known.
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let advice = [
        ("unable to open database file", "make sure that this user may write to the file and its directory"),
        ("readonly database", "make sure that this user may write to the file and its directory"),
        ("not a database", "the file is something else: name another one"),
        ("database is locked", "another process holds it: stop that one"),
        ("disk is full", "make room"),
        ("file is missing", "the database was made by a later version: run that one"),
    ];
    match advice.into_iter().find(|(symptom, _)| text.contains(symptom)) {
        Some((_, advice)) => format!("{text}; {advice}"),
        None => text,
    }
}

/// What the callers of the store are told. What may work when it is tried again is a [`Code::Conflict`].
pub(crate) fn fault_of(error: DbErr) -> Fault {
    if is_contention(&error) {
        return Fault::new(Code::Conflict, "The database is busy with other changes").with_detail(error);
    }
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return Fault::new(Code::Unavailable, "The database does not answer").with_detail(error);
    }
    Fault::internal(error)
}

/// Whether a row like it exists already.
pub(crate) fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether a row refers to one that is not there, or one is still referred to.
pub(crate) fn is_reference(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_)))
}

fn is_contention(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else {
        return false;
    };
    let sqlx::Error::Database(error) = error.as_ref() else { return false };
    let Some(code) = error.code() else { return false };
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        // SQLITE_BUSY and SQLITE_LOCKED, with whatever extended code.
        return code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6));
    }
    // SQLSTATE: serialization failure, deadlock.
    matches!(code.as_ref(), "40001" | "40P01")
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, Statement};

    use super::*;
    use crate::Store;

    fn fresh() -> (tempfile::TempDir, String) {
        let directory = tempfile::TempDir::new().unwrap();
        let url = format!("sqlite://{}/ballast.db", directory.path().display());
        (directory, url)
    }

    async fn pragma(connection: &DatabaseConnection, name: &str) -> String {
        let statement = Statement::from_string(connection.get_database_backend(), format!("PRAGMA {name}"));
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).map_or_else(|_| row.try_get_by_index(0).unwrap(), |number| number.to_string())
    }

    #[tokio::test]
    async fn a_commit_is_on_the_disk_and_readers_never_wait() {
        let (_directory, url) = fresh();
        let backend = Backend::open(&url).await.unwrap();
        // 2: FULL.
        for (name, value) in [("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1")] {
            assert_eq!(pragma(&backend.writer, name).await, value, "{name}");
        }
        for (name, value) in [("query_only", "1"), ("journal_mode", "wal")] {
            assert_eq!(pragma(&backend.reader, name).await, value, "{name}");
        }
    }

    #[tokio::test]
    async fn a_database_of_a_later_version_is_left_alone() {
        let (_directory, url) = fresh();
        let store = Store::open(&url).await.unwrap();
        let later = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)";
        Backend::open(&url).await.unwrap().writer.execute_unprepared(later).await.unwrap();
        drop(store);
        let text = Store::open(&url).await.unwrap_err().to_string();
        assert!(text.contains("made by a later version"), "{text}");
    }

    #[tokio::test]
    async fn a_writer_of_another_process_is_a_conflict_not_a_failure() {
        let (_directory, url) = fresh();
        // It stays open: whoever closes a database last locks it for a moment, which would be another conflict.
        let store = Store::open(&url).await.unwrap();
        let impatient = |options: SqliteConnectOptions| options.busy_timeout(Duration::from_millis(1));
        let other = Database::connect(sqlite(&url, 1, impatient)).await.unwrap();
        let lock = store.backend().begin_write().await.unwrap();
        let insert = "INSERT INTO cluster (seq, id) VALUES (2, 'x')";
        let error = other.execute_unprepared(insert).await.unwrap_err();
        assert_eq!(fault_of(error).code(), Code::Conflict);
        lock.rollback().await.unwrap();
        other.execute_unprepared(insert).await.unwrap();
    }

    #[tokio::test]
    async fn a_database_is_opened_again_while_it_is_still_being_closed() {
        let (_directory, url) = fresh();
        let cluster_id = Store::open(&url).await.unwrap().cluster_id();
        for round in 0..100 {
            let store = Store::open(&url).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
            assert_eq!(store.cluster_id(), cluster_id);
        }
    }

    #[tokio::test]
    async fn the_schema_can_be_undone_and_made_again() {
        use sea_orm_migration::MigratorTrait as _;

        let (_directory, url) = fresh();
        let backend = Backend::open(&url).await.unwrap();
        for _ in 0..2 {
            crate::migration::Migrator::up(backend.writer(), None).await.unwrap();
            crate::migration::Migrator::down(backend.writer(), None).await.unwrap();
        }
    }
}
