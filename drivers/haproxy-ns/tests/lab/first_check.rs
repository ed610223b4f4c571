//! What becomes of members between a deploy and their first check. The checks here come every 20 seconds but for the first,
//! and one that fails ends a member after the third.

use ballast_abi::{Driver, Health, HealthMonitor, KnownHealth, LoadBalancer, MemberHealth, MonitorType};
use ballast_lab::wait_until;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::world::{ID, SOON, VIP, World, in_world, load_balancer, member, monitor, must_reload};

fn rare(kind: MonitorType, expected_codes: &str) -> Vec<HealthMonitor> {
    let expected_codes = expected_codes.to_owned();
    vec![HealthMonitor { delay: 20, timeout: 2, max_retries: 3, expected_codes, ..monitor(kind) }]
}

/// These members were up, and nothing is known of the others.
fn known(asked: LoadBalancer, up: &[u32]) -> LoadBalancer {
    let member = |number: &u32| MemberHealth {
        pool_id: ID.to_owned(),
        member_id: member(*number).id,
        health: Health::Up.into(),
        ..MemberHealth::default()
    };
    LoadBalancer { known_health: Some(KnownHealth { members: up.iter().map(member).collect() }), ..asked }
}

fn serves_nobody(world: &World<'_>) -> bool {
    (0..4).all(|_| world.get(VIP).is_err())
}

#[test]
fn who_served_serves_until_a_check_fails_and_who_is_new_or_comes_back_waits_until_one_passes() {
    in_world(|world| {
        let mut asked = known(load_balancer(), &[1]);
        asked.pools[0].monitors = rare(MonitorType::Http, "418");
        world.deploy(&asked, 1);
        assert_eq!(world.answers(VIP, 8), ["web-1"], "it moved here, and the other one is new");
        asked.pools[0].members[0].weight = 2;
        must_reload(&mut asked, 2);
        world.deploy(&asked, 2);
        assert_eq!(world.answers(VIP, 8), ["web-1"], "another process, before any check has passed");
        kill(Pid::from_raw(world.pid()), Signal::SIGKILL)?;
        wait_until(SOON, "an end", || world.observe().is_none().then_some(()));
        world.deploy(&asked, 2);
        assert_eq!(world.answers(VIP, 8), ["web-1"], "after the end of its process");
        for (generation, up) in [(3, false), (4, true)] {
            asked.pools[0].members[0].admin_state_up = up;
            // What is known is of before.
            world.deploy(&asked, generation);
            assert!(serves_nobody(&world), "{up}");
        }
        asked.pools[0].monitors = rare(MonitorType::Http, "200");
        world.deploy(&asked, 5);
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        wait_until(SOON, "health", || (world.health()? == [Health::Up, Health::Up]).then_some(()));
        Ok(())
    });
}

#[test]
fn a_pool_that_gets_a_monitor_goes_on_serving_and_its_next_member_waits() {
    in_world(|world| {
        let mut asked = known(load_balancer(), &[]);
        let second = asked.pools[0].members.pop().unwrap();
        world.deploy(&asked, 1);
        assert_eq!(world.answers(VIP, 2), ["web-1"], "nobody checks: nobody waits");
        asked.pools[0].monitors = rare(MonitorType::Http, "418");
        world.deploy(&asked, 2);
        assert_eq!(world.answers(VIP, 4), ["web-1"]);
        asked.pools[0].members.push(second);
        world.deploy(&asked, 3);
        assert_eq!(world.answers(VIP, 8), ["web-1"]);
        Ok(())
    });
}

#[test]
fn a_member_that_is_pinged_waits_for_its_first_answer() {
    in_world(|mut world| {
        let mut asked = known(load_balancer(), &[]);
        asked.pools[0].monitors = rare(MonitorType::Ping, "");
        // Nobody has this address.
        asked.pools[0].members[1].address = "10.0.0.77".to_owned();
        world.deploy(&asked, 1);
        world.wait_for_answers(VIP, &["web-1"]);
        for (generation, up) in [(2, false), (3, true)] {
            asked.pools[0].members[0].admin_state_up = up;
            world.deploy(&asked, generation);
        }
        world.wait_for_answers(VIP, &["web-1"]);
        asked.pools[0].members[1] = member(2);
        world.deploy(&asked, 4);
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        // One that a former process of the driver took out comes back with its first answer.
        world.ask_haproxy(&format!("set server {ID}/{} state maint", member(2).id));
        world.restart_driver();
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        assert_eq!(world.driver.deployed()?[0].generation, 4);
        Ok(())
    });
}
