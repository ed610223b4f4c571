//! Entries of the neighbour table that do not count against its limit, which is one for the whole machine: no test fills it.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::process::Command;

use ballast_abi::{Driver, Vip};

use crate::{
    lost::{INSIDE, netns, set},
    world::{VIP, World, in_world, load_balancer, vip},
};

/// Entries of the load balancer's namespace, as `ip neigh` shows them.
fn entries(world: &World<'_>) -> Vec<String> {
    let netns = format!("--net={}", netns(world).display());
    let shown =
        Command::new("nsenter").args([&netns, "ip", "neigh", "show", "nud", "all", "dev", INSIDE]).output().unwrap();
    String::from_utf8(shown.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn learned(world: &World<'_>) -> Vec<String> {
    let mut found: Vec<String> = entries(world).into_iter().filter(|line| line.contains("extern_learn")).collect();
    found.iter_mut().for_each(|line| line.truncate(line.find(' ').unwrap_or(line.len())));
    found.sort();
    found
}

#[test]
fn members_and_next_hops_have_entries_of_the_neighbour_table_and_no_other() {
    in_world(|world| {
        let mut asked = load_balancer();
        asked.vip = Some(Vip { gateway: "10.0.0.1".into(), ..vip("10.0.0.4", 24) });
        asked.pools[0].members.push(ballast_abi::Member { address: "192.0.2.9".into(), ..crate::world::member(3) });
        world.deploy(&asked, 1);
        assert_eq!(learned(&world), ["10.0.0.1", "10.0.0.11", "10.0.0.12"]);
        asked.pools[0].members = vec![crate::world::member(2)];
        world.deploy(&asked, 2);
        assert_eq!(learned(&world), ["10.0.0.1", "10.0.0.12"]);
        world.wait_for_answers(VIP, &["web-2"]);
        assert_eq!(world.driver.deployed()?[0].generation, 2);
        asked.vip = Some(Vip { gateway: "fd00::1".into(), ..vip("fd00::4", 64) });
        asked.pools[0].members[0].address = "fd00::12".into();
        world.deploy(&asked, 3);
        assert_eq!(learned(&world), ["fd00::1", "fd00::12"]);
        Ok(())
    });
}

/// As a host that stands in for one that failed: the same address at another MAC, and nobody is told.
#[test]
fn a_member_that_moves_to_another_mac_is_found_there() {
    in_world(|world| {
        let mut asked = load_balancer();
        asked.pools[0].members.truncate(1);
        world.deploy(&asked, 1);
        // For half a minute on average the kernel takes for granted what it was told.
        set(&world, &format!("ipv4/neigh/{INSIDE}/base_reachable_time_ms"), "500");
        set(&world, &format!("ipv4/neigh/{INSIDE}/delay_first_probe_time"), "1");
        world.wait_for_answers(VIP, &["web-1"]);
        let [web, _] = &world.web;
        web.output("ip", ["link", "set", "eth0", "address", "02:00:00:00:99:99"])?;
        world.wait_for_answers(VIP, &["web-1"]);
        let entries = entries(&world);
        assert!(entries.iter().any(|line| line.starts_with("10.0.0.11 lladdr 02:00:00:00:99:99 ")), "{entries:?}");
        assert_eq!(learned(&world), ["10.0.0.11"], "{entries:?}");
        Ok(())
    });
}
