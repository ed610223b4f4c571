//! PostgreSQL, for several schedulers at once.
//!
//! Writers are serialised by one advisory lock, which each takes before it reads anything. The alternatives were
//! SERIALIZABLE, under which two pools that are made at once always collide (both read how full the agents are and both
//! bind), and locks row by row, which every new rule could forget. What one lock would cost in throughput, the group of
//! transactions in [`writers`](crate::write::writers) gives back: what waits for the disk is a group, not a
//! transaction.
//!
//! `synchronous_commit` and `fsync` are the server's to say; their defaults are durable.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    RuntimeErr, Statement, TransactionTrait as _,
    sqlx::{self, AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions},
};

use super::{reason, renewed::Stoppable, servers::Servers, stop::Stop};

/// Connections that read.
const READERS: u32 = 8;
/// Those among them for lists that users filter or sort, made when they are needed.
const BROWSERS: u32 = 2;
/// A connection that was not used for so long is tried before it is trusted.
const DOUBT: Duration = Duration::from_secs(5);
/// The advisory lock of who writes: "ball", "ast1". Taken alone, nothing else of Ballast needs one.
pub(super) const WRITE: i64 = 0x6261_6c6c_6173_7431;
/// The advisory lock of who changes the schema.
pub(super) const SCHEMA: i64 = WRITE + 1;
/// A scheduler that stops in the middle of writing stops the others no longer: well before an agent is held for Dead.
const STALLED: &str = "5s";
/// Nor may one wait longer than that for its turn.
const TURN: &str = "15s";
/// How long a connection may take, the time included to see that one still is.
const CONNECT: Duration = Duration::from_secs(5);
/// The same where there is another server to go to.
const ELSEWHERE: Duration = Duration::from_secs(3);
/// How long the first connection may take.
const FIRST: Duration = Duration::from_secs(10);
/// What PostgreSQL says of a database that is not there.
const NO_DATABASE: &str = "3D000";
/// What it says while it starts, and how long until it is asked again.
const IS_STARTING: &str = "57P03";
const PAUSE: Duration = Duration::from_millis(100);
/// What it says of one that is there already.
const IS_THERE: &str = "42P04";

pub(super) fn is_url(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Connections to a server.
pub(super) struct Opened {
    pub(super) writer: Stoppable,
    pub(super) readers: Vec<Stoppable>,
    pub(super) browsers: Vec<Stoppable>,
}

/// Opens connections. The database is made when the server has none of its name.
pub(super) async fn open(servers: &Servers) -> Result<Opened, String> {
    let url = first_server(servers).await?;
    let named: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| reason(&error))?;
    let name = named.get_database().ok_or("the url must name a database, as in postgres://user@host/ballast")?;
    // A pool would try until its time is over, and then say no more than that.
    match first_connection(&named).await {
        Err(error) if is_missing(&error) => make(&named, name)
            .await
            .map_err(|error| format!("there is no database {name}, and it cannot be made: {}", reason(&error)))?,
        tried => drop(tried.map_err(|error| reason(&error))?),
    }
    let writer = writer(servers.clone()).await.map_err(|error| reason(&error))?;
    let mut readers = Vec::new();
    for number in 1..=READERS - BROWSERS {
        // The last is taken first.
        readers.push(reader(servers.clone(), number < READERS - BROWSERS).await.map_err(|error| reason(&error))?);
    }
    let mut browsers = Vec::new();
    for _ in 0..BROWSERS {
        browsers.push(browser(servers.clone(), true).await.map_err(|error| reason(&error))?);
    }
    Ok(Opened { writer, readers, browsers })
}

/// The one that takes writes, once there is one.
async fn first_server(servers: &Servers) -> Result<String, String> {
    let deadline = tokio::time::Instant::now() + FIRST;
    loop {
        match servers.find().await {
            Ok((url, _)) => return Ok(url),
            Err(why) if tokio::time::Instant::now() >= deadline => return Err(why),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

pub(super) async fn writer(servers: Servers) -> Result<Stoppable, DbErr> {
    connect(&servers, false, |options| writing(by_index(options))).await
}

/// Of which a connection that is `lazy` is made when it is needed.
pub(super) async fn reader(servers: Servers, lazy: bool) -> Result<Stoppable, DbErr> {
    connect(&servers, lazy, |options| reading(by_index(options))).await
}

/// The same for lists that users filter or sort.
pub(super) async fn browser(servers: Servers, lazy: bool) -> Result<Stoppable, DbErr> {
    connect(&servers, lazy, |options| reading(by_size(options))).await
}

/// A server that is starting is waited for.
async fn first_connection(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connect = async {
        loop {
            match options.connect().await {
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(IS_STARTING) => {
                    tokio::time::sleep(PAUSE).await;
                }
                connected => return connected,
            }
        }
    };
    match tokio::time::timeout(FIRST, connect).await {
        Ok(connected) => connected,
        Err(_) => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "the server does not answer").into()),
    }
}

async fn connect(
    servers: &Servers,
    lazy: bool,
    adapt: fn(PgConnectOptions) -> PgConnectOptions,
) -> Result<Stoppable, DbErr> {
    let (url, following) = servers.find().await.map_err(|why| DbErr::Conn(RuntimeErr::Internal(why)))?;
    let others: PgConnectOptions =
        url.parse().map_err(|error: sqlx::Error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    let stop = Stop::postgres(others.application_name("ballast-scheduler"), following);
    let new = stop.clone();
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .min_connections(u32::from(!lazy))
        .connect_lazy(lazy)
        .acquire_timeout(if servers.are_several() { ELSEWHERE } else { CONNECT })
        .test_before_acquire_if_idle_for(DOUBT)
        .sqlx_logging(false)
        // One that sqlx believes to be in a transaction would only make savepoints.
        .map_sqlx_postgres_before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
        .map_sqlx_postgres_pool_opts(move |options| {
            let new = new.clone();
            options.after_connect(move |connection, _| Box::pin(new.clone().watch_postgres(connection)))
        })
        .map_sqlx_postgres_opts(move |options| adapt(tuned(options)));
    Ok((Database::connect(options).await?, stop))
}

/// Statements are short: nothing that is prepared for long ones pays.
fn tuned(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("ballast-scheduler").options([("jit", "off")])
}

/// For what is asked by indexed columns: no plan depends on the values, and none is to read a table or an index from
/// end to end because it was small when the plan was made.
fn by_index(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("enable_material", "off"),
    ])
}

/// For what has no index, as users filter and sort: a plan for these values, and for tables as large as they are now.
fn by_size(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("plan_cache_mode", "force_custom_plan")])
}

/// Each statement sees what was committed before it: after the lock, that is everything.
fn writing(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        ("default_transaction_isolation", "read committed"),
        ("idle_in_transaction_session_timeout", STALLED),
        ("lock_timeout", TURN),
    ])
}

/// One view for all of a transaction.
fn reading(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("default_transaction_isolation", "repeatable read"), ("default_transaction_read_only", "on")])
}

pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some(NO_DATABASE))
}

/// Makes the database, sorting texts by their bytes as SQLite does. Of schedulers that start at the same time one makes
/// it.
async fn make(named: &PgConnectOptions, name: &str) -> Result<(), sqlx::Error> {
    let mut maintenance = first_connection(&named.clone().database("postgres")).await?;
    // Had until the connection ends: what makes a database works in no transaction.
    sqlx::raw_sql(AssertSqlSafe(format!("SELECT pg_advisory_lock({SCHEMA})"))).execute(&mut maintenance).await?;
    let quoted = name.replace('"', "\"\"");
    let statement = format!("CREATE DATABASE \"{quoted}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
    let made = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut maintenance).await;
    maintenance.close().await?;
    match made {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(IS_THERE) => Ok(()),
        made => made.map(|_| ()),
    }
}

/// Begins a transaction that is the only one to have this lock. It is had until the transaction's end is seen by all.
pub(super) async fn begin_alone(connection: &DatabaseConnection, lock: i64) -> Result<DatabaseTransaction, DbErr> {
    let transaction = connection.begin().await?;
    transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({lock})")).await?;
    Ok(transaction)
}

/// The same for who writes: a server that takes no writes, as a standby does, is one that cannot be used.
pub(super) async fn begin_write(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let transaction = connection.begin().await?;
    let select = format!("SELECT current_setting('transaction_read_only') FROM pg_advisory_xact_lock({WRITE})");
    let row = transaction.query_one_raw(Statement::from_string(DbBackend::Postgres, select)).await?;
    match row.map(|row| row.try_get_by_index::<String>(0)).transpose()?.as_deref() {
        Some("off") => Ok(transaction),
        _ => Err(DbErr::Conn(RuntimeErr::Internal("the server is read-only".to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_the_scheme_are_known() {
        for url in ["postgres://h/b", "postgresql://h/b"] {
            assert!(is_url(url), "{url}");
        }
        assert!(!is_url("sqlite://postgres://"));
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_named_with_what_to_do() {
        let refused = crate::Store::open("postgres://u:secret@127.0.0.1:1/ballast").await.unwrap_err().to_string();
        assert!(refused.contains("postgres://***@127.0.0.1:1/ballast"), "{refused}");
        assert!(refused.contains("make sure that the server runs") && !refused.contains('\n'), "{refused}");
    }
}
