//! What the agent keeps of secrets: files that nobody else reads, of each load balancer those that it names.
//!
//! They are no part of the ledger. One that is damaged counts as one that is not there: the scheduler is asked again.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use ballast_proto::driver::{LoadBalancer, Secret, SecretContent};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

/// Of a SHA-256, in bytes: each file begins with that of the rest.
const SUM: usize = 32;
const OWNERS_ALONE: u32 = 0o700;

/// The folder. Clones are the same. Every method blocks on the disk.
#[derive(Debug, Clone)]
pub(crate) struct Secrets(Arc<PathBuf>);

/// What a load balancer's secrets are. Dropped, the private keys are wiped.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Contents(Vec<SecretContent>);

impl Contents {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SecretContent> {
        self.0.iter()
    }

    pub(crate) fn take(mut self) -> Vec<SecretContent> {
        std::mem::take(&mut self.0)
    }
}

impl From<Vec<SecretContent>> for Contents {
    fn from(secrets: Vec<SecretContent>) -> Self {
        Self(secrets)
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|secret| secret.private_key.zeroize());
    }
}

impl Secrets {
    /// Makes the folder; `in_memory`: it has to be of a file system that keeps nothing.
    ///
    /// # Errors
    /// When it cannot be made, or is on a disk and may not be.
    pub(crate) fn open(folder: PathBuf, in_memory: bool) -> io::Result<Self> {
        make_folder(&folder)?;
        if in_memory && statfs(&folder)?.filesystem_type() != TMPFS_MAGIC {
            return Err(io::Error::other(
                "agent.secrets_on_disk is false, and this folder is not of a tmpfs: name one in agent.secrets_tmpfs",
            ));
        }
        Ok(Self(Arc::new(folder)))
    }

    /// What all that a load balancer names are, each once; or those that are lacking.
    pub(crate) fn of(&self, load_balancer: &LoadBalancer) -> Result<Contents, Vec<Secret>> {
        let folder = self.folder_of(&load_balancer.id);
        let (mut found, mut lacking) = (Vec::new(), Vec::new());
        for secret in wanted(load_balancer) {
            match read(&folder.join(name(&secret)), &secret) {
                Some(content) => found.push(content),
                None => lacking.push(secret),
            }
        }
        let found = Contents(found);
        if lacking.is_empty() { Ok(found) } else { Err(lacking) }
    }

    /// # Errors
    /// When it cannot be written: then it is lacking.
    pub(crate) fn keep(&self, load_balancer_id: &str, content: &SecretContent) -> io::Result<()> {
        let folder = self.folder_of(load_balancer_id);
        make_folder(&folder)?;
        let secret = Secret { reference: content.reference.clone(), digest: content.digest.clone() };
        let bytes = Zeroizing::new(content.encode_to_vec());
        let path = folder.join(name(&secret));
        let beside = path.with_extension("unfinished");
        // One that a crash has left may have other permissions.
        remove(&beside)?;
        let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        written.write_all(&Sha256::digest(&*bytes))?;
        written.write_all(&bytes)?;
        written.sync_data()?;
        fs::rename(&beside, &path)?;
        File::open(&folder)?.sync_all()
    }

    /// Forgets what a load balancer does not name any more.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(crate) fn keep_only(&self, load_balancer: &LoadBalancer) -> io::Result<()> {
        let named: HashSet<String> = wanted(load_balancer).iter().map(name).collect();
        if named.is_empty() {
            return self.forget(&load_balancer.id);
        }
        for found in fs::read_dir(self.folder_of(&load_balancer.id))? {
            let found = found?;
            if !found.file_name().to_str().is_some_and(|name| named.contains(name)) {
                remove(&found.path())?;
            }
        }
        Ok(())
    }

    /// Forgets all of a load balancer.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(crate) fn forget(&self, load_balancer_id: &str) -> io::Result<()> {
        absent_is_fine(fs::remove_dir_all(self.folder_of(load_balancer_id)))
    }

    /// Forgets those of load balancers that the agent does not know.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(crate) fn forget_others<'a>(&self, known: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let known: HashSet<PathBuf> = known.map(|id| self.folder_of(id)).collect();
        for found in fs::read_dir(&*self.0)? {
            let path = found?.path();
            if !known.contains(&path) {
                absent_is_fine(fs::remove_dir_all(&path))?;
            }
        }
        Ok(())
    }

    /// An id may be no safe name of a file.
    fn folder_of(&self, load_balancer_id: &str) -> PathBuf {
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_safe = (1..=100).contains(&load_balancer_id.len()) && load_balancer_id.bytes().all(safe);
        let sum = || format!("sha256_{}", hex::encode(Sha256::digest(load_balancer_id)));
        self.0.join(if is_safe { load_balancer_id.to_owned() } else { sum() })
    }
}

/// Each once, of those that the scheduler knows.
fn wanted(load_balancer: &LoadBalancer) -> Vec<Secret> {
    let mut seen = HashSet::new();
    let secrets = load_balancer.secrets().map(|(_, secret)| secret).filter(|secret| !secret.digest.is_empty());
    secrets.filter(|secret| seen.insert((&secret.reference, &secret.digest))).cloned().collect()
}

fn name(secret: &Secret) -> String {
    hex::encode(Sha256::new().chain_update(&secret.reference).chain_update([0]).chain_update(&secret.digest).finalize())
}

fn read(path: &Path, secret: &Secret) -> Option<SecretContent> {
    let bytes = Zeroizing::new(fs::read(path).ok()?);
    let (sum, content) = bytes.split_at_checked(SUM)?;
    if sum != Sha256::digest(content).as_slice() {
        return None;
    }
    let content = SecretContent::decode(content).ok()?;
    (content.reference == secret.reference && content.digest == secret.digest).then_some(content)
}

/// Whatever the umask, and whatever it was.
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(OWNERS_ALONE).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(OWNERS_ALONE))
}

fn remove(path: &Path) -> io::Result<()> {
    absent_is_fine(fs::remove_file(path))
}

fn absent_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ballast_proto::driver::{Listener, ListenerTls};

    use super::*;

    fn named(id: &str, digests: &[&str]) -> LoadBalancer {
        let secret = |digest: &&str| Secret { reference: "/v1/containers/1".to_owned(), digest: (*digest).to_owned() };
        let tls = ListenerTls { sni_certificates: digests.iter().map(secret).collect(), ..ListenerTls::default() };
        let listeners = vec![Listener { tls: Some(tls), ..Listener::default() }];
        LoadBalancer { id: id.to_owned(), listeners, ..LoadBalancer::default() }
    }

    fn content(digest: &str) -> SecretContent {
        let private_key = format!("s3cret {digest}");
        let (reference, pem) = ("/v1/containers/1".to_owned(), "pem".to_owned());
        SecretContent { reference, digest: digest.to_owned(), pem, private_key }
    }

    fn digests(of: &Result<Contents, Vec<Secret>>) -> Result<Vec<&str>, Vec<&str>> {
        let found = of.as_ref().map(|found| found.0.iter().map(|secret| secret.digest.as_str()).collect());
        found.map_err(|lacking| lacking.iter().map(|secret| secret.digest.as_str()).collect())
    }

    #[test]
    fn what_a_load_balancer_names_is_kept_for_it_alone_and_no_longer() {
        let place = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(place.path().join("state/secrets"), false).unwrap();
        assert_eq!(digests(&secrets.of(&named("a", &["1", "1", "2"]))), Err(vec!["1", "2"]));
        for digest in ["1", "2"] {
            secrets.keep("a", &content(digest)).unwrap();
        }
        let kept = secrets.of(&named("a", &["1", "1", "2"]));
        assert_eq!(digests(&kept), Ok(vec!["1", "2"]));
        assert_eq!(kept.unwrap().take()[0].private_key, "s3cret 1");
        assert_eq!(digests(&secrets.of(&named("b", &["1"]))), Err(vec!["1"]));
        secrets.keep_only(&named("a", &["2"])).unwrap();
        assert_eq!(digests(&secrets.of(&named("a", &["1", "2"]))), Err(vec!["1"]));
        secrets.keep("../../b", &content("1")).unwrap();
        assert!(!place.path().join("b").exists());
        secrets.forget_others(["a"].into_iter()).unwrap();
        assert_eq!(digests(&secrets.of(&named("../../b", &["1"]))), Err(vec!["1"]));
        assert_eq!(digests(&secrets.of(&named("a", &["2"]))), Ok(vec!["2"]));
        secrets.keep_only(&named("a", &[])).unwrap();
        secrets.forget("a").unwrap();
        assert_eq!(fs::read_dir(&*secrets.0).unwrap().count(), 0);
    }

    #[test]
    fn its_owner_alone_reads_a_file_and_one_that_is_damaged_is_lacking() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("secrets");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let secrets = Secrets::open(folder, false).unwrap();
        let asked = named("a", &["1"]);
        let path = secrets.folder_of("a").join(name(&wanted(&asked)[0]));
        fs::create_dir(secrets.folder_of("a")).unwrap();
        fs::write(path.with_extension("unfinished"), "left by a crash").unwrap();
        secrets.keep("a", &content("1")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!([mode(&secrets.0), mode(&secrets.folder_of("a")), mode(&path)], [0o700, 0o700, 0o600]);
        let whole = fs::read(&path).unwrap();
        for damaged in [&whole[..10], &whole[..whole.len() - 1], &[b"x", &whole[1..]].concat()] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(digests(&secrets.of(&asked)), Err(vec!["1"]), "{damaged:?}");
        }
        let other = named("a", &["1"]);
        secrets.keep("a", &content("1")).unwrap();
        assert_eq!(digests(&secrets.of(&other)), Ok(vec!["1"]));
    }

    #[test]
    fn a_folder_on_a_disk_is_refused_where_secrets_are_to_be_in_memory_alone() {
        let place = tempfile::tempdir().unwrap();
        let on_disk = statfs(place.path()).unwrap().filesystem_type() != TMPFS_MAGIC;
        assert_eq!(Secrets::open(place.path().join("secrets"), true).is_err(), on_disk);
        let shm = tempfile::tempdir_in("/dev/shm").unwrap();
        assert!(Secrets::open(shm.path().join("secrets"), true).is_ok());
    }
}
