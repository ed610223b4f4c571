//! Host routes as Neutron takes them: whatever they are, the subnet's own hosts are neighbours, and what can be reached is.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use ballast_abi::{Driver, LoadBalancer, Member, Route, Vip};

use crate::{
    lost::{INSIDE, inside},
    world::{World, in_world, load_balancer, member, vip},
};

/// What the routes are, the gateway, and the routes.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// `FAR` is reached by web-2, and by nobody at the address that ends in 99.
const CASES: [Case; 17] = [
    ("one", "", &[("192.0.2.0/24", "10.0.0.12")]),
    ("one with host bits", "", &[("192.0.2.77/24", "10.0.0.12")]),
    ("the same twice", "", &[("192.0.2.0/24", "10.0.0.12"), ("192.0.2.0/24", "10.0.0.12")]),
    ("two ways to one place", "", &[("192.0.2.0/24", "10.0.0.12"), ("192.0.2.0/24", "10.0.0.99")]),
    ("two ways, once with host bits", "", &[("192.0.2.0/24", "10.0.0.12"), ("192.0.2.9/24", "10.0.0.99")]),
    ("a narrow way and a wide one", "", &[("192.0.0.0/16", "10.0.0.99"), ("192.0.2.0/24", "10.0.0.12")]),
    ("the subnet itself", "", &[("10.0.0.0/24", "10.0.0.99"), ("192.0.2.0/24", "10.0.0.12")]),
    ("the subnet itself with host bits", "10.0.0.12", &[("10.0.0.7/24", "10.0.0.99")]),
    ("more than the subnet", "", &[("10.0.0.0/8", "10.0.0.99"), ("192.0.2.0/24", "10.0.0.12")]),
    ("the VIP", "10.0.0.12", &[("10.0.0.4/32", "10.0.0.99")]),
    ("by the VIP", "", &[("192.0.2.0/24", "10.0.0.4"), ("192.0.2.0/24", "10.0.0.12")]),
    ("everything", "", &[("0.0.0.0/0", "10.0.0.12")]),
    ("everything twice", "", &[("0.0.0.0/0", "10.0.0.12"), ("0.0.0.0/0", "10.0.0.99")]),
    ("everything beside a gateway", "10.0.0.12", &[("0.0.0.0/0", "10.0.0.99")]),
    ("by an address out of the subnet", "", &[("192.0.2.0/24", "203.0.113.1")]),
    ("a part of the subnet by a host in it", "", &[("10.0.0.12/31", "10.0.0.12"), ("192.0.2.0/24", "10.0.0.12")]),
    ("the gateway by itself", "10.0.0.12", &[("10.0.0.12/32", "10.0.0.12")]),
];

const CASES_OF_IPV6: [Case; 8] = [
    ("one", "", &[("2001:db8::/64", "fd00::12")]),
    ("two ways to one place", "", &[("2001:db8::/64", "fd00::12"), ("2001:db8::9/64", "fd00::99")]),
    ("the subnet itself", "fd00::12", &[("fd00::/64", "fd00::99")]),
    ("by the VIP", "fd00::12", &[("2001:db8::/64", "fd00::4")]),
    ("everything beside a gateway", "fd00::12", &[("::/0", "fd00::99")]),
    ("by an address out of the subnet", "", &[("2001:db8::/64", "2001:db8:1::1")]),
    ("a part of the subnet by a host in it", "", &[("fd00::12/127", "fd00::12"), ("2001:db8::/64", "fd00::12")]),
    ("the gateway by itself", "fd00::12", &[("fd00::12/128", "fd00::12")]),
];

fn asked(address: &str, length: u32, members: [&str; 2], (_, gateway, routes): &Case) -> LoadBalancer {
    let route = |(destination, next_hop): &(&str, &str)| Route {
        destination: (*destination).to_owned(),
        next_hop: (*next_hop).to_owned(),
    };
    let routes = routes.iter().map(route).collect();
    let mut asked = load_balancer();
    asked.vip = Some(Vip { gateway: (*gateway).to_owned(), routes, ..vip(address, length) });
    asked.pools[0].members =
        [1, 2].into_iter().zip(members).map(|(n, at)| Member { address: at.to_owned(), ..member(n) }).collect();
    asked
}

/// Both members answer, one a neighbour and one behind the route, and nothing is left to do. Also when all of it is set
/// again where it is already, and after other routes.
fn holds(world: &World<'_>, url: &str, generation: u64, (what, asked): (&str, &LoadBalancer)) {
    for generation in [generation, generation + 1] {
        if generation.is_multiple_of(2) {
            inside(world, &format!("ip link set {INSIDE} address fa:16:3e:99:99:99"));
        }
        let faults =
            world.driver.deploy(asked, generation).unwrap_or_else(|error| panic!("{what}: {error}: {}", error.detail));
        assert_eq!(faults, [], "{what}");
        assert_eq!(world.driver.deployed().unwrap()[0].generation, generation, "{what}: it is not as it was deployed");
    }
    world.wait_for_answers(url, &["far", "near"]);
}

#[test]
fn whatever_routes_a_subnet_has_its_hosts_are_reached_and_those_behind_a_route() {
    in_world(|world| {
        let [near, far] = &world.web;
        for address in ["192.0.2.7/32", "203.0.113.1/32", "2001:db8::7/128", "2001:db8:1::1/128"] {
            far.address("eth0", address)?;
        }
        let mut servers = Vec::new();
        for (host, name, address) in [
            (near, "near", "10.0.0.11:80"),
            (far, "far", "192.0.2.7:80"),
            (near, "near", "[fd00::11]:80"),
            (far, "far", "[2001:db8::7]:80"),
        ] {
            servers.push(host.web_server(name, address.parse()?)?);
        }
        let mut generation = 1;
        for (address, length, members, url, cases) in [
            ("10.0.0.4", 24, ["10.0.0.11", "192.0.2.7"], "http://10.0.0.4/", CASES.as_slice()),
            ("fd00::4", 64, ["fd00::11", "2001:db8::7"], "http://[fd00::4]/", CASES_OF_IPV6.as_slice()),
        ] {
            for case in cases {
                let mut asked = asked(address, length, members, case);
                asked.pools[0].members.iter_mut().for_each(|member| member.protocol_port = 80);
                generation += 2;
                holds(&world, url, generation, (&format!("{address}: {}", case.0), &asked));
            }
        }
        Ok(())
    });
}
