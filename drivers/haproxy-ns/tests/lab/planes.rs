//! The flavor's `data_plane`: TCP by the kernel, without a haproxy where nothing else needs one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ballast_abi::{Driver, ErrorCode, Health, Listener, LoadBalancer, MonitorType, Pool, Protocol};
use ballast_lab::wait_until;

use crate::{
    datagrams::tools::{DATAGRAMS, Echo, answers, asked, parameter, without_table},
    world::{ID, SOON, VIP, World, haproxies, in_world, load_balancer, member, monitor},
};

const KERNEL: &str = r#"{"data_plane": "kernel"}"#;
const TCP: &str = "http://10.0.0.4:81/";

fn tcp() -> (Listener, Pool) {
    let mut one = load_balancer();
    let pool = Pool { id: "tcp".into(), protocol: Protocol::Tcp.into(), ..one.pools.remove(0) };
    let listener = Listener {
        id: "tcp-listener".into(),
        protocol: Protocol::Tcp.into(),
        protocol_port: 81,
        default_pool_id: "tcp".into(),
        ..one.listeners.remove(0)
    };
    (listener, pool)
}

/// HTTP and UDP on port 80, TCP on 81.
fn all_three() -> LoadBalancer {
    let mut all = asked();
    let (listener, pool) = tcp();
    all.listeners.push(listener);
    all.pools.push(pool);
    all.flavor_data = KERNEL.into();
    all
}

fn without_http() -> LoadBalancer {
    let mut asked = all_three();
    asked.listeners.remove(0);
    asked.pools.remove(0);
    asked
}

fn connections(world: &World<'_>, listener: &str) -> u64 {
    let listeners = world.observe().unwrap().listeners.into_iter();
    let counted = listeners.filter(|one| one.listener_id == listener).filter_map(|one| one.statistics);
    counted.map(|counted| counted.total_connections).sum()
}

#[test]
fn tcp_and_udp_by_the_kernel_have_no_haproxy_at_all() {
    in_world(|mut world| {
        let options = world.driver.capabilities().flavor_options;
        assert_eq!(options.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["data_plane"]);
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = without_http();
        world.deploy(&asked, 1);
        assert_eq!(world.answers(TCP, 4), ["web-1", "web-2"]);
        assert_eq!(answers(&world, 4), [(1, 2), (2, 2)].into());
        assert_eq!((haproxies(), world.directory().join("haproxy.cfg").exists()), (vec![], false));
        assert_eq!((connections(&world, "tcp-listener"), connections(&world, DATAGRAMS)), (4, 4));
        world.restart_driver();
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        assert_eq!(world.answers(TCP, 2), ["web-1", "web-2"]);
        // A member that goes down is found by the driver's own checks.
        asked.pools[1].monitors = vec![monitor(MonitorType::Tcp)];
        world.deploy(&asked, 2);
        world.wait_for_answers(TCP, &["web-1", "web-2"]);
        world.servers[1] = None;
        world.wait_for_answers(TCP, &["web-1"]);
        wait_until(SOON, "it is down", || world.health()?.contains(&Health::Down).then_some(()));
        assert_eq!((haproxies(), world.driver.deployed()?[0].generation), (vec![], 2));
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

#[test]
fn http_by_haproxy_tcp_and_udp_by_the_kernel_are_served_at_once_for_those_who_may_connect() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = all_three();
        world.deploy(&asked, 1);
        let pid = world.pid();
        assert_eq!(
            (world.answers(VIP, 4), world.answers(TCP, 4)),
            (vec!["web-1".into(), "web-2".into()], vec!["web-1".into(), "web-2".into()])
        );
        assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into());
        let text = std::fs::read_to_string(world.directory().join("haproxy.cfg"))?;
        assert!(text.contains("mode http") && !text.contains("mode tcp"), "{text}");
        let let_in = |url: &str| {
            let arguments = ["-sf", "-m", "1", url];
            (world.client.output("curl", arguments).is_ok(), world.web[1].output("curl", arguments).is_ok())
        };
        for (generation, network, expected) in [(2, "10.0.0.5", (true, false)), (3, "10.0.0.12", (false, true))] {
            for listener in asked.listeners.iter_mut().filter(|listener| listener.protocol() != Protocol::Udp) {
                listener.allowed_cidrs = vec![network.into()];
            }
            world.deploy(&asked, generation);
            assert_eq!((let_in(VIP), let_in(TCP)), (expected, expected), "{network}");
            assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into());
            let seen = world.observe().unwrap();
            assert_eq!((seen.generation, seen.listeners.len(), world.pid()), (generation, 3, pid));
        }
        Ok(())
    });
}

#[test]
fn the_other_data_plane_is_reached_from_each_and_what_was_counted_stays_counted() {
    in_world(|world| {
        let mut asked = without_http();
        asked.listeners.remove(0);
        asked.pools.remove(0);
        let mut counted = 0;
        for (generation, plane) in (1..).zip(["haproxy", "kernel", "haproxy", "kernel"]) {
            asked.flavor_data = format!(r#"{{"data_plane": "{plane}"}}"#);
            world.deploy(&asked, generation);
            assert_eq!(world.answers(TCP, 4), ["web-1", "web-2"], "{plane}");
            let by_kernel = plane == "kernel";
            assert_eq!((haproxies().is_empty(), without_table(&world)), (by_kernel, !by_kernel));
            assert_eq!(parameter(&world, "ipv4/ip_forward"), if by_kernel { "1" } else { "0" });
            assert_eq!(world.driver.deployed()?[0].generation, generation);
            counted += 4;
            assert_eq!(world.connections(), counted, "{plane}");
            let pid = (!by_kernel).then(|| world.pid());
            world.deploy(&asked, generation);
            assert_eq!(pid, (!by_kernel).then(|| world.pid()), "nothing was left to do");
        }
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

#[test]
fn a_listener_that_the_kernel_cannot_serve_is_refused_and_the_others_are_served() {
    in_world(|world| {
        let mut asked = all_three();
        asked.pools[2].protocol = Protocol::Http.into();
        asked.pools[2].members = vec![member(1)];
        let faults = world.driver.deploy(&asked, 1)?;
        let fault = faults[0].fault.as_ref().unwrap();
        assert_eq!(
            (faults.len(), faults[0].object_id.as_str(), fault.code),
            (1, "tcp-listener", ErrorCode::UNSUPPORTED.0)
        );
        assert!(fault.message.contains("default_pool_id names a pool of HTTP"), "{}", fault.message);
        assert!(world.get(TCP).is_err());
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        Ok(())
    });
}
