use ballast_abi::{ErrorCode, L7Action, L7CompareType, L7RuleType, MonitorType, Network};
use ballast_netns::attach::{Attachment, bridge::Bridge};
use proptest::prelude::*;

use super::*;
use crate::{
    page::Page,
    render,
    samples::{self, ID},
};

fn validate(load_balancer: &LoadBalancer, config: &Config) -> Result<(Validated, Vec<ObjectFault>), DriverError> {
    super::validate(load_balancer, config, Forwards::default())
}

fn refused(load_balancer: &LoadBalancer) -> DriverError {
    validate(load_balancer, &samples::config()).unwrap_err()
}

type Change<'a> = (&'a str, &'a str, Box<dyn Fn(&mut LoadBalancer) + 'a>);

fn of_v2<'a>(monitor: &'a str, member: &'a str, listener: &'a str) -> Vec<Change<'a>> {
    let mut cases: Vec<Change<'a>> = Vec::new();
    for bad in ["a b", "-x", "host/path", "h\u{f6}st"] {
        cases.push((monitor, "domain_name", Box::new(move |one| one.pools[0].monitors[0].domain_name = bad.into())));
    }
    cases.push((monitor, "http_version", Box::new(|one| one.pools[0].monitors[0].http_version = "2".into())));
    cases.push((member, "monitor_address", Box::new(|one| one.pools[0].members[1].monitor_address = "::1".into())));
    cases.push((member, "IPv6", Box::new(|one| one.pools[0].members[1].monitor_address = "fd00::9".into())));
    cases.push((member, "monitor_port", Box::new(|one| one.pools[0].members[1].monitor_port = 65_536)));
    cases.push((
        listener,
        "allowed_cidrs",
        Box::new(|one| one.listeners[0].allowed_cidrs = vec!["10.0.0.0/33".into()]),
    ));
    cases.push((listener, "insert_headers", Box::new(|one| one.listeners[0].insert_headers = names("X-Other"))));
    cases
}

/// Each part that cannot be run, and whose fault it is. Everything else is as without it.
#[test]
fn what_cannot_be_run_is_a_fault_of_its_object_and_everything_else_is_deployed() {
    let (monitor, member) = (samples::monitor(MonitorType::Http).id, samples::member(2).id);
    let (listener, route) = (samples::load_balancer(Protocol::Http).listeners[0].id.clone(), |to: &str, by: &str| {
        ballast_abi::Route { destination: to.into(), next_hop: by.into() }
    });
    let cookie = |name: String| Some(samples::app_cookie(&name));
    let mut cases: Vec<Change<'_>> = Vec::new();
    for bad in ["10.0.0.1:80 check", "", "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fe80::1"] {
        cases.push((&member, "address", Box::new(move |one| one.pools[0].members[1].address = bad.into())));
    }
    cases.push((&member, "weight", Box::new(|one| one.pools[0].members[1].weight = 257)));
    cases.push((&member, "protocol_port", Box::new(|one| one.pools[0].members[1].protocol_port = 65_536)));
    for bad in ["204-200", "000", "099", "20", "2000", "abc", "200,", "+20", "200 202"] {
        cases.push((
            &monitor,
            "expected_codes",
            Box::new(move |one| one.pools[0].monitors[0].expected_codes = bad.into()),
        ));
    }
    for bad in ["/a b".to_owned(), "/{}".to_owned(), format!("/{}", "x".repeat(255))] {
        cases.push((&monitor, "url_path", Box::new(move |one| one.pools[0].monitors[0].url_path = bad.clone())));
    }
    cases.push((&monitor, "http_method", Box::new(|one| one.pools[0].monitors[0].http_method = "GET /".into())));
    cases.push((&monitor, "delay", Box::new(|one| one.pools[0].monitors[0].delay = 86_401)));
    cases.push((&monitor, "timeout", Box::new(|one| one.pools[0].monitors[0].timeout = u32::MAX)));
    for bad in [String::new(), "a b".to_owned(), "s".repeat(1025)] {
        cases.push((
            &listener,
            "cookie_name",
            Box::new(move |one| one.pools[0].session_persistence = cookie(bad.clone())),
        ));
    }
    cases.push((&listener, "protocol_port", Box::new(|one| one.listeners[0].protocol_port = 0)));
    cases.push((&listener, "default_pool_id", Box::new(|one| one.listeners[0].default_pool_id = "other".into())));
    for (to, by) in [("fd00::/64", "fd00::1"), ("10.9.0.0/16", "10.0.0.255"), ("x", "10.0.0.9")] {
        cases.push((&listener, to, Box::new(move |one| one.vip.as_mut().unwrap().routes = vec![route(to, by)])));
    }
    for bad in ["fd00::1", "10.0.0.0", "127.0.0.1", "x"] {
        cases.push((&listener, "gateway", Box::new(move |one| one.vip.as_mut().unwrap().gateway = bad.into())));
    }
    cases.extend(of_v2(&monitor, &member, &listener));
    for (blamed, field, change) in cases {
        let mut asked = samples::load_balancer(Protocol::Http);
        asked.pools[0].monitors = vec![samples::monitor(MonitorType::Http)];
        change(&mut asked);
        let (validated, faults) = validate(&asked, &samples::config()).unwrap();
        assert_eq!(faults.len(), 1, "{field}: {faults:?}");
        let said = &faults[0].fault.as_ref().unwrap().message;
        assert!(faults[0].object_id == *blamed && said.contains(field), "{field}: {faults:?}");
        let servers: Vec<&str> = validated.pools[0].members.iter().map(|member| member.id.as_str()).collect();
        assert!(servers.contains(&samples::member(1).id.as_str()), "{field}: {servers:?}");
        assert_eq!(servers.len(), if blamed == member { 1 } else { 2 }, "{field}");
    }
}

fn names(name: &str) -> Option<ballast_abi::InsertHeaders> {
    Some(ballast_abi::InsertHeaders { names: vec![name.to_owned()] })
}

/// Without one of its rules it would act on more than it was meant for.
#[test]
fn a_policy_of_which_a_part_cannot_be_run_does_nothing_and_the_others_act() {
    type Change = (&'static str, fn(&mut ballast_abi::L7Policy));
    let changes: [Change; 9] = [
        ("value", |one| one.rules[0].value = "(?<=a)b".into()),
        ("value", |one| one.rules[1].value = "a\nb".into()),
        ("value", |one| one.rules[1].value = String::new()),
        ("key", |one| one.rules[1].key = "a b".into()),
        ("type", |one| one.rules[0].r#type = 99),
        ("compare_type", |one| one.rules[0].compare_type = 9),
        ("redirect_url", |one| (one.action, one.redirect_url) = (L7Action::RedirectToUrl.into(), "ftp://x".into())),
        ("redirect_http_code", |one| {
            (one.action, one.redirect_prefix) = (L7Action::RedirectPrefix.into(), "http://x".into());
            one.redirect_http_code = 304;
        }),
        ("redirect_pool_id", |one| {
            (one.action, one.redirect_pool_id) = (L7Action::RedirectToPool.into(), "other".into());
        }),
    ];
    for (field, change) in changes {
        let mut asked = samples::load_balancer(Protocol::Http);
        let bad = samples::policy("bad", L7Action::Reject, L7RuleType::Path, L7CompareType::Regex);
        let good = samples::policy("good", L7Action::Reject, L7RuleType::Path, L7CompareType::Contains);
        asked.listeners[0].policies = vec![bad, good];
        let mut header =
            samples::policy("h", L7Action::Reject, L7RuleType::Header, L7CompareType::EqualTo).rules.remove(0);
        header.id = "another".into();
        asked.listeners[0].policies[0].rules.push(header);
        change(&mut asked.listeners[0].policies[0]);
        let (validated, faults) = validate(&asked, &samples::config()).unwrap();
        assert!(faults.iter().any(|fault| fault.object_id == "bad"), "{field}: {faults:?}");
        let said: Vec<&str> = faults.iter().map(|fault| fault.fault.as_ref().unwrap().message.as_str()).collect();
        assert!(said.iter().any(|said| said.contains(field)), "{field}: {said:?}");
        let rules = validated.listeners[0].policies.iter().flat_map(|policy| &policy.rules);
        assert_eq!(rules.map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["good-rule"], "{field}");
    }
}

#[test]
fn networks_of_which_none_can_be_read_let_nobody_in() {
    let mut asked = samples::load_balancer(Protocol::Tcp);
    asked.listeners[0].allowed_cidrs = vec!["x".into()];
    let (validated, faults) = validate(&asked, &samples::config()).unwrap();
    assert_eq!((validated.listeners[0].allowed.len(), faults.len()), (1, 1));
    asked.listeners[0].allowed_cidrs = vec!["10.0.0.5/8".into(), "10.0.0.0/8".into(), "fd00::1".into()];
    let allowed = samples::validated(&asked).listeners[0].allowed.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(allowed, ["10.0.0.0/8", "fd00::1/128"]);
}

#[test]
fn a_second_address_makes_members_of_its_version_and_has_a_way_of_its_own() {
    let mut asked = samples::load_balancer(Protocol::Http);
    asked.additional_vips = vec![samples::vip("fd00::4")];
    asked.pools[0].members[0].address = "fd00::11".into();
    let validated = samples::validated(&asked);
    assert_eq!(validated.pools[0].members.len(), 2);
    let plug = ballast_namespace::plug::Plug::of(validated.vip.as_ref().unwrap(), &validated.pools);
    let gateways: Vec<String> = plug.hops.iter().map(|hop| hop.gateway.to_string()).collect();
    assert_eq!((plug.addresses().len(), plug.speaks_ipv6()), (2, true));
    assert_eq!(gateways, ["10.0.0.1", "fd00::1"]);
    asked.additional_vips = vec![samples::vip("10.0.0.4")];
    assert_eq!(refused(&asked).code, ErrorCode::INVALID_ARGUMENT);
}

#[test]
fn ids_that_could_leave_a_directory_are_refused() {
    for hostile in ["", "..", "a/b", "a b", "a\n", "ä"] {
        let asked = LoadBalancer { id: hostile.into(), ..samples::load_balancer(Protocol::Http) };
        assert_eq!(refused(&asked).code, ErrorCode::INVALID_ARGUMENT, "{hostile:?}");
    }
}

#[test]
fn the_port_id_and_the_network_id_are_names_too() {
    let mut asked = samples::load_balancer(Protocol::Http);
    asked.vip.as_mut().unwrap().port_id = "../../etc".into();
    assert_eq!(refused(&asked).code, ErrorCode::INVALID_ARGUMENT);
    let mut asked = samples::load_balancer(Protocol::Http);
    asked.vip.as_mut().unwrap().network = Some(Network { id: "a/b".into(), ..Network::default() });
    assert_eq!(refused(&asked).code, ErrorCode::INVALID_ARGUMENT);
}

#[test]
fn a_listener_on_port_0_is_a_fault_of_that_listener_only() {
    let mut asked = samples::load_balancer(Protocol::Http);
    let other = ballast_abi::Listener { id: "other".into(), protocol_port: 0, ..asked.listeners[0].clone() };
    asked.listeners.push(other);
    let (validated, faults) = validate(&asked, &samples::config()).unwrap();
    assert_eq!(validated.listeners.len(), 1);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].object_id, "other");
}

#[test]
fn a_member_that_cannot_be_served_is_a_fault_of_that_member_and_the_others_are() {
    let table = [
        ("10.0.0.4", "10.0.0.4", 80, ErrorCode::INVALID_ARGUMENT),
        ("10.0.0.4", "::ffff:10.0.0.4", 80, ErrorCode::INVALID_ARGUMENT),
        ("10.0.0.4", "10.0.0.4", 0, ErrorCode::INVALID_ARGUMENT),
        ("10.0.0.4", "0.0.0.0", 80, ErrorCode::INVALID_ARGUMENT),
        ("fd00::4", "fd00::4", 80, ErrorCode::INVALID_ARGUMENT),
        ("fd00::4", "::", 80, ErrorCode::INVALID_ARGUMENT),
        ("10.0.0.4", "fd00::11", 80, ErrorCode::UNSUPPORTED),
        ("fd00::4", "10.0.0.11", 80, ErrorCode::UNSUPPORTED),
    ];
    for (vip, address, protocol_port, code) in table {
        let mut asked = samples::load_balancer(Protocol::Http);
        asked.vip = Some(samples::vip(vip));
        let other = if vip.contains(':') { "fd00::12" } else { "::ffff:10.0.0.12" };
        asked.pools[0].members[0].address = other.into();
        let bad = &mut asked.pools[0].members[1];
        (bad.address, bad.protocol_port) = (address.into(), protocol_port);
        let bad = bad.id.clone();
        let (validated, faults) = validate(&asked, &samples::config()).unwrap();
        let said: Vec<_> = faults.iter().map(|fault| (&fault.object_id, fault.fault.as_ref().unwrap().code)).collect();
        assert_eq!(said, [(&bad, code.0)], "{vip} with {address}:{protocol_port}");
        let served: Vec<_> = validated.pools[0].members.iter().map(|member| member.id.as_str()).collect();
        assert_eq!(served, [asked.pools[0].members[0].id.as_str()]);
        asked.vip = None;
        // Without a VIP there is nothing to reach, and nobody to be reached by it.
        let nowhere = ["0.0.0.0", "::"].contains(&address);
        assert_eq!(validate(&asked, &samples::config()).unwrap().1.len(), usize::from(nowhere), "{address}");
    }
}

#[test]
fn a_network_that_needs_a_tag_is_unsupported_and_says_so() {
    let mut asked = samples::load_balancer(Protocol::Http);
    let network = Network { id: "n".into(), network_type: "vlan".into(), segmentation_id: 7, ..Network::default() };
    asked.vip.as_mut().unwrap().network = Some(network);
    let error = refused(&asked);
    assert_eq!(error.code, ErrorCode::UNSUPPORTED);
    assert!(error.detail.contains("vlan_mappings"), "{}", error.detail);
}

#[test]
fn a_physical_network_is_looked_up_in_bridge_mappings() {
    let mut asked = samples::load_balancer(Protocol::Http);
    let network = Network { network_type: "bridge".into(), physical_network: "physnet1".into(), ..Network::default() };
    asked.vip.as_mut().unwrap().network = Some(network.clone());
    let validated = samples::validated(&asked);
    let bridge = Bridge { name: "br-phys".to_owned(), own: false, uplink: None };
    assert_eq!(validated.vip.as_ref().unwrap().attachment, Attachment::Bridge(bridge));
    asked.vip.as_mut().unwrap().network = Some(Network { physical_network: "nowhere".into(), ..network });
    assert_eq!(refused(&asked).code, ErrorCode::UNSUPPORTED);
}

#[test]
fn a_mac_of_many_hosts_is_refused() {
    let mut asked = samples::load_balancer(Protocol::Http);
    asked.vip.as_mut().unwrap().mac = "ff:ff:ff:ff:ff:ff".into();
    assert_eq!(refused(&asked).code, ErrorCode::INVALID_ARGUMENT);
}

proptest! {
    /// Whatever a tenant writes into a free field: it is refused, or the configuration has the very lines that it has
    /// with a harmless value in its place.
    #[test]
    fn no_string_of_a_tenant_adds_a_word_or_a_line(hostile in "(?s).{0,40}|[ -~\n\t'\"\\\\#$%{}]{0,40}", field in 0..13_u8) {
        let build = |value: &str| {
            let mut asked = samples::with_texts();
            let (listener, pool) = (&mut asked.listeners[0], &mut asked.pools[0]);
            let value = value.to_owned();
            match field {
                0 => pool.monitors[0].url_path = value,
                1 => pool.monitors[0].http_method = value,
                2 => pool.monitors[0].expected_codes = value,
                3 => pool.session_persistence = Some(samples::app_cookie(&value)),
                4 => asked.project_id = value,
                5 => pool.monitors[0].domain_name = value,
                6 => listener.policies[0].redirect_url = value,
                7 => listener.policies[1].redirect_prefix = value,
                8 => listener.policies[2].rules[0].value = value,
                9 => listener.policies[3].rules[0].value = value,
                10 => listener.policies[3].rules[0].key = value,
                11 => listener.allowed_cidrs = vec![value],
                _ => asked.name = value,
            }
            validate(&asked, &samples::config())
        };
        // Words as haproxy counts them, quotes closed at the end of each line.
        let shape = |validated: &Validated| -> Vec<usize> {
            let text = render::render(&Page::of(validated, &samples::config(), true, samples::FOLDER)).unwrap();
            let code = text.lines().filter(|line| !line.starts_with('#'));
            code.map(|line| words(line).unwrap_or_else(|| panic!("a quote is open: {line}"))).collect()
        };
        if let Ok((validated, faults)) = build(&hostile) {
            prop_assert!(validated.id.as_str() == ID);
            let harmless = shape(&samples::validated(&samples::with_texts()));
            // What is a fault is left out, lines and all.
            prop_assert!(!faults.is_empty() || shape(&validated) == harmless);
            let text = render::render(&Page::of(&validated, &samples::config(), true, samples::FOLDER)).unwrap();
            prop_assert!(!text.contains(['\r', '\0']));
            // Those that are quoted have them; in others a mark would be one of haproxy's.
            let quoted = [0, 6, 7, 8, 9, 10].contains(&field);
            prop_assert!(quoted || !text.contains(['"', '\'', '\\']));
        }
    }
}

/// How many words haproxy sees; nothing when a quote is not closed. Outside of quotes nobody may write what means something.
fn words(line: &str) -> Option<usize> {
    let (mut words, mut open, mut within) = (0, false, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => open = !open,
            '\\' if !open => assert_eq!(letters.next(), Some('\''), "{line}"),
            '"' | '#' | '$' if !open => panic!("{letter} outside of quotes: {line}"),
            ' ' if !open => {
                within = false;
                continue;
            }
            _ => {}
        }
        words += usize::from(!within);
        within = true;
    }
    (!open).then_some(words)
}

#[test]
fn haproxy_knows_of_its_own_listeners_and_pools_only() {
    let mut all = samples::load_balancer(Protocol::Http);
    let page = samples::page(&all);
    for (number, protocol) in [Protocol::Udp, Protocol::Sctp].into_iter().enumerate() {
        let mut other = samples::load_balancer(protocol);
        other.pools[0].id = format!("pool-{number}");
        other.listeners[0].id = format!("listener-{number}");
        other.listeners[0].default_pool_id = other.pools[0].id.clone();
        all.listeners.append(&mut other.listeners);
        all.pools.append(&mut other.pools);
    }
    assert_eq!((samples::validated(&all).listeners.len(), samples::page(&all)), (3, page));
}

/// Each field of a listener that the kernel is to serve and cannot; HTTP beside it is served.
#[test]
fn what_the_kernel_lacks_is_said_of_the_listener_and_the_field_and_nobody_serves_it_instead() {
    type Change = (&'static str, Forwards, fn(&mut LoadBalancer));
    let timeouts = |tcp_inspect| ballast_abi::Timeouts {
        client_data: 50_000,
        member_connect: 4_000,
        member_data: 60_000,
        tcp_inspect,
    };
    let changes: [Change; 6] = [
        ("default_pool_id", samples::KERNEL, |one| one.pools[1].protocol = Protocol::Http.into()),
        ("default_pool_id", samples::KERNEL, |one| one.pools[1].protocol = Protocol::Proxy.into()),
        ("default_pool_id", samples::KERNEL, |one| one.pools[1].protocol = Protocol::Proxyv2.into()),
        ("insert_headers", samples::KERNEL, |one| one.listeners[1].insert_headers = names("X-Forwarded-For")),
        ("timeouts.tcp_inspect", samples::KERNEL, |one| one.listeners[1].timeouts.as_mut().unwrap().tcp_inspect = 1),
        ("protocol", Forwards::default(), |_| ()),
    ];
    for listener in [Protocol::Tcp, Protocol::Https] {
        let mut asked = samples::load_balancer(Protocol::Http);
        let mut other = samples::load_balancer(listener);
        (other.listeners[0].id, other.pools[0].id) = ("plain".into(), "plain".into());
        (other.listeners[0].protocol_port, other.listeners[0].default_pool_id) = (81, "plain".into());
        other.listeners[0].timeouts = Some(timeouts(0));
        asked.listeners.append(&mut other.listeners);
        asked.pools.append(&mut other.pools);
        asked.flavor_data = r#"{"data_plane": "kernel"}"#.into();
        let (whole, faults) = super::validate(&asked, &samples::config(), samples::KERNEL).unwrap();
        assert_eq!(
            (whole.listeners.iter().map(|one| one.forwarded).collect::<Vec<_>>(), faults),
            (vec![false, true], vec![])
        );
        for (field, kernel, change) in changes {
            let mut asked = asked.clone();
            change(&mut asked);
            // HTTP behind HTTPS is nobody's.
            let fits = listener == Protocol::Tcp || asked.pools[1].protocol() != Protocol::Http;
            let (left, faults) = super::validate(&asked, &samples::config(), kernel).unwrap();
            assert_eq!(left.listeners.iter().map(|one| one.port).collect::<Vec<_>>(), [80], "{field}");
            let fault = faults[0].fault.as_ref().unwrap();
            assert_eq!((faults.len(), faults[0].object_id.as_str()), (1, "plain"), "{field}");
            if fits {
                assert!(fault.message.contains(&format!("listener plain: {field} ")), "{}", fault.message);
                assert_eq!(fault.code, ErrorCode::UNSUPPORTED.0);
            }
            // With haproxy all of it is served, but for what never is.
            asked.flavor_data.clear();
            let left = super::validate(&asked, &samples::config(), kernel).unwrap().0;
            assert_eq!(left.listeners.len(), if fits { 2 } else { 1 }, "{field}");
        }
    }
}

#[test]
fn a_flavor_that_cannot_be_understood_is_a_fault_of_the_load_balancer_which_haproxy_serves() {
    let mut asked = samples::load_balancer(Protocol::Tcp);
    asked.flavor_data = r#"{"data_plane": "nginx"}"#.into();
    let (whole, faults) = super::validate(&asked, &samples::config(), samples::KERNEL).unwrap();
    assert_eq!((faults.len(), faults[0].object_id.as_str(), whole.listeners[0].forwarded), (1, samples::ID, false));
}
