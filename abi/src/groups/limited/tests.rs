//! Directories that record what is written, as a kernel's would be read.

use super::{super::DRIVERS, *};

const SOME: Limits = Limits { cpu_weight: 50, memory: Some(64 << 20), processes: Some(128) };
const NONE: Limits = Limits { cpu_weight: 100, memory: None, processes: None };

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// An agent's group of version 2 in which its driver's process is.
fn version_two(place: &Path, controllers: &str) -> Limited {
    let own = place.join("unit").join(DRIVERS).join("acme");
    fs::create_dir_all(&own).unwrap();
    fs::write(place.join("unit/cgroup.controllers"), controllers).unwrap();
    let mounts = format!("30 24 0:26 / {} rw - cgroup2 cgroup2 rw\n", place.display());
    Limited::of("acme", &format!("0::/unit/{DRIVERS}/acme\n"), &mounts)
}

#[test]
fn in_version_two_the_agents_group_lends_and_each_load_balancer_has_a_group() {
    let place = tempfile::tempdir().unwrap();
    let limited = version_two(place.path(), "cpuset cpu io memory pids\n");
    assert_eq!(limited.missing(), None);
    let above = place.path().join("unit/ballast-load-balancers/acme");
    for (limits, expected) in [(SOME, ["50", "67108864", "128"]), (NONE, ["100", "max", "max"])] {
        limited.confine("lb", &limits, &[4711]).unwrap();
        let group = above.join("lb");
        let files = ["cpu.weight", "memory.max", "pids.max"];
        assert_eq!(files.map(|file| text(group.join(file))), expected);
        assert_eq!(text(group.join(MEMBERS)), "4711");
        assert!(limited.holds("lb", &limits, 4711) && !limited.holds("lb", &limits, 47));
        for file in files {
            fs::write(group.join(file), "7").unwrap();
            assert!(!limited.holds("lb", &limits, 4711), "{file} was changed");
            limited.confine("lb", &limits, &[4711]).unwrap();
            assert!(limited.holds("lb", &limits, 4711), "{file} is put back");
        }
    }
    for group in ["unit", "unit/ballast-load-balancers", "unit/ballast-load-balancers/acme"] {
        assert_eq!(text(place.path().join(group).join(LENT)), "+cpu +memory +pids", "{group}");
    }
}

#[test]
fn what_the_agents_group_cannot_lend_is_said_and_all_else_is_limited() {
    let place = tempfile::tempdir().unwrap();
    let limited = version_two(place.path(), "cpu pids\n");
    assert_eq!(limited.missing(), Some("memory: no hierarchy that this process is in has it"));
    limited.confine("lb", &SOME, &[4711]).unwrap();
    let group = place.path().join("unit/ballast-load-balancers/acme/lb");
    assert_eq!([text(group.join("cpu.weight")), text(group.join("pids.max"))], ["50", "128"]);
    assert!(!group.join("memory.max").exists());
    assert!(limited.holds("lb", &SOME, 4711));
}

#[test]
fn in_version_one_each_hierarchy_has_a_group_and_all_of_it_goes() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let mounts: String = [("cpu,cpuacct", "/"), ("memory", "/outer"), ("pids", "/")]
        .map(|(name, root)| format!("31 24 0:27 {root} {} rw - cgroup cgroup rw,{name}\n", at(name).display()))
        .concat();
    for name in ["cpu,cpuacct/unit", "memory/unit", "pids/unit"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    let groups = "3:pids:/unit\n2:memory:/outer/unit\n1:cpu,cpuacct:/unit\n0::/\n";
    let limited = Limited::of("acme", groups, &mounts);
    assert_eq!(limited.missing(), None);
    assert!(!limited.has("lb"));
    limited.confine("lb", &SOME, &[4711]).unwrap();
    let group = |name: &str| at(name).join("unit/ballast-load-balancers/acme/lb");
    assert_eq!(text(group("cpu,cpuacct").join("cpu.shares")), "512");
    assert_eq!(text(group("memory").join("memory.limit_in_bytes")), "67108864");
    assert_eq!(text(group("pids").join("pids.max")), "128");
    limited.confine("lb", &NONE, &[]).unwrap();
    assert_eq!(text(group("memory").join("memory.limit_in_bytes")), "-1");
    fs::write(group("memory").join("memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
    assert!(limited.holds("lb", &NONE, 4711) && limited.has("lb"));
    // A kernel's files go with their directory.
    for name in ["cpu,cpuacct", "memory", "pids"] {
        fs::read_dir(group(name)).unwrap().flatten().for_each(|file| fs::remove_file(file.path()).unwrap());
    }
    limited.remove("lb").unwrap();
    assert!(!limited.has("lb") && !at("pids/unit/ballast-load-balancers").exists());
    limited.remove("lb").unwrap();
}

#[test]
fn where_nothing_can_be_limited_that_is_said_and_nothing_fails() {
    let limited = Limited::of("acme", "0::/\n", "");
    assert!(limited.missing().is_some_and(|why| ["cpu:", "memory:", "pids:"].iter().all(|name| why.contains(name))));
    limited.confine("lb", &SOME, &[4711]).unwrap();
    assert!(limited.holds("lb", &SOME, 4711) && !limited.has("lb"));
    limited.remove("lb").unwrap();
}

#[test]
fn who_is_about_to_leave_a_group_is_waited_for_and_nobody_else() {
    let asked = std::cell::Cell::new(0);
    let busy = |times: u32, kind: io::ErrorKind| {
        asked.set(0);
        unless_busy(Duration::from_millis(50), || {
            asked.set(asked.get() + 1);
            if asked.get() > times { Ok(()) } else { Err(kind.into()) }
        })
    };
    assert!(busy(2, io::ErrorKind::ResourceBusy).is_ok());
    assert_eq!(busy(u32::MAX, io::ErrorKind::ResourceBusy).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    assert!(busy(u32::MAX, io::ErrorKind::PermissionDenied).is_err());
    assert_eq!(asked.get(), 1);
}
