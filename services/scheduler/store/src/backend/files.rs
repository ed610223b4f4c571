//! Whether SQLite's files are those that were opened.
//!
//! A file that was removed or replaced while it is open goes on to be written, under no name: all of that would be gone
//! with the process. So it is looked at before a transaction begins, and after a commit before anybody is told.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use sea_orm::{DbErr, RuntimeErr};

type Identity = (u64, u64);

#[derive(Debug)]
pub(super) struct Files {
    database: PathBuf,
    opened: Identity,
    log: PathBuf,
    /// Of the write-ahead log, since it was first seen.
    log_seen: Mutex<Option<Identity>>,
    told: AtomicBool,
}

impl Files {
    /// Those of a database that is open.
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        Ok(Self {
            database: database.to_owned(),
            opened: identity(database)?,
            log: log.into(),
            log_seen: Mutex::default(),
            told: AtomicBool::default(),
        })
    }

    /// The connections are being replaced: SQLite removes its log with the last one, and makes another.
    pub(super) fn forget_log(&self) {
        *self.log_seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// # Errors
    /// When a file is gone or another one. It is logged once.
    pub(super) fn check(&self) -> Result<(), DbErr> {
        let Some(why) = self.wrong() else {
            if self.told.swap(false, Ordering::SeqCst) {
                tracing::info!("the database {} is back", self.database.display());
            }
            return Ok(());
        };
        if !self.told.swap(true, Ordering::SeqCst) {
            tracing::error!("{why}; nothing is read or written: put it back, or restore a backup and restart");
        }
        Err(DbErr::Conn(RuntimeErr::Internal(why)))
    }

    fn wrong(&self) -> Option<String> {
        if let Some(why) = differs(&self.database, self.opened) {
            return Some(why);
        }
        let mut seen = self.log_seen.lock().unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some(seen) => differs(&self.log, seen),
            None => {
                *seen = identity(&self.log).ok();
                None
            }
        }
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    fs::metadata(path).map(|file| (file.dev(), file.ino()))
}

fn differs(path: &Path, opened: Identity) -> Option<String> {
    match identity(path) {
        Ok(found) if found == opened => None,
        Ok(_) => Some(format!("the database's file {} is another one than was opened", path.display())),
        Err(error) => Some(format!("the database's file {} cannot be found: {error}", path.display())),
    }
}
