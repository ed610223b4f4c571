//! Several addresses of one load balancer.

use ballast_abi::{Driver, Vip};

use crate::world::{ID, VIP, in_world, load_balancer, member, vip};

#[test]
fn an_ipv6_address_beside_the_ipv4_one_serves_at_once_with_members_of_both_and_goes_without_a_trace() {
    in_world(|mut world| {
        let server = world.web[0].web_server("web-6", "[fd00::11]:8080".parse()?)?;
        world.servers.push(Some(server));
        world.deploy(&load_balancer(), 1);
        let mut asked = load_balancer();
        asked.additional_vips = vec![Vip { gateway: "fd00::5".into(), ..vip("fd00::4", 64) }];
        asked.pools[0].members = vec![member(2), member(3)];
        asked.pools[0].members[1].address = "fd00::11".into();
        world.deploy(&asked, 2);
        assert_eq!(world.answers("http://[fd00::4]/", 4), ["web-2", "web-6"]);
        assert_eq!(world.answers(VIP, 4), ["web-2", "web-6"]);
        assert_eq!(world.driver.deployed()?[0].generation, 2, "nothing is missing");
        world.deploy(&asked, 3);
        world.deploy(&load_balancer(), 4);
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        assert!(world.get("http://[fd00::4]/").is_err());
        world.driver.undeploy(ID)?;
        world.deploy(&asked, 5);
        assert_eq!(world.answers("http://[fd00::4]/", 4), ["web-2", "web-6"]);
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}
