//! A whole copy of a database on SQLite, as it is at one moment, while others write to it.

use std::path::Path;

use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use super::{damage, reason, sqlite::BUSY};

/// Copies the database at `url` into a file that is empty, and looks at the copy.
///
/// # Errors
/// One line: what is wrong, and with which file.
pub(crate) async fn copy_sqlite(url: &str, into: &Path) -> Result<(), String> {
    let options: SqliteConnectOptions = url.parse().map_err(|error: sqlx::Error| reason(&error))?;
    let named = options.get_filename().display().to_string();
    let refuse = |error: sqlx::Error| format!("{named}: {}", reason(&error));
    let mut connection = options.create_if_missing(false).busy_timeout(BUSY).connect().await.map_err(refuse)?;
    let copied = sqlx::query("VACUUM INTO ?").bind(into.display().to_string()).execute(&mut connection).await;
    // What was only read has nothing to lose.
    let _ = connection.close().await;
    copied.map_err(refuse)?;
    let copy = SqliteConnectOptions::new().filename(into).read_only(true);
    damage::look(&copy).await.map_err(|why| format!("the copy of {named}: {why}"))
}
