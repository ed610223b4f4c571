//! The files of one load balancer.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use ballast_failpoint as failpoint;
use ballast_namespace::files::make_directory;
use ballast_netns::identity::Identity;
use zeroize::Zeroizing;

use super::{Named, Told};
use crate::{
    failure::{Failure, Step},
    files::{absent_is_fine, give, write_renamed},
};

/// What a file has behind its name while the content after it is tried.
const BEFORE: &str = ".before";

#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The one that it is in.
    above: PathBuf,
}

/// How it is compared with what is to be in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// It is there.
    pub(crate) there: bool,
    /// All is in it that is to be.
    pub(crate) complete: bool,
    /// There is more in it.
    pub(crate) more: bool,
}

impl Folder {
    pub(super) fn new(above: &Path, id: &str) -> Self {
        Self { path: above.join(id), above: above.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A secret in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// `told`: what they are; `None`: that is not known, and those that are there are right. `lists`: other files, which
    /// are no secrets.
    pub(crate) fn look(&self, named: &[Named], lists: &[(String, String)], told: Option<&Told>) -> Seen {
        let names = || named.iter().map(|one| one.file.as_str()).chain(lists.iter().map(|(name, _)| name.as_str()));
        let expected: BTreeSet<&str> = names().collect();
        let found: BTreeSet<String> = fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let same = |name: &str, text: &str| fs::read(self.file(name)).is_ok_and(|now| now == text.as_bytes());
        let complete = expected.iter().all(|name| found.contains(*name))
            && lists.iter().all(|(name, text)| same(name, text))
            && told.is_none_or(|told| told.files().all(|(name, text)| same(name, &text)));
        let more = found.iter().any(|name| !expected.contains(name.as_str()));
        Seen { there: self.path.exists(), complete, more }
    }

    /// Writes what is told, with the content before beside it, and the lists.
    pub(crate) fn put(
        &self,
        lists: &[(String, String)],
        told: &Told,
        identity: Option<Identity>,
    ) -> Result<(), Failure> {
        // That of a process that is shared, which all may pass through.
        make_directory(&self.above, 0o711)?;
        make_directory(&self.path, 0o750)?;
        if let Some(identity) = identity {
            give(&self.path, None, identity.gid)?;
        }
        for (name, text) in told.files() {
            self.write(name, text.as_bytes(), identity)?;
            failpoint::at("secrets: one is written");
        }
        lists.iter().try_for_each(|(name, text)| self.write(name, text.as_bytes(), identity))
    }

    fn write(&self, name: &str, bytes: &[u8], identity: Option<Identity>) -> Result<(), Failure> {
        let (path, before) = (self.file(name), self.file(&format!("{name}{BEFORE}")));
        let what = || format!("write {}", path.display());
        let now = read_secretly(&path).step(what)?;
        if now.as_ref().is_some_and(|now| now.as_slice() == bytes) {
            return Ok(());
        }
        // The one that haproxy has taken last stays, however often the next is tried.
        if now.is_some() && !before.exists() {
            fs::hard_link(&path, &before).step(what)?;
        }
        write_renamed(&path, bytes, if identity.is_some() { 0o640 } else { 0o600 }).step(what)?;
        identity.map_or(Ok(()), |identity| give(&path, None, identity.gid))
    }

    /// haproxy has refused what was put: what was before it is in its place again.
    pub(crate) fn restore(&self) -> Result<(), Failure> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.step(|| format!("list {}", self.path.display()))?,
        };
        for entry in entries.flatten() {
            let before = entry.path();
            let name = before.file_name().and_then(|name| name.to_str()?.strip_suffix(BEFORE));
            if let Some(name) = name {
                fs::rename(&before, self.file(name)).step(|| format!("restore {}", before.display()))?;
            }
        }
        Ok(())
    }

    /// haproxy has taken it: nothing else is left.
    pub(crate) fn keep(&self, named: &[Named], lists: &[(String, String)]) -> Result<(), Failure> {
        if named.is_empty() {
            return self.remove();
        }
        let kept: BTreeSet<&str> =
            named.iter().map(|one| one.file.as_str()).chain(lists.iter().map(|(name, _)| name.as_str())).collect();
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            if !path.file_name().and_then(|name| name.to_str()).is_some_and(|name| kept.contains(name)) {
                absent_is_fine(fs::remove_file(&path)).step(|| format!("remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// With its last user.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        absent_is_fine(fs::remove_dir_all(&self.path)).step(|| format!("remove {}", self.path.display()))
    }
}

/// Absent is `None`.
pub(crate) fn read_secretly(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
