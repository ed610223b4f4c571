//! Who has an address, between hosts of a lab: it is asked for, and heard of.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs::File, io, net::IpAddr, thread, time::Duration};

use ballast_lab::{Host, in_lab, poll_until};
use ballast_netns::{
    announce::Announcement,
    claims::{Ask, Claim, Ear, listen},
    link::{self, Link},
    namespace,
    netlink::Netlink,
    probe,
};

/// Does this on a host, with its link.
fn on<T: Send>(host: &Host, work: impl FnOnce(Link) -> T + Send) -> T {
    let network = File::open(format!("/proc/{}/ns/net", host.keeper_pid())).unwrap();
    let there = || {
        namespace::enter(&network).unwrap();
        let found = link::require(&mut Netlink::open().unwrap(), "eth0").unwrap();
        work(found)
    };
    namespace::on_own_thread("test", there).unwrap()
}

fn addresses(of: &[&str]) -> BTreeSet<IpAddr> {
    of.iter().map(|one| one.parse().unwrap()).collect()
}

fn heard(ears: &[Ear]) -> Option<Claim> {
    poll_until(Duration::from_secs(2), || {
        ears.iter().find_map(|ear| match ear.hear() {
            Ok(claim) => claim,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                None
            }
        })
    })
}

fn announce(host: &Host, mac: Option<[u8; 6]>, address: &str) {
    on(host, |link| {
        let mac = mac.or(link.mac).unwrap();
        Announcement::prepare("eth0", link.index, mac, address.parse().unwrap()).unwrap().send().unwrap();
    });
}

#[test]
fn who_has_an_address_answers_a_probe_of_either_version_and_who_has_not_does_not() {
    in_lab(|lab| {
        let segment = lab.segment("net")?;
        let (owner, asker) = (lab.host("owner")?, lab.host("asker")?);
        owner.plug(&segment, "eth0", "10.0.0.5/24")?;
        owner.address("eth0", "fd00::5/64")?;
        asker.plug(&segment, "eth0", "10.0.0.9/24")?;
        let own = on(&asker, |link| link.mac.unwrap());
        let of_owner = on(&owner, |link| link.mac.unwrap());
        let ask = |of: &[&str]| on(&asker, |_| probe::who_has("eth0", own, &addresses(of)).unwrap());
        for address in ["10.0.0.5", "fd00::5"] {
            let claim = Claim { address: address.parse().unwrap(), mac: of_owner };
            assert_eq!(ask(&[address]), Some(claim));
            let left = on(&asker, |link| link);
            assert_eq!((left.up, left.mac), (false, Some(own)), "as it was, and down");
        }
        assert_eq!(ask(&["10.0.0.6", "fd00::6"]), None);
        assert!(ask(&["10.0.0.6", "fd00::5"]).is_some(), "one of several");
        Ok(())
    });
}

#[test]
fn of_two_that_probe_at_the_same_time_neither_believes_that_it_is_alone() {
    in_lab(|lab| {
        let segment = lab.segment("net")?;
        let hosts = [lab.host("one")?, lab.host("two")?];
        for (host, address) in hosts.iter().zip(["10.0.0.5/24", "10.0.0.6/24"]) {
            host.plug(&segment, "eth0", address)?;
        }
        let mac = [2, 0, 0, 0, 0, 9];
        let found = thread::scope(|scope| {
            let ask = |host| {
                scope.spawn(move || on(host, |_| probe::who_has("eth0", mac, &addresses(&["10.0.0.4"])).unwrap()))
            };
            hosts.each_ref().map(ask).map(|asked| asked.join().unwrap())
        });
        assert!(found.iter().any(Option::is_some), "{found:?}");
        Ok(())
    });
}

#[test]
fn what_others_say_of_an_address_is_heard_also_under_its_own_mac_and_what_it_says_itself_is_not() {
    in_lab(|lab| {
        let segment = lab.segment("net")?;
        let (former, other) = (lab.host("former")?, lab.host("other")?);
        former.plug(&segment, "eth0", "10.0.0.4/24")?;
        former.address("eth0", "fd00::4/64")?;
        other.plug(&segment, "eth0", "10.0.0.6/24")?;
        // What is announced of IPv6 is sent from it.
        other.address("eth0", "fd00::4/64")?;
        let own = on(&former, |link| link.mac.unwrap());
        let ours = addresses(&["10.0.0.4", "fd00::4"]);
        let ears = on(&former, |_| listen("eth0", own, &ours, Ask::Owners).unwrap());
        assert_eq!(ears.len(), 2);
        announce(&former, None, "10.0.0.4");
        announce(&former, None, "fd00::4");
        announce(&other, None, "10.0.0.6");
        thread::sleep(Duration::from_millis(200));
        assert!(ears.iter().all(|ear| ear.hear().is_err()), "its own words, or of another address");
        let of_other = on(&other, |link| link.mac.unwrap());
        for mac in [own, of_other] {
            for address in ["10.0.0.4", "fd00::4"] {
                announce(&other, Some(mac), address);
                assert_eq!(heard(&ears), Some(Claim { address: address.parse().unwrap(), mac }));
            }
        }
        Ok(())
    });
}

/// The kernel takes what is sent to all with a macvlan's own MAC address for its own.
#[test]
fn who_announces_with_the_mac_address_of_a_macvlan_is_heard_at_the_interface_below_it() {
    in_lab(|lab| {
        let segment = lab.segment("net")?;
        let (former, next) = (lab.host("former")?, lab.host("next")?);
        former.cable(&segment, "eth0")?;
        next.plug(&segment, "eth0", "10.0.0.5/24")?;
        next.address("eth0", "fd00::5/64")?;
        former.output("ip", ["link", "add", "mv0", "link", "eth0", "type", "macvlan", "mode", "bridge"])?;
        former.output("ip", ["link", "set", "mv0", "up"])?;
        let below = on(&former, |link| link.index);
        let found = on(&former, |_| link::require(&mut Netlink::open().unwrap(), "mv0").unwrap());
        assert_eq!((found.under, on(&former, |link| link.under)), (Some(below), None));
        let mac = found.mac.unwrap();
        for address in ["10.0.0.5", "fd00::5"] {
            let ears = on(&former, |_| listen("eth0", mac, &addresses(&[address]), Ask::Owners).unwrap());
            announce(&next, Some(mac), address);
            assert_eq!(heard(&ears), Some(Claim { address: address.parse().unwrap(), mac }));
        }
        Ok(())
    });
}
