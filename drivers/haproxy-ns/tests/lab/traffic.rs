//! What becomes of requests, and what is told of them.

use std::time::{Duration, Instant};

use ballast_abi::{
    Driver, Health, HealthMonitor, LoadBalancer, MonitorType, PersistenceType, Route, SessionPersistence, Vip,
};
use ballast_driver_haproxy_ns::Config;
use ballast_lab::wait_until;

use crate::world::{ID, SOON, VIP, World, config, in_world, load_balancer, member, monitor, must_reload, vip};

const LOAD_ENDS_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn members_change_without_a_lost_request_and_counters_go_on() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        let mut fewer = load_balancer();
        fewer.pools[0].members.pop();
        let pid = world.pid();
        for round in 0..4_u64 {
            // haproxy may begin with a few requests to one that comes, before they take turns.
            assert_eq!(world.answers(VIP, 20), ["web-1", "web-2"]);
            world.deploy(&fewer, 2 * round + 2);
            assert_eq!(world.answers(VIP, 4), ["web-1"]);
            world.deploy(&load_balancer(), 2 * round + 3);
            assert_eq!(world.connections(), 24 * (round + 1));
        }
        assert_eq!(world.pid(), pid);
        Ok(())
    });
}

#[test]
fn changes_that_need_another_process_are_one_each_interval_and_others_do_not_wait() {
    in_world(|mut world| {
        world.start_driver(Config { reload_interval: 1_500, ..config(world.lab) });
        let mut asked = load_balancer();
        world.deploy(&asked, 1);
        let deploy = |world: &World<'_>, asked: &LoadBalancer, generation| {
            let (before, begun) = (world.pid(), Instant::now());
            world.deploy(asked, generation);
            (world.pid() != before, begun.elapsed() >= Duration::from_secs(1))
        };
        must_reload(&mut asked, 2);
        assert_eq!(deploy(&world, &asked, 2), (true, false), "the first goes at once");
        asked.pools[0].members[0].weight = 5;
        assert_eq!(deploy(&world, &asked, 3), (false, false), "what is told does not wait");
        must_reload(&mut asked, 4);
        assert_eq!(deploy(&world, &asked, 4), (true, true));
        assert_eq!(world.answers(VIP, 12), ["web-1", "web-2"]);
        Ok(())
    });
}

/// Also when the VIP comes to where a member is, and it is served once the VIP has gone elsewhere.
#[test]
fn a_member_that_would_be_the_vip_itself_or_is_of_the_other_ip_version_costs_its_own_traffic_only() {
    in_world(|world| {
        let mut asked = load_balancer();
        let [itself, other] = &mut asked.pools[0].members[..] else { panic!("two members") };
        (itself.address, itself.protocol_port) = ("10.0.0.4".into(), 80);
        other.address = "fd00::12".into();
        let (itself, other) = (itself.id.clone(), other.id.clone());
        asked.pools[0].members.push(member(1));
        asked.pools[0].members[2].id = "third".into();
        let blamed = |asked: &_, generation| {
            let faults = world.driver.deploy(asked, generation).unwrap();
            faults.into_iter().map(|fault| fault.object_id).collect::<Vec<_>>()
        };
        assert_eq!(blamed(&asked, 1), [itself.clone(), other.clone()]);
        assert_eq!(world.answers(VIP, 4), ["web-1"]);
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        asked.vip = Some(vip("10.0.0.6", 24));
        assert_eq!(blamed(&asked, 2), [other]);
        asked.vip = Some(vip("10.0.0.4", 24));
        assert!(blamed(&asked, 3).contains(&itself));
        Ok(())
    });
}

#[test]
fn a_member_that_is_down_by_its_admin_gets_no_request_and_no_health() {
    in_world(|world| {
        let mut asked = load_balancer();
        asked.pools[0].members[1].admin_state_up = false;
        world.deploy(&asked, 1);
        assert_eq!(world.answers(VIP, 4), ["web-1"]);
        assert_eq!(world.health().unwrap(), [Health::Up]);
        Ok(())
    });
}

#[test]
fn weights_and_admin_states_change_without_another_process_and_meddling_is_undone() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        let pid = world.pid();
        let mut asked = load_balancer();
        asked.pools[0].members[0].weight = 0;
        world.deploy(&asked, 2);
        assert_eq!(world.answers(VIP, 4), ["web-2"]);
        let mut asked = load_balancer();
        asked.pools[0].members[1].admin_state_up = false;
        world.deploy(&asked, 3);
        assert_eq!(world.answers(VIP, 4), ["web-1"]);
        world.deploy(&load_balancer(), 4);
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        assert_eq!(world.pid(), pid);
        let member = member(1).id;
        world.ask_haproxy(&format!("set server {ID}/{member} state maint"));
        assert_eq!(world.answers(VIP, 4), ["web-2"]);
        world.deploy(&load_balancer(), 4);
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        Ok(())
    });
}

#[test]
fn admin_down_of_a_pool_is_503_and_of_a_listener_a_refusal() {
    in_world(|world| {
        let code = |world: &World| {
            let arguments = ["-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", VIP];
            world.client.output("curl", arguments)
        };
        let mut asked = load_balancer();
        asked.pools[0].admin_state_up = false;
        world.deploy(&asked, 1);
        assert_eq!(code(&world)?, "503");
        let mut asked = load_balancer();
        asked.listeners[0].admin_state_up = false;
        world.deploy(&asked, 2);
        assert!(code(&world).unwrap_err().to_string().contains("exit status: 7"), "not refused");
        world.deploy(&load_balancer(), 3);
        assert_eq!(code(&world)?, "200");
        Ok(())
    });
}

#[test]
fn a_member_that_fails_its_checks_is_left_out_also_right_after_a_reload_and_comes_back() {
    in_world(|mut world| {
        let mut asked = load_balancer();
        asked.pools[0].monitors = vec![monitor(MonitorType::Http)];
        world.deploy(&asked, 1);
        wait_until(SOON, "both are up", || (world.health()? == [Health::Up, Health::Up]).then_some(()));
        drop(world.servers[1].take());
        wait_until(SOON, "one is down", || (world.health()? == [Health::Up, Health::Down]).then_some(()));
        asked.pools[0].members[0].weight = 2;
        world.deploy(&asked, 2);
        assert_eq!(world.health().unwrap()[1], Health::Down);
        assert_eq!(world.answers(VIP, 4), ["web-1"]);
        world.servers[1] = Some(world.web[1].web_server("web-2", "10.0.0.12:8080".parse()?)?);
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        asked.pools[0].monitors.clear();
        world.deploy(&asked, 3);
        assert_eq!(world.health().unwrap(), [Health::Up, Health::Up]);
        Ok(())
    });
}

#[test]
fn a_ping_monitor_sends_real_echoes() {
    in_world(|world| {
        let mut asked = load_balancer();
        asked.pools[0].monitors = vec![monitor(MonitorType::Ping)];
        // Nothing listens there: a TCP check would fail.
        asked.pools[0].members[1].protocol_port = 9;
        world.deploy(&asked, 1);
        wait_until(SOON, "both answer pings", || (world.health()? == [Health::Up, Health::Up]).then_some(()));
        asked.pools[0].members[1].protocol_port = 8080;
        world.deploy(&asked, 2);
        world.web[1].output("ip", ["link", "set", "eth0", "down"])?;
        wait_until(SOON, "one does not answer", || (world.health()? == [Health::Up, Health::Down]).then_some(()));
        wait_until(SOON, "haproxy knows", || (world.answers(VIP, 4) == ["web-1"]).then_some(()));
        asked.pools[0].members[0].weight = 2;
        world.deploy(&asked, 3);
        assert_eq!(world.answers(VIP, 4), ["web-1"]);
        let unmonitored = {
            let mut asked = asked.clone();
            asked.pools[0].monitors.clear();
            asked
        };
        world.deploy(&unmonitored, 4);
        assert_eq!(world.health().unwrap(), [Health::Up, Health::Up]);
        world.deploy(&asked, 5);
        wait_until(SOON, "it is down again", || (world.health()? == [Health::Up, Health::Down]).then_some(()));
        world.web[1].output("ip", ["link", "set", "eth0", "up"])?;
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

#[test]
fn an_ipv6_vip_serves_at_once() {
    in_world(|mut world| {
        let server = world.web[0].web_server("web-6", "[fd00::11]:8080".parse()?)?;
        world.servers.push(Some(server));
        world.deploy(&load_balancer(), 1);
        let mut asked = load_balancer();
        asked.vip = Some(vip("fd00::4", 64));
        asked.pools[0].members = vec![member(1)];
        asked.pools[0].members[0].address = "fd00::11".into();
        world.deploy(&asked, 2);
        assert_eq!(world.answers("http://[fd00::4]/", 1), ["web-6"]);
        world.driver.undeploy(ID)?;
        world.deploy(&asked, 3);
        assert_eq!(world.answers("http://[fd00::4]/", 1), ["web-6"]);
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

#[test]
fn nothing_is_lost_while_members_change_under_load() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        let mut fewer = load_balancer();
        fewer.pools[0].members.pop();
        // One connection a request, and many requests on one connection: both kinds must survive a reload.
        let script =
            format!("i=0; while [ $i -lt 200 ]; do curl -sf -m 5 {VIP} {VIP} >/dev/null || exit 1; i=$((i+1)); done");
        let mut command = world.client.command("sh");
        command.args(["-c", &script]);
        let mut load = world.client.spawn(command)?;
        let mut generation = 1;
        wait_until(LOAD_ENDS_WITHIN, "the end of the load", || {
            generation += 3;
            world.deploy(&fewer, generation);
            world.deploy(&load_balancer(), generation + 1);
            must_reload(&mut fewer, generation);
            world.deploy(&fewer, generation + 2);
            (!load.is_running()).then_some(())
        });
        assert!(load.wait()?.success(), "a request failed");
        assert!(generation > 7, "the load ended before anything changed");
        Ok(())
    });
}

#[test]
fn a_client_stays_with_its_member_over_a_reload() {
    in_world(|world| {
        let mut asked = load_balancer();
        let r#type = PersistenceType::SourceIp.into();
        asked.pools[0].session_persistence = Some(SessionPersistence { r#type, ..SessionPersistence::default() });
        asked.pools[0].members = vec![member(2)];
        world.deploy(&asked, 1);
        assert_eq!(world.answers(VIP, 1), ["web-2"]);
        // A process hands its tables on once it has stopped looking for somebody to get them from: 5 s after a start.
        wait_until(SOON, "the tables can be handed on", || {
            world.ask_haproxy("show peers").contains("resync_timeout=<PAST>").then_some(())
        });
        // Whoever is not known to be web-2's starts with the first member.
        asked.pools[0].members = vec![member(1), member(2)];
        for generation in 2..6 {
            must_reload(&mut asked, generation);
            world.deploy(&asked, generation);
            wait_until(SOON, "the table has come over", || {
                world.ask_haproxy(&format!("show table {ID}")).contains("key=10.0.0.5").then_some(())
            });
            assert_eq!(world.answers(VIP, 3), ["web-2"]);
        }
        Ok(())
    });
}

#[test]
fn what_cannot_be_run_keeps_nothing_else_from_being_changed() {
    in_world(|world| {
        let bad = HealthMonitor { expected_codes: "204-200".into(), ..monitor(MonitorType::Http) };
        let mut asked = load_balancer();
        asked.pools[0].monitors = vec![bad.clone()];
        let route =
            |destination: &str, next_hop: &str| Route { destination: destination.into(), next_hop: next_hop.into() };
        let routes = vec![route("192.0.2.0/24", "fd00::1"), route("198.51.100.0/24", "10.0.0.255")];
        asked.vip = Some(Vip { routes, ..vip("10.0.0.4", 24) });
        let blamed = |asked: &LoadBalancer, generation| -> Vec<String> {
            let faults = world.driver.deploy(asked, generation).unwrap();
            faults.into_iter().map(|fault| fault.object_id).collect()
        };
        assert_eq!(blamed(&asked, 1), [bad.id.clone(), asked.listeners[0].id.clone()]);
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        asked.pools[0].members.pop();
        assert_eq!(blamed(&asked, 2).len(), 2);
        assert_eq!(world.answers(VIP, 4), ["web-1"]);
        asked.listeners[0].admin_state_up = false;
        assert_eq!(blamed(&asked, 3).len(), 2);
        assert!(world.get(VIP).is_err());
        Ok(())
    });
}
