//! A driver's file as it is loaded: a copy in memory, sealed, that nobody can change.
//!
//! Overwriting a file that is loaded would end its process, and a package manager may do that to the original at any time.
//! The copy is not on a disk: a file system may be mounted so that nothing on it can be run (`/run` and `/tmp` often are),
//! may be full, and others may write to it. It is there for as long as somebody holds it.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, SealFlag, fcntl},
    libc,
    sys::memfd::{MFdFlags, memfd_create},
};
use sha2::{Digest, Sha256};

const CHUNK: usize = 1 << 16;

/// The copy and its content's hash. Clones are the same copy.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    file: Arc<OwnedFd>,
    /// Hex SHA-256 of the content.
    pub(super) digest: Arc<str>,
}

impl Copy {
    /// All of `source`, under the name by which the kernel shows it.
    pub(super) fn of(mut source: impl Read, name: &str) -> io::Result<Self> {
        let mut target = File::from(in_memory(name)?);
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = source.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            hash.update(&chunk[..length]);
            target.write_all(&chunk[..length])?;
        }
        let seals = SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL;
        seal(&target, seals)?;
        Ok(Self { file: Arc::new(target.into()), digest: hex::encode(hash.finalize()).into() })
    }
}

impl AsFd for Copy {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Nobody writes from now on, and nobody has it mapped for writing yet. `F_SEAL_WRITE` says no more than that here, but waits
/// for whoever holds a page of the file at the moment, as the kernel itself does now and then, and fails with EBUSY: it is
/// for kernels before 5.1, which do not know the other.
fn seal(file: &File, seals: SealFlag) -> io::Result<()> {
    let no_writes = SealFlag::from_bits_retain(libc::F_SEAL_FUTURE_WRITE);
    match fcntl(file, FcntlArg::F_ADD_SEALS(seals | no_writes)) {
        Err(Errno::EINVAL) => fcntl(file, FcntlArg::F_ADD_SEALS(seals | SealFlag::F_SEAL_WRITE))?,
        sealed => sealed?,
    };
    Ok(())
}

/// Never to be executed as a program: being loaded needs no permission to execute, and there are kernels (6.3 and later,
/// `vm.memfd_noexec`) that refuse files in memory which do not say so. Older ones do not know the word.
fn in_memory(name: &str) -> io::Result<OwnedFd> {
    let sealed = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let flags = sealed | MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL);
    match memfd_create(name, flags) {
        Err(Errno::EINVAL) => Ok(memfd_create(name, sealed)?),
        made => Ok(made?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_whole_and_cannot_be_written() {
        let content = vec![7; 3 * CHUNK + 1];
        let copy = Copy::of(content.as_slice(), "a.so").unwrap();
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&copy.as_fd()));
        assert_eq!(std::fs::read(&path).unwrap(), content);
        let written = std::fs::OpenOptions::new().write(true).open(&path).and_then(|mut file| file.write(b"x"));
        assert_eq!(written.unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert_eq!(*copy.digest, *hex::encode(Sha256::digest(&content)));
    }
}
