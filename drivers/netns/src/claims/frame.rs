//! What a frame says of who has an address. Pure: whatever is damaged says nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Ask, Claim};

const REQUEST: u16 = 1;
const REPLY: u16 = 2;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOLICITED: u8 = 0x40;
const TARGET_ADDRESS: u8 = 2;

fn mac(frame: &[u8], at: usize) -> Option<[u8; 6]> {
    frame.get(at..at + 6)?.try_into().ok()
}

fn ipv4(frame: &[u8], at: usize) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(frame.get(at..at + 4)?).ok()?))
}

fn ipv6(frame: &[u8], at: usize) -> Option<Ipv6Addr> {
    Some(Ipv6Addr::from(<[u8; 16]>::try_from(frame.get(at..at + 16)?).ok()?))
}

/// Of our own MAC address only what is said unasked and to all is another's: what this namespace asks for may come back to it
/// by a loop in the network.
pub(super) fn arp(frame: &[u8], own: [u8; 6], ask: Ask) -> Option<Claim> {
    // Ethernet, IPv4, lengths 6 and 4.
    if frame.get(14..20)? != [0, 1, 0x08, 0, 6, 4] {
        return None;
    }
    let operation = u16::from_be_bytes(frame.get(20..22)?.try_into().ok()?);
    let (by, sender, target) = (mac(frame, 22)?, ipv4(frame, 28)?, ipv4(frame, 38)?);
    if !matches!(operation, REQUEST | REPLY) {
        return None;
    }
    if sender.is_unspecified() {
        let rival = ask == Ask::Rivals && operation == REQUEST && by != own;
        return rival.then_some(Claim { address: IpAddr::V4(target), mac: by });
    }
    let unasked = sender == target || (operation == REPLY && frame.starts_with(&[0xff; 6]));
    (by != own || unasked).then_some(Claim { address: IpAddr::V4(sender), mac: by })
}

pub(super) fn neighbour(frame: &[u8], own: [u8; 6], ask: Ask) -> Option<Claim> {
    // A hop limit below 255 has come through a router.
    if frame.get(20..22)? != [58, 255] {
        return None;
    }
    let (from, address, link) = (ipv6(frame, 22)?, ipv6(frame, 62)?, mac(frame, 6)?);
    match *frame.get(54)? {
        ADVERTISEMENT => {
            let by = options(frame.get(78..)?).unwrap_or(link);
            let unasked = frame.get(58)? & SOLICITED == 0;
            (by != own || unasked).then_some(Claim { address: IpAddr::V6(address), mac: by })
        }
        SOLICITATION if ask == Ask::Rivals && from.is_unspecified() && link != own => {
            Some(Claim { address: IpAddr::V6(address), mac: link })
        }
        _ => None,
    }
}

/// The link-layer address of the target.
fn options(mut rest: &[u8]) -> Option<[u8; 6]> {
    loop {
        let (kind, units) = (*rest.first()?, usize::from(*rest.get(1)?));
        if kind == TARGET_ADDRESS && units == 1 {
            return mac(rest, 2);
        }
        if units == 0 {
            return None;
        }
        rest = rest.get(8 * units..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{advertisement_frame, arp_probe, gratuitous_arp, solicitation};

    const OWN: [u8; 6] = [2, 0, 0, 0, 0, 9];
    const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 7];

    #[test]
    fn an_announcement_is_a_claim_whosever_mac_it_has_and_a_question_is_one_of_another_mac_only() {
        let address = Ipv4Addr::new(10, 0, 0, 4);
        for by in [OWN, OTHER] {
            let claim = Claim { address: IpAddr::V4(address), mac: by };
            assert_eq!(arp(&gratuitous_arp(by, address), OWN, Ask::Owners), Some(claim));
            let mut question = gratuitous_arp(by, address);
            question[38..42].copy_from_slice(&[10, 0, 0, 1]);
            assert_eq!(arp(&question, OWN, Ask::Owners), (by == OTHER).then_some(claim), "it asks for a neighbour");
            question[21] = 2;
            question[0..6].copy_from_slice(&OTHER);
            assert_eq!(arp(&question, OWN, Ask::Owners), (by == OTHER).then_some(claim), "it answers somebody");
        }
    }

    #[test]
    fn who_probes_for_an_address_is_a_rival_of_who_probes_and_nobody_to_its_owner() {
        let probe = arp_probe(OTHER, Ipv4Addr::new(10, 0, 0, 4));
        assert_eq!(arp(&probe, OWN, Ask::Owners), None);
        assert_eq!(arp(&probe, OWN, Ask::Rivals).map(|claim| claim.mac), Some(OTHER));
        assert_eq!(arp(&probe, OTHER, Ask::Rivals), None, "its own");
        let solicited = solicitation(OTHER, "fd00::4".parse().unwrap());
        assert_eq!(neighbour(&solicited, OWN, Ask::Owners), None);
        assert_eq!(neighbour(&solicited, OWN, Ask::Rivals).map(|claim| claim.mac), Some(OTHER));
    }

    #[test]
    fn an_advertisement_is_a_claim_when_it_is_unasked_or_of_another_mac() {
        let address: Ipv6Addr = "fd00::4".parse().unwrap();
        for (by, solicited) in [(OWN, false), (OWN, true), (OTHER, false), (OTHER, true)] {
            let mut frame = advertisement_frame(by, address);
            if solicited {
                frame[58] |= SOLICITED;
            }
            let claim = Claim { address: IpAddr::V6(address), mac: by };
            let expected = (by == OTHER || !solicited).then_some(claim);
            assert_eq!(neighbour(&frame, OWN, Ask::Owners), expected, "{by:?} {solicited}");
        }
    }

    #[test]
    fn whatever_is_cut_off_says_nothing() {
        let (v4, v6) =
            (gratuitous_arp(OTHER, Ipv4Addr::new(10, 0, 0, 4)), advertisement_frame(OTHER, Ipv6Addr::LOCALHOST));
        for length in 0..v4.len() {
            assert_eq!(arp(&v4[..length], OWN, Ask::Rivals), None);
        }
        for length in 0..78 {
            assert_eq!(neighbour(&v6[..length], OWN, Ask::Rivals), None);
        }
        let mut endless = v6;
        endless[79] = 0;
        endless[78] = 1;
        assert_eq!(neighbour(&endless, OWN, Ask::Owners).map(|claim| claim.mac), Some(OTHER), "of the frame's sender");
    }
}
