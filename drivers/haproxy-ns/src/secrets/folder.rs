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

#[cfg(test)]
mod tests {
    use ballast_abi::{Secret, SecretContent, secrets::Secrets};

    use super::*;
    use crate::secrets::Kind;

    fn told(version: &str) -> (Named, Told) {
        let secret = Secret { reference: "r".to_owned(), digest: version.to_owned() };
        let named = Named::of(Kind::Certificate, &secret, "/run");
        let (pem, private_key) = (format!("pem {version}"), format!("key {version}"));
        let secrets = Secrets::default();
        let Secret { reference, digest } = secret;
        secrets.take("lb", vec![SecretContent { reference, digest, pem, private_key }]);
        let told = Told::of(&secrets, "lb", std::iter::once(&named)).unwrap();
        (named, told)
    }

    #[test]
    fn what_haproxy_has_taken_stays_until_the_next_is_taken_however_often_that_is_tried() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::new(directory.path(), "lb");
        let lists = [("f.list".to_owned(), "/run/x\n".to_owned())];
        let [(one, first), (_, second), (_, third)] = ["1", "2", "3"].map(told);
        let named = [one];
        let content = || fs::read_to_string(folder.file(&named[0].file)).unwrap();
        assert_eq!(folder.look(&named, &lists, Some(&first)), Seen::default());
        folder.put(&lists, &first, None).unwrap();
        folder.keep(&named, &lists).unwrap();
        let right = Seen { there: true, complete: true, more: false };
        assert_eq!(folder.look(&named, &lists, Some(&first)), right);
        assert!(!folder.look(&named, &lists, Some(&second)).complete);
        for next in [&second, &third] {
            folder.put(&lists, next, None).unwrap();
            assert!(folder.look(&named, &lists, Some(next)).more);
        }
        assert_eq!(content(), "pem 3\nkey 3\n");
        folder.restore().unwrap();
        assert_eq!((content().as_str(), folder.look(&named, &lists, Some(&first))), ("pem 1\nkey 1\n", right));
        folder.put(&lists, &second, None).unwrap();
        folder.keep(&named, &lists).unwrap();
        folder.restore().unwrap();
        assert_eq!(content(), "pem 2\nkey 2\n");
        // It is another listener's list that is gone, and then all of it.
        assert!(!folder.look(&named, &[("g.list".to_owned(), String::new())], None).complete);
        folder.keep(&[], &[]).unwrap();
        assert!(!folder.path().exists());
        folder.restore().unwrap();
        folder.remove().unwrap();
    }
}
