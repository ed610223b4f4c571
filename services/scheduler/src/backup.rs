//! `ballast-scheduler backup`: a copy of the database, while schedulers serve it.

use std::path::Path;

use ballast_service::{config::Settings, process::Failure};
use ballast_store::back_up;

/// Copies the configured database into a file that is not there yet.
///
/// # Errors
/// One line: why there is no copy, and what to do.
pub async fn run(settings: &Settings, file: &Path) -> Result<(), Failure> {
    let url = settings.database.address().map_err(Failure::Config)?;
    let size = back_up(&url, file).await.map_err(|error| Failure::run("no backup", error))?;
    tracing::info!(file = %file.display(), bytes = size, "the database is copied");
    Ok(())
}
