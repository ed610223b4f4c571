//! Who may connect to what haproxy serves is the kernel's to say: haproxy does not hear of it, and who is connected
//! stays so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use ballast_abi::{Connections, Driver, Effect, Listener, LoadBalancer, Pool, Protocol};
use ballast_l4::{netlink::Netfilter, plan, table, wire::Command};

use ballast_lab::wait_until;

use crate::{
    datagrams::tools::{parameter, within, without_table},
    world::{ID, SOON, VIP, World, in_world, load_balancer},
};

const TCP: &str = "http://10.0.0.4:81/";
const CLIENT: &str = "10.0.0.5/32";
const OTHER: &str = "10.0.0.12/32";

/// HTTP on port 80 and TCP on 81, with the same members, and who may connect to both.
fn asked(networks: &[&str]) -> LoadBalancer {
    let mut asked = load_balancer();
    let pool = Pool { id: "tcp".into(), protocol: Protocol::Tcp.into(), ..asked.pools[0].clone() };
    let listener = Listener {
        id: "tcp-listener".into(),
        protocol: Protocol::Tcp.into(),
        protocol_port: 81,
        default_pool_id: "tcp".into(),
        ..asked.listeners[0].clone()
    };
    asked.pools.push(pool);
    asked.listeners.push(listener);
    for listener in &mut asked.listeners {
        listener.allowed_cidrs = networks.iter().map(|one| (*one).to_owned()).collect();
    }
    asked
}

/// Whether the client, and the other one, get an answer from there. What is dropped takes a second.
fn let_in(world: &World<'_>, url: &str) -> (bool, bool) {
    let arguments = ["-sf", "-m", "1", url];
    (world.client.output("curl", arguments).is_ok(), world.web[1].output("curl", arguments).is_ok())
}

/// On a connection that stays.
fn get(connection: &mut TcpStream) -> std::io::Result<bool> {
    connection.write_all(b"GET / HTTP/1.1\r\nHost: vip\r\n\r\n")?;
    let mut seen = [0; 1024];
    let length = connection.read(&mut seen)?;
    Ok(seen[..length].starts_with(b"HTTP/1.1 200"))
}

fn generations(world: &World<'_>) -> (u64, u64) {
    (world.driver.deployed().unwrap()[0].generation, world.observe().unwrap().generation)
}

fn apply(world: &World<'_>, commands: &[Command]) {
    within(world, || table::apply(&mut Netfilter::open().unwrap(), commands)).unwrap();
}

#[test]
fn networks_change_under_a_connection_that_stays_and_haproxy_stays_too() {
    in_world(|mut world| {
        world.deploy(&asked(&[CLIENT, "192.0.2.0/24"]), 1);
        for url in [VIP, TCP] {
            assert_eq!(let_in(&world, url), (true, false), "{url}");
        }
        let (pid, counted) = (world.pid(), world.connections());
        let mut kept = [world.connect("10.0.0.4:80")?, world.connect("10.0.0.4:81")?];
        for (generation, networks, expected) in
            [(2, &[OTHER][..], (false, true)), (3, &[CLIENT, OTHER], (true, true)), (4, &["fd00::/64"], (false, false))]
        {
            let said = world.driver.preview(&asked(networks), generation)?;
            assert_eq!((said.effect(), said.connections()), (Effect::Runtime, Connections::Kept), "{:?}", said.steps);
            world.deploy(&asked(networks), generation);
            assert!(kept.iter_mut().all(|one| get(one).unwrap()), "{networks:?}");
            for url in [VIP, TCP] {
                assert_eq!(let_in(&world, url), expected, "{url} {networks:?}");
            }
            assert_eq!((world.pid(), generations(&world)), (pid, (generation, generation)));
        }
        // Who is kept out is no connection of the listener's: two that are kept, and on each port two and one that
        // were let in.
        assert_eq!(world.connections(), counted + 2 + 2 * 3);
        // No connection is followed for it, and the namespace routes for nobody.
        let parameters = ["netfilter/nf_conntrack_count", "ipv4/ip_forward"].map(|key| parameter(&world, key));
        assert_eq!(parameters, ["0", "0"]);
        world.restart_driver();
        assert_eq!(generations(&world), (4, 4));
        world.deploy(&asked(&[]), 5);
        assert_eq!((let_in(&world, VIP), let_in(&world, TCP)), ((true, true), (true, true)));
        assert!(without_table(&world) && get(&mut kept[0])? && world.pid() == pid);
        world.deploy(&asked(&[OTHER]), 6);
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

/// Nobody gets in meanwhile that does not get in afterwards, whatever was lost of it: rules, or what is noted of them.
#[test]
fn rules_that_somebody_has_taken_away_are_missed_and_put_back() {
    in_world(|world| {
        let notes = world.directory().join("l4.json");
        for what in ["all", "the first chain", "a port's chain", "the notes"] {
            world.deploy(&asked(&[CLIENT]), 7);
            assert_eq!((generations(&world), let_in(&world, VIP)), ((7, 7), (true, false)), "before: {what}");
            // Without notes what serves is still as it is: only a deploy makes it known again.
            let expected = (0, if what == "the notes" { 7 } else { 0 });
            // Whoever looks after members may still have to look after this deploy, and puts rules back as well.
            wait_until(SOON, &format!("it is seen: {what}"), || {
                match what {
                    "all" => apply(&world, &plan::removal()),
                    "the first chain" => apply(&world, &[Command::FlushChain("in".to_owned())]),
                    "a port's chain" => apply(&world, &[Command::FlushChain("f80".to_owned())]),
                    _ => drop(std::fs::remove_file(&notes)),
                }
                (generations(&world) == expected).then_some(())
            });
            assert_eq!(let_in(&world, VIP).1, what != "the notes", "{what}");
            let pid = world.pid();
            world.deploy(&asked(&[CLIENT]), 7);
            assert_eq!((generations(&world), let_in(&world, VIP)), ((7, 7), (true, false)), "after: {what}");
            assert_eq!(world.pid(), pid, "{what}");
        }
        // Nor does anything stay of which nobody knows any more.
        std::fs::remove_file(&notes)?;
        world.deploy(&asked(&[]), 8);
        assert!(without_table(&world));
        assert_eq!(let_in(&world, VIP), (true, true));
        Ok(())
    });
}

/// A listener that haproxy does not bind is closed for those who may connect, and not there for others.
#[test]
fn both_ip_versions_and_listeners_that_are_down_have_their_networks() {
    in_world(|world| {
        let mut both = asked(&["10.0.0.5", "fd00::5"]);
        both.additional_vips = vec![crate::world::vip("fd00::4", 64)];
        world.deploy(&both, 1);
        for url in [VIP, TCP, "http://[fd00::4]/", "http://[fd00::4]:81/"] {
            assert_eq!(let_in(&world, url), (true, false), "{url}");
        }
        both.listeners[1].admin_state_up = false;
        world.deploy(&both, 2);
        let refused = |host: &ballast_lab::Host| match host.output("curl", ["-s", "-m", "1", TCP]) {
            Err(error) => error.to_string(),
            Ok(answer) => answer,
        };
        assert!(refused(&world.client).contains("exit status: 7"), "{}", refused(&world.client));
        assert!(refused(&world.web[1]).contains("exit status: 28"), "{}", refused(&world.web[1]));
        assert_eq!(let_in(&world, VIP), (true, false));
        Ok(())
    });
}
