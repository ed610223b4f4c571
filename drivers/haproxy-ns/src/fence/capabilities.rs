//! No capability, and none to be had.

use std::{fs, io};

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};

/// A process is started as another user by these, which go with the change.
const CHANGE_USER: [Capability; 2] = [Capability::CAP_SETUID, Capability::CAP_SETGID];

pub(super) fn has(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
}

/// Whatever is run from here on has no capability, not by its file and not as root.
pub(super) fn bound() -> io::Result<()> {
    let bound = || -> Result<(), CapsError> {
        for capability in caps::runtime::thread_all_supported() {
            caps::drop(None, CapSet::Bounding, capability)?;
        }
        Ok(())
    };
    bound().map_err(io::Error::other)
}

pub(super) fn keep_to_change_user(changes: bool) -> io::Result<()> {
    let kept: CapsHashSet = CHANGE_USER.into_iter().filter(|_| changes).collect();
    let keep = || -> Result<(), CapsError> {
        let permitted = caps::read(None, CapSet::Permitted)?;
        caps::clear(None, CapSet::Inheritable)?;
        let kept = permitted.intersection(&kept).copied().collect();
        caps::set(None, CapSet::Effective, &kept)?;
        caps::set(None, CapSet::Permitted, &kept)
    };
    keep().map_err(io::Error::other)
}

/// Whether the process can get no capability; `None`: it has ended.
pub(super) fn is_bounded(pid: i32) -> Option<bool> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let set = status.lines().find_map(|line| line.strip_prefix("CapBnd:"))?;
    Some(u64::from_str_radix(set.trim(), 16).ok()? == 0)
}
