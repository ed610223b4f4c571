//! Where a demo keeps its files: a temporary folder, because Unix sockets take short paths only; and the folder in the
//! checkout by which others find it and which lets one demo run at a time.

use std::{
    env, fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};
use tempfile::{Builder, TempDir};

use crate::error::DemoError;

const PREFIX: &str = "ballast-demo-";
const LAB: &str = "lab.json";
const STATE: &str = "state";
const LOCK: &str = "lock";

/// The folders of one running demo; removed when dropped.
pub(crate) struct Folder {
    known: PathBuf,
    state: TempDir,
    _lock: Flock<fs::File>,
}

impl Folder {
    /// Takes `known` for this demo. What a demo that was killed left behind is removed.
    pub(crate) fn take(known: &Path) -> Result<Self, DemoError> {
        let using = || DemoError::when::<io::Error>(format!("cannot use the folder {}", known.display()));
        fs::create_dir_all(known).map_err(using())?;
        let file = fs::File::create(known.join(LOCK)).map_err(using())?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
            DemoError::new(format!(
                "a demo runs already, and is found by {}: end it, or give this one another folder and other ports \
                 (BALLAST_DEMO_DIR, BALLAST_REST_PORT, BALLAST_GRPC_PORT)",
                known.display()
            ))
        })?;
        remove_left_behind(known).map_err(using())?;
        // haproxy runs as another user and must pass through; nobody else may look.
        let state = Builder::new().prefix(PREFIX).permissions(fs::Permissions::from_mode(0o711)).tempdir();
        let state = state.map_err(DemoError::when("cannot make a temporary folder"))?;
        symlink(state.path(), known.join(STATE)).map_err(using())?;
        Ok(Self { known: known.to_owned(), state, _lock: lock })
    }

    /// Sockets, logs, the database.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    pub(crate) fn lab_file(&self) -> PathBuf {
        lab_file(&self.known)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next demo.
        for name in [STATE, LAB, LOCK] {
            let _absent = fs::remove_file(self.known.join(name));
        }
        let _others_use_it = fs::remove_dir(&self.known);
    }
}

/// By which a lab's hosts are entered from another process.
pub(crate) fn lab_file(known: &Path) -> PathBuf {
    known.join(LAB)
}

fn remove_left_behind(known: &Path) -> io::Result<()> {
    let link = known.join(STATE);
    let Ok(state) = fs::read_link(&link) else { return Ok(()) };
    let named_by_us = state.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    if named_by_us && state.parent() == Some(env::temp_dir().as_path()) {
        // It may be gone already: temporary folders are cleaned by others, too.
        let _absent = fs::remove_dir_all(&state);
    }
    fs::remove_file(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_demo_at_a_time_has_the_folder_and_nothing_is_left_of_it() {
        let parent = TempDir::new().unwrap();
        let known = parent.path().join("demo");
        let first = Folder::take(&known).unwrap();
        let state = first.state().to_owned();
        assert!(Folder::take(&known).is_err_and(|error| error.to_string().contains("runs already")));
        drop(first);
        assert!(!known.exists() && !state.exists());
    }

    #[test]
    fn what_a_killed_demo_left_is_removed_by_the_next() {
        let parent = TempDir::new().unwrap();
        let known = parent.path().join("demo");
        fs::create_dir(&known).unwrap();
        let left = TempDir::with_prefix(PREFIX).unwrap().keep();
        symlink(&left, known.join(STATE)).unwrap();
        let _demo = Folder::take(&known).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn a_link_that_points_elsewhere_costs_nobody_his_files() {
        let parent = TempDir::new().unwrap();
        let (known, precious) = (parent.path().join("demo"), parent.path().join("ballast-demo-precious"));
        fs::create_dir(&known).unwrap();
        fs::create_dir(&precious).unwrap();
        symlink(&precious, known.join(STATE)).unwrap();
        let _demo = Folder::take(&known).unwrap();
        assert!(precious.exists());
    }
}
