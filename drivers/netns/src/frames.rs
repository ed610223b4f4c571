//! The frames that tell neighbours who has an address, and those that ask who has. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A gratuitous ARP request (RFC 5227, 3): Ethernet broadcast, sender and target are the address itself.
pub(crate) fn gratuitous_arp(mac: [u8; 6], address: Ipv4Addr) -> [u8; 42] {
    let mut frame = [0_u8; 42];
    frame[0..6].fill(0xff);
    frame[6..12].copy_from_slice(&mac);
    // Ethertype ARP; Ethernet, IPv4, lengths 6 and 4, request.
    frame[12..22].copy_from_slice(&[0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]);
    frame[22..28].copy_from_slice(&mac);
    frame[28..32].copy_from_slice(&address.octets());
    frame[32..38].fill(0xff);
    frame[38..42].copy_from_slice(&address.octets());
    frame
}

/// An unsolicited neighbour advertisement (RFC 4861, 7.2.6) with the override flag. The kernel adds the checksum.
pub(crate) fn neighbour_advertisement(mac: [u8; 6], address: Ipv6Addr) -> [u8; 32] {
    let mut message = [0_u8; 32];
    message[0] = 136;
    message[4] = 0x20;
    message[8..24].copy_from_slice(&address.octets());
    // Option: target link-layer address, one unit of 8 octets.
    message[24..26].copy_from_slice(&[2, 1]);
    message[26..32].copy_from_slice(&mac);
    message
}

/// Asks whether somebody has the address, and says of nobody that he has (RFC 5227, 2.1.1).
pub(crate) fn arp_probe(mac: [u8; 6], address: Ipv4Addr) -> [u8; 42] {
    let mut frame = gratuitous_arp(mac, address);
    frame[28..32].fill(0);
    frame[32..38].fill(0);
    frame
}

/// The same of IPv6: a solicitation without a sender, which its owner answers to all (RFC 4862, 5.4.2). A whole frame.
pub(crate) fn solicitation(mac: [u8; 6], address: Ipv6Addr) -> [u8; 78] {
    let to = address.octets();
    let group = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, to[13], to[14], to[15]];
    let mut frame = [0_u8; 78];
    frame[0..6].copy_from_slice(&[0x33, 0x33, 0xff, to[13], to[14], to[15]]);
    frame[6..12].copy_from_slice(&mac);
    // Ethertype IPv6; version 6, 24 bytes of ICMPv6, hop limit 255; from nobody.
    frame[12..22].copy_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 58, 255]);
    frame[38..54].copy_from_slice(&group);
    frame[54] = 135;
    frame[62..78].copy_from_slice(&to);
    let sum = checksum(&frame[22..54], &frame[54..]);
    frame[56..58].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// Of ICMPv6: over both addresses, the length, the kind and the message.
fn checksum(addresses: &[u8], message: &[u8]) -> u16 {
    let words = |bytes: &[u8]| -> u32 {
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
    };
    let length = u32::try_from(message.len()).unwrap_or_default();
    let mut sum = words(addresses) + words(message) + length + 58;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

/// A whole frame of an unsolicited advertisement, as a neighbour gets it.
#[cfg(test)]
pub(crate) fn advertisement_frame(mac: [u8; 6], address: Ipv6Addr) -> [u8; 86] {
    let mut frame = [0_u8; 86];
    frame[0..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]);
    frame[6..12].copy_from_slice(&mac);
    frame[12..22].copy_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255]);
    frame[22..38].copy_from_slice(&address.octets());
    frame[54..86].copy_from_slice(&neighbour_advertisement(mac, address));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arp_announcement_names_itself_as_sender_and_target() {
        let frame = gratuitous_arp([2, 0, 0, 0, 0, 9], Ipv4Addr::new(10, 0, 0, 4));
        assert_eq!(frame[28..32], frame[38..42]);
        assert_eq!(frame[6..12], frame[22..28]);
        assert_eq!(&frame[12..14], &[0x08, 0x06]);
    }

    #[test]
    fn a_probe_says_of_nobody_that_he_has_the_address() {
        let frame = arp_probe([2, 0, 0, 0, 0, 9], Ipv4Addr::new(10, 0, 0, 4));
        assert_eq!((&frame[28..32], &frame[38..42]), (&[0; 4][..], &[10, 0, 0, 4][..]));
    }

    /// To the letter what a kernel sends for fd00::4.
    #[test]
    fn a_solicitation_is_for_the_group_of_its_target_and_its_sum_is_right() {
        let frame = solicitation([2, 0, 0, 0, 0, 9], "fd00::4".parse().unwrap());
        assert_eq!(frame[0..6], [0x33, 0x33, 0xff, 0, 0, 4]);
        // With the sum in it, what is summed up is none.
        assert_eq!(checksum(&frame[22..54], &frame[54..]), 0);
    }

    #[test]
    fn an_advertisement_overrides_what_neighbours_know() {
        let message = neighbour_advertisement([2, 0, 0, 0, 0, 9], "fd00::4".parse().unwrap());
        assert_eq!((message[0], message[4] & 0x20), (136, 0x20));
        assert_eq!(&message[26..32], &[2, 0, 0, 0, 0, 9]);
    }
}
