//! Partitions in which something runs that the device has not saved yet. Kept on disk: whoever comes after a crash, or
//! after a save that failed, has to save although there is nothing to change.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Failure, state::write_whole};

#[derive(Debug)]
pub(crate) struct Unsaved {
    path: PathBuf,
    partitions: Mutex<BTreeSet<String>>,
}

impl Unsaved {
    pub(crate) fn in_directory(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join("unsaved.json");
        let partitions = match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
            Err(source) => return Err(Failure::Local { what: format!("read {}", path.display()), source }),
        };
        Ok(Self { path, partitions: Mutex::new(partitions) })
    }

    /// To be called before something is changed.
    pub(crate) fn note(&self, partition: &str) -> Result<(), Failure> {
        let mut partitions = self.lock();
        if partitions.insert(partition.to_owned()) {
            self.keep(&partitions)?;
        }
        Ok(())
    }

    /// The device has saved.
    pub(crate) fn settle(&self, partition: &str) -> Result<(), Failure> {
        let mut partitions = self.lock();
        if partitions.remove(partition) {
            self.keep(&partitions)?;
        }
        Ok(())
    }

    pub(crate) fn has(&self, partition: &str) -> bool {
        self.lock().contains(partition)
    }

    pub(crate) fn all(&self) -> BTreeSet<String> {
        self.lock().clone()
    }

    fn keep(&self, partitions: &BTreeSet<String>) -> Result<(), Failure> {
        write_whole(&self.path, serde_json::to_vec(partitions).map_err(io::Error::other))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
