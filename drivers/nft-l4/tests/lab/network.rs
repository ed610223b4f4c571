//! Networks: the VIP moves, goes and comes, and a network's own bridge goes with its last port.

use ballast_abi::{Driver, ErrorCode, Network, Protocol};

use crate::{
    tools::{Serving, answers, connect, counted, speak},
    world::{ID, OUTSIDE, in_world, link_exists, load_balancer, vip},
};

#[test]
fn a_vip_moves_goes_and_comes_and_what_was_counted_stays() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let mut asked = load_balancer(Protocol::Tcp);
        world.deploy(&asked, 1);
        assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into());
        asked.vip = Some(vip("10.0.0.6", 24));
        world.deploy(&asked, 2);
        let moved = (0..2).map(|_| speak(&connect(&world, "10.0.0.6:80")?));
        assert_eq!(counted(moved), [(1, 1), (2, 1)].into());
        assert!(connect(&world, "10.0.0.4:80").is_err());
        let without = ballast_abi::LoadBalancer { vip: None, ..asked.clone() };
        world.deploy(&without, 3);
        assert!(!world.netns().exists() && !link_exists(OUTSIDE));
        assert_eq!((world.generation(), world.statistics().total_connections), (3, 4));
        // Another port is another interface.
        asked.vip = Some(ballast_abi::Vip { port_id: "0a1b7c52-aaaa".into(), ..vip("10.0.0.4", 24) });
        world.deploy(&asked, 4);
        assert_eq!(answers(&world, 2), [(1, 1), (2, 1)].into());
        assert!(link_exists("tap0a1b7c52-aa"));
        asked.vip = Some(vip("10.0.0.4", 24));
        world.deploy(&asked, 5);
        assert!(!link_exists("tap0a1b7c52-aa") && link_exists(OUTSIDE));
        assert_eq!((answers(&world, 2), world.statistics().total_connections), ([(1, 1), (2, 1)].into(), 8));
        Ok(())
    });
}

#[test]
fn a_network_without_attributes_has_a_bridge_that_goes_with_its_last_port_and_others_are_refused() {
    in_world(|world| {
        let mut asked = load_balancer(Protocol::Tcp);
        let id = "c0ffee00-1111-4222-8333-444444444444".to_owned();
        asked.vip.as_mut().unwrap().network = Some(Network { id, ..Network::default() });
        world.deploy(&asked, 1);
        assert!(link_exists("brqc0ffee00-11"));
        world.driver().undeploy(ID)?;
        assert!(!link_exists("brqc0ffee00-11"));
        world.assert_nothing_is_left();
        asked.vip.as_mut().unwrap().network.as_mut().unwrap().network_type = "vxlan".into();
        let error = world.driver().deploy(&asked, 2).unwrap_err();
        assert_eq!(error.code, ErrorCode::UNSUPPORTED);
        assert!(error.detail.contains("[drivers.nft-l4]"), "{}", error.detail);
        world.assert_nothing_is_left();
        Ok(())
    });
}
