//! The agent leaves the group that was given to it for one below, [`AGENT`]: a group of version 2 that lends its
//! controllers can have no process of its own.
//!
//! Given is what systemd has marked so (`Delegate=`); where systemd does not run, every group but the root of all. Where
//! somebody is in it who is neither the agent nor started by one of its drivers, nothing is touched.
//!
//! A group that lends takes no process in either, also not the next agent that systemd starts there. So what is lent is
//! taken back when the agent has ended ([`take_back`]): by itself, or else by its drivers' processes, which notice, and by its
//! unit.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{
    AGENT, DAEMONS, MEMBERS, base_of, enter,
    limited::{LENT, LOAD_BALANCERS, NO_SUCH_PROCESS},
};

/// Where systemd puts what it runs for a unit beside the unit's own process, when it has given the unit's group away.
const CONTROL: &str = ".control";
/// A process that was killed may be in its group a little longer.
const LOOKS: u32 = 200;
const BETWEEN: Duration = Duration::from_millis(10);
/// systemd's marks. The first can be read by root only, the second was added later.
const MARKS: [&str; 2] = ["trusted.delegate", "user.delegate"];

/// Whose group is looked at, and what is known of it.
pub(crate) struct Look<'a> {
    pub(crate) own: &'a Path,
    pub(crate) pid: u32,
    pub(crate) is_given: &'a dyn Fn(&Path) -> bool,
    /// `/proc`.
    pub(crate) processes: &'a Path,
    /// The folder of all drivers' state: a process that a driver has started works below the folder of that driver.
    pub(crate) states: &'a Path,
}

/// Below what the drivers' groups are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) base: PathBuf,
    /// The agent has left it just now.
    pub(crate) moved: bool,
    /// Who is in it and not the agent's: it can lend nothing.
    pub(crate) strangers: Vec<String>,
}

/// Empties the group that was given to the agent: what outlived an older agent goes to the daemons of its driver, and the
/// agent to its own group.
pub(crate) fn settle(look: &Look<'_>) -> io::Result<Settled> {
    let own = look.own;
    let above = own.parent().filter(|above| own.ends_with(AGENT) && (look.is_given)(above));
    let Some(base) = above.or_else(|| Some(own).filter(|own| (look.is_given)(own))) else {
        return Ok(Settled { base: own.to_owned(), moved: false, strangers: Vec::new() });
    };
    let mut left = Vec::new();
    let mut strangers = Vec::new();
    for pid in members(base)?.into_iter().filter(|pid| *pid != look.pid) {
        match look.driver_of(pid) {
            Some(driver) => left.push((driver, pid)),
            None => strangers.extend(look.name_of(pid)),
        }
    }
    let moved = base == own && strangers.is_empty();
    if strangers.is_empty() {
        for (driver, pid) in left {
            move_to(&base.join(DAEMONS).join(driver), pid)?;
        }
        if moved {
            enter(&base.join(AGENT), look.pid)?;
        }
    }
    Ok(Settled { base: base.to_owned(), moved, strangers })
}

impl Look<'_> {
    fn driver_of(&self, pid: u32) -> Option<String> {
        let place = fs::read_link(self.processes.join(pid.to_string()).join("cwd")).ok()?;
        let driver = place.strip_prefix(self.states).ok()?.components().next()?;
        Some(driver.as_os_str().to_str()?.to_owned())
    }

    /// `None`: it has ended.
    fn name_of(&self, pid: u32) -> Option<String> {
        // Of another namespace of processes, and so of nobody that is known here.
        if pid == 0 {
            return Some("a process that cannot be seen from here".to_owned());
        }
        let name = fs::read_to_string(self.processes.join(pid.to_string()).join("comm")).ok()?;
        Some(format!("{} ({pid})", name.trim()))
    }
}

fn members(group: &Path) -> io::Result<Vec<u32>> {
    Ok(fs::read_to_string(group.join(MEMBERS))?.lines().filter_map(|line| line.parse().ok()).collect())
}

/// One that has ended meanwhile is nowhere.
fn move_to(group: &Path, pid: u32) -> io::Result<()> {
    match enter(group, pid) {
        Err(error) if error.raw_os_error() == Some(NO_SUCH_PROCESS) => Ok(()),
        entered => entered,
    }
}

/// Whether the group was given to who is in it.
pub(crate) fn is_given(group: &Path) -> bool {
    // As sd_booted(3) asks.
    if Path::new("/run/systemd/system").exists() { is_marked(group) } else { group.join("cgroup.events").exists() }
}

fn is_marked(group: &Path) -> bool {
    let mut value = [0; 2];
    MARKS.iter().any(|mark| rustix::fs::getxattr(group, *mark, &mut value).is_ok_and(|length| value[..length] == *b"1"))
}

/// The group that was given to the agent, seen from a driver's process or one that systemd has started for its unit.
pub(crate) fn of_the_unit(own: &Path) -> &Path {
    base_of(own).or_else(|| own.parent().filter(|_| own.ends_with(CONTROL))).unwrap_or(own)
}

/// Whether the agent was in its own group and has ended.
pub(crate) fn is_left(base: &Path) -> bool {
    let group = base.join(AGENT);
    let left = || members(&group).is_ok_and(|members| members.is_empty());
    group.exists()
        && (0..LOOKS).any(|look| {
            if look > 0 {
                thread::sleep(BETWEEN);
            }
            left()
        })
}

/// Lends nothing any more, so that processes can come in. Who is limited is not limited then.
pub(crate) fn take_back(base: &Path) -> io::Result<()> {
    let all = base.join(LOAD_BALANCERS);
    let below =
        fs::read_dir(&all).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    // What one below still lends on nobody above can take back.
    for group in below.chain([all.clone(), base.to_owned()]) {
        let lent = fs::read_to_string(group.join(LENT)).unwrap_or_default();
        let back: Vec<String> = lent.split_whitespace().map(|name| format!("-{name}")).collect();
        if !back.is_empty() {
            fs::write(group.join(LENT), back.join(" "))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
