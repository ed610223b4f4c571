//! Directories that record what is written, as a kernel's would be read, and a `/proc` of some processes.

use std::os::unix::fs::symlink;

use super::*;

const AGENTS: u32 = 100;

struct Machine(tempfile::TempDir);

impl Machine {
    /// A unit in whose group the agent is with these others, each with its working directory.
    fn new(others: &[(u32, &str)]) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        let pids: String = others.iter().map(|(pid, _)| *pid).chain([AGENTS]).map(|pid| format!("{pid}\n")).collect();
        machine.write("unit/cgroup.procs", &pids);
        for (pid, place) in others {
            machine.write(&format!("proc/{pid}/comm"), "sleep\n");
            let place = place.replace("STATES", machine.at("states").to_str().unwrap());
            symlink(place, machine.at(&format!("proc/{pid}/cwd"))).unwrap();
        }
        machine
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
    }

    /// What was written last to the group.
    fn entered(&self, group: &str) -> Option<String> {
        fs::read_to_string(self.at(group).join(MEMBERS)).ok()
    }

    fn settle(&self, own: &str, given: &str) -> Settled {
        let (own, given) = (self.at(own), self.at(given));
        let (processes, states) = (self.at("proc"), self.at("states"));
        let is_given = |group: &Path| group == given;
        settle(&Look { own: &own, pid: AGENTS, is_given: &is_given, processes: &processes, states: &states }).unwrap()
    }

    fn base(&self, base: &str, moved: bool, strangers: &[&str]) -> Settled {
        let strangers = strangers.iter().map(|name| (*name).to_owned()).collect();
        Settled { base: self.at(base), moved, strangers }
    }
}

#[test]
fn an_agent_leaves_the_group_that_it_was_given_for_one_below() {
    let machine = Machine::new(&[]);
    assert_eq!(machine.settle("unit", "unit"), machine.base("unit", true, &[]));
    assert_eq!(machine.entered("unit/ballast-agent").unwrap(), "100");
}

#[test]
fn what_outlived_an_older_agent_goes_to_the_daemons_of_its_driver() {
    let machine = Machine::new(&[(7, "STATES/acme/lb-1/run"), (8, "STATES/other/lb-2/run (deleted)")]);
    assert_eq!(machine.settle("unit", "unit"), machine.base("unit", true, &[]));
    assert_eq!(machine.entered("unit/ballast-daemons/acme").unwrap(), "7");
    assert_eq!(machine.entered("unit/ballast-daemons/other").unwrap(), "8");
    assert_eq!(machine.entered("unit/ballast-agent").unwrap(), "100");
}

#[test]
fn a_group_with_a_stranger_in_it_is_left_as_it_is_and_the_stranger_named() {
    for place in ["/", "/root", "/STATES-of-others/acme"] {
        let machine = Machine::new(&[(7, "STATES/acme/lb-1/run"), (8, place)]);
        assert_eq!(machine.settle("unit", "unit"), machine.base("unit", false, &["sleep (8)"]));
        for group in ["unit/ballast-agent", "unit/ballast-daemons"] {
            assert!(!machine.at(group).exists(), "{group}");
        }
    }
    let machine = Machine::new(&[]);
    machine.write("unit/cgroup.procs", "100\n0\n");
    let settled = machine.settle("unit", "unit");
    assert!(!settled.moved && settled.strangers.len() == 1, "{settled:?}");
    machine.write("unit/cgroup.procs", "100\n9\n");
    assert_eq!(machine.settle("unit", "unit"), machine.base("unit", true, &[]), "who has ended is nobody");
}

#[test]
fn a_group_that_was_not_given_is_not_left() {
    for (own, given) in [("unit", "unit/other"), ("unit/ballast-agent", "elsewhere")] {
        let machine = Machine::new(&[]);
        assert_eq!(machine.settle(own, given), machine.base(own, false, &[]));
        assert!(!machine.at("unit/ballast-agent").exists(), "{own}");
    }
}

#[test]
fn an_agent_that_is_below_its_units_group_already_stays_there_and_what_is_left_above_goes() {
    let machine = Machine::new(&[]);
    machine.write("unit/cgroup.procs", "7\n");
    machine.write("proc/7/comm", "haproxy\n");
    symlink(machine.at("states/acme/lb-1/run"), machine.at("proc/7/cwd")).unwrap();
    assert_eq!(machine.settle("unit/ballast-agent", "unit"), machine.base("unit", false, &[]));
    assert_eq!(machine.entered("unit/ballast-agent"), None);
    assert_eq!(machine.entered("unit/ballast-daemons/acme").unwrap(), "7");
}

#[test]
fn what_is_lent_is_taken_back_from_below_upwards() {
    let machine = Machine::new(&[]);
    take_back(&machine.at("unit")).unwrap();
    let groups = ["unit/ballast-load-balancers/acme", "unit/ballast-load-balancers", "unit"];
    groups.iter().for_each(|group| machine.write(&format!("{group}/{LENT}"), "cpu memory pids\n"));
    machine.write(&format!("unit/ballast-load-balancers/idle/{LENT}"), "");
    take_back(&machine.at("unit")).unwrap();
    for group in groups {
        assert_eq!(fs::read_to_string(machine.at(group).join(LENT)).unwrap(), "-cpu -memory -pids", "{group}");
    }
    assert_eq!(fs::read_to_string(machine.at("unit/ballast-load-balancers/idle").join(LENT)).unwrap(), "");
    for own in ["/s/unit/.control", "/s/unit/ballast-drivers/acme", "/s/unit"] {
        assert_eq!(of_the_unit(Path::new(own)), Path::new("/s/unit"));
    }
}

#[test]
fn an_agent_that_lives_or_never_was_in_its_own_group_has_not_left_it() {
    let machine = Machine::new(&[]);
    assert!(!is_left(&machine.at("unit")), "there is no group of it");
    machine.write("unit/ballast-agent/cgroup.procs", "100\n");
    assert!(!is_left(&machine.at("unit")), "it is in it");
    machine.write("unit/ballast-agent/cgroup.procs", "");
    assert!(is_left(&machine.at("unit")));
}

#[test]
fn what_systemd_gives_away_is_known_by_its_mark() {
    let place = tempfile::tempdir().unwrap();
    assert!(!is_marked(place.path()));
    let mark = |value: &[u8]| rustix::fs::setxattr(place.path(), MARKS[1], value, rustix::fs::XattrFlags::empty());
    // Not every file system has such marks.
    if mark(b"1").is_ok() {
        assert!(is_marked(place.path()));
        mark(b"0").unwrap();
        assert!(!is_marked(place.path()));
    }
}
