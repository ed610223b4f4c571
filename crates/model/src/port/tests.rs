use proptest::prelude::*;

use super::*;
use crate::{Uuid, subnet::NewSubnet};

fn id<I: From<Uuid>>(number: u128) -> I {
    Uuid::from_u128(number).into()
}

fn subnet(number: u128, cidr: &str) -> Subnet {
    let (project_id, cidr) = ("p".to_owned(), cidr.to_owned());
    Subnet::new(NewSubnet { id: id(number), project_id, network_id: id(9), cidr, ..NewSubnet::default() }).unwrap()
}

fn wanted(subnet_id: Option<u128>, address: Option<&str>) -> WantedIp {
    WantedIp { subnet_id: subnet_id.map(id), address: address.map(|text| text.parse().unwrap()) }
}

fn at(subnet: u128, address: &str) -> FixedIp {
    FixedIp { subnet_id: id(subnet), address: address.parse().unwrap() }
}

#[test]
fn without_a_wish_a_port_gets_one_address_of_each_version() {
    let subnets = [subnet(1, "10.0.0.0/24"), subnet(2, "10.0.1.0/24"), subnet(3, "fd00::/64")];
    let made = slots(id(9), &subnets, None).unwrap();
    let candidates: Vec<Vec<SubnetId>> =
        made.iter().map(|slot| slot.subnets.iter().map(|one| one.id).collect()).collect();
    assert_eq!(candidates, [vec![id(1), id(2)], vec![id(3)]]);
    assert_eq!(slots(id(9), &[], None).unwrap(), []);
    assert_eq!(slots(id(9), &subnets, Some(&[])).unwrap(), []);
}

#[test]
fn an_address_finds_its_subnet() {
    let subnets = [subnet(1, "10.0.0.0/24"), subnet(2, "10.0.1.0/24")];
    let made = slots(id(9), &subnets, Some(&[wanted(None, Some("10.0.1.7")), wanted(Some(1), None)])).unwrap();
    assert_eq!((made[0].subnets[0].id, made[0].address), (id(2), Some("10.0.1.7".parse().unwrap())));
    assert_eq!((made[1].subnets[0].id, made[1].address), (id(1), None));
}

#[test]
fn wishes_that_cannot_be_met_are_named() {
    let subnets = [subnet(1, "10.0.0.0/24")];
    let many = [wanted(Some(1), None); 6];
    let address = |text: &str| text.parse().unwrap();
    let not_in = |text: &str| Fault::from(Addressing::NotInSubnet { address: address(text), subnet_id: id(1) });
    for (wish, fault) in [
        (&[wanted(Some(7), None)][..], Misfit::SubnetOfOtherNetwork { network_id: id(9), subnet_id: id(7) }.into()),
        (
            &[wanted(None, Some("10.9.0.1"))],
            Addressing::NotInNetwork { address: address("10.9.0.1"), network_id: id(9) }.into(),
        ),
        (&[wanted(Some(1), Some("10.9.0.1"))], not_in("10.9.0.1")),
        (&[wanted(Some(1), Some("10.0.0.1"))], not_in("10.0.0.1")),
        (&[wanted(None, None)], Misfit::EmptyWish.into()),
        (&[wanted(None, Some("10.0.0.5")); 2], Misfit::DuplicateAddress { address: address("10.0.0.5") }.into()),
        (&many, Misfit::TooManyAddresses { most: 5 }.into()),
    ] {
        assert_eq!(slots(id(9), &subnets, Some(wish)).unwrap_err(), fault);
    }
}

#[test]
fn an_address_that_is_asked_for_again_is_kept() {
    let subnets = [subnet(1, "10.0.0.0/24")];
    let current = [at(1, "10.0.0.5"), at(1, "10.0.0.6")];
    let wish = [wanted(Some(1), None), wanted(None, Some("10.0.0.5")), wanted(None, Some("10.0.0.9"))];
    let (stay, open) = kept(&current, slots(id(9), &subnets, Some(&wish)).unwrap());
    assert_eq!(stay, [at(1, "10.0.0.6"), at(1, "10.0.0.5")]);
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].address, Some("10.0.0.9".parse().unwrap()));
}

proptest! {
    #[test]
    fn each_slot_is_kept_or_open_and_no_address_is_kept_twice(
        have in proptest::collection::btree_set(2u8..20, 0..5),
        want in proptest::collection::btree_set(2u8..20, 0..4),
        any in 0usize..2,
    ) {
        let subnets = [subnet(1, "10.0.0.0/24")];
        let current: Vec<FixedIp> = have.iter().map(|last| at(1, &format!("10.0.0.{last}"))).collect();
        let mut wish: Vec<WantedIp> = want.iter().map(|last| wanted(None, Some(&format!("10.0.0.{last}")))).collect();
        wish.extend(std::iter::repeat_n(wanted(Some(1), None), any));
        let (stay, open) = kept(&current, slots(id(9), &subnets, Some(&wish)).unwrap());
        prop_assert_eq!(stay.len() + open.len(), wish.len());
        let distinct: std::collections::HashSet<_> = stay.iter().collect();
        prop_assert_eq!(distinct.len(), stay.len());
        prop_assert!(stay.iter().all(|one| current.contains(one)));
        let common = have.intersection(&want).count();
        prop_assert!(stay.len() >= common);
    }
}
