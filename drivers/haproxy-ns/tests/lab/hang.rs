//! A haproxy that hangs: it is found, ended and started again, and no other load balancer notices.

use std::time::Instant;

use ballast_abi::{Driver, LoadBalancer, Vip};
use ballast_lab::wait_until;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::world::{ID, SOON, VIP, in_world, load_balancer, vip};

const OTHERS_VIP: &str = "http://10.0.0.6/";

fn other() -> LoadBalancer {
    let port_id = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee".to_owned();
    let vip = Vip { port_id, mac: "fa:16:3e:00:00:06".into(), ..vip("10.0.0.6", 24) };
    LoadBalancer { id: "other".into(), vip: Some(vip), ..load_balancer() }
}

#[test]
fn one_that_hangs_is_started_again_and_nobody_else_notices() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        world.deploy(&other(), 1);
        let stopped = world.pid();
        kill(Pid::from_raw(stopped), Signal::SIGSTOP)?;
        let start = Instant::now();
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| (world.driver.observe(&[]).unwrap(), world.driver.deployed().unwrap()));
            // Nobody waits for it who wants something else.
            for generation in 2..5 {
                let mut changed = other();
                changed.pools[0].members[0].weight = u32::try_from(generation).unwrap();
                world.deploy(&changed, generation);
            }
            let done = start.elapsed();
            let (observed, deployed) = looking.join().unwrap();
            assert!(done < start.elapsed(), "the deploys of another waited for it: {done:?}");
            assert_eq!(observed.len(), 1, "{observed:?}");
            assert_eq!(observed[0].load_balancer_id, "other");
            let lost = deployed.iter().find(|deployed| deployed.load_balancer_id == ID).unwrap();
            assert_eq!(lost.generation, 0);
        });
        std::thread::scope(|scope| {
            let mending = scope.spawn(|| world.deploy(&load_balancer(), 1));
            // While a pass is at it, others are observed all the same.
            let observed = world.driver.observe(&[]).unwrap();
            assert!(observed.iter().any(|one| one.load_balancer_id == "other"), "{observed:?}");
            mending.join().unwrap();
        });
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        assert_ne!(world.pid(), stopped);
        wait_until(SOON, "the one that hung is gone", || kill(Pid::from_raw(stopped), None).is_err().then_some(()));
        // Its weights are 4 and 1.
        assert_eq!(world.answers(OTHERS_VIP, 10), ["web-1", "web-2"]);
        let generations: Vec<u64> = world.driver.deployed()?.iter().map(|deployed| deployed.generation).collect();
        assert_eq!(generations, [1, 4]);
        Ok(())
    });
}

#[test]
fn one_that_hangs_is_undeployed_like_any_other() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        kill(Pid::from_raw(world.pid()), Signal::SIGSTOP)?;
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}
