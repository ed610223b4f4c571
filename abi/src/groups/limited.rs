//! Limits of what a driver has started to stay: a control group for each load balancer.
//!
//! ```text
//! the agent's own group/
//!     ballast-load-balancers/WHOSE/ID
//! ```
//!
//! In version 2, where the agent's own group lends its controllers, and else in each hierarchy of version 1. What can be
//! limited here is found once; what cannot, is said and not limited, and everything else works the same.

mod controller;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use controller::Controller;

use super::{MEMBERS, base_of, directory, enter};

pub(super) const LOAD_BALANCERS: &str = "ballast-load-balancers";
pub(super) const LENT: &str = "cgroup.subtree_control";
/// A process that has ended may be in its group a little longer.
const EMPTY_WITHIN: Duration = Duration::from_secs(1);
/// So may a thread that is about to end, in the group that its process has left.
const LEFT_WITHIN: Duration = Duration::from_millis(200);

/// What one load balancer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the processor, when it is short: 1 to 10000, where the others have 100.
    pub cpu_weight: u16,
    /// In bytes; `None`: no limit.
    pub memory: Option<u64>,
    /// Processes and threads; `None`: no limit.
    pub processes: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Where one thing can be limited.
#[derive(Debug)]
struct Seat {
    controller: Controller,
    version: Version,
    /// The group of all load balancers of the driver.
    above: PathBuf,
}

/// The groups of a driver's load balancers.
#[derive(Debug, Default)]
pub struct Limited {
    seats: Vec<Seat>,
    missing: String,
    /// What this kernel would not take.
    refused: Mutex<BTreeSet<PathBuf>>,
}

impl Limited {
    /// Looks for what can be limited, from within a driver's process. `driver`: a name for the groups of all of its load
    /// balancers, which no other driver on this machine has.
    #[must_use]
    pub fn find(driver: &str) -> Self {
        clear();
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self::of(driver, &read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
    }

    fn of(driver: &str, groups: &str, mounts: &str) -> Self {
        let mut limited = Self::default();
        let two = directory(groups, mounts).and_then(|own| base_of(&own).map(Path::to_owned));
        for controller in Controller::ALL {
            let seat = match two.as_deref().filter(|base| controller.is_of(base)) {
                Some(base) => lend(base, driver).map(|above| Seat { controller, version: Version::Two, above }),
                None => controller.below(groups, mounts).map_or_else(
                    || Err(io::Error::other("no hierarchy that this process is in has it")),
                    |own| {
                        let above = own.join(LOAD_BALANCERS).join(driver);
                        create(&above).map(|()| Seat { controller, version: Version::One, above })
                    },
                ),
            };
            match seat {
                Ok(seat) => limited.seats.push(seat),
                Err(error) => {
                    let separator = if limited.missing.is_empty() { "" } else { "; " };
                    let _ = write!(limited.missing, "{separator}{}: {error}", controller.name());
                }
            }
        }
        limited
    }

    /// What cannot be limited here, and why.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        Some(self.missing.as_str()).filter(|missing| !missing.is_empty())
    }

    /// Makes the load balancer's group, sets what it may take, and puts these processes into it.
    ///
    /// # Errors
    /// The first that went wrong; all else was tried. What the kernel does not take is not asked for again.
    pub fn confine(&self, load_balancer: &str, limits: &Limits, pids: &[u32]) -> io::Result<()> {
        let mut first = Ok(());
        for seat in &self.seats {
            let group = seat.above.join(load_balancer);
            let (path, value) = seat.setting(&group, limits);
            first = first.and(seat.make(&group, &path));
            // First: what somebody is in nobody removes.
            for pid in pids {
                match enter(&group, *pid) {
                    // It has ended meanwhile.
                    Err(error) if error.raw_os_error() == Some(NO_SUCH_PROCESS) => {}
                    entered => first = first.and(entered),
                }
            }
            first = first.and(self.set(path, &value));
        }
        first
    }

    fn set(&self, path: PathBuf, value: &str) -> io::Result<()> {
        if is(&path, value) {
            return Ok(());
        }
        let set = fs::write(&path, value);
        if matches!(&set, Err(error) if error.kind() != io::ErrorKind::NotFound) {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
        }
        set
    }

    /// Whether this process is in the load balancer's group, and the group is as [`Self::confine`] leaves it.
    #[must_use]
    pub fn holds(&self, load_balancer: &str, limits: &Limits, pid: u32) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        self.seats.iter().all(|seat| {
            let group = seat.above.join(load_balancer);
            let (path, value) = seat.setting(&group, limits);
            let members = fs::read_to_string(group.join(MEMBERS)).unwrap_or_default();
            members.lines().any(|line| line == pid.to_string()) && (is(&path, &value) || refused.contains(&path))
        })
    }

    /// Whether there is anything to [remove](Self::remove).
    #[must_use]
    pub fn has(&self, load_balancer: &str) -> bool {
        self.seats.iter().any(|seat| seat.above.join(load_balancer).exists())
    }

    /// Removes the load balancer's group, in which nobody is any more.
    ///
    /// # Errors
    /// Somebody is in it, in one hierarchy; in the others it is removed.
    pub fn remove(&self, load_balancer: &str) -> io::Result<()> {
        let mut first = Ok(());
        for seat in &self.seats {
            let group = seat.above.join(load_balancer);
            match unless_busy(EMPTY_WITHIN, || fs::remove_dir(&group)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => first = first.and(Err(error)),
                Ok(()) | Err(_) => {}
            }
            // Fails while another load balancer is there.
            let _ = fs::remove_dir(&seat.above).and_then(|()| seat.above.parent().map_or(Ok(()), fs::remove_dir));
        }
        first
    }
}

/// Removes the groups of load balancers below this process' own in which nobody is any more: what ended all at once has left
/// them. One that another agent is about to use it makes again.
fn clear() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (groups, mounts) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
    let two = directory(&groups, &mounts).map(|own| base_of(&own).map(Path::to_owned).unwrap_or(own));
    let one = Controller::ALL.into_iter().filter_map(|controller| controller.below(&groups, &mounts));
    for all in one.chain(two).map(|own| own.join(LOAD_BALANCERS)) {
        let below = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        for above in below(&all) {
            // Each fails while somebody is in it.
            below(&above).chain([above.clone()]).for_each(|group| drop(fs::remove_dir(group)));
        }
        let _ = fs::remove_dir(all);
    }
}

pub(super) const NO_SUCH_PROCESS: i32 = 3;

impl Seat {
    /// `setting`: the kernel makes this file with it.
    fn make(&self, group: &Path, setting: &Path) -> io::Result<()> {
        if setting.exists() {
            return Ok(());
        }
        if self.version == Version::Two
            && let Some((base, driver)) = self.above.parent().and_then(Path::parent).zip(self.above.file_name())
        {
            lend(base, &driver.to_string_lossy())?;
        }
        create(group)
    }

    /// A file, and what is to be in it.
    fn setting(&self, group: &Path, limits: &Limits) -> (PathBuf, String) {
        let or = |value: Option<u64>, none: &str| value.map_or_else(|| none.to_owned(), |value| value.to_string());
        let (name, value) = match (self.controller, self.version) {
            (Controller::Cpu, Version::Two) => ("cpu.weight", limits.cpu_weight.to_string()),
            // The least that the kernel takes is 2, and 1024 is what others have.
            (Controller::Cpu, Version::One) => {
                ("cpu.shares", (u32::from(limits.cpu_weight) * 1024 / 100).max(2).to_string())
            }
            (Controller::Memory, Version::Two) => ("memory.max", or(limits.memory, "max")),
            (Controller::Memory, Version::One) => ("memory.limit_in_bytes", or(limits.memory, "-1")),
            (Controller::Processes, Version::One | Version::Two) => {
                ("pids.max", or(limits.processes.map(u64::from), "max"))
            }
        };
        (group.join(name), value)
    }
}

/// Another agent may remove what is above it as long as that is empty.
fn create(group: &Path) -> io::Result<()> {
    let mut made = fs::create_dir_all(group);
    for _ in 0..10 {
        if !matches!(&made, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            break;
        }
        made = fs::create_dir_all(group);
    }
    made
}

/// Version 1 shows a number that no memory has where there is no limit.
fn is(path: &Path, value: &str) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let unlimited = value == "-1" && text.trim().parse::<u64>().is_ok_and(|bytes| bytes > 1 << 60);
    text.trim() == value || unlimited
}

/// The group of all load balancers of the driver, whose groups get what the agent's group can lend.
fn lend(base: &Path, driver: &str) -> io::Result<PathBuf> {
    let has = Controller::ALL.into_iter().filter(|controller| controller.is_of(base));
    let lent: Vec<String> = has.map(|controller| format!("+{}", controller.name())).collect();
    let all = base.join(LOAD_BALANCERS);
    let above = all.join(driver);
    create(&above)?;
    for group in [base, &all, &above] {
        unless_busy(LEFT_WITHIN, || fs::write(group.join(LENT), lent.join(" ")))?;
    }
    Ok(above)
}

/// Tries again while somebody is in a group.
fn unless_busy(within: Duration, attempt: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let until = Instant::now() + within;
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < until => {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests;
