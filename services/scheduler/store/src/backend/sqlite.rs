//! SQLite, in a file of this machine.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait as _,
    sqlx::{
        self, Connection as _,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};

use super::{QUEUE, damage, files::Files, reason, renewed::Stoppable, stop::Stop};

/// How long SQLite waits for another process that writes.
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// Connections that read.
const READERS: u32 = 4;
/// Rows that SQLite's thread may be ahead of their reader: a page of a list, so that it seldom waits.
const AHEAD: usize = 1024;

/// Connections to write and to read, and the files that they have. The file and its directory are made when they are
/// missing.
pub(super) async fn open(url: &str) -> Result<(Stoppable, Vec<Stoppable>, Files), String> {
    if !names_a_file(url) {
        let message = "the url must name a file, as in sqlite:///var/lib/ballast/scheduler.db, or a database of \
                       PostgreSQL, as in postgres://user@host/ballast";
        return Err(message.to_owned());
    }
    let options: SqliteConnectOptions = url.parse().map_err(|error: sqlx::Error| reason(&error))?;
    let file = options.get_filename().to_owned();
    make_parent(&file)?;
    keep_from_others(&file);
    let writer = writer(url.to_owned(), true).await.map_err(|error| reason(&error))?;
    damage::look(&options.foreign_keys(true).busy_timeout(BUSY)).await?;
    let mut readers = Vec::new();
    for number in 1..=READERS {
        // The last is taken first.
        readers.push(reader(url.to_owned(), number < READERS).await.map_err(|error| reason(&error))?);
    }
    let files = Files::of(&file).map_err(|error| reason(&error))?;
    Ok((writer, readers, files))
}

pub(super) async fn writer(url: String, create: bool) -> Result<Stoppable, DbErr> {
    let stop = Stop::sqlite();
    let adapt = move |options: SqliteConnectOptions| {
        options.create_if_missing(create).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    };
    Ok((Database::connect(with(&url, &stop, adapt)).await?, stop))
}

/// Of which a connection that is `lazy` is made when it is needed.
pub(super) async fn reader(url: String, lazy: bool) -> Result<Stoppable, DbErr> {
    let stop = Stop::sqlite();
    let mut options = with(&url, &stop, |options| options.pragma("query_only", "1"));
    options.connect_lazy(lazy);
    Ok((Database::connect(options).await?, stop))
}

pub(super) async fn begin_write(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
    writer.begin_with_options(TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() }).await
}

/// How a connection to the file at `url` is made.
pub(super) fn with(
    url: &str,
    stop: &Stop,
    adapt: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions + Send + Sync + 'static,
) -> ConnectOptions {
    let (new, idle) = (stop.clone(), stop.clone());
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .min_connections(1)
        .acquire_timeout(QUEUE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        // One that sqlx believes to be in a transaction would only make savepoints.
        .map_sqlx_sqlite_before_acquire(move |connection, _| {
            idle.begin_anew();
            Box::pin(async { Ok(!connection.is_in_transaction()) })
        })
        .map_sqlx_sqlite_pool_opts(move |options| {
            let new = new.clone();
            options.after_connect(move |connection, _| Box::pin(new.clone().watch_sqlite(connection)))
        })
        .map_sqlx_sqlite_opts(move |options| {
            adapt(options.foreign_keys(true).busy_timeout(BUSY).row_buffer_size(AHEAD))
        });
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
    make_folder(parent).map_err(|error| {
        format!(
            "cannot make its directory {}: {error}; make it, or name one that this user may write to",
            parent.display()
        )
    })
}

/// Others pass through it to what is theirs: an agent may have its folder there.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() || folder == Path::new("") {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folder(above)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        made => made?,
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711))
}

/// The database and what SQLite lays beside it, with the database's mode, are for its owner alone. Where that cannot be
/// done SQLite says what is wrong with the file, or it is another user's on purpose.
fn keep_from_others(file: &Path) {
    let _ = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file);
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        if fs::metadata(&path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
            let _ = fs::set_permissions(&path, fs::Permissions::from_mode(0o600));
        }
    }
}

#[cfg(test)]
mod tests {
    use ballast_model::fault::Code;
    use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

    use super::{super::By, *};
    use crate::{
        Store,
        backend::{Backend, fault_of},
    };

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
            assert_eq!(pragma(&backend.writer().await, name).await, value, "{name}");
        }
        for (name, value) in [("query_only", "1"), ("journal_mode", "wal")] {
            assert_eq!(pragma(&backend.reader(By::Index).await.unwrap().connections, name).await, value, "{name}");
        }
    }

    #[tokio::test]
    async fn a_database_of_a_later_version_is_left_alone() {
        let (_directory, url) = fresh();
        let store = Store::open(&url).await.unwrap();
        let later = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)";
        Backend::open(&url).await.unwrap().writer().await.execute_unprepared(later).await.unwrap();
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
        let other = Database::connect(with(&url, &Stop::sqlite(), impatient)).await.unwrap();
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
    async fn pools_of_an_earlier_version_get_their_providers() {
        use sea_orm_migration::MigratorTrait as _;

        let (_directory, url) = fresh();
        let backend = Backend::open(&url).await.unwrap();
        crate::migration::Migrator::up(&backend.writer().await, Some(6)).await.unwrap();
        for insert in [
            "INSERT INTO load_balancer (id, project_id, provider, admin_state_up, generation, settled) \
             VALUES (x'01', 'p', 'haproxy', 1, 1, 1), (x'02', 'p', 'a10', 1, 1, 1)",
            "INSERT INTO pool (id, load_balancer_id, project_id, name, description, subnet_id, protocol, lb_method, \
             admin_state_up, provisioning_status, changed) \
             SELECT id, id, 'p', '', '', x'03', 'HTTP', 'ROUND_ROBIN', 1, 'ACTIVE', 1 FROM load_balancer",
        ] {
            backend.writer().await.execute_unprepared(insert).await.unwrap();
        }
        crate::migration::Migrator::up(&backend.writer().await, None).await.unwrap();
        let select = Statement::from_string(DbBackend::Sqlite, "SELECT provider FROM pool ORDER BY seq");
        let rows = backend.writer().await.query_all_raw(select).await.unwrap();
        let providers: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(providers, ["haproxy", "a10"]);
    }

    /// What is acknowledged is on the disk: each commit waits for it.
    #[tokio::test]
    async fn a_commit_waits_for_the_disk() {
        let (_directory, url) = fresh();
        let backend = Backend::open(&url).await.unwrap();
        for (pragma, expected) in [("synchronous", "2"), ("journal_mode", "wal")] {
            let select = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
            let select = Statement::from_string(DbBackend::Sqlite, select);
            let row = backend.writer().await.query_one_raw(select).await.unwrap().unwrap();
            assert_eq!(row.try_get_by_index::<String>(0).unwrap(), expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn the_schema_can_be_undone_and_made_again() {
        use sea_orm_migration::MigratorTrait as _;

        let (_directory, url) = fresh();
        let backend = Backend::open(&url).await.unwrap();
        for _ in 0..2 {
            crate::migration::Migrator::up(&backend.writer().await, None).await.unwrap();
            crate::migration::Migrator::down(&backend.writer().await, None).await.unwrap();
        }
    }
}
