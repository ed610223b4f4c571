//! Where the kernel serves all listeners there is no haproxy, and one comes and goes with those that need it.

use ballast_abi::{Driver, Health, KnownHealth, MonitorType};
use ballast_lab::wait_until;

use super::tools::{Echo, answers, ask, asked, socket, totals};
use crate::world::{ID, SOON, VIP, haproxies, in_world, monitor};

#[test]
fn haproxy_runs_while_a_listener_needs_it_and_datagrams_do_not_notice() {
    in_world(|mut world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let both = asked();
        let mut alone = both.clone();
        alone.listeners.remove(0);
        alone.pools.remove(0);
        alone.pools[0].monitors = vec![monitor(MonitorType::UdpConnect)];
        alone.known_health = Some(KnownHealth::default());
        world.deploy(&alone, 1);
        wait_until(SOON, "its members", || (world.health()? == [Health::Up; 2]).then_some(()));
        // The rules follow what is known, a moment later.
        world.deploy(&alone, 1);
        assert_eq!((haproxies(), answers(&world, 4)), (vec![], [(1, 2), (2, 2)].into()));
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        world.restart_driver();
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        let kept = socket(&world, None);
        let had = ask(&kept)?;
        for generation in [2, 4] {
            world.deploy(&both, generation);
            assert_eq!((haproxies().len(), world.answers(VIP, 2).len()), (1, 2));
            assert_eq!(ask(&kept)?, had);
            let counted = world.connections();
            world.deploy(&alone, generation + 1);
            assert_eq!((haproxies(), world.directory().join("haproxy.cfg").exists()), (vec![], false));
            assert!(world.get(VIP).is_err());
            assert_eq!(ask(&kept)?, had);
            assert_eq!(world.connections(), counted, "what haproxy has counted stays counted");
            assert_eq!(world.driver.deployed()?[0].generation, generation + 1);
        }
        assert_eq!(totals(&world).total_connections, 5);
        // Without its notes it is made anew, and it comes to the same.
        std::fs::remove_file(world.directory().join("state.json"))?;
        world.deploy(&alone, 6);
        assert_eq!((haproxies(), answers(&world, 4)), (vec![], [(1, 2), (2, 2)].into()));
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}
