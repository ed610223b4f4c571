//! The file system that secrets are on: memory alone, which is never written to a disk, also not when memory is short.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

use ballast_namespace::files::make_directory;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MsFlags, mount},
    sys::statfs::{FsType, TMPFS_MAGIC, statfs},
    unistd::{AccessFlags, access},
};

use crate::failure::{Failure, Step};

/// Of `ramfs`, which the library has no name for.
const RAMFS: FsType = FsType(0x8584_58f6);

/// Makes one at this path, unless there is one: from Linux 6.4 on it is not swapped out either.
pub(super) fn ready(at: &Path) -> Result<(), Failure> {
    let what = || format!("make a file system in memory at {}", at.display());
    if is_own(at) {
        return Ok(());
    }
    make_directory(at, 0o711)?;
    // Whoever has waited for another thread or another agent finds theirs.
    let below = File::open(at).step(what)?;
    let _held = Flock::lock(below, FlockArg::LockExclusive).map_err(|(_, errno)| errno).step(what)?;
    if is_own(at) {
        return Ok(());
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let make = |options: &str| mount(Some("ballast"), at, Some("tmpfs"), flags, Some(options));
    let made = make("mode=0711,noswap").or_else(|errno| match errno {
        Errno::EINVAL => make("mode=0711"),
        other => Err(other),
    });
    match made {
        Err(_) if is_in_memory(at) => Ok(()),
        made => made.step(what),
    }
}

/// Whether one is mounted there.
fn is_own(at: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
    let above = at.parent().map(device);
    is_in_memory(at) && matches!((device(at), above), (Ok(own), Some(Ok(above))) if own != above)
}

/// Whether this, or what of it is there, can be written to.
pub(super) fn can_be_written(path: &Path) -> bool {
    let there = path.ancestors().find(|one| one.exists()).unwrap_or(Path::new("/"));
    access(there, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// Whether this, or what of it is there, is on one.
pub(super) fn is_in_memory(path: &Path) -> bool {
    let there = path.ancestors().find(|one| one.exists()).unwrap_or(Path::new("/"));
    let kind = statfs(there).map(|found| found.filesystem_type()).map_err(io::Error::from);
    kind.is_ok_and(|kind| kind == TMPFS_MAGIC || kind == RAMFS)
}
