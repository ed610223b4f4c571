//! From a haproxy for each load balancer to one for each project, and back.

use ballast_abi::Driver;
use ballast_driver_haproxy_ns::{Config, ProcessModel};

use super::{BOTH, assert_nothing_is_left, connections, generations, of, shared_by_project, url};
use crate::{
    tenants::one_user_only,
    world::{self, haproxies, in_world},
};

#[test]
fn load_balancers_go_over_to_the_other_model_with_their_counters_and_without_a_trace() {
    if one_user_only() {
        return ballast_lab::not_run("load_balancers_go_over_to_the_other_model", "it needs root");
    }
    in_world(|mut world| {
        let all = [of("p", 1), of("p", 2)];
        let own = Config { process_model: ProcessModel::PerLoadBalancer, ..world::config(world.lab) };
        world.start_driver(own.clone());
        for asked in &all {
            world.deploy(asked, 1);
        }
        assert_eq!(haproxies().len(), 2);
        world.answers(&url(1), 3);
        let mut made = 3;
        for _ in 0..2 {
            for (shared, processes) in [(true, 1), (false, 2)] {
                let config = if shared { shared_by_project(&world) } else { own.clone() };
                world.start_driver(config);
                assert_eq!(generations(&world), [0, 0], "they are to be deployed again");
                assert_eq!(connections(&world, &all[0]), made, "as before, until then");
                for asked in &all {
                    world.deploy(asked, 1);
                }
                assert_eq!(generations(&world), [1, 1]);
                assert_eq!(haproxies().len(), processes, "{:?}", haproxies());
                assert_eq!(connections(&world, &all[0]), made);
                for number in 1..=2 {
                    assert_eq!(world.answers(&url(number), 4), BOTH);
                }
                made += 4;
                assert_eq!(connections(&world, &all[0]), made);
            }
        }
        for asked in &all {
            world.driver.undeploy(&asked.id)?;
        }
        assert_nothing_is_left(&world);
        Ok(())
    });
}
