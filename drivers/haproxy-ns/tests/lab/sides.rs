//! One of two sides: the VIP comes and goes, and the driver does neither.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{fs::File, net::TcpStream, process::Command, time::Duration};

use ballast_abi::{Driver, Effect, LoadBalancer, PersistenceType, SessionPersistence, Side};
use ballast_driver_haproxy_ns::ProcessModel;
use ballast_lab::wait_until;
use ballast_netns::namespace;

use crate::world::{ID, SOON, VIP, World, in_world, link_exists, load_balancer, process_model};

const OUTSIDE_OF_SIDE: &str = "tap5a1b7c52-aa";

fn one_of_two(peers: &[&str]) -> LoadBalancer {
    let mut asked = load_balancer();
    let r#type = PersistenceType::SourceIp.into();
    asked.pools[0].session_persistence = Some(SessionPersistence { r#type, ..SessionPersistence::default() });
    asked.side = Some(Side {
        number: 1,
        port_id: "5a1b7c52-aaaa-4bbb-8ccc-0123456789ab".into(),
        mac: "fa:16:3e:00:00:21".into(),
        addresses: vec!["10.0.0.21".into()],
        peer_addresses: peers.iter().map(|&peer| peer.to_owned()).collect(),
    });
    asked
}

/// `ip` in its namespace.
fn ip(world: &World<'_>, words: &[&str]) -> String {
    let namespace = world.lab.dir().join("netns").join(format!("qlbaas-{ID}"));
    let mut command = Command::new("nsenter");
    let output = command.arg(format!("--net={}", namespace.display())).arg("ip").args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the client gets a connection within a second.
fn connects(world: &World<'_>, to: &str) -> bool {
    let client = File::open(format!("/proc/{}/ns/net", world.client.keeper_pid())).unwrap();
    let to = to.parse().unwrap();
    let connected = namespace::on_own_thread("connect", || {
        namespace::enter(&client).unwrap();
        TcpStream::connect_timeout(&to, Duration::from_secs(1)).is_ok()
    });
    connected.unwrap()
}

#[test]
fn the_vip_is_listened_at_before_it_is_there_and_left_alone_when_it_is() {
    // A process that is shared has no sides.
    if process_model() == ProcessModel::PerProject {
        return;
    }
    in_world(|world| {
        world.deploy(&one_of_two(&[]), 1);
        assert!(link_exists(OUTSIDE_OF_SIDE));
        let shown = ip(&world, &["-o", "address"]);
        assert!(shown.contains("10.0.0.21/24") && !shown.contains("10.0.0.4/"), "{shown}");
        assert!(world.connect("10.0.0.4:80").is_err(), "nobody has it");
        ip(&world, &["address", "add", "10.0.0.4/32", "dev", "ns-5a1b7c52-aa"]);
        let body = wait_until(SOON, "an answer", || world.get(VIP).ok());
        // The other side is placed: no more than a reload, and who is remembered stays so.
        let pid = world.pid();
        let reply = world.driver.take_over(&one_of_two(&["10.0.0.22"]), 2, &[]).unwrap();
        assert_eq!((reply.effect(), reply.faults), (Effect::Reload, Vec::new()));
        assert_ne!(world.pid(), pid);
        for _ in 0..6 {
            assert_eq!(world.get(VIP).unwrap(), body);
        }
        let reply = world.driver.take_over(&one_of_two(&["10.0.0.22"]), 2, &[]).unwrap();
        assert_eq!(reply.effect(), Effect::None, "the VIP is nothing that has changed");
        assert!(ip(&world, &["-o", "address"]).contains("10.0.0.4/32"));
        assert!(!connects(&world, "10.0.0.21:1025"), "what the peers say is for the other side alone");
        world.driver.undeploy(ID).unwrap();
        assert!(!link_exists(OUTSIDE_OF_SIDE));
        world.assert_nothing_is_left();
        Ok(())
    });
}
