//! Members that die and come back, and who waits for a check.

use std::{fs::File, io::Read};

use ballast_abi::{Driver, Health, KnownHealth, MonitorType};
use ballast_lab::wait_until;

use super::tools::{DATAGRAMS, Echo, answers, ask, asked, socket};
use crate::world::{SOON, World, in_world, member, monitor};

/// Of the members of UDP, in their order.
fn health(world: &World<'_>) -> Option<Vec<Health>> {
    let members = world.observe()?.members.into_iter();
    Some(members.filter(|one| one.pool_id == DATAGRAMS).map(|one| one.health()).collect())
}

fn wait_for(world: &World<'_>, expected: &[Health]) {
    wait_until(SOON, &format!("{expected:?}"), || (health(world)? == expected).then_some(()));
}

#[test]
fn a_member_that_dies_is_left_its_clients_go_to_others_and_it_comes_back() {
    in_world(|mut world| {
        let mut echoes = vec![Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        asked.pools[1].monitors = vec![monitor(MonitorType::UdpConnect)];
        world.deploy(&asked, 1);
        wait_for(&world, &[Health::Up, Health::Up]);
        let sockets = [socket(&world, None), socket(&world, None)];
        let had = [ask(&sockets[0])?, ask(&sockets[1])?];
        assert_ne!(had[0], had[1]);
        echoes.pop();
        wait_for(&world, &[Health::Up, Health::Down]);
        wait_until(SOON, "an answer to each", || {
            (sockets.iter().map(|socket| ask(socket).ok()).collect::<Vec<_>>() == [Some(1), Some(1)]).then_some(())
        });
        assert_eq!(answers(&world, 4), [(1, 4)].into());
        assert_eq!(world.driver.deployed()?[0].generation, 1, "that is no deploy");
        // Another process of the driver knows it as well, before any check.
        world.restart_driver();
        assert_eq!(answers(&world, 4), [(1, 4)].into());
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        echoes.push(Echo::start(&world, 2));
        wait_for(&world, &[Health::Up, Health::Up]);
        wait_until(SOON, "both", || (answers(&world, 2) == [(1, 1), (2, 1)].into()).then_some(()));
        world.deploy(&asked, 2);
        assert_eq!(world.driver.deployed()?[0].generation, 2);
        Ok(())
    });
}

#[test]
fn a_member_of_which_nothing_is_known_waits_for_its_first_check() {
    in_world(|world| {
        let _echo = Echo::start(&world, 1);
        let mut asked = asked();
        asked.known_health = Some(KnownHealth::default());
        let second = asked.pools[1].members.pop().unwrap();
        world.deploy(&asked, 1);
        assert_eq!(answers(&world, 2), [(1, 2)].into(), "nobody checks: nobody waits");
        let rare = ballast_abi::HealthMonitor { delay: 60, max_retries: 3, ..monitor(MonitorType::UdpConnect) };
        asked.pools[1].monitors = vec![rare];
        // Its port is closed, and no three checks say so in this test.
        asked.pools[1].members.push(second);
        world.deploy(&asked, 2);
        assert_eq!(answers(&world, 8), [(1, 8)].into());
        let _other = Echo::start(&world, 2);
        asked.pools[1].monitors[0].delay = 1;
        world.deploy(&asked, 3);
        wait_until(SOON, "both", || (answers(&world, 2) == [(1, 1), (2, 1)].into()).then_some(()));
        Ok(())
    });
}

/// A pool of datagrams may be checked by other means, all of which must be content.
#[test]
fn members_are_checked_by_all_monitors_of_their_pool() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        for kind in [MonitorType::Ping, MonitorType::Tcp, MonitorType::Http, MonitorType::UdpConnect] {
            asked.pools[1].monitors = vec![monitor(kind)];
            world.deploy(&asked, 1);
            wait_for(&world, &[Health::Up, Health::Up]);
        }
        let refused = ballast_abi::HealthMonitor { expected_codes: "418".into(), ..monitor(MonitorType::Http) };
        asked.pools[1].monitors.push(refused);
        asked.pools[1].members[0].backup = true;
        world.deploy(&asked, 2);
        wait_for(&world, &[Health::Down, Health::Down]);
        wait_until(SOON, "nobody", || ask(&socket(&world, None)).is_err().then_some(()));
        asked.pools[1].monitors.pop();
        world.deploy(&asked, 3);
        wait_for(&world, &[Health::Up, Health::Up]);
        wait_until(SOON, "the one that is no backup", || (answers(&world, 2) == [(2, 2)].into()).then_some(()));
        Ok(())
    });
}

/// The prober holds namespaces by its sockets, and they must go.
#[test]
fn a_namespace_whose_members_are_checked_goes_with_its_load_balancer() {
    in_world(|world| {
        let mut asked = asked();
        asked.pools[1].members = vec![member(1), ballast_abi::Member { address: "10.0.0.77".into(), ..member(2) }];
        asked.pools[1].monitors = vec![monitor(MonitorType::UdpConnect), monitor(MonitorType::Tcp)];
        for generation in 1..=3 {
            world.deploy(&asked, generation);
            world.driver.undeploy(crate::world::ID)?;
            world.assert_nothing_is_left();
        }
        let mut text = String::new();
        File::open("/proc/self/mountinfo")?.read_to_string(&mut text)?;
        assert!(!text.contains(crate::world::ID));
        Ok(())
    });
}
