//! Control groups: a driver's process has one of its own, where the kernel's version 2 lets the agent make it, and what
//! outlives the process leaves it.
//!
//! ```text
//! the agent's own group/
//!     ballast-drivers/NAME     the driver's process, and what ends with it
//!     ballast-daemons/NAME     what it has started to stay
//! ```
//!
//! They group and limit nothing by themselves: an operator may do that, and [`Limited`] does for each load balancer. Where
//! there are none, everything works the same.
//!
//! A group of version 2 that lends its controllers can have no process of its own: an agent that was given a group leaves it
//! for `ballast-agent` below, and by its own the given one is meant.

#[cfg(feature = "host")]
pub(crate) mod given;
mod limited;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub use limited::{Limited, Limits};

/// Where the agent is when it was given a group.
#[cfg(feature = "host")]
const AGENT: &str = "ballast-agent";
const DRIVERS: &str = "ballast-drivers";
const DAEMONS: &str = "ballast-daemons";
const MEMBERS: &str = "cgroup.procs";

/// Lets a process that the driver has started outlive it in a control group of its own as well. `false`: the driver has no
/// group that could be left, or the process has left it.
///
/// To be called when it has become what it stays, for each of its processes. Not before: while it goes to the background it
/// is another process from one moment to the next, and one that was started before the move is left behind.
///
/// # Errors
/// The kernel does not let it go; it runs on where it is.
pub fn release(pid: u32) -> io::Result<bool> {
    let Some(own) = own() else { return Ok(false) };
    let Some(daemons) = daemons_beside(&own) else { return Ok(false) };
    let inside = fs::read_to_string(own.join(MEMBERS))?.lines().any(|line| line == pid.to_string());
    if inside { enter(&daemons, pid).map(|()| true) } else { Ok(false) }
}

/// Whether groups can be made below the agent's own.
#[cfg(feature = "host")]
pub(crate) fn try_out(own: &Path) -> io::Result<()> {
    fs::create_dir_all(own.join(DRIVERS))
}

/// Puts a driver's process into the group of its driver, below the agent's own.
#[cfg(feature = "host")]
pub(crate) fn confine(own: &Path, driver: &str, pid: u32) -> io::Result<()> {
    enter(&own.join(DRIVERS).join(driver), pid)
}

/// Puts a process that stays into a group of its own, from the agent's.
#[cfg(feature = "host")]
pub(crate) fn step_aside(own: &Path, name: &str, pid: u32) -> io::Result<()> {
    let base = own.parent().filter(|_| own.ends_with(AGENT)).unwrap_or(own);
    enter(&base.join(DAEMONS).join(name), pid)
}

/// Removes the groups of drivers that nobody is in any more.
#[cfg(feature = "host")]
pub(crate) fn clear(own: &Path) {
    for above in [own.join(DRIVERS), own.join(DAEMONS)] {
        let groups = fs::read_dir(&above).into_iter().flatten().flatten();
        for group in groups.map(|entry| entry.path()).filter(|path| path.is_dir()).chain([above.clone()]) {
            // Fails while somebody is in it.
            let _ = fs::remove_dir(group);
        }
    }
}

/// The directory of this process' own group; `None` when there is no version 2, or it cannot be seen from here.
pub(crate) fn own() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let own = directory(&groups, &mounts)?;
    own.join(MEMBERS).exists().then_some(own)
}

fn directory(groups: &str, mounts: &str) -> Option<PathBuf> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    // number parent device root mount-point options... - type source options
    let mounted = mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut words = place.split(' ').skip(3);
        let (root, at) = (words.next()?, words.next()?);
        kind.starts_with("cgroup2 ").then_some((root, at))
    });
    let seen = |(root, at)| Some(Path::new(at).join(Path::new(path).strip_prefix(root).ok()?));
    let mut all = mounted.filter_map(seen).peekable();
    let first = all.peek().cloned();
    // It may be mounted more than once, and another mount may lie above one.
    all.find(|own| own.exists()).or(first)
}

fn daemons_beside(own: &Path) -> Option<PathBuf> {
    Some(base_of(own)?.join(DAEMONS).join(own.file_name()?))
}

/// The agent's own group, seen from that of a driver.
fn base_of(own: &Path) -> Option<&Path> {
    let drivers = own.parent()?;
    (drivers.file_name()? == DRIVERS).then(|| drivers.parent()).flatten()
}

/// Makes the group when it is not there. Another agent may remove it as long as it is empty: then it is made again.
fn enter(group: &Path, pid: u32) -> io::Result<()> {
    let attempt = || fs::create_dir_all(group).and_then(|()| fs::write(group.join(MEMBERS), pid.to_string()));
    let mut entered = attempt();
    for _ in 0..10 {
        match entered {
            Err(error) if error.kind() == io::ErrorKind::NotFound => entered = attempt(),
            other => return other,
        }
    }
    entered
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "30 24 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro\n\
                          41 30 0:38 /unit /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

    #[test]
    fn a_process_own_group_is_found_where_it_is_mounted() {
        let groups = "4:memory:/other\n0::/unit/ballast-drivers/acme\n";
        let own = directory(groups, MOUNTS).unwrap();
        assert_eq!(own, Path::new("/sys/fs/cgroup/unified/ballast-drivers/acme"));
        assert_eq!(daemons_beside(&own).unwrap(), Path::new("/sys/fs/cgroup/unified/ballast-daemons/acme"));
    }

    #[test]
    fn where_there_is_no_group_to_leave_there_is_none() {
        assert_eq!(directory("4:memory:/other\n", MOUNTS), None, "version 1");
        assert_eq!(directory("0::/elsewhere\n", MOUNTS), None, "out of sight");
        assert_eq!(daemons_beside(Path::new("/sys/fs/cgroup/session")), None, "not an agent's");
    }
}
