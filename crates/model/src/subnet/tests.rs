use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::fault::Code;

fn new(cidr: &str) -> NewSubnet {
    NewSubnet { project_id: "p".to_owned(), cidr: cidr.to_owned(), enable_dhcp: true, ..NewSubnet::default() }
}

#[test]
fn by_default_the_first_address_is_the_gateway_and_the_rest_is_allocated() {
    let subnet = Subnet::new(new("10.0.0.0/29")).unwrap();
    assert_eq!(subnet.gateway_ip, Some("10.0.0.1".parse().unwrap()));
    let mut taken = BTreeSet::new();
    let mut chosen = Vec::new();
    while let Some(address) = subnet.choose_address(&taken) {
        chosen.push(address.to_string());
        taken.insert(address);
    }
    assert_eq!(chosen, ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
}

#[test]
fn a_gateway_in_the_middle_splits_the_pool() {
    let subnet = Subnet::new(NewSubnet { gateway_ip: Some("10.0.0.3".to_owned()), ..new("10.0.0.0/29") }).unwrap();
    let shown: Vec<_> = subnet.allocation_pools.iter().map(|pool| format!("{}-{}", pool.start, pool.end)).collect();
    assert_eq!(shown, ["10.0.0.1-10.0.0.2", "10.0.0.4-10.0.0.6"]);
}

#[test]
fn the_address_of_all_routers_may_be_an_ipv6_gateway_and_nobody_elses() {
    let routers: IpAddr = "fd00::".parse().unwrap();
    let subnet = Subnet::new(NewSubnet { gateway_ip: Some("fd00::".to_owned()), ..new("fd00::/64") }).unwrap();
    assert_eq!(subnet.gateway_ip, Some(routers));
    assert_eq!(subnet.choose_address(&BTreeSet::new()), Some("fd00::1".parse().unwrap()));
    assert!(subnet.check_address(routers).is_err());
    assert!(Subnet::new(NewSubnet { gateway_ip: Some("fd01::".to_owned()), ..new("fd00::/64") }).is_err());
}

#[test]
fn an_address_outside_or_the_gateways_is_refused() {
    let subnet = Subnet::new(new("10.0.0.0/24")).unwrap();
    for bad in ["10.0.1.1", "10.0.0.0", "10.0.0.1", "10.0.0.255", "fd00::1"] {
        let fault = subnet.check_address(bad.parse().unwrap()).unwrap_err();
        assert_eq!(fault.code(), Code::AddressNotInSubnet, "{bad}");
    }
    assert!(subnet.check_address("10.0.0.254".parse().unwrap()).is_ok());
}

#[test]
fn contradictions_are_refused() {
    let pool = |start: &str, end: &str| (start.to_owned(), end.to_owned());
    for bad in [
        NewSubnet { cidr: "10.0.0.0".to_owned(), ..new("") },
        NewSubnet { ip_version: 6, ..new("10.0.0.0/24") },
        NewSubnet { gateway_ip: Some("10.1.0.1".to_owned()), ..new("10.0.0.0/24") },
        NewSubnet { gateway_ip: Some("10.0.0.0".to_owned()), ..new("10.0.0.0/24") },
        NewSubnet { gateway_ip: Some("10.0.0.255".to_owned()), ..new("10.0.0.0/24") },
        NewSubnet { allocation_pools: vec![pool("10.0.0.200", "10.0.0.255")], ..new("10.0.0.0/24") },
        NewSubnet { allocation_pools: vec![pool("10.0.0.9", "10.0.0.5")], ..new("10.0.0.0/24") },
        NewSubnet { allocation_pools: vec![pool("10.0.0.1", "10.0.0.5")], ..new("10.0.0.0/24") },
        NewSubnet {
            allocation_pools: vec![pool("10.0.0.5", "10.0.0.9"), pool("10.0.0.9", "10.0.0.12")],
            ..new("10.0.0.0/24")
        },
    ] {
        assert!(Subnet::new(bad.clone()).is_err(), "{bad:?}");
    }
}

#[test]
fn a_subnet_in_which_no_host_can_live_is_refused() {
    for bad in [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "0.0.0.0/24",
        "0.1.2.0/24",
        "127.0.0.0/8",
        "127.1.0.0/16",
        "126.0.0.0/7",
        "169.254.0.0/16",
        "169.254.10.0/24",
        "224.0.0.0/4",
        "239.1.0.0/16",
        "255.255.255.255/32",
        "::/0",
        "::/128",
        "::1/128",
        "::/64",
        "::10.0.0.0/120",
        "::ffff:0:0/96",
        "::ffff:10.0.0.0/104",
        "fe80::/10",
        "fe80::/64",
        "ff00::/8",
        "ff02::/64",
    ] {
        let fault = Subnet::new(NewSubnet { enable_dhcp: false, ..new(bad) }).unwrap_err();
        assert_eq!(fault.code(), Code::InvalidInput, "{bad}: {fault}");
    }
    for good in ["10.0.0.0/8", "100.64.0.0/10", "169.253.0.0/16", "198.18.0.0/15", "fd00::/8", "2001:db8::/32"] {
        assert!(Subnet::new(new(good)).is_ok(), "{good}");
    }
}

#[test]
fn a_route_of_the_other_ip_version_or_by_an_address_of_no_host_is_refused() {
    let routed = |cidr: &str, destination: &str, next_hop: &str| {
        let host_routes = vec![(destination.to_owned(), next_hop.to_owned())];
        let changed = SubnetChange { host_routes: Some(host_routes.clone()), ..SubnetChange::default() };
        let made = Subnet::new(NewSubnet { host_routes, ..new(cidr) });
        assert_eq!(Subnet::new(new(cidr)).unwrap().change(changed).is_ok(), made.is_ok(), "{destination} {next_hop}");
        made.is_ok()
    };
    assert!(routed("10.0.0.0/24", "10.9.0.0/16", "10.0.0.7"));
    assert!(routed("10.0.0.0/24", "0.0.0.0/0", "10.0.0.7"));
    assert!(routed("fd00::/64", "fd01::/64", "fe80::1"));
    for (destination, next_hop) in [
        ("10.9.0.0/16", "fd00::1"),
        ("fd00::/64", "10.0.0.7"),
        ("fd01::/64", "fd00::7"),
        ("10.9.0.0/16", "127.0.0.1"),
        ("10.9.0.0/16", "0.0.0.0"),
        ("10.9.0.0/16", "224.0.0.1"),
        ("10.9.0.0/16", "10.0.0.0"),
        ("10.9.0.0/16", "10.0.0.255"),
    ] {
        assert!(!routed("10.0.0.0/24", destination, next_hop), "{destination} {next_hop}");
    }
}

#[test]
fn a_route_that_is_there_twice_is_refused_and_two_ways_to_one_place_are_not() {
    let routed = |routes: &[(&str, &str)]| {
        let host_routes = routes.iter().map(|(to, by)| ((*to).to_owned(), (*by).to_owned())).collect();
        Subnet::new(NewSubnet { host_routes, ..new("10.0.0.0/24") })
    };
    let twice = [("10.9.0.0/16", "10.0.0.7"), ("10.8.0.0/16", "10.0.0.7"), ("10.9.1.1/16", "10.0.0.7")];
    let fault = routed(&twice).unwrap_err();
    let (destination, next_hop) = ("10.9.0.0/16".parse().unwrap(), "10.0.0.7".parse().unwrap());
    assert_eq!(fault, Fault::invalid_field("host_routes", Reason::DuplicateRoute { destination, next_hop }));
    for taken in [
        [("10.9.0.0/16", "10.0.0.7"), ("10.9.0.0/16", "10.0.0.8")],
        [("0.0.0.0/0", "10.0.0.7"), ("0.0.0.0/0", "10.0.0.8")],
        [("10.0.0.0/24", "10.0.0.7"), ("10.0.0.0/25", "10.0.0.8")],
    ] {
        assert_eq!(routed(&taken).unwrap().host_routes.len(), 2);
    }
}

#[test]
fn a_change_leaves_what_it_does_not_name() {
    let before = Subnet::new(new("10.0.0.0/24")).unwrap();
    assert_eq!(before.clone().change(SubnetChange::default()).unwrap(), before);
    let change = SubnetChange {
        gateway_ip: Some(String::new()),
        host_routes: Some(vec![("10.9.0.0/16".to_owned(), "10.0.0.7".to_owned())]),
        ..SubnetChange::default()
    };
    let after = before.clone().change(change).unwrap();
    assert_eq!((after.gateway_ip, after.host_routes.len()), (None, 1));
    assert!(after.routes_differ(&before));
    let named = before.clone().change(SubnetChange { name: Some("n".to_owned()), ..SubnetChange::default() }).unwrap();
    assert!(!named.routes_differ(&before));
}

#[test]
fn a_change_keeps_the_gateway_out_of_the_pools_and_inside_the_cidr() {
    let before = Subnet::new(new("10.0.0.0/24")).unwrap();
    let gateway = |text: &str| SubnetChange { gateway_ip: Some(text.to_owned()), ..SubnetChange::default() };
    for bad in ["10.0.0.9", "10.0.1.1", "x"] {
        assert!(before.clone().change(gateway(bad)).is_err(), "{bad}");
    }
    let pools = Some(vec![("10.0.0.100".to_owned(), "10.0.0.200".to_owned())]);
    let both = SubnetChange { allocation_pools: pools, ..gateway("10.0.0.9") };
    let after = before.change(both).unwrap();
    assert_eq!(after.gateway_ip, Some("10.0.0.9".parse().unwrap()));
    assert_eq!(after.choose_address(&BTreeSet::new()), Some("10.0.0.100".parse().unwrap()));
}

proptest! {
    #[test]
    fn a_chosen_address_is_free_and_in_a_pool(taken in proptest::collection::btree_set(0u32..=64, 0..64)) {
        let subnet = Subnet::new(new("10.0.0.0/26")).unwrap();
        let taken: BTreeSet<IpAddr> =
            taken.into_iter().map(|offset| Ipv4Addr::from(0x0a00_0000 + offset).into()).collect();
        match subnet.choose_address(&taken) {
            Some(address) => {
                prop_assert!(!taken.contains(&address));
                prop_assert!(subnet.check_address(address).is_ok());
            }
            None => prop_assert!((2..=62).all(|n| taken.contains(&IpAddr::from(Ipv4Addr::from(0x0a00_0000u32 + n))))),
        }
    }
}
