//! What the other schedulers of a database on PostgreSQL say, in the transactions that change something (LISTEN, NOTIFY).
//!
//! Who listens has a connection of its own, for as long as he does. While it is lost nobody hears: once it is there again,
//! [`Heard::Anything`] is what may have been missed.

use std::time::Duration;

use sea_orm::sqlx::{
    self,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};

use super::reason;
use crate::notice::Notice;

/// Where it is said.
pub(crate) const CHANNEL: &str = "ballast";
/// How long it may take to be connected, and to see that one still is.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long nothing is heard until it is tried whether anything could be.
const SILENCE: Duration = Duration::from_secs(10);
/// The pauses between attempts to connect: the shortest, doubled each time, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Whatever was said before was not heard.
    Anything,
    Notice(Notice),
}

/// Who listens.
#[derive(Debug)]
pub struct Hearing {
    url: String,
    connection: Option<PgListener>,
    /// It was said that nobody hears, since the last time that somebody did.
    is_said: bool,
}

impl Hearing {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), connection: None, is_said: false }
    }

    /// What is heard next; waits for it, and for a connection.
    pub async fn next(&mut self) -> Heard {
        let mut pause = PAUSES.0;
        loop {
            let heard = match &mut self.connection {
                Some(connection) => hear(connection).await,
                None => self.connect().await,
            };
            match heard {
                Ok(Some(heard)) => return heard,
                Ok(None) => {}
                Err(error) => {
                    self.connection = None;
                    if !std::mem::replace(&mut self.is_said, true) {
                        tracing::warn!("what other schedulers change is not heard: {}", reason(&error));
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<Option<Heard>, sqlx::Error> {
        let connect = async {
            let options: PgConnectOptions = self.url.parse()?;
            let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
            let pool = pool.connect_with(options.application_name("ballast-scheduler-hearing")).await?;
            let mut connection = PgListener::connect_with(&pool).await?;
            // A connection that is lost is made anew here, where it is known what that means.
            connection.eager_reconnect(false);
            connection.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        self.connection = Some(within(connect).await?);
        self.is_said = false;
        Ok(Some(Heard::Anything))
    }
}

/// None: nothing yet.
async fn hear(connection: &mut PgListener) -> Result<Option<Heard>, sqlx::Error> {
    match tokio::time::timeout(SILENCE, connection.try_recv()).await {
        Ok(heard) => match heard? {
            Some(notification) => {
                Ok(Some(Notice::parse(notification.payload()).map_or(Heard::Anything, Heard::Notice)))
            }
            None => Err(lost("the connection was closed")),
        },
        Err(_) => {
            // Nobody says anything, or this machine is cut off from the server.
            within(async { sqlx::query("SELECT 1").execute(&mut *connection).await.map(drop) }).await?;
            Ok(None)
        }
    }
}

async fn within<T>(what: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(PATIENCE, what).await.unwrap_or_else(|_| Err(lost("the server does not answer")))
}

fn lost(why: &str) -> sqlx::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, why).into()
}
