//! What the other schedulers of a database on PostgreSQL say, in the transactions that change something (LISTEN,
//! NOTIFY).
//!
//! Who listens has a connection of its own, for as long as he does. While it is lost nothing arrives: once it is there
//! again, [`Notification::Anything`] is what may have been missed.

use std::time::Duration;

use sea_orm::sqlx::{
    self,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};

use super::{reason, servers::Servers};
use crate::notice::Notice;

/// The channel of all schedulers.
pub(crate) const CHANNEL: &str = "ballast";
/// How long it may take to be connected, and to see that one still is.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long nothing arrives until it is tried whether anything could.
const SILENCE: Duration = Duration::from_secs(10);
/// The pauses between attempts to connect: the shortest, doubled each time, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// What was said before may have been missed.
    Anything,
    Notice(Notice),
}

/// Those of the other schedulers, as they arrive.
#[derive(Debug)]
pub struct Notifications {
    servers: Servers,
    connection: Option<PgListener>,
    /// That the connection is lost has been logged.
    is_logged: bool,
}

impl Notifications {
    pub(super) const fn new(servers: Servers) -> Self {
        Self { servers, connection: None, is_logged: false }
    }

    /// The next one; waits for it, and for a connection.
    pub async fn next(&mut self) -> Notification {
        let mut pause = PAUSES.0;
        loop {
            let next = match &mut self.connection {
                Some(connection) => receive(connection).await,
                None => self.connect().await,
            };
            match next {
                Ok(Some(notification)) => return notification,
                Ok(None) => {}
                Err(error) => {
                    self.connection = None;
                    if !std::mem::replace(&mut self.is_logged, true) {
                        tracing::warn!("what other schedulers change is not heard: {}", reason(&error));
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<Option<Notification>, sqlx::Error> {
        let connect = async {
            let (url, _) = self.servers.find().await.map_err(|why| lost(&why))?;
            let options: PgConnectOptions = url.parse()?;
            let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
            let pool = pool.connect_with(options.application_name("ballast-scheduler-notifications")).await?;
            let mut connection = PgListener::connect_with(&pool).await?;
            // A connection that is lost is made anew here, where it is known what that means.
            connection.eager_reconnect(false);
            connection.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        self.connection = Some(within(connect).await?);
        self.is_logged = false;
        Ok(Some(Notification::Anything))
    }
}

/// None: nothing yet.
async fn receive(connection: &mut PgListener) -> Result<Option<Notification>, sqlx::Error> {
    match tokio::time::timeout(SILENCE, connection.try_recv()).await {
        Ok(received) => match received? {
            Some(notification) => {
                Ok(Some(Notice::parse(notification.payload()).map_or(Notification::Anything, Notification::Notice)))
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
