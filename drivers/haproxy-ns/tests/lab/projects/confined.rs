//! What a haproxy of a project that was broken into can do, and what a running one has.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{fs, os::unix::fs::MetadataExt, path::Path, process};

use ballast_abi::{Context, Driver, ErrorCode};
use ballast_driver_haproxy_ns::{Config, HaproxyNs, UidRange};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{BOTH, generations, in_shared_world, of, pid, shared_by_project, url};
use crate::{
    confined::{INTRUDER, run_as_root, said},
    world::{self, World, in_world, must_reload},
};

/// CAP_SYS_ADMIN, in the kernel's sets.
const ALONE: &str = "0000000000200000";

/// Beside the other, with users of its own.
fn second(world: &World<'_>) -> HaproxyNs {
    let state_dir = world.lab.dir().join("state-2");
    fs::create_dir_all(&state_dir).unwrap();
    let uid_range = UidRange { first: 1_900_010_000, last: 1_900_010_009 };
    let config = Config { haproxy: INTRUDER.into(), uid_range, ..shared_by_project(world) };
    HaproxyNs::new(Context { agent_id: "agent-2".to_owned(), config, state_dir }).unwrap()
}

/// What haproxy itself does, and must be able to.
const NEEDED: [&str; 3] = ["list .", "write mine", "tcp"];

/// What is attempted. Root can do all of it, which shows that the attempts are good ones.
fn table(world: &World<'_>) -> Vec<(&'static str, String)> {
    let (netns, other) = (world.lab.dir().join("netns"), world.lab.dir().join("state/projects:/project:other"));
    let (victim, driver) = (pid(world, "other"), process::id());
    let open = world.lab.dir().join("open");
    fs::create_dir(&open).unwrap();
    let of_other = |kind: &str, name: &str| format!("{kind} {}", other.join(name).display());
    vec![
        ("see another project's namespace", format!("list {}", netns.display())),
        ("enter it by its name", format!("enter {}", netns.join(format!("qlbaas-{}", of("other", 1).id)).display())),
        ("enter the host's", "enter /proc/1/ns/net".to_owned()),
        ("enter the driver's", format!("enter /proc/{driver}/ns/net")),
        ("enter that of another project's haproxy", format!("enter /proc/{victim}/ns/net")),
        ("list another project's folder", of_other("list", "run")),
        ("read its configuration", of_other("read", "haproxy.cfg")),
        ("write into it", of_other("write", "run/mine")),
        ("signal its haproxy", format!("signal {victim}")),
        ("trace its haproxy", format!("trace {victim}")),
        ("open its memory", format!("open /proc/{victim}/mem")),
        ("execute a shell", "execute /bin/sh".to_owned()),
        ("execute what it has written", "execute-own program".to_owned()),
        ("read the machine's files", "read /etc/passwd".to_owned()),
        ("see the machine's files", "list /etc".to_owned()),
        ("open a raw socket", "raw".to_owned()),
        ("open a packet socket", "packet".to_owned()),
        ("ask the kernel about the network", "netlink".to_owned()),
        ("mount", format!("mount {}", open.display())),
        ("make a network namespace", "network".to_owned()),
        // Last: what follows would be in it.
        ("make a user namespace", "namespace".to_owned()),
    ]
}

fn attempt(world: &World<'_>, run: &Path, lines: &str) -> std::collections::BTreeMap<String, String> {
    fs::write(run.join("attempts"), lines).unwrap();
    let driver = second(world);
    let mut asked = of("intruded", 2);
    must_reload(&mut asked, 2);
    driver.deploy(&asked, 2).unwrap_or_else(|error| panic!("{error}: {}", error.detail));
    said(run)
}

#[test]
fn one_of_a_project_that_is_broken_into_gets_to_nothing_of_others() {
    in_shared_world("one_of_a_project_that_is_broken_into", |world| {
        world.deploy(&of("other", 1), 1);
        let run = world.lab.dir().join("state-2/projects:/project:intruded/run");
        fs::create_dir_all(&run)?;
        fs::write(run.join("attempts"), "")?;
        second(&world).deploy(&of("intruded", 2), 1)?;
        let table = table(&world);
        let id = of("intruded", 2).id;
        let number = fs::metadata(world.lab.dir().join("netns").join(format!("qlbaas-{id}")))?.ino();
        let own = format!("enter /var/run/netns/{id}.{number}");
        let needed: Vec<&str> = NEEDED.into_iter().chain([own.as_str()]).collect();
        let attempts: Vec<&str> = table.iter().map(|(_, line)| line.as_str()).collect();
        let with = attempt(&world, &run, &[needed.as_slice(), &attempts].concat().join("\n"));
        let root = run_as_root(&attempts.join("\n"), &world.lab.dir().join("root"));
        for needed in needed {
            assert_eq!(with[needed], "done", "{needed}");
        }
        for (what, line) in &table {
            assert_eq!(root[line], "done", "root cannot do it either, so this shows nothing: {what}");
            assert_ne!(with[line], "done", "it can: {what}");
        }
        assert_eq!(world.answers(&url(1), 4), BOTH);
        second(&world).undeploy(&of("intruded", 2).id)?;
        Ok(())
    });
}

/// How the haproxy of a project is.
fn assert_confined(world: &World<'_>) {
    let status = fs::read_to_string(format!("/proc/{}/status", pid(world, "p"))).unwrap();
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(line(set), ALONE, "{set}");
    }
    assert_eq!([line("NoNewPrivs:"), line("Seccomp:")], ["1", "2"]);
    assert!(line("Uid:").starts_with("19000"), "{}", line("Uid:"));
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", pid(world, "p"))).unwrap();
    let places: Vec<&str> = mounts.lines().filter_map(|line| line.split(' ').nth(4)).collect();
    assert!(!places.contains(&"/etc") && places.iter().any(|place| place.contains("/netns/")), "{places:?}");
}

#[test]
fn one_of_a_project_keeps_one_capability_and_is_alone_in_its_network_also_after_reloads() {
    in_shared_world("one_of_a_project_keeps_one_capability", |world| {
        let mut asked = of("p", 1);
        for generation in 1..4 {
            must_reload(&mut asked, generation);
            world.deploy(&asked, generation);
            assert_confined(&world);
            let dev = fs::read_to_string(format!("/proc/{}/net/dev", pid(&world, "p")))?;
            assert!(dev.lines().skip(2).all(|line| line.trim_start().starts_with("lo:")), "{dev}");
        }
        assert_eq!(world.answers(&url(1), 4), BOTH);
        // One that was started otherwise is seen, and replaced.
        kill(Pid::from_raw(pid(&world, "p")), Signal::SIGTERM)?;
        ballast_lab::wait_until(world::SOON, "it is seen", || (generations(&world) == [0]).then_some(()));
        Ok(())
    });
}

#[test]
fn what_makes_the_capability_harmless_cannot_be_left_out() {
    in_world(|world| {
        let of = |config: Config| {
            let state_dir = world.lab.dir().join("state-2");
            fs::create_dir_all(&state_dir).unwrap();
            HaproxyNs::new(Context { agent_id: "agent-2".to_owned(), config, state_dir }).err().unwrap()
        };
        let shared = shared_by_project(&world);
        let open = of(Config { confine: false, ..shared.clone() });
        assert_eq!(open.code, ErrorCode::INVALID_CONFIG);
        assert!(open.message.starts_with("process_model: per-project needs confine"), "{}", open.message);
        let one_user = of(Config { uid_range: UidRange { first: u32::MAX, last: u32::MAX }, ..shared });
        assert!(one_user.message.contains("needs a user for each project"), "{}", one_user.message);
        Ok(())
    });
}
