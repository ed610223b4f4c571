//! The agent in a control group that was given to it: the real program in a real group of version 2, where the machine has
//! one.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    confinement::group,
    place::{PATIENCE, Place},
};

/// Ends with the test.
struct Running(Child);

impl Running {
    fn id(&self) -> u32 {
        self.0.id()
    }

    fn end(mut self, signal: Signal) {
        kill(Pid::from_raw(self.id().try_into().unwrap()), signal).unwrap();
        self.0.wait().unwrap();
    }

    fn succeeds(mut self) -> bool {
        self.0.wait().unwrap().success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A group as a unit's, which goes with the test.
struct Unit {
    path: PathBuf,
    place: Place,
    /// A controller that its parent lends to it for the test only, and by which file.
    lent: Option<(PathBuf, String)>,
    _alone: File,
}

impl Drop for Unit {
    fn drop(&mut self) {
        let groups = |of: &Path| fs::read_dir(of).into_iter().flatten().flatten().map(|entry| entry.path());
        let deep: Vec<PathBuf> =
            groups(&self.path).flat_map(|path| groups(&path).chain([path]).collect::<Vec<_>>()).collect();
        for path in deep.iter().chain([&self.path]) {
            // A process that was killed is in its group a little longer.
            let begun = Instant::now();
            while path.is_dir() && fs::remove_dir(path).is_err() && begun.elapsed() < Duration::from_secs(2) {
                thread::sleep(Duration::from_millis(5));
            }
        }
        if let Some((file, name)) = &self.lent {
            // Fails where another has been lent it meanwhile.
            let _ = fs::write(file, format!("-{name}"));
        }
    }
}

/// One that the parent could lend, where it lends none.
fn lend_one(parent: &Path) -> Option<(PathBuf, String)> {
    let read = |name: &str| fs::read_to_string(parent.join(name)).unwrap_or_default();
    let name = read("cgroup.controllers").split_whitespace().next()?.to_owned();
    let file = parent.join("cgroup.subtree_control");
    let lent = read("cgroup.subtree_control").is_empty() && fs::write(&file, format!("+{name}")).is_ok();
    lent.then_some((file, name))
}

/// `None`: this machine lets nobody make such a group.
fn unit(test: &str) -> Option<Unit> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounted = mounts.lines().find_map(|line| line.split_once(" cgroup2 ")?.0.split(' ').nth(1));
    let own = group(std::process::id().try_into().unwrap());
    let path = mounted.map(|at| Path::new(at).join(own.trim_start_matches('/')).join(format!("{test}.service")));
    match path.map(|path| fs::create_dir(&path).map(|()| path)) {
        Some(Ok(path)) => {
            // As systemd marks what it gives away; where it does not run, nobody looks.
            let _ = rustix::fs::setxattr(&path, "trusted.delegate", b"1", rustix::fs::XattrFlags::empty());
            // Who lends takes back at its end: another test must not go by it meanwhile.
            let alone = File::open(path.with_file_name("cgroup.procs")).unwrap();
            alone.lock().unwrap();
            let lent = path.parent().and_then(lend_one);
            Some(Unit { path, place: Place::with_fault_driver(), lent, _alone: alone })
        }
        made => {
            ballast_lab::not_run(test, &format!("no control group of version 2 can be made here: {made:?}"));
            None
        }
    }
}

impl Unit {
    fn parent_has(&self, controller: &str) -> bool {
        let has = fs::read_to_string(self.path.with_file_name("cgroup.controllers")).unwrap_or_default();
        has.split_whitespace().any(|name| name == controller)
    }

    /// Starts a program in this group below the unit's, which must be there.
    fn spawn(&self, group: &str, work: &Path, line: &str) -> Running {
        let enter = format!("echo $$ > {}/cgroup.procs && exec {line}", self.path.join(group).display());
        Running(Command::new("sh").args(["-c", &enter]).current_dir(work).spawn().unwrap())
    }

    fn agent(&self) -> Running {
        let place = self.place.directory.path();
        let text = format!(
            "[agent]\nhost = \"host-1\"\nschedulers = [\"127.0.0.1:1\"]\nstate_dir = {:?}\ndrivers_dir = {:?}\n",
            self.place.state(),
            self.place.drivers()
        );
        fs::write(place.join("ballast.toml"), text).unwrap();
        self.spawn("", place, &format!("{} --config ballast.toml", env!("CARGO_BIN_EXE_ballast-agent")))
    }

    fn group_of(&self, pid: u32) -> String {
        let name = self.path.file_name().unwrap().to_str().unwrap();
        let path = group(pid.try_into().unwrap());
        path.split_once(name).map(|(_, below)| below.trim_start_matches('/').to_owned()).unwrap_or(path)
    }

    fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn lends(&self) -> String {
        fs::read_to_string(self.path.join("cgroup.subtree_control")).unwrap().trim().to_owned()
    }
}

fn has_driver(unit: &Unit) -> bool {
    let started = fs::read_to_string(unit.place.state().join("driver-state/fault/pid"));
    let pid = started.ok().and_then(|text| text.parse().ok());
    // It may be that of the one before.
    pid.is_some_and(|pid| unit.group_of(pid) == "ballast-drivers/fault")
}

#[test]
fn an_agent_leaves_the_group_that_it_was_given_which_can_lend_and_be_started_in_again() {
    let Some(unit) = unit("an_agent_leaves_the_group_that_it_was_given") else { return };
    let left = unit.place.state().join("driver-state/fault/lb-1");
    fs::create_dir_all(&left).unwrap();
    let older = unit.spawn("", &left, "sleep 600");
    unit.wait_for("what an older agent has left", || unit.group_of(older.id()).is_empty());
    let agent = unit.agent();
    unit.wait_for("an agent and a driver in groups below", || {
        unit.group_of(agent.id()) == "ballast-agent" && has_driver(&unit)
    });
    assert_eq!(unit.group_of(older.id()), "ballast-daemons/fault");
    assert_eq!(fs::read_to_string(unit.path.join("cgroup.procs")).unwrap(), "", "somebody is left");
    let controllers = fs::read_to_string(unit.path.join("cgroup.controllers")).unwrap();
    let Some(name) = controllers.split_whitespace().next() else {
        let ours = ["cpu", "memory", "pids"].iter().any(|name| unit.parent_has(name));
        assert!(
            !ballast_lab::kernel_has("cgroup2-limits", ours, "what an agent's control group lends"),
            "it lends none"
        );
        agent.end(Signal::SIGTERM);
        return older.end(Signal::SIGKILL);
    };
    let lend = || {
        let below = unit.path.join("ballast-load-balancers");
        fs::create_dir_all(below.join("acme")).unwrap();
        for group in [unit.path.clone(), below.clone(), below.join("acme")] {
            // A thread that is about to end is where its process was a little longer.
            let lend = || fs::write(group.join("cgroup.subtree_control"), format!("+{name}"));
            unit.wait_for("a group that lends", || lend().is_ok());
        }
        assert_eq!(unit.lends(), name);
    };
    lend();
    // An agent that ends takes it back itself.
    agent.end(Signal::SIGTERM);
    assert_eq!(unit.lends(), "");
    let agent = unit.agent();
    unit.wait_for("another agent", || unit.group_of(agent.id()) == "ballast-agent" && has_driver(&unit));
    lend();
    // One that was killed: its driver's process notices.
    agent.end(Signal::SIGKILL);
    unit.wait_for("what was lent is taken back", || unit.lends().is_empty());
    let agent = unit.agent();
    unit.wait_for("an agent after one that was killed", || has_driver(&unit));
    lend();
    // None of both could: nobody can be started in the unit's group until its unit has it taken back.
    let driver = Pid::from_raw(unit.place.pid());
    kill(driver, Signal::SIGSTOP).unwrap();
    agent.end(Signal::SIGKILL);
    kill(driver, Signal::SIGKILL).unwrap();
    assert_eq!(unit.lends(), name);
    assert!(!unit.agent().succeeds(), "a group that lends has taken a process in");
    fs::create_dir(unit.path.join(".control")).unwrap();
    let taken = unit.spawn(".control", Path::new("/"), &format!("{} take-back", env!("CARGO_BIN_EXE_ballast-agent")));
    assert!(taken.succeeds());
    assert_eq!(unit.lends(), "");
    let agent = unit.agent();
    unit.wait_for("an agent after that", || unit.group_of(agent.id()) == "ballast-agent");
    agent.end(Signal::SIGTERM);
    older.end(Signal::SIGKILL);
}

#[test]
fn an_agent_stays_in_a_group_that_it_shares_with_others() {
    let Some(unit) = unit("an_agent_stays_in_a_group_that_it_shares") else { return };
    let other = unit.spawn("", Path::new("/"), "sleep 600");
    unit.wait_for("another in its group", || unit.group_of(other.id()).is_empty());
    let agent = unit.agent();
    unit.wait_for("a driver", || has_driver(&unit));
    assert_eq!((unit.group_of(agent.id()).as_str(), unit.group_of(other.id()).as_str()), ("", ""));
    agent.end(Signal::SIGTERM);
    other.end(Signal::SIGKILL);
}
