//! Certificates and their private keys, where haproxy reads them: files on tmpfs, which is memory, so that no private key is
//! ever on a disk. A file is named by what the secret is for and by its reference, and keeps its name when its content
//! changes: haproxy knows it by that name, and is told the new content while it runs.
//!
//! `<secrets_dir>/<digest of the state directory>/<id>/` is of one load balancer, or `<name of its project's haproxy>/<id>/`.
//! The driver owns it, and the group is that of the load balancer's haproxy alone, which reads it and cannot change it.
//!
//! A content that haproxy has not taken yet stands beside the one before ([`Folder::put`]), which comes back when haproxy
//! refuses ([`Folder::restore`]) and goes when it has taken it ([`Folder::keep`]). So what is in place is always what the
//! next process can be started with.

mod folder;
mod memory;
mod told;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use ballast_namespace::files::make_directory;
use caps::{CapSet, Capability};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    failure::{Failure, Step},
    files::absent_is_fine,
};

pub(crate) use folder::{Folder, Seen, read_secretly};
pub(crate) use told::Told;

/// Bytes of a digest in a name.
const NAMED_BY: usize = 16;

/// A secret as a page has it: which file, and which content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Named {
    /// The folder of its load balancer.
    pub(crate) folder: String,
    pub(crate) file: String,
    pub(crate) kind: Kind,
    pub(crate) reference: String,
    pub(crate) digest: String,
}

/// What it is to haproxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Certificate,
    Ca,
    Crl,
}

impl Kind {
    /// As haproxy's runtime API calls it, behind `ssl`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Certificate => "cert",
            Self::Ca => "ca-file",
            Self::Crl => "crl-file",
        }
    }
}

impl Named {
    pub(crate) fn of(kind: Kind, secret: &ballast_abi::Secret, folder: &str) -> Self {
        let name = hex(secret.reference.as_bytes());
        let file = match kind {
            Kind::Certificate => format!("cert-{name}.pem"),
            Kind::Ca => format!("ca-{name}.pem"),
            Kind::Crl => format!("crl-{name}.pem"),
        };
        let (folder, reference, digest) = (folder.to_owned(), secret.reference.clone(), secret.digest.clone());
        Self { folder, file, kind, reference, digest }
    }

    /// Whether it is in the folder of this load balancer.
    pub(crate) fn is_of(&self, id: &str) -> bool {
        Path::new(&self.folder).file_name().is_some_and(|name| name == id)
    }

    /// As haproxy knows it.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.folder, self.file)
    }

    pub(crate) fn secret(&self) -> ballast_abi::Secret {
        ballast_abi::Secret { reference: self.reference.clone(), digest: self.digest.clone() }
    }
}

/// Where all secrets of this driver are.
#[derive(Clone, Debug)]
pub(crate) struct SecretsDir {
    path: PathBuf,
    base: PathBuf,
    /// It is in memory, or can be put there, and can be written to.
    pub(crate) is_usable: bool,
}

impl SecretsDir {
    /// Two agents of one host have two state directories.
    pub(crate) fn of(secrets_dir: &Path, state_dir: &Path) -> Self {
        let mounts = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_ADMIN).unwrap_or(false);
        Self {
            path: secrets_dir.to_owned(),
            base: secrets_dir.join(hex(state_dir.as_os_str().as_encoded_bytes())),
            is_usable: memory::can_be_written(secrets_dir) && (mounts || memory::is_in_memory(secrets_dir)),
        }
    }

    /// Before the first is put there.
    pub(crate) fn ready(&self) -> Result<(), Failure> {
        memory::ready(&self.path)?;
        make_directory(&self.base, 0o711)
    }

    /// What an operator has to know.
    pub(crate) fn remark(&self) -> Option<String> {
        let (at, why) = (self.path.display(), "so no private key is put there and TLS is not served");
        (!self.is_usable).then(|| format!("secrets_dir: {at} is not on tmpfs or cannot be written to, {why}"))
    }

    /// Of one load balancer. `shared`: the haproxy of its project, which serves it.
    pub(crate) fn folder(&self, shared: Option<&str>, id: &str) -> Folder {
        match shared {
            None => Folder::new(&self.base, id),
            Some(name) => Folder::new(&self.process(name), id),
        }
    }

    /// What the process of this name reads.
    pub(crate) fn process(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// All that a process reads which is none any more.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        let path = self.process(name);
        absent_is_fine(fs::remove_dir_all(&path)).step(|| format!("remove {}", path.display()))?;
        self.remove_empty();
        Ok(())
    }

    /// The last one's goes with it.
    fn remove_empty(&self) {
        // It fails as long as one is left.
        let _ = fs::remove_dir(&self.base);
    }
}

/// As a part of a name.
fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(NAMED_BY).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
