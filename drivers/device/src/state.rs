//! What is kept of a load balancer beside the device: which member is which of the device's, where it is, and what the
//! counters had reached. The device is the truth of what is deployed; without this file all is deployed again.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{Facts, Failure, Fields, Key, Kind, counters::Counters};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "K: Kind")]
pub(crate) struct State<K> {
    pub(crate) partition: String,
    /// Of the last deploy; 0: unknown.
    #[serde(default)]
    pub(crate) generation: u64,
    /// What the device was given last; empty: unknown, or not all of it was taken.
    pub(crate) objects: Vec<(Key<K>, Fields)>,
    pub(crate) members: Vec<Listed>,
    pub(crate) counters: Counters,
    /// What its secrets are for, by their digests.
    #[serde(default)]
    pub(crate) facts: BTreeMap<String, Facts>,
}

/// A member of a pool, and where it is on the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub pool: String,
    pub member: String,
    pub group: String,
    pub server: String,
    pub port: u16,
    /// It is checked, so that its health means something.
    pub checked: bool,
}

#[derive(Debug)]
pub(crate) struct States {
    directory: PathBuf,
    changing: Mutex<()>,
}

const SUFFIX: &str = ".lb";

impl States {
    pub(crate) fn in_directory(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf(), changing: Mutex::default() }
    }

    /// For as long as this is held nobody else reads, to write what he has read.
    pub(crate) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None: not kept. A damaged file is as good as none.
    pub(crate) fn read<K: Kind>(&self, id: &str) -> Result<Option<State<K>>, Failure> {
        let path = self.path(id);
        match fs::read(&path) {
            Ok(json) => Ok(serde_json::from_slice(&json).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Failure::Local { what: format!("read {}", path.display()), source }),
        }
    }

    /// The load balancers that are kept, with their ids. A file that cannot be read is none.
    pub(crate) fn all<K: Kind>(&self) -> Vec<(String, State<K>)> {
        let files = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let ids = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(SUFFIX)?.to_owned()));
        ids.filter_map(|id| Some((id.clone(), self.read(&id).ok()??))).collect()
    }

    pub(crate) fn write<K: Kind>(&self, id: &str, state: &State<K>) -> Result<(), Failure> {
        let json = serde_json::to_vec(state).map_err(io::Error::other);
        write_whole(&self.path(id), json)
    }

    pub(crate) fn remove(&self, id: &str) -> Result<(), Failure> {
        let path = self.path(id);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Failure::Local { what: format!("remove {}", path.display()), source })
            }
            _ => Ok(()),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}{SUFFIX}"))
    }
}

/// Beside, and renamed: a reader or a crash meets the old file or the new one.
pub(crate) fn write_whole(path: &Path, bytes: io::Result<Vec<u8>>) -> Result<(), Failure> {
    let unfinished = path.with_extension("new");
    bytes
        .and_then(|bytes| fs::write(&unfinished, bytes))
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|source| Failure::Local { what: format!("write {}", path.display()), source })
}
