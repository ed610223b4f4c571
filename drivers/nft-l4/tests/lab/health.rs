//! Members are checked by the driver, and the rules follow without a deploy.

use ballast_abi::{Health, KnownHealth, LoadBalancer, MonitorType, Protocol};
use ballast_lab::wait_until;

use crate::{
    tools::{Serving, answers, connect, speak},
    world::{SOON, World, in_world, load_balancer, monitor},
};

fn wait_for(world: &World<'_>, expected: [Health; 2]) {
    wait_until(SOON, &format!("{expected:?}"), || (world.health()? == expected).then_some(()));
}

/// Who answers now, as soon as it is these.
fn wait_for_answers(world: &World<'_>, expected: &[u8]) {
    wait_until(SOON, &format!("answers of {expected:?}"), || {
        let found: Result<std::collections::BTreeSet<u8>, _> =
            (0..6).map(|_| speak(&connect(world, "10.0.0.4:80")?)).collect();
        found.is_ok_and(|found| found.iter().eq(expected)).then_some(())
    });
}

fn checked(kind: MonitorType) -> LoadBalancer {
    let mut asked = load_balancer(Protocol::Tcp);
    asked.pools[0].monitors = vec![monitor(kind)];
    asked.known_health = Some(KnownHealth::default());
    asked
}

#[test]
fn one_that_fails_gets_nothing_until_it_is_back_and_also_from_the_next_process_of_the_driver() {
    in_world(|mut world| {
        let first = Serving::start(&world, 1);
        let second = Serving::start(&world, 2);
        world.deploy(&checked(MonitorType::Tcp), 1);
        wait_for(&world, [Health::Up, Health::Up]);
        wait_for_answers(&world, &[1, 2]);
        drop(second);
        wait_for(&world, [Health::Up, Health::Down]);
        wait_for_answers(&world, &[1]);
        assert_eq!(world.generation(), 1, "what a check has changed is as it should be");
        world.end_driver();
        assert_eq!(answers(&world, 4), [(1, 4)].into());
        world.start_driver();
        let second = Serving::start(&world, 2);
        wait_for(&world, [Health::Up, Health::Up]);
        wait_for_answers(&world, &[1, 2]);
        drop(first);
        wait_for(&world, [Health::Down, Health::Up]);
        wait_for_answers(&world, &[2]);
        drop(second);
        wait_for(&world, [Health::Down, Health::Down]);
        wait_until(SOON, "nobody is left", || connect(&world, "10.0.0.4:80").is_err().then_some(()));
        Ok(())
    });
}

#[test]
fn each_kind_of_check_of_tcp_tells_who_is_up() {
    in_world(|world| {
        let _first = Serving::start(&world, 1);
        let web = world.members[1].web_server("web", "10.0.0.12:8080".parse()?)?;
        // Both are there; the first speaks neither HTTP nor TLS, and the second no TLS.
        for (kind, expected) in [
            (MonitorType::Ping, [Health::Up, Health::Up]),
            (MonitorType::Tcp, [Health::Up, Health::Up]),
            (MonitorType::Http, [Health::Down, Health::Up]),
            (MonitorType::TlsHello, [Health::Down, Health::Down]),
            (MonitorType::Https, [Health::Down, Health::Down]),
        ] {
            world.deploy(&checked(kind), 1);
            wait_for(&world, expected);
        }
        drop(web);
        Ok(())
    });
}
