//! The files of one load balancer: `<state_dir>/<id>/`.
//!
//! Whole files appear by rename. They are not synced: after a power cut nothing runs, and a file that was lost counts as
//! "unknown", which is deployed again.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use ballast_failpoint as failpoint;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    failure::{Failure, Step},
    validate,
};

/// Where everything of one load balancer is.
#[derive(Clone, Debug)]
pub struct Files {
    pub directory: PathBuf,
}

impl Files {
    #[must_use]
    pub fn of(state_dir: &Path, id: &str) -> Self {
        Self { directory: state_dir.join(id) }
    }

    /// What is forwarded, and how far that is done.
    #[must_use]
    pub fn forwarded(&self) -> PathBuf {
        self.directory.join("l4.json")
    }

    /// What was deployed.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.join("state.json")
    }

    /// Nobody new is let in, as it is served elsewhere in a moment.
    #[must_use]
    pub fn finishing(&self) -> PathBuf {
        self.directory.join("finishing")
    }

    /// Removes all, the state first: what is left by a crash in between is then not taken for a load balancer.
    pub fn remove(&self) -> Result<(), Failure> {
        let what = || format!("remove {}", self.directory.display());
        absent_is_fine(fs::remove_file(self.state())).step(what)?;
        failpoint::at("files: the state is removed");
        absent_is_fine(fs::remove_dir_all(&self.directory)).step(what)
    }
}

/// Every load balancer that has left a trace, also half-made ones.
pub fn ids(state_dir: &Path) -> Result<BTreeSet<String>, Failure> {
    let what = || format!("list {}", state_dir.display());
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(state_dir).step(what)? {
        let entry = entry.step(what)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if validate::id("load balancer", "id", &name).is_ok() && entry.path().is_dir() {
            ids.insert(name);
        }
    }
    Ok(ids)
}

/// What was noted. `None`: nothing, or it cannot be understood. Both mean "unknown", and the next deploy writes it again.
pub fn noted<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Failure> {
    let text = match read_optional(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
        read => read.step(|| format!("read {}", path.display()))?,
    };
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// For nobody else to read.
pub fn note<T: Serialize>(path: &Path, what: &T) -> Result<(), Failure> {
    write_note(path, serde_json::to_vec(what))
}

/// The same in lines, for an operator to look at.
pub fn note_in_lines<T: Serialize>(path: &Path, what: &T) -> Result<(), Failure> {
    write_note(path, serde_json::to_vec_pretty(what))
}

fn write_note(path: &Path, text: serde_json::Result<Vec<u8>>) -> Result<(), Failure> {
    let what = || format!("write {}", path.display());
    write_renamed(path, &text.map_err(io::Error::other).step(what)?, 0o600).step(what)
}

/// Writes a file that is there in full or not at all, with these permissions.
pub fn write_renamed(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    write_whole(Path::new(&temporary), bytes, mode)?;
    failpoint::at("files: written and not yet renamed");
    fs::rename(&temporary, path)
}

/// Reads a text file; absent is `None`.
pub fn read_optional(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

pub fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Never follows or reuses what lies under the name: a process that was broken into may have put a link there.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    absent_is_fine(fs::remove_file(path))?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // Not by the mode of the creation, which the process's umask limits: others may have to read it.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    io::Write::write_all(&mut file, bytes)
}

pub fn make_directory(path: &Path, mode: u32) -> Result<(), Failure> {
    let what = || format!("make directory {}", path.display());
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error).step(what),
        Ok(()) | Err(_) => {}
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).step(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_in_full_and_replaces_a_link_instead_of_following_it() {
        let directory = tempfile::tempdir().unwrap();
        let precious = directory.path().join("precious");
        fs::write(&precious, "keep").unwrap();
        let path = directory.path().join("state.json");
        std::os::unix::fs::symlink(&precious, directory.path().join("state.json.tmp")).unwrap();
        write_renamed(&path, b"new", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "keep");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn removing_twice_is_fine() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::of(directory.path(), "one");
        make_directory(&files.directory, 0o700).unwrap();
        make_directory(&files.directory, 0o750).unwrap();
        files.remove().unwrap();
        files.remove().unwrap();
        assert!(!files.directory.exists());
    }

    #[test]
    fn a_note_that_was_cut_off_counts_as_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("note");
        assert_eq!(noted::<Vec<u8>>(&path).unwrap(), None);
        note(&path, &[3_u8, 4]).unwrap();
        assert_eq!(noted(&path).unwrap(), Some(vec![3_u8, 4]));
        std::fs::write(&path, "[3,").unwrap();
        assert_eq!(noted::<Vec<u8>>(&path).unwrap(), None);
    }
}
