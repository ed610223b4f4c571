//! Where a demo keeps its files: a temporary folder, because Unix sockets take short paths only; and the folder in the
//! checkout by which others find it and which lets one demo run at a time.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};
use tempfile::{Builder, TempDir};

use crate::{error::DemoError, passage};

const PREFIX: &str = "ballast-demo-";
const LAB: &str = "lab.json";
const STATE: &str = "state";
const LOCK: &str = "lock";
/// What is kept of a demo that failed.
const FAILED: &str = "failed";
/// In the temporary folder: whose it is. What is not marked so is never removed.
const OWNER: &str = "of-demo";

/// The folders of one running demo; removed when dropped.
pub(crate) struct Folder {
    known: PathBuf,
    state: TempDir,
    _lock: Flock<fs::File>,
}

impl Folder {
    /// Takes `known` for this demo. What a demo that failed or was killed left behind is removed.
    pub(crate) fn take(known: &Path) -> Result<Self, DemoError> {
        let using = || DemoError::when::<io::Error>(format!("cannot use the folder {}", known.display()));
        fs::create_dir_all(known).map_err(using())?;
        let file = fs::File::create(known.join(LOCK)).map_err(using())?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
            DemoError::new(format!(
                "a demo runs already, and is found by {}: end it, or give this one another folder and other ports:\n  \
                 make demo BALLAST_DEMO_DIR=.demo-2 BALLAST_REST_PORT=9796 BALLAST_GRPC_PORT=9797",
                known.display()
            ))
        })?;
        let known = known.canonicalize().map_err(using())?;
        remove_left_behind(&known).map_err(using())?;
        let state = Builder::new().prefix(PREFIX).tempdir();
        let state = state.map_err(DemoError::when("cannot make a temporary folder"))?;
        // haproxy runs as another user and must pass through; nobody else may look. Not by the mode of the creation,
        // which the umask limits.
        fs::set_permissions(state.path(), fs::Permissions::from_mode(0o711)).map_err(using())?;
        let folder = Self { known, state, _lock: lock };
        passage::check(folder.state(), "set TMPDIR to a folder that all can pass, as in: make demo TMPDIR=/tmp")?;
        fs::write(folder.state().join(OWNER), folder.known.as_os_str().as_bytes()).map_err(using())?;
        symlink(folder.state(), folder.known.join(STATE)).map_err(using())?;
        Ok(folder)
    }

    /// Sockets, logs, the database.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    pub(crate) fn lab_file(&self) -> PathBuf {
        lab_file(&self.known)
    }

    /// Keeps the logs and the configuration for after the end, until the next demo. Returns where.
    pub(crate) fn keep_logs(&self) -> io::Result<PathBuf> {
        let kept = self.known.join(FAILED);
        fs::create_dir_all(&kept)?;
        for entry in fs::read_dir(self.state())? {
            let path = entry?.path();
            let is_kept = path.extension().is_some_and(|extension| extension == "log" || extension == "toml");
            if let Some(name) = path.file_name().filter(|_| is_kept) {
                fs::copy(&path, kept.join(name))?;
            }
        }
        Ok(kept)
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
    let _absent = fs::remove_dir_all(known.join(FAILED));
    let link = known.join(STATE);
    let Ok(state) = fs::read_link(&link) else { return Ok(()) };
    if is_of(&state, known) {
        fs::remove_dir_all(&state)?;
    }
    // It may be gone already: temporary folders are cleaned by others, too.
    fs::remove_file(link)
}

/// Whether a demo that was found by `known` has made this folder. The lock says that it does not run any more.
fn is_of(state: &Path, known: &Path) -> bool {
    fs::read(state.join(OWNER)).is_ok_and(|owner| Path::new(OsStr::from_bytes(&owner)) == known)
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
        let refused = Folder::take(&known).map(drop).unwrap_err().to_string();
        for said in ["runs already", "BALLAST_DEMO_DIR=", "BALLAST_REST_PORT=", "BALLAST_GRPC_PORT="] {
            assert!(refused.contains(said), "{refused}");
        }
        drop(first);
        assert!(!known.exists() && !state.exists());
    }

    #[test]
    fn what_a_killed_demo_left_is_removed_by_the_next_wherever_it_was() {
        let (parent, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let known = parent.path().join("demo");
        fs::create_dir(&known).unwrap();
        let left = elsewhere.path().join("state");
        fs::create_dir(&left).unwrap();
        fs::write(left.join(OWNER), known.canonicalize().unwrap().as_os_str().as_bytes()).unwrap();
        symlink(&left, known.join(STATE)).unwrap();
        let _demo = Folder::take(&known).unwrap();
        assert!(!left.exists() && elsewhere.path().exists());
    }

    #[test]
    fn a_link_that_points_elsewhere_costs_nobody_his_files() {
        let parent = TempDir::new().unwrap();
        let known = parent.path().join("demo");
        fs::create_dir(&known).unwrap();
        // Of another demo, which may run; and by its name alone.
        let (others, precious) = (TempDir::with_prefix(PREFIX).unwrap(), TempDir::with_prefix(PREFIX).unwrap());
        fs::write(others.path().join(OWNER), "/elsewhere/.demo").unwrap();
        for left in [others.path(), precious.path()] {
            symlink(left, known.join(STATE)).unwrap();
            drop(Folder::take(&known).unwrap());
            assert!(left.exists());
            fs::create_dir(&known).unwrap();
        }
    }

    #[test]
    fn logs_of_a_demo_that_failed_are_kept_until_the_next() {
        let parent = TempDir::new().unwrap();
        let known = parent.path().join("demo");
        let demo = Folder::take(&known).unwrap();
        fs::write(demo.state().join("agent.log"), "why").unwrap();
        let kept = demo.keep_logs().unwrap();
        drop(demo);
        assert_eq!(fs::read_to_string(kept.join("agent.log")).unwrap(), "why");
        drop(Folder::take(&known).unwrap());
        assert!(!known.exists());
    }
}
