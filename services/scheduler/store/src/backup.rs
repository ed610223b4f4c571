//! A copy of a database on SQLite, made while a scheduler serves it.
//!
//! It is what was committed at one moment, in one file. It gets its name when it is whole, was looked at, and is on the disk.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::backend::copy_sqlite;

/// What a copy is called until it is whole.
const UNFINISHED: &str = "unfinished";

/// Why there is no copy: one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BackupError(String);

/// Copies the database at `url` into `file`, which must not be there yet; how large it is.
///
/// # Errors
/// When the database is not SQLite's, cannot be read, or is damaged, and when the copy cannot be written.
pub async fn back_up(url: &str, file: &Path) -> Result<u64, BackupError> {
    if !url.starts_with("sqlite:") {
        let message = "database.url is of PostgreSQL: back it up by pg_dump, or as your site does its databases";
        return Err(BackupError(message.to_owned()));
    }
    if file.exists() {
        return Err(BackupError(format!("{} is there already: name another file", file.display())));
    }
    let beside = file.with_added_extension(UNFINISHED);
    let refuse = |error: io::Error| BackupError(format!("{}: {error}", beside.display()));
    make_empty(&beside).map_err(refuse)?;
    let copied = match copy_sqlite(url, &beside).await {
        Ok(()) => keep(&beside, file).map_err(refuse),
        Err(why) => Err(BackupError(why)),
    };
    // Nobody misses what is not whole.
    copied.inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// For its owner alone, whoever may pass through the folder. What is left of a copy that was cut short is replaced.
fn make_empty(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map(drop)
}

/// The copy is on the disk, and then has its name.
fn keep(beside: &PathBuf, file: &Path) -> io::Result<u64> {
    let written = fs::File::open(beside)?;
    written.sync_all()?;
    let size = written.metadata()?.len();
    // A name that somebody has taken meanwhile stays his.
    fs::hard_link(beside, file)?;
    fs::remove_file(beside)?;
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()?;
    Ok(size)
}
