//! UDP and SCTP beside haproxy: the kernel forwards them in the same namespace.

mod alone;
mod changes;
mod health;
mod killed;
mod loads;
mod sctp;
mod timeouts;
pub(crate) mod tools;

use ballast_abi::{Driver, Health, LbMethod, MonitorType, Route};
use ballast_lab::wait_until;

use crate::{
    lost::{inside, set},
    world::{ID, SOON, VIP, in_world, load_balancer, monitor, vip},
};
use tools::{
    DATAGRAMS, Echo, answers, ask, asked, clients, on, open_to, parameter, persistent, socket, totals, without_table,
};

#[test]
fn http_and_udp_are_served_on_one_port_and_one_goes_without_the_other() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        // Alone, haproxy is in a namespace that routes for nobody.
        world.deploy(&load_balancer(), 1);
        assert_eq!((parameter(&world, "ipv4/ip_forward"), without_table(&world)), ("0".to_owned(), true));
        assert!(!world.directory().join("l4.json").exists());
        let pid = world.pid();
        world.deploy(&asked(), 2);
        assert_eq!(answers(&world, 10), [(1, 5), (2, 5)].into());
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        assert_eq!(world.pid(), pid, "it is nothing to haproxy");
        assert_eq!(parameter(&world, "ipv4/ip_forward"), "1");
        assert_eq!(parameter(&world, "ipv4/ip_local_port_range"), "61000\t65535");
        assert_eq!(world.driver.deployed()?[0].generation, 2);
        let before = world.observe().unwrap().statistics.unwrap();
        assert_eq!(before.total_connections, 14);
        world.deploy(&load_balancer(), 3);
        assert!(ask(&socket(&world, None)).is_err());
        assert_eq!((parameter(&world, "ipv4/ip_forward"), without_table(&world)), ("0".to_owned(), true));
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        let after = world.observe().unwrap().statistics.unwrap();
        assert_eq!(after.total_connections, 18, "what was counted stays counted");
        assert!(after.bytes_in > before.bytes_in);
        assert_eq!(world.driver.deployed()?[0].generation, 3);
        Ok(())
    });
}

#[test]
fn udp_is_served_where_there_is_nothing_else_and_an_undeploy_leaves_nothing() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        asked.listeners.remove(0);
        asked.pools.remove(0);
        world.deploy(&asked, 1);
        assert_eq!(answers(&world, 4), [(1, 2), (2, 2)].into());
        let port = parameter(&world, "ipv4/ip_unprivileged_port_start");
        assert_eq!(port, "0");
        // Each level can be down, and nobody is served then.
        for level in 0..3 {
            let mut down = asked.clone();
            *[&mut down.admin_state_up, &mut down.listeners[0].admin_state_up, &mut down.pools[0].admin_state_up]
                [level] = false;
            world.deploy(&down, 2);
            assert!(ask(&socket(&world, None)).is_err(), "{level}");
            world.deploy(&asked, 3);
            assert_eq!(answers(&world, 4), [(1, 2), (2, 2)].into(), "{level}");
        }
        assert_eq!(totals(&world).total_connections, 16);
        let mut without = asked.clone();
        without.vip = None;
        world.deploy(&without, 4);
        assert_eq!(world.observe().unwrap().statistics.unwrap().total_connections, 16);
        world.deploy(&asked, 5);
        assert_eq!(answers(&world, 4), [(1, 2), (2, 2)].into());
        assert_eq!(totals(&world).total_connections, 20);
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

#[test]
fn counters_go_on_over_changes_restarts_and_a_table_that_is_made_anew() {
    in_world(|mut world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        world.deploy(&asked(), 1);
        answers(&world, 6);
        let first = totals(&world);
        assert_eq!((first.total_connections, first.active_connections), (6, 6));
        // A datagram of one byte, with its headers.
        assert_eq!((first.bytes_in, first.bytes_out), (6 * 29, 6 * 29));
        let mut other = asked();
        other.pools[1].members.pop();
        world.deploy(&other, 2);
        answers(&world, 2);
        assert_eq!(totals(&world).total_connections, 8);
        world.restart_driver();
        assert_eq!(world.driver.deployed()?[0].generation, 2);
        assert_eq!(totals(&world).total_connections, 8);
        tools::delete_table(&world);
        assert_eq!(totals(&world).total_connections, 8, "nobody has made it anew yet");
        assert_eq!(world.driver.deployed()?[0].generation, 0);
        world.deploy(&asked(), 3);
        answers(&world, 2);
        assert_eq!(totals(&world).total_connections, 10);
        Ok(())
    });
}

#[test]
fn what_was_changed_by_hand_is_seen_and_put_back() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let generation = || world.driver.deployed().map(|all| all[0].generation);
        let parameters = [
            ("ipv4/ip_forward", "0"),
            ("ipv4/ip_local_port_range", "1024 65535"),
            ("ipv4/conf/all/send_redirects", "1"),
        ];
        for (key, value) in parameters {
            world.deploy(&asked(), 1);
            assert_eq!(generation()?, 1, "before: {key}");
            set(&world, key, &format!("'{value}'"));
            assert_eq!(generation()?, 0, "{key}");
        }
        world.deploy(&asked(), 1);
        // The namespace may go with all that is in it.
        inside(&world, &format!("ip link del {}", crate::lost::INSIDE));
        assert_eq!(generation()?, 0);
        world.deploy(&asked(), 1);
        assert_eq!(answers(&world, 4), [(1, 2), (2, 2)].into());
        assert_eq!(generation()?, 1);
        Ok(())
    });
}

#[test]
fn clients_of_one_network_come_to_the_member_that_they_had() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        asked.pools[1].session_persistence = Some(persistent(3, "255.255.255.240"));
        asked.pools[1].lb_method = LbMethod::RoundRobin.into();
        world.deploy(&asked, 1);
        let mut had = Vec::new();
        // Sixteen addresses are a client.
        for client in clients(&world, &[97, 98, 110, 113]) {
            let found: Vec<u8> = (0..4).map(|_| ask(&socket(&world, Some(client)))).collect::<Result<_, _>>()?;
            assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
            had.push(found[0]);
        }
        assert!(had[0] == had[1] && had[1] == had[2] && had[2] != had[3], "{had:?}");
        // It is remembered for three seconds.
        let client = clients(&world, &[97])[0];
        wait_until(SOON, "another member", || {
            std::thread::sleep(std::time::Duration::from_millis(3_300));
            (ask(&socket(&world, Some(client))).ok()? != had[0]).then_some(())
        });
        Ok(())
    });
}

#[test]
fn only_those_who_may_are_served_and_only_as_many() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        asked.listeners[1].allowed_cidrs = vec!["10.0.0.96/28".into()];
        asked.listeners[1].connection_limit = 3;
        world.deploy(&asked, 1);
        let client = clients(&world, &[97])[0];
        assert!(ask(&socket(&world, None)).is_err());
        let served = (0..6).filter(|_| ask(&socket(&world, Some(client))).is_ok()).count();
        assert_eq!(served, 3);
        let full = |world: &crate::world::World<'_>| {
            let seen = world.observe()?.listeners.into_iter().find(|one| one.listener_id == DATAGRAMS)?;
            Some((seen.full, seen.statistics?.active_connections))
        };
        assert_eq!(full(&world), Some((true, 3)));
        for (limit, is_served) in [(0, false), (i32::MAX, true), (0, false), (-1, true)] {
            asked.listeners[1].connection_limit = limit;
            world.deploy(&asked, 2);
            assert_eq!(ask(&socket(&world, Some(client))).is_ok(), is_served, "{limit}");
        }
        // Nobody can be read out of this: nobody is let in.
        asked.listeners[1].allowed_cidrs = vec!["x".into()];
        assert_eq!(world.driver.deploy(&asked, 3)?.len(), 1);
        assert!(ask(&socket(&world, Some(client))).is_err());
        Ok(())
    });
}

#[test]
fn both_ip_versions_have_their_members() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start_at(&world, 2, "[fd00::12]:8080".parse()?)];
        let mut asked = asked();
        asked.additional_vips = vec![ballast_abi::Vip { address: "fd00::4".into(), ..vip("fd00::4", 64) }];
        asked.pools[1].members[1].address = "fd00::12".into();
        asked.pools[1].monitors = vec![monitor(MonitorType::UdpConnect)];
        world.deploy(&asked, 1);
        wait_until(SOON, "both", || (world.health()? == [Health::Up; 4]).then_some(()));
        assert_eq!(answers(&world, 2), [(1, 2)].into());
        let six = on(&world.client, || open_to("[fd00::4]:80", "fd00::5".parse().unwrap()));
        assert_eq!(ask(&six)?, 2);
        assert_eq!(parameter(&world, "ipv6/conf/all/forwarding"), "1");
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        Ok(())
    });
}

/// It forwards, and still it is nobody's router.
#[test]
fn no_neighbour_sends_anything_of_its_own_through_it() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        let route = Route { destination: "192.0.2.0/24".into(), next_hop: "10.0.0.12".into() };
        asked.vip.iter_mut().for_each(|vip| vip.routes = vec![route.clone()]);
        world.web[1].address("eth0", "192.0.2.7/32")?;
        world.client.output("ip", ["route", "replace", "192.0.2.7", "via", "10.0.0.4"])?;
        let gets_through = || world.client.output("ping", ["-c", "2", "-W", "1", "192.0.2.7"]).is_ok();
        world.deploy(&asked, 1);
        assert!(!gets_through());
        assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into());
        tools::delete_table(&world);
        assert!(gets_through(), "there is nothing else in the way");
        world.deploy(&asked, 1);
        assert!(!gets_through());
        Ok(())
    });
}

#[test]
fn the_kernel_declares_what_it_can() {
    in_world(|world| {
        let declared = world.driver.capabilities().features;
        for feature in ["protocol:UDP", "protocol:SCTP", "monitor:UDP-CONNECT", "monitor:SCTP", "persistence:timeout"] {
            assert!(declared.iter().any(|one| one == feature), "{feature}");
        }
        Ok(())
    });
}
