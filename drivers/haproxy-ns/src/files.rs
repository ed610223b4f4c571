//! The files of one load balancer: `<state_dir>/<id>/`.
//!
//! `haproxy.cfg`, `haproxy.cfg.new`, `page.json`, `state.json` and `l4.json` belong to the driver. `run/` belongs to the load balancer's haproxy,
//! which writes its pid and its socket there and nothing else: a process that was broken into cannot change what it is
//! started with. haproxy works in `run/` and knows relative names only, so the directories above may be closed to it and
//! the length of their names does not matter to its sockets.
//!
//! How they are written is in [`ballast_namespace::files`].

use std::{
    fs,
    ops::Deref,
    os::unix::fs::lchown,
    path::{Path, PathBuf},
};

use ballast_failpoint as failpoint;
use ballast_namespace::files::{self, make_directory};
pub(crate) use ballast_namespace::files::{absent_is_fine, read_optional, write_renamed, write_whole};
use ballast_netns::identity::Identity;

use crate::failure::{Failure, Step};

/// Names inside `run/`, as haproxy is told them.
pub(crate) const SOCKET: &str = "stats.sock";
pub(crate) const PID: &str = "pid";
pub(crate) const SERVER_STATE: &str = "servers.state";
/// Seen from `run/`.
pub(crate) const NEW_CONFIG_FROM_RUN: &str = "../haproxy.cfg.new";

/// Where everything of one load balancer is.
#[derive(Clone, Debug)]
pub(crate) struct Files(files::Files);

/// With what every driver has there.
impl Deref for Files {
    type Target = files::Files;

    fn deref(&self) -> &files::Files {
        &self.0
    }
}

impl Files {
    pub(crate) fn of(state_dir: &Path, id: &str) -> Self {
        Self(files::Files::of(state_dir, id))
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.directory.join("run")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory.join("haproxy.cfg")
    }

    /// What haproxy is asked to take. It becomes `haproxy.cfg` when haproxy has taken it; while it exists, nobody knows
    /// which of the two runs.
    pub(crate) fn new_config(&self) -> PathBuf {
        self.directory.join("haproxy.cfg.new")
    }

    /// What `haproxy.cfg` says, in types.
    pub(crate) fn page(&self) -> PathBuf {
        self.directory.join("page.json")
    }

    /// What `haproxy.cfg.new` says, where somebody may look at it as soon as it is `haproxy.cfg`.
    pub(crate) fn next_page(&self) -> PathBuf {
        self.directory.join("page.json.new")
    }

    /// Makes the directories, and gives `run/` to haproxy.
    pub(crate) fn make(&self, identity: Option<Identity>) -> Result<(), Failure> {
        make_directory(&self.directory, 0o750)?;
        failpoint::at("files: the directory is made");
        make_directory(&self.run(), 0o700)?;
        if let Some(identity) = identity {
            give(&self.directory, None, identity.gid)?;
            give(&self.run(), Some(identity.uid), identity.gid)?;
        }
        Ok(())
    }

    /// Writes what haproxy shall be started with, readable for haproxy, into directories that a removal may have taken.
    pub(crate) fn write_new_config(&self, text: &str, identity: Option<Identity>) -> Result<(), Failure> {
        self.make(identity)?;
        let path = self.new_config();
        let what = || format!("write {}", path.display());
        write_whole(&path, text.as_bytes(), 0o640).step(what)?;
        identity.map_or(Ok(()), |identity| give(&path, None, identity.gid))
    }

    /// Lets a successor that is another user ask its predecessor for the listening sockets.
    pub(crate) fn hand_over_socket(&self, to: Identity) -> Result<(), Failure> {
        give(&self.run().join(SOCKET), Some(to.uid), to.gid)
    }

    /// Nobody answers at it. It may be another user's, and then haproxy cannot replace it.
    pub(crate) fn remove_socket(&self) -> Result<(), Failure> {
        let path = self.run().join(SOCKET);
        absent_is_fine(fs::remove_file(&path)).step(|| format!("remove {}", path.display()))
    }

    /// haproxy has taken the new configuration.
    pub(crate) fn accept_config(&self) -> Result<(), Failure> {
        fs::rename(self.new_config(), self.config()).step(|| format!("rename {}", self.new_config().display()))
    }

    /// haproxy has not taken it, and the old one is certain to run.
    pub(crate) fn discard_new_config(&self) -> Result<(), Failure> {
        absent_is_fine(fs::remove_file(self.new_config())).step(|| format!("remove {}", self.new_config().display()))
    }

    /// Removes everything but the state, and what was forwarded: counters go on from there.
    pub(crate) fn remove_all_but_state(&self) -> Result<(), Failure> {
        absent_is_fine(fs::remove_dir_all(self.run())).step(|| format!("remove {}", self.run().display()))?;
        failpoint::at("files: run/ is removed");
        for path in [self.new_config(), self.config(), self.page(), self.next_page()] {
            absent_is_fine(fs::remove_file(&path)).step(|| format!("remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// Never follows a link: a haproxy that was broken into may have put one into its `run/`.
pub(crate) fn give(path: &Path, uid: Option<u32>, gid: u32) -> Result<(), Failure> {
    lchown(path, uid, Some(gid)).step(|| format!("change the owner of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_twice_is_fine() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::of(directory.path(), "one");
        files.make(None).unwrap();
        files.make(None).unwrap();
        files.remove().unwrap();
        files.remove().unwrap();
        assert!(!files.directory.exists());
    }
}
