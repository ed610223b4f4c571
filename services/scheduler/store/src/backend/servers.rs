//! The servers of one database on PostgreSQL: one of them takes writes, and where several are named the others stand by.
//!
//! One that takes connections and does not answer would keep each call for as long as a call may take. It is looked at each
//! second; when it answers nothing twice all that is under way there ends, and nothing is begun until it answers.
//!
//! Of several, which one it is, the servers say: one that is not in recovery, and of two such the one with the higher timeline, which is
//! what the last promotion made. A former primary that comes back with what it was is on a lower one, and nothing is done on
//! it. It is looked at when a connection fails, and every second by a watch; when it is another, all that is under way at the
//! former one ends at once.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{
        self, ConnectOptions as _, Connection as _, PgConnection,
        postgres::{PgConnectOptions, PgRow},
    },
};
use sqlx::Row as _;
use tokio::sync::watch;

use super::{libpq, postgres::is_missing, reason};

/// How long a server may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the one that takes writes is looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// After how many looks at that one all are looked at.
const ALL: u32 = 5;
/// After so many looks without an answer it is held for silent.
const SILENT_AFTER: u32 = 2;
/// What is asked where there is no other.
const IS_THERE: &str = "SELECT true, 0::bigint";
/// Whether it takes writes, and its timeline: of a standby, none.
const WHAT: &str = "SELECT current_setting('transaction_read_only') = 'off' AND NOT pg_is_in_recovery(), \
                    CASE WHEN pg_is_in_recovery() THEN 0 \
                    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint END";

/// A clone is another handle of the same.
#[derive(Debug, Clone)]
pub(super) struct Servers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// A url of each.
    of: Vec<String>,
    /// The number of the one that takes writes, as far as it is known.
    present: Mutex<Option<usize>>,
    /// The highest timeline that was seen.
    timeline: AtomicU64,
    /// How often another one took writes than before.
    changes: watch::Sender<u64>,
    /// Whether none of them answers.
    is_silent: watch::Sender<bool>,
}

/// Whether a connection is one to the server that takes writes, and that one answers.
#[derive(Debug, Clone)]
pub(super) struct Following {
    since: u64,
    changes: watch::Receiver<u64>,
    is_silent: watch::Receiver<bool>,
}

impl Following {
    /// Until it is not: why.
    pub(super) async fn is_over(&self) -> &'static str {
        let (mut changes, mut is_silent) = (self.changes.clone(), self.is_silent.clone());
        tokio::select! {
            () = becomes(&mut changes, |now| *now != self.since) => "another server takes writes",
            () = becomes(&mut is_silent, |is_silent| *is_silent) => SILENT,
        }
    }
}

async fn becomes<T>(what: &mut watch::Receiver<T>, so: impl FnMut(&T) -> bool) {
    if what.wait_for(so).await.is_err() {
        std::future::pending::<()>().await;
    }
}

const SILENT: &str = "the server does not answer";

/// Why nothing can be done.
struct Nobody {
    /// One line that says of each server why.
    why: String,
    /// One of them did not answer.
    is_late: bool,
}

/// One that takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Primary {
    number: usize,
    timeline: u64,
}

impl Servers {
    /// Those that a url names.
    ///
    /// # Errors
    /// One line, when it names none, or asks for something else than the server that takes writes.
    pub(super) fn of(url: &str) -> Result<Self, String> {
        let shared = Shared {
            of: libpq::servers(url)?,
            present: Mutex::default(),
            timeline: AtomicU64::new(0),
            changes: watch::Sender::new(0),
            is_silent: watch::Sender::new(false),
        };
        Ok(Self(Arc::new(shared)))
    }

    pub(super) fn are_several(&self) -> bool {
        self.0.of.len() > 1
    }

    /// The one to connect to, and how it is known that it is not the one any more. Of one alone nobody asks what it is.
    ///
    /// # Errors
    /// Where none takes writes: one line that says of each why.
    pub(super) async fn find(&self) -> Result<(String, Following), String> {
        let number = if self.are_several() { self.0.look().await.map_err(|nobody| nobody.why)? } else { 0 };
        let mut changes = self.0.changes.subscribe();
        let since = *changes.borrow_and_update();
        let is_silent = self.0.is_silent.subscribe();
        Ok((self.0.of[number].clone(), Following { since, changes, is_silent }))
    }

    /// Looks at them until nobody needs them any more.
    pub(super) fn watch(&self) {
        tokio::spawn(watch_over(Arc::downgrade(&self.0)));
    }

    /// What is done before a connection is used; nothing while none of them answers.
    pub(super) async fn unless_silent<T>(
        &self,
        work: impl Future<Output = Result<T, DbErr>> + Send,
    ) -> Result<T, DbErr> {
        let mut is_silent = self.0.is_silent.subscribe();
        tokio::select! {
            biased;
            () = becomes(&mut is_silent, |is_silent| *is_silent) => {
                Err(DbErr::Conn(RuntimeErr::Internal(SILENT.to_owned())))
            }
            done = work => done,
        }
    }
}

impl Shared {
    /// Which one takes writes now.
    async fn look(&self) -> Result<usize, Nobody> {
        let found = join_all(self.of.iter().map(|url| self.ask(url))).await;
        let (mut said, mut is_late) = (Vec::new(), false);
        let mut primaries = Vec::new();
        for (number, (url, found)) in self.of.iter().zip(found).enumerate() {
            match found {
                Ok(Some(timeline)) => primaries.push(Primary { number, timeline }),
                Ok(None) => said.push(format!("{} stands by", place_of(url))),
                Err(nobody) => {
                    is_late |= nobody.is_late;
                    said.push(format!("{}: {}", place_of(url), nobody.why));
                }
            }
        }
        let seen = self.timeline.load(Ordering::SeqCst);
        match newest(&primaries, seen) {
            Ok(primary) => {
                self.timeline.fetch_max(primary.timeline, Ordering::SeqCst);
                self.set(primary);
                Ok(primary.number)
            }
            Err(stale) => {
                said.extend(stale.map(|stale| {
                    let place = place_of(&self.of[stale.number]);
                    let timeline = stale.timeline;
                    format!("{place} is on timeline {timeline}, and {seen} was seen: what it has is not what was acknowledged")
                }));
                Err(Nobody { why: format!("no server takes writes: {}", said.join("; ")), is_late })
            }
        }
    }

    fn set(&self, primary: Primary) {
        let former = self.present().replace(primary.number);
        if former.is_some_and(|former| former != primary.number) {
            let place = place_of(&self.of[primary.number]);
            tracing::warn!(server = place, timeline = primary.timeline, "another server of the database takes writes");
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// What is asked of each.
    fn question(&self) -> &'static str {
        if self.of.len() > 1 { WHAT } else { IS_THERE }
    }

    /// The timeline of one that takes writes; of another, none.
    async fn ask(&self, url: &str) -> Result<Option<u64>, Nobody> {
        let asked = async {
            let mut connection = connect(url).await?;
            let timeline = what(&mut connection, self.question()).await?;
            // What it says is known, however it ends.
            let _ = connection.close().await;
            Ok::<_, sqlx::Error>(timeline)
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(asked) => asked.map_err(|error| Nobody { why: reason(&error), is_late: false }),
            Err(_) => Err(Nobody { why: format!("no answer within {PATIENCE:?}"), is_late: true }),
        }
    }

    /// So many looks in a row had no answer.
    fn missed(&self, count: u32) {
        let is_silent = count >= SILENT_AFTER;
        let changed = self.is_silent.send_if_modified(|before| std::mem::replace(before, is_silent) != is_silent);
        match (changed, is_silent) {
            (true, true) => {
                tracing::warn!("the database's server takes connections and does not answer: nothing is asked of it")
            }
            (true, false) => tracing::info!("the database's server answers again"),
            (false, _) => {}
        }
    }

    fn present(&self) -> MutexGuard<'_, Option<usize>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one whose timeline is the highest, if it is not lower than what was seen; if so: that one, if there is any.
fn newest(primaries: &[Primary], seen: u64) -> Result<Primary, Option<Primary>> {
    let newest = primaries.iter().max_by_key(|primary| primary.timeline).copied();
    newest.filter(|primary| primary.timeline >= seen).ok_or(newest)
}

/// What looks at them has seen.
#[derive(Default)]
struct Watch {
    connection: Option<(usize, PgConnection)>,
    /// So many looks in a row had no answer.
    missed: u32,
}

async fn watch_over(servers: Weak<Shared>) {
    let mut watch = Watch::default();
    for round in 0_u32.. {
        tokio::time::sleep(PERIOD).await;
        let Some(servers) = servers.upgrade() else { return };
        watch.look(&servers, round).await;
        servers.missed(watch.missed);
    }
}

impl Watch {
    async fn look(&mut self, servers: &Shared, round: u32) {
        let present = if servers.of.len() > 1 { *servers.present() } else { Some(0) };
        if self.connection.as_ref().map(|(number, _)| *number) != present {
            self.connection = None;
        }
        if let Some(number) = present.filter(|_| servers.of.len() == 1 || !round.is_multiple_of(ALL)) {
            match tokio::time::timeout(PATIENCE, self.is_well(servers, number)).await {
                Ok(Ok(true)) => return self.missed = 0,
                Ok(_) => {}
                Err(_) => self.missed += 1,
            }
            self.connection = None;
        }
        match servers.look().await {
            Ok(_) => self.missed = 0,
            Err(nobody) => {
                tracing::debug!("{}", nobody.why);
                self.missed = if nobody.is_late { self.missed + 1 } else { 0 };
            }
        }
    }

    async fn is_well(&mut self, servers: &Shared, number: usize) -> Result<bool, sqlx::Error> {
        let mut opened = match self.connection.take() {
            Some((_, opened)) => opened,
            None => connect(&servers.of[number]).await?,
        };
        let timeline = what(&mut opened, servers.question()).await?;
        self.connection = Some((number, opened));
        Ok(timeline.is_some())
    }
}

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let options = options.application_name("ballast-scheduler-look");
    match options.connect().await {
        // It is made at the one that takes writes.
        Err(error) if is_missing(&error) => options.database("postgres").connect().await,
        connected => connected,
    }
}

async fn what(connection: &mut PgConnection, question: &'static str) -> Result<Option<u64>, sqlx::Error> {
    let row: PgRow = sqlx::query(question).fetch_one(connection).await?;
    let (takes_writes, timeline): (bool, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(takes_writes.then(|| timeline.unsigned_abs()))
}

/// Host and port, without who connects.
fn place_of(url: &str) -> String {
    let Ok(options) = url.parse::<PgConnectOptions>() else { return String::new() };
    match options.get_socket() {
        Some(socket) => format!("{}:{}", socket.display(), options.get_port()),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_take_writes_the_later_one_does_and_none_that_has_fallen_behind() {
        let primary = |number, timeline| Primary { number, timeline };
        assert_eq!(newest(&[], 0), Err(None));
        assert_eq!(newest(&[primary(1, 1)], 0), Ok(primary(1, 1)));
        assert_eq!(newest(&[primary(0, 1), primary(1, 2)], 1), Ok(primary(1, 2)));
        assert_eq!(newest(&[primary(0, 1)], 2), Err(Some(primary(0, 1))), "a former one that came back");
    }

    #[test]
    fn a_server_is_named_without_who_connects() {
        assert_eq!(place_of("postgres://u:secret@db-1:5433/b"), "db-1:5433");
        assert_eq!(place_of("postgres:///b?host=/run/pg&user=u&password=secret"), "/run/pg:5432");
    }
}
