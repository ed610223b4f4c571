//! What one tenant's haproxy, broken into, can do to another's.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    process::{Command, Stdio},
    time::Duration,
};

use ballast_abi::{Driver, LoadBalancer, Vip};
use ballast_driver_haproxy_ns::{Config, UidRange};
use ballast_lab::wait_until;

use crate::world::{self, ID, SOON, VIP, World, in_world, load_balancer, vip};

/// The same, beside it.
fn neighbour() -> LoadBalancer {
    let port_id = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee".to_owned();
    let vip = Some(Vip { port_id, mac: "fa:16:3e:00:00:05".into(), ..vip("10.0.0.6", 24) });
    LoadBalancer { id: "neighbour".into(), vip, ..load_balancer() }
}

/// User and group of a load balancer's process.
fn user(world: &World<'_>, id: &str) -> (u32, u32) {
    let pid = fs::read_to_string(world.directory().with_file_name(id).join("run/pid")).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap();
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    (number("Uid:"), number("Gid:"))
}

/// Whether this program succeeds as that user.
fn can((uid, gid): (u32, u32), line: &str) -> bool {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .uid(uid)
        .gid(gid)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().unwrap().success()
}

pub(crate) fn one_user_only() -> bool {
    !fs::read_to_string("/proc/self/uid_map").unwrap().contains("4294967295")
}

#[test]
fn no_haproxy_reaches_another_ones_socket_process_or_files() {
    if one_user_only() {
        return ballast_lab::not_run("no_haproxy_reaches_another_ones_socket_process_or_files", "it needs root");
    }
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        world.deploy(&neighbour(), 1);
        let (own, other) = (user(&world, ID), user(&world, "neighbour"));
        assert!(own.0 != other.0 && own.1 != other.1, "{own:?} {other:?}");
        let directory = world.directory();
        let socket = directory.join("run/stats.sock");
        let metadata = fs::metadata(&socket)?;
        assert_eq!((metadata.permissions().mode() & 0o777, metadata.uid(), metadata.gid()), (0o600, own.0, own.1));
        let lines = [
            // haproxy speaks no HTTP there: what counts is that it answers.
            format!("curl -s -m 5 --http0.9 --unix-socket {} http://x/", socket.display()),
            format!("kill -0 {}", world.pid()),
            format!("ls {}", directory.join("run").display()),
            format!("cat {}", directory.join("haproxy.cfg").display()),
        ];
        for line in lines {
            assert!(can(own, &line), "its own user must be able to, or this shows nothing: {line}");
            assert!(!can(other, &line), "another tenant's user can: {line}");
        }
        Ok(())
    });
}

#[test]
fn a_load_balancer_gets_another_user_without_a_lost_request() {
    if one_user_only() {
        return ballast_lab::not_run("a_load_balancer_gets_another_user_without_a_lost_request", "it needs root");
    }
    in_world(|mut world| {
        // As all ran in former releases: as nobody.
        let nobody = Config { uid_range: UidRange { first: 65534, last: 65534 }, ..world::config(world.lab) };
        world.start_driver(nobody.clone());
        world.deploy(&load_balancer(), 1);
        assert_eq!(user(&world, ID), (65534, 65534));
        let script =
            format!("i=0; while [ $i -lt 200 ]; do curl -sf -m 5 {VIP} {VIP} >/dev/null || exit 1; i=$((i+1)); done");
        let mut command = world.client.command("sh");
        command.args(["-c", &script]);
        let mut load = world.client.spawn(command)?;
        let mut changes = 0;
        wait_until(Duration::from_secs(60), "the end of the load", || {
            world.restart_driver();
            assert_eq!(world.driver.deployed().unwrap()[0].generation, 0, "it is to be deployed again");
            world.deploy(&load_balancer(), 1);
            assert_eq!(user(&world, ID), (1_900_000_000, 1_900_000_000));
            assert_eq!(world.driver.deployed().unwrap()[0].generation, 1);
            world.start_driver(nobody.clone());
            world.deploy(&load_balancer(), 1);
            assert_eq!(user(&world, ID), (65534, 65534));
            changes += 2;
            (!load.is_running()).then_some(())
        });
        assert!(load.wait()?.success(), "a request failed");
        assert!(changes > 2, "the load ended before anything changed");
        wait_until(SOON, "the former processes end", || (world::haproxies().len() == 1).then_some(()));
        Ok(())
    });
}
