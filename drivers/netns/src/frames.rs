//! The two frames that tell neighbours who has an address now. Pure.

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
    fn an_advertisement_overrides_what_neighbours_know() {
        let message = neighbour_advertisement([2, 0, 0, 0, 0, 9], "fd00::4".parse().unwrap());
        assert_eq!((message[0], message[4] & 0x20), (136, 0x20));
        assert_eq!(&message[26..32], &[2, 0, 0, 0, 0, 9]);
    }
}
