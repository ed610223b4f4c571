//! One pool behind several listeners that use it each in its own way.

use ballast_abi::{Health, InsertHeaders, Listener, LoadBalancer, MonitorType, Protocol, Timeouts};
use ballast_lab::wait_until;

use crate::world::{SOON, VIP, World, in_world, load_balancer, monitor, must_reload};

const SECOND: &str = "http://10.0.0.4:81/";
const THROUGH: &str = "http://10.0.0.4:82/";

/// HTTP as usual, HTTP with other timeouts and headers, and TCP.
fn shared(kind: Option<MonitorType>) -> LoadBalancer {
    let mut asked = load_balancer();
    let first = asked.listeners[0].clone();
    let timeouts = Timeouts { client_data: 9_000, member_connect: 900, member_data: 9_000, tcp_inspect: 0 };
    asked.listeners.push(Listener {
        id: "second".into(),
        protocol_port: 81,
        timeouts: Some(timeouts),
        insert_headers: Some(InsertHeaders { names: vec!["X-Real-IP".into()] }),
        ..first.clone()
    });
    let protocol = Protocol::Tcp.into();
    asked.listeners.push(Listener { id: "through".into(), protocol_port: 82, protocol, ..first });
    asked.pools[0].monitors = kind.map(monitor).into_iter().collect();
    asked
}

fn at_all(world: &World<'_>, expected: &[&str]) {
    for url in [VIP, SECOND, THROUGH] {
        world.wait_for_answers(url, expected);
    }
}

#[test]
fn a_member_that_is_down_is_down_for_all_listeners_whoever_checks_it_and_is_checked_once() {
    in_world(|mut world| {
        let mut generation = 0;
        for kind in [MonitorType::Tcp, MonitorType::Ping] {
            generation += 1;
            let mut asked = shared(Some(kind));
            world.deploy(&asked, generation);
            wait_until(SOON, "both are up", || (world.health()? == [Health::Up, Health::Up]).then_some(()));
            at_all(&world, &["web-1", "web-2"]);
            drop(world.servers[1].take());
            world.web[1].output("ip", ["link", "set", "eth0", "down"])?;
            wait_until(SOON, "one is down", || (world.health()? == [Health::Up, Health::Down]).then_some(()));
            at_all(&world, &["web-1"]);
            // Also right after a reload, and nobody takes it for meddling.
            generation += 1;
            must_reload(&mut asked, generation);
            world.deploy(&asked, generation);
            for url in [VIP, SECOND, THROUGH] {
                assert_eq!(world.answers(url, 3), ["web-1"], "{kind:?}");
            }
            let pid = world.pid();
            world.deploy(&asked, generation);
            assert_eq!(world.pid(), pid, "{kind:?}");
            world.web[1].output("ip", ["link", "set", "eth0", "up"])?;
            world.servers[1] = Some(world.web[1].web_server("web-2", "10.0.0.12:8080".parse()?)?);
            at_all(&world, &["web-1", "web-2"]);
        }
        Ok(())
    });
}

#[test]
fn weights_and_admin_states_are_told_for_all_listeners_without_another_process() {
    in_world(|world| {
        let mut asked = shared(None);
        world.deploy(&asked, 1);
        let pid = world.pid();
        asked.pools[0].members[0].weight = 0;
        world.deploy(&asked, 2);
        at_all(&world, &["web-2"]);
        asked.pools[0].members[0].weight = 1;
        asked.pools[0].members[1].admin_state_up = false;
        world.deploy(&asked, 3);
        at_all(&world, &["web-1"]);
        asked.pools[0].members[1].admin_state_up = true;
        world.deploy(&asked, 4);
        at_all(&world, &["web-1", "web-2"]);
        assert_eq!(world.pid(), pid);
        Ok(())
    });
}
