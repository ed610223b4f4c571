//! Echo requests and replies as bytes. Pure. On a datagram ICMP socket the kernel fills in identifier and checksum, and
//! gives a socket the replies to its own requests only.

use std::net::IpAddr;

const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

pub(super) fn request(to: IpAddr, sequence: u16) -> [u8; 16] {
    let mut message = [0_u8; 16];
    message[0] = if to.is_ipv4() { ECHO_REQUEST } else { ECHO_REQUEST_V6 };
    message[6..8].copy_from_slice(&sequence.to_be_bytes());
    message
}

/// The sequence number of a reply; `None`: it is none.
pub(super) fn reply(message: &[u8], ipv4: bool) -> Option<u16> {
    let expected = if ipv4 { ECHO_REPLY } else { ECHO_REPLY_V6 };
    match message {
        [kind, 0, _, _, _, _, high, low, ..] if *kind == expected => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_known_by_its_sequence_and_a_request_is_no_reply() {
        let mut message = request("10.0.0.1".parse().unwrap(), 0x1234);
        assert_eq!(reply(&message, true), None);
        message[0] = ECHO_REPLY;
        assert_eq!(reply(&message, true), Some(0x1234));
        assert_eq!(reply(&message, false), None);
        assert_eq!(reply(&message[..4], true), None);
    }
}
