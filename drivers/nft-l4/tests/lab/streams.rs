//! TCP.

use std::fs;

use ballast_abi::{Driver, LbMethod, Member, PersistenceType, Protocol, SessionPersistence, features};
use ballast_lab::wait_until;

use crate::{
    tools::{Serving, answers, connect, counted, speak, within},
    world::{ID, SOON, in_world, load_balancer, member, vip},
};

#[test]
fn connections_are_balanced_and_go_on_whatever_changes_and_without_the_driver() {
    in_world(|mut world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let mut asked = load_balancer(Protocol::Tcp);
        world.deploy(&asked, 1);
        assert_eq!(answers(&world, 10), [(1, 5), (2, 5)].into());
        let kept = [connect(&world, "10.0.0.4:80")?, connect(&world, "10.0.0.4:80")?];
        let had = [speak(&kept[0])?, speak(&kept[1])?];
        asked.pools[0].members[0].weight = 3;
        world.deploy(&asked, 2);
        assert_eq!(answers(&world, 8), [(1, 6), (2, 2)].into());
        asked.pools[0].members[1].admin_state_up = false;
        world.deploy(&asked, 3);
        assert_eq!(answers(&world, 4), [(1, 4)].into());
        assert_eq!([speak(&kept[0])?, speak(&kept[1])?], had, "who is admin-down keeps what it has");
        let counted = world.statistics();
        assert_eq!(counted.total_connections, 24);
        assert!(counted.bytes_in > 0 && counted.bytes_out > 0 && counted.active_connections >= 2, "{counted:?}");
        // Nobody has to be there for it.
        world.end_driver();
        assert_eq!(answers(&world, 4), [(1, 4)].into());
        assert_eq!([speak(&kept[0])?, speak(&kept[1])?], had);
        world.start_driver();
        assert_eq!((world.generation(), world.statistics().total_connections), (3, 28));
        // One that is gone takes its connections along.
        asked.pools[0].members.remove(usize::from(had[0]) - 1);
        world.deploy(&asked, 4);
        assert!(speak(&kept[0]).is_err());
        assert_eq!(speak(&kept[1])?, had[1]);
        world.driver().undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

/// The one interface and no process of anybody's.
#[test]
fn a_namespace_has_rules_and_no_process() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        world.deploy(&load_balancer(Protocol::Tcp), 1);
        assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into());
        let own = within(&world, || fs::read_link("/proc/thread-self/ns/net"))?;
        let inside = fs::read_dir("/proc")?
            .flatten()
            .filter(|entry| fs::read_link(entry.path().join("ns/net")).is_ok_and(|namespace| namespace == own));
        assert_eq!(inside.map(|entry| entry.file_name()).collect::<Vec<_>>(), [""; 0]);
        Ok(())
    });
}

#[test]
fn what_is_down_refuses_and_what_is_over_the_limit_too() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let asked = load_balancer(Protocol::Tcp);
        for level in 0..4 {
            let mut down = asked.clone();
            match level {
                0 => down.admin_state_up = false,
                1 => down.listeners[0].admin_state_up = false,
                2 => down.pools[0].admin_state_up = false,
                _ => down.pools[0].members.clear(),
            }
            world.deploy(&asked, 1);
            assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into(), "{level}");
            world.deploy(&down, 2);
            let refused = connect(&world, "10.0.0.4:80").unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{level}");
        }
        let mut limited = asked.clone();
        limited.listeners[0].connection_limit = 2;
        world.deploy(&limited, 3);
        let open: Vec<_> = (0..2).map(|_| connect(&world, "10.0.0.4:80").unwrap()).collect();
        assert!(open.iter().all(|stream| speak(stream).is_ok()));
        assert!(connect(&world, "10.0.0.4:80").is_err());
        assert!(world.observe().unwrap().listeners[0].full);
        let mut elsewhere = asked;
        elsewhere.listeners[0].allowed_cidrs = vec!["192.0.2.0/24".into()];
        world.deploy(&elsewhere, 4);
        assert!(connect(&world, "10.0.0.4:80").is_err());
        elsewhere.listeners[0].allowed_cidrs.push("10.0.0.0/24".into());
        world.deploy(&elsewhere, 5);
        assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into());
        Ok(())
    });
}

#[test]
fn both_ip_versions_several_listeners_and_a_shared_pool_are_served() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let mut asked = load_balancer(Protocol::Tcp);
        asked.additional_vips = vec![vip("fd00::4", 64)];
        asked.pools[0].members.push(Member { address: "fd00::12".into(), ..member(3) });
        let mut other = asked.listeners[0].clone();
        (other.id, other.protocol_port) = ("another-listener".into(), 8443);
        asked.listeners.push(other);
        world.deploy(&asked, 1);
        for port in [80, 8443] {
            let four = (0..4).map(|_| speak(&connect(&world, &format!("10.0.0.4:{port}"))?));
            assert_eq!(counted(four), [(1, 2), (2, 2)].into(), "{port}");
            let six = (0..2).map(|_| speak(&connect(&world, &format!("[fd00::4]:{port}"))?));
            assert_eq!(counted(six), [(2, 2)].into(), "{port}");
        }
        assert_eq!(world.observe().unwrap().listeners.len(), 2);
        Ok(())
    });
}

#[test]
fn a_client_comes_back_to_its_member_and_backups_wait_for_their_turn() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        for method in [LbMethod::RoundRobin, LbMethod::SourceIp, LbMethod::SourceIpPort, LbMethod::LeastConnections] {
            let mut asked = load_balancer(Protocol::Tcp);
            asked.pools[0].lb_method = method.into();
            if method != LbMethod::SourceIp {
                asked.pools[0].session_persistence =
                    Some(SessionPersistence { r#type: PersistenceType::SourceIp.into(), ..Default::default() });
            }
            world.deploy(&asked, 1);
            assert_eq!(answers(&world, 8).len(), 1, "{method:?}");
        }
        let mut asked = load_balancer(Protocol::Tcp);
        asked.pools[0].members[1].backup = true;
        world.deploy(&asked, 2);
        assert_eq!(answers(&world, 4), [(1, 4)].into());
        asked.pools[0].members[0].admin_state_up = false;
        world.deploy(&asked, 3);
        assert_eq!(answers(&world, 4), [(2, 4)].into());
        Ok(())
    });
}

#[test]
fn what_is_not_declared_is_not_there_and_shapes_are() {
    in_world(|world| {
        let declared = world.driver().capabilities();
        let has = |feature: &str| declared.features.iter().any(|one| one == feature);
        for feature in ["protocol:TCP", "protocol:UDP", "protocol:SCTP", "listener:timeouts", "monitor:TLS-HELLO"] {
            assert!(has(feature), "{feature}");
        }
        assert!(features::SHAPES.into_iter().all(has) && !has("protocol:HTTP"));
        assert_eq!(declared.physical_networks, ["physnet1"]);
        // Nothing serves an address without a listener, and it is there.
        let mut asked = load_balancer(Protocol::Tcp);
        asked.listeners.clear();
        world.deploy(&asked, 1);
        wait_until(SOON, "an answer", || world.client.output("ping", ["-c", "1", "-W", "1", "10.0.0.4"]).ok());
        assert!(connect(&world, "10.0.0.4:80").is_err());
        Ok(())
    });
}
