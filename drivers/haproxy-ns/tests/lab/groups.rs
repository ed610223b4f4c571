//! What each load balancer may take of the machine.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use ballast_abi::{Driver, LoadBalancer, Vip, groups::Limited};
use ballast_driver_haproxy_ns::Config;
use nix::mount::{MsFlags, mount};

use crate::world::{self, ID, VIP, World, in_world, load_balancer, must_reload, vip, with_own_names};

/// Controllers of version 1, and the file of each that limits.
const FILES: [(&str, &str); 3] = [("cpu", "cpu.shares"), ("memory", "memory.limit_in_bytes"), ("pids", "pids.max")];

/// The files of the groups that this process is in, each with what is in it.
fn settings(world: &World<'_>, pid: i32) -> Vec<(PathBuf, String)> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let mut found = Vec::new();
    for line in groups.lines().filter(|line| line.contains("ballast-load-balancers")) {
        let (controllers, path) = line.split_once(':').unwrap().1.split_once(':').unwrap();
        let place = world.lab.dir().join("cgroup").join(controllers).join(path.trim_start_matches('/'));
        let file = FILES.iter().find(|(controller, _)| *controller == controllers).map(|(_, file)| place.join(file));
        if let Some(file) = file {
            let value = fs::read_to_string(&file).unwrap().trim().to_owned();
            found.push((file, value));
        }
    }
    found
}

/// Whether this machine lets the driver limit all that it wants to; in the lab of an unprivileged user it does not. The lab
/// has a `/sys` of its own, so what the machine has is mounted again.
fn can_be_limited(world: &World<'_>, test: &str) -> bool {
    for (controller, _) in FILES {
        let place = world.lab.dir().join("cgroup").join(controller);
        fs::create_dir_all(&place).unwrap();
        // What cannot be mounted is missing below.
        let _ = mount(Some("cgroup"), &place, Some("cgroup"), MsFlags::empty(), Some(controller));
    }
    let found = Limited::find("trial");
    if let Some(why) = found.missing() {
        ballast_lab::not_run(test, why);
    }
    found.missing().is_none()
}

fn generation(world: &World<'_>) -> u64 {
    world.driver.deployed().unwrap()[0].generation
}

fn other() -> LoadBalancer {
    let port_id = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee".to_owned();
    let vip = Vip { port_id, mac: "fa:16:3e:00:00:05".into(), ..vip("10.0.0.6", 24) };
    with_own_names(LoadBalancer { id: "other".into(), vip: Some(vip), ..load_balancer() })
}

#[test]
fn each_load_balancer_has_a_control_group_whose_limits_are_put_back_and_which_goes_with_it() {
    in_world(|mut world| {
        if !can_be_limited(&world, "each_load_balancer_has_a_control_group") {
            return Ok(());
        }
        let config = Config { cpu_weight: 50, memory_mb: Some(64), processes: Some(100), ..world::config(world.lab) };
        world.start_driver(config);
        world.deploy(&load_balancer(), 1);
        world.deploy(&other(), 1);
        let pid = world.pid();
        let limits = settings(&world, pid);
        let mut values: Vec<&str> = limits.iter().map(|(_, value)| value.as_str()).collect();
        values.sort_unstable();
        assert_eq!(values, ["100", "512", "67108864"], "{limits:?}");
        for (path, value) in &limits {
            assert_eq!(generation(&world), 1, "before {}", path.display());
            fs::write(path, "134217728").or_else(|_| fs::write(path, "200"))?;
            assert_eq!(generation(&world), 0, "{}", path.display());
            world.deploy(&load_balancer(), 1);
            assert_eq!(&fs::read_to_string(path)?.trim(), value, "{}", path.display());
        }
        let theirs = settings(&world, fs::read_to_string(world.lab.dir().join("state/other/run/pid"))?.trim().parse()?);
        for (path, _) in &limits {
            assert!(!theirs.iter().any(|(other, _)| other == path), "{} is shared", path.display());
            let group = path.parent().unwrap();
            // Whoever is at home above it: as a session that adopts processes would.
            fs::write(group.ancestors().nth(3).unwrap().join("cgroup.procs"), pid.to_string())?;
            assert_eq!(generation(&world), 0, "out of {}", group.display());
            world.deploy(&load_balancer(), 1);
            assert_eq!(generation(&world), 1, "back in {}", group.display());
        }
        assert_eq!(world.pid(), pid, "all of it was mended while it ran");
        // Whoever takes its place is in the same group.
        let mut fewer = load_balancer();
        fewer.pools[0].members.pop();
        must_reload(&mut fewer, 2);
        world.deploy(&fewer, 2);
        assert_ne!(world.pid(), pid);
        assert_eq!(settings(&world, world.pid()), limits);
        assert_eq!(world.answers(VIP, 2), ["web-1"]);
        let without = LoadBalancer { vip: None, ..load_balancer() };
        world.deploy(&without, 3);
        assert!(limits.iter().all(|(path, _)| !path.exists()), "its group outlives its process");
        world.deploy(&load_balancer(), 4);
        world.driver.undeploy(ID)?;
        assert!(limits.iter().all(|(path, _)| !path.exists()), "its group is left");
        world.driver.undeploy("other")?;
        assert!(theirs.iter().all(|(path, _)| !path.ancestors().nth(2).unwrap().exists()), "the group of all is left");
        Ok(())
    });
}

#[test]
fn one_that_takes_more_memory_than_it_may_ends_and_no_other() {
    in_world(|mut world| {
        if !can_be_limited(&world, "one_that_takes_more_memory_than_it_may") {
            return Ok(());
        }
        world.start_driver(Config { memory_mb: Some(64), ..world::config(world.lab) });
        world.deploy(&load_balancer(), 1);
        world.deploy(&other(), 1);
        // What it would take, somebody in its group takes.
        let group =
            settings(&world, world.pid()).into_iter().find(|(path, _)| path.to_string_lossy().contains("memory"));
        let procs = group.unwrap().0.with_file_name("cgroup.procs");
        let hungry = format!("echo $$ > {}; head -c 300m /dev/zero | tail", procs.display());
        let status = std::process::Command::new("sh").args(["-c", &hungry]).status()?;
        assert!(!status.success(), "it was given what it wanted");
        world.wait_for_answers("http://10.0.0.6/", &["web-1", "web-2"]);
        world.deploy(&load_balancer(), 1);
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        world.driver.undeploy(ID)?;
        world.driver.undeploy("other")?;
        Ok(())
    });
}

/// The group of version 2 that a process is in.
fn group_of_version_two(pid: i32) -> String {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default().to_owned()
}

#[test]
fn a_haproxy_is_let_out_of_the_drivers_group_wherever_it_was_when_it_went_to_the_background() {
    in_world(|mut world| {
        let test = "a_haproxy_is_let_out_of_the_drivers_group";
        let place = world.lab.dir().join("cgroup/two");
        fs::create_dir_all(&place)?;
        let flags = MsFlags::empty();
        let made = mount(Some("cgroup2"), &place, Some("cgroup2"), flags, None::<&str>).map_err(std::io::Error::from);
        let own = place.join(group_of_version_two(std::process::id().cast_signed()).trim_start_matches('/'));
        let unit = own.join(format!("{test}-{}", std::process::id()));
        let group = unit.join("ballast-drivers/haproxy-ns");
        if let Err(error) = made.and_then(|()| fs::create_dir_all(&group)) {
            ballast_lab::not_run(test, &format!("no control group of version 2: {error}"));
            return Ok(());
        }
        fs::write(group.join("cgroup.procs"), std::process::id().to_string())?;
        // As one that has forked before anybody could move it.
        let late = world.lab.dir().join("haproxy");
        let text = format!(
            "#!/bin/sh\ncase \"$*\" in *-D*) sleep 0.2; echo $$ > {}/cgroup.procs;; esac\nexec {} \"$@\"\n",
            group.display(),
            crate::haproxy().display()
        );
        fs::write(&late, text)?;
        fs::set_permissions(&late, fs::Permissions::from_mode(0o755))?;
        // haproxy is another user already.
        for above in [&unit, &group] {
            fs::set_permissions(above.join("cgroup.procs"), fs::Permissions::from_mode(0o666))?;
        }
        world.start_driver(Config { haproxy: late, confine: false, ..world::config(world.lab) });
        for generation in 1..3 {
            let mut asked = load_balancer();
            asked.pools[0].members.truncate(3 - usize::try_from(generation)?);
            world.deploy(&asked, generation);
            let found = group_of_version_two(world.pid());
            assert!(!found.contains("ballast-drivers"), "it is in the driver's group: {found}");
            assert!(found.contains("ballast-daemons") || found.contains("ballast-load-balancers"), "{found}");
        }
        world.driver.undeploy(ID)?;
        fs::write(own.join("cgroup.procs"), std::process::id().to_string())?;
        for group in ["ballast-drivers/haproxy-ns", "ballast-drivers", "ballast-daemons/haproxy-ns", "ballast-daemons"]
        {
            let _ = fs::remove_dir(unit.join(group));
        }
        fs::remove_dir(&unit)?;
        Ok(())
    });
}
