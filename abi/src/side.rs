//! What is asked of one of the two sides of a load balancer, checked before a driver sees it.

use std::net::IpAddr;

use crate::{DriverError, LoadBalancer, Side};

/// Whether its side is one that can be: whole, and another one than its load balancer's VIP.
///
/// # Errors
/// INVALID_ARGUMENT, which says what of it is wrong.
pub(crate) fn check(load_balancer: &LoadBalancer) -> Result<(), DriverError> {
    let Some(side) = &load_balancer.side else { return Ok(()) };
    problem(load_balancer, side).map_or(Ok(()), |why| Err(DriverError::invalid_argument(format!("side: {why}"))))
}

fn problem(load_balancer: &LoadBalancer, side: &Side) -> Option<String> {
    if !matches!(side.number, 1 | 2) {
        return Some(format!("number is {}, and must be 1 or 2", side.number));
    }
    let Some(vip) = &load_balancer.vip else { return Some("the load balancer has no vip".to_owned()) };
    if side.port_id.is_empty() || side.port_id == vip.port_id {
        return Some(format!("port_id is {:?}, and must be of a port of its own, not the VIP's", side.port_id));
    }
    if !is_mac(&side.mac) || side.mac.eq_ignore_ascii_case(&vip.mac) {
        return Some(format!(
            "mac is {:?}, and must be its own, of one host, as in aa:bb:cc:dd:ee:ff, not the VIP's",
            side.mac
        ));
    }
    let vips: Vec<&str> =
        [vip].into_iter().chain(&load_balancer.additional_vips).map(|vip| vip.address.as_str()).collect();
    let mut seen: Vec<IpAddr> = vips.iter().filter_map(|vip| vip.parse().ok()).collect();
    let peer = (!side.peer_addresses.is_empty()).then_some(("peer_addresses", &side.peer_addresses));
    for (field, addresses) in [("addresses", &side.addresses)].into_iter().chain(peer) {
        if addresses.len() != vips.len() {
            let (are, must) = (addresses.len(), vips.len());
            return Some(format!("{field} are {are}, and must be {must}: one for each address of the VIP"));
        }
        for (address, vip) in addresses.iter().zip(&vips) {
            let parsed = address.parse::<IpAddr>().ok().filter(|one| is_of_a_host(*one));
            let Some(one) = parsed.filter(|one| vip.parse::<IpAddr>().is_ok_and(|vip| vip.is_ipv4() == one.is_ipv4()))
            else {
                return Some(format!(
                    "{field} has {address:?}, and must have one that a host in the subnet of {vip} can have"
                ));
            };
            if seen.contains(&one) {
                return Some(format!("{field} has {address}, which is the VIP's or there twice"));
            }
            seen.push(one);
        }
    }
    None
}

fn is_of_a_host(address: IpAddr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback())
}

fn is_mac(text: &str) -> bool {
    let bytes: Vec<Option<u8>> =
        text.split(':').map(|part| u8::from_str_radix(part, 16).ok().filter(|_| part.len() == 2)).collect();
    let sound = bytes.len() == 6 && bytes.iter().all(Option::is_some);
    sound && bytes.iter().any(|byte| *byte != Some(0)) && bytes[0].is_some_and(|first| first & 1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCode, Vip};

    fn asked(change: impl FnOnce(&mut LoadBalancer, &mut Side)) -> Result<(), DriverError> {
        let vip = |address: &str| Vip {
            port_id: "vip".to_owned(),
            mac: "fa:16:3e:00:00:01".to_owned(),
            address: address.to_owned(),
            ..Vip::default()
        };
        let mut one = LoadBalancer {
            vip: Some(vip("10.0.0.9")),
            additional_vips: vec![vip("fd00::9")],
            ..LoadBalancer::default()
        };
        let mut side = Side {
            number: 2,
            port_id: "side".to_owned(),
            mac: "fa:16:3e:00:00:02".to_owned(),
            addresses: vec!["10.0.0.11".to_owned(), "fd00::11".to_owned()],
            peer_addresses: vec!["10.0.0.12".to_owned(), "fd00::12".to_owned()],
        };
        change(&mut one, &mut side);
        one.side = Some(side);
        check(&one)
    }

    #[test]
    fn a_side_that_is_whole_is_taken_with_and_without_another() {
        assert_eq!(check(&LoadBalancer::default()), Ok(()));
        assert_eq!(asked(|_, _| {}), Ok(()));
        assert_eq!(asked(|_, side| side.peer_addresses.clear()), Ok(()));
    }

    #[test]
    fn what_is_wrong_with_a_side_is_said_by_its_field() {
        type Change = fn(&mut LoadBalancer, &mut Side);
        let wrong: [(&str, Change); 15] = [
            ("number is 0", |_, side| side.number = 0),
            ("number is 3", |_, side| side.number = 3),
            ("no vip", |one, _| one.vip = None),
            ("port_id is \"\"", |_, side| side.port_id.clear()),
            ("port_id is \"vip\"", |_, side| side.port_id = "vip".to_owned()),
            ("mac is \"\"", |_, side| side.mac.clear()),
            ("mac is", |_, side| side.mac = "01:16:3e:00:00:02".to_owned()),
            ("mac is", |_, side| side.mac = "fa163e000002".to_owned()),
            ("mac is", |_, side| side.mac = "FA:16:3E:00:00:01".to_owned()),
            ("addresses are 1, and must be 2", |_, side| drop(side.addresses.pop())),
            ("peer_addresses are 1, and must be 2", |_, side| drop(side.peer_addresses.pop())),
            ("addresses has \"nobody\"", |_, side| side.addresses[0] = "nobody".to_owned()),
            ("addresses has \"fd00::11\"", |_, side| side.addresses.swap(0, 1)),
            ("is the VIP's or there twice", |_, side| side.addresses[0] = "10.0.0.9".to_owned()),
            ("is the VIP's or there twice", |_, side| side.peer_addresses[1] = "fd00:0::11".to_owned()),
        ];
        for (said, change) in wrong {
            let error = asked(change).unwrap_err();
            assert_eq!(error.code, ErrorCode::INVALID_ARGUMENT);
            assert!(error.message.starts_with("side: ") && error.message.contains(said), "{said}: {}", error.message);
        }
    }
}
