//! One of two sides.

use ballast_abi::{LoadBalancer, PersistenceType, Protocol, Side};

use super::{accepted_as, persistence, rendered, with};
use crate::samples::{self, ID};

fn side(number: u32, kind: Option<PersistenceType>, peers: &[&str]) -> LoadBalancer {
    with(Protocol::Http, |asked| {
        asked.pools[0].session_persistence = kind.and_then(|kind| persistence(kind, "SID"));
        asked.side = Some(Side {
            number,
            port_id: "5a1b7c52-aaaa-4bbb-8ccc-0123456789ab".to_owned(),
            mac: "fa:16:3e:00:00:22".to_owned(),
            addresses: vec![format!("10.0.0.2{number}")],
            peer_addresses: peers.iter().map(|&peer| peer.to_owned()).collect(),
        });
    })
}

#[test]
fn the_sides_share_who_is_remembered_and_listen_at_the_vip() {
    let text = rendered(&side(2, Some(PersistenceType::SourceIp), &["10.0.0.21"]), &samples::config());
    insta::assert_snapshot!("side", text);
    accepted_as("side", &format!("{ID}.2"), &text);
    let first = rendered(&side(1, Some(PersistenceType::AppCookie), &[]), &samples::config());
    assert!(first.contains(&format!("peers tables\n    peer {ID}.1 10.0.0.21:1025\n\n")), "{first}");
    accepted_as("side without another", &format!("{ID}.1"), &first);
}

#[test]
fn a_side_without_tables_has_no_peers() {
    for kind in [None, Some(PersistenceType::HttpCookie)] {
        let asked = side(1, kind, &["10.0.0.22"]);
        let text = rendered(&asked, &samples::config());
        assert!(!text.contains("peer"), "{text}");
        assert!(samples::desired(&asked, 1).forwarded.is_none());
    }
}

#[test]
fn only_the_other_side_and_itself_get_to_its_peers() {
    let desired = samples::desired(&side(1, Some(PersistenceType::SourceIp), &["10.0.0.22"]), 1);
    let forwarded = desired.forwarded.unwrap();
    assert!(!forwarded.forwards());
    let [filter] = &forwarded.filters[..] else { panic!("{forwarded:?}") };
    assert_eq!(filter.port, 1025);
    let allowed: Vec<String> = filter.allowed.iter().map(ToString::to_string).collect();
    assert_eq!(allowed, ["10.0.0.21/32", "10.0.0.22/32"]);
}

#[test]
fn a_listener_at_the_port_of_the_peers_is_a_fault_of_a_side_alone() {
    let at_1025 = |mut asked: LoadBalancer| {
        asked.listeners[0].protocol_port = 1025;
        crate::validate::validate(&asked, &samples::config(), samples::KERNEL).unwrap().1
    };
    let faults = at_1025(side(1, None, &[]));
    assert_eq!(faults.len(), 1);
    assert!(faults[0].fault.as_ref().unwrap().message.contains("choose another"), "{faults:?}");
    assert_eq!(at_1025(with(Protocol::Http, |_| {})), []);
}

#[test]
fn a_sides_link_has_its_own_address_and_the_vips_may_come_and_go() {
    let plug = samples::desired(&side(2, None, &["10.0.0.21"]), 1).plug.unwrap();
    assert_eq!(plug.address.to_string(), "10.0.0.22");
    assert_eq!((plug.mac[5], plug.interface.inside.as_str()), (0x22, "ns-5a1b7c52-aa"));
    assert!(plug.concerns(&(plug.address, 24)) && !plug.concerns(&("10.0.0.4".parse().unwrap(), 32)));
    assert!(!plug.addresses().iter().any(|(address, _)| address.to_string() == "10.0.0.4"));
}
