//! Looks for damaged pages when a database of SQLite is opened: later they would show one by one, whenever something
//! happens to need one.
//!
//! Every page is read once, indexes are not compared with their tables: 0.2 s for each 100 MB that the disk gives at
//! once. What takes longer than [`LIMIT`] is left, and said: a start is not held up by the size of its database.

use std::time::{Duration, Instant};

use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::reason;

const LIMIT: Duration = Duration::from_secs(5);
/// Steps of SQLite between two looks at the time.
const STEPS: i32 = 1_000;
/// What it says when it was stopped.
const INTERRUPTED: &str = "9";

/// # Errors
/// What is damaged, and what to do.
pub(super) async fn look(options: &SqliteConnectOptions) -> Result<(), String> {
    let mut connection = options.connect().await.map_err(|error| reason(&error))?;
    let found = found(&mut connection).await;
    // What was only read has nothing to lose.
    let _ = connection.close().await;
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(damaged(&found)),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(INTERRUPTED) => {
            tracing::warn!("the database is large: its pages were looked at for {} s, not all", LIMIT.as_secs());
            Ok(())
        }
        Err(error) => Err(reason(&error)),
    }
}

async fn found(connection: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    let started = Instant::now();
    connection.lock_handle().await?.set_progress_handler(STEPS, move || started.elapsed() < LIMIT);
    sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await
}

fn damaged(found: &str) -> String {
    let first = found.lines().find(|line| !line.starts_with("***")).unwrap_or(found);
    format!("it is damaged ({first}); restore a backup")
}
