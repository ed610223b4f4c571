//! Whatever a deploy made and somebody or something takes away or changes is seen by `deployed`, and put back by a deploy of
//! the same.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, process::Command};

use ballast_abi::{Driver, HealthMonitor, LoadBalancer, MonitorType, Protocol};
use ballast_l4::{netlink::Netfilter, plan, table, wire};
use ballast_lab::wait_until;
use nix::mount::{MntFlags, umount2};

use crate::{
    tools::{Serving, answers, within},
    world::{ID, OUTSIDE, SOON, World, in_world, load_balancer, monitor},
};

const INSIDE: &str = "ns-9f1b7c52-aa";

fn run(words: &str) {
    let mut words = words.split(' ');
    let program = words.next().unwrap();
    let status = Command::new(program).args(words.clone()).status().unwrap();
    assert!(status.success(), "{program} {:?}", words.collect::<Vec<_>>());
}

/// In the load balancer's namespace.
fn inside(world: &World<'_>, words: &str) {
    run(&format!("nsenter --net={} {words}", world.netns().display()));
}

/// Members that fail once, while they cannot be reached, are not down for that.
fn asked() -> LoadBalancer {
    let mut asked = load_balancer(Protocol::Tcp);
    asked.vip.as_mut().unwrap().gateway = "10.0.0.1".into();
    asked.pools[0].monitors = vec![HealthMonitor { max_retries: 10, ..monitor(MonitorType::Tcp) }];
    asked
}

/// Deploys, breaks, and holds that it is seen and mended.
fn breaks_and_is_mended(world: &World<'_>, what: &str, break_it: impl FnOnce(&World<'_>)) {
    world.deploy(&asked(), 7);
    assert_eq!(world.generation(), 7, "before: {what}");
    break_it(world);
    wait_until(SOON, &format!("it is seen: {what}"), || (world.generation() == 0).then_some(()));
    world.deploy(&asked(), 7);
    assert_eq!(world.generation(), 7, "after: {what}");
    assert!(answers(world, 6).into_keys().eq([1, 2]), "after: {what}");
}

#[test]
fn what_was_lost_is_seen_and_put_back() {
    let on_the_host = ["link del tap", "link set tap down", "link set tap nomaster"];
    let in_the_namespace = [
        "link set lo down",
        "link set ns address fa:16:3e:99:99:99",
        "addr del 10.0.0.4/24 dev ns",
        "addr add 10.0.0.77/24 dev ns",
        "neigh del 10.0.0.11 dev ns",
        "route del default",
        "link del ns",
    ];
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        for line in on_the_host {
            breaks_and_is_mended(&world, line, |_| run(&format!("ip {}", line.replace("tap", OUTSIDE))));
        }
        for line in in_the_namespace {
            breaks_and_is_mended(&world, line, |world| inside(world, &format!("ip {}", line.replace("ns", INSIDE))));
        }
        for (key, value) in [("ipv4/conf/all/forwarding", "0"), ("ipv4/ip_local_port_range", "1024 2000")] {
            let set = || fs::write(format!("/proc/sys/net/{key}"), value).unwrap();
            breaks_and_is_mended(&world, key, |world| within(world, set));
        }
        breaks_and_is_mended(&world, "the rules", |world| {
            within(world, || table::apply(&mut Netfilter::open().unwrap(), &plan::removal())).unwrap();
        });
        breaks_and_is_mended(&world, "the namespace", |world| {
            umount2(&world.netns(), MntFlags::MNT_DETACH).unwrap();
            fs::remove_file(world.netns()).unwrap();
        });
        breaks_and_is_mended(&world, "the namespace but for its name", |world| {
            umount2(&world.netns(), MntFlags::MNT_DETACH).unwrap();
        });
        breaks_and_is_mended(&world, "what was noted of it", |world| {
            fs::write(world.directory().join("state.json"), "{\"gen").unwrap();
        });
        Ok(())
    });
}

/// Without its notes nobody knows what ran, and still it is taken over and goes without a trace.
#[test]
fn notes_that_are_lost_cost_counters_and_nothing_else() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        world.deploy(&asked(), 1);
        assert_eq!(answers(&world, 4), [(1, 2), (2, 2)].into());
        for lost in ["l4.json", "state.json"] {
            fs::remove_file(world.directory().join(lost))?;
            world.deploy(&asked(), 2);
            assert_eq!(world.generation(), 2, "{lost}");
            assert_eq!(answers(&world, 4), [(1, 2), (2, 2)].into(), "{lost}");
        }
        fs::remove_file(world.directory().join("l4.json"))?;
        fs::remove_file(world.directory().join("state.json"))?;
        world.driver().undeploy(ID)?;
        world.assert_nothing_is_left();
        world.driver().undeploy(ID)?;
        Ok(())
    });
}

/// The counter that says which rules there are stays, and still they are missed.
#[test]
fn rules_that_were_flushed_are_missed_and_put_back() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let asked = load_balancer(Protocol::Tcp);
        for chain in ["pre", "post", "through", "l1"] {
            world.deploy(&asked, 7);
            assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into(), "before: {chain}");
            let flushed = [wire::Command::FlushChain(chain.to_owned())];
            // Whoever looks after members may still have to look after this deploy, and puts them back as well.
            wait_until(SOON, &format!("it is seen: {chain}"), || {
                within(&world, || table::apply(&mut Netfilter::open().unwrap(), &flushed)).unwrap();
                ((world.observe()?.generation, world.generation()) == (0, 0)).then_some(())
            });
            world.deploy(&asked, 7);
            assert_eq!((world.generation(), world.observe().unwrap().generation), (7, 7), "{chain}");
            assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into(), "after: {chain}");
        }
        Ok(())
    });
}
