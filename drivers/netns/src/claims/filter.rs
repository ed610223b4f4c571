//! What the kernel passes to an [`Ear`](super::Ear): a program of classic BPF, so that a broadcast wakes those whom it
//! concerns. What passes is looked at once more in [`frame`](super::frame). Pure.

use std::{collections::BTreeSet, net::IpAddr};

use socket2::SockFilter;

use super::Ask;

const LOAD_WORD: u16 = 0x20;
const LOAD_BYTE: u16 = 0x30;
const IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const WHOLE: u32 = 0xffff;

/// Where what is compared lies in an Ethernet frame.
const ARP_SENDER: u32 = 28;
const ARP_TARGET: u32 = 38;
const NEXT_HEADER: u32 = 20;
const ICMPV6_TYPE: u32 = 54;
const ICMPV6_TARGET: u32 = 62;

const ICMPV6: u32 = 58;
const ADVERTISEMENT: u32 = 136;

/// More addresses than a load balancer can have are not told apart by the kernel.
const MOST: usize = 128;

pub(super) fn of(addresses: &BTreeSet<IpAddr>, ipv4: bool, ask: Ask) -> Vec<SockFilter> {
    program(addresses, ipv4, ask).into_iter().map(|(code, yes, no, k)| SockFilter::new(code, yes, no, k)).collect()
}

type Line = (u16, u8, u8, u32);

fn program(addresses: &BTreeSet<IpAddr>, ipv4: bool, ask: Ask) -> Vec<Line> {
    let mut lines = Vec::new();
    if addresses.len() > MOST {
        return vec![(RETURN, 0, 0, WHOLE)];
    }
    if ipv4 {
        let places = match ask {
            Ask::Owners => &[ARP_SENDER][..],
            Ask::Rivals => &[ARP_SENDER, ARP_TARGET],
        };
        for place in places {
            lines.push((LOAD_WORD, 0, 0, *place));
            for address in addresses {
                if let IpAddr::V4(v4) = address {
                    lines.extend([(IF_EQUAL, 0, 1, u32::from(*v4)), (RETURN, 0, 0, WHOLE)]);
                }
            }
        }
    } else {
        lines.extend([(LOAD_BYTE, 0, 0, NEXT_HEADER), (IF_EQUAL, 1, 0, ICMPV6), (RETURN, 0, 0, 0)]);
        if ask == Ask::Owners {
            lines.extend([(LOAD_BYTE, 0, 0, ICMPV6_TYPE), (IF_EQUAL, 1, 0, ADVERTISEMENT), (RETURN, 0, 0, 0)]);
        }
        for address in addresses {
            if let IpAddr::V6(v6) = address {
                let bits = u128::from(*v6);
                for (word, shift) in [96_u32, 64, 32, 0].into_iter().enumerate() {
                    let word = u32::try_from(word).unwrap_or_default();
                    let value = u32::try_from((bits >> shift) & u128::from(u32::MAX)).unwrap_or_default();
                    // Of four comparisons the rest of the block is left out when one fails.
                    let rest = u8::try_from(7 - 2 * word).unwrap_or_default();
                    lines.extend([(LOAD_WORD, 0, 0, ICMPV6_TARGET + 4 * word), (IF_EQUAL, 0, rest, value)]);
                }
                lines.push((RETURN, 0, 0, WHOLE));
            }
        }
    }
    lines.push((RETURN, 0, 0, 0));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{gratuitous_arp, solicitation};

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

    /// What the kernel does with a program.
    fn run(program: &[Line], frame: &[u8]) -> bool {
        let (mut at, mut held) = (0, 0_u32);
        loop {
            let (code, yes, no, k) = program[at];
            at += 1;
            let place = k as usize;
            match code {
                LOAD_WORD => match frame.get(place..place + 4) {
                    Some(bytes) => held = u32::from_be_bytes(bytes.try_into().unwrap()),
                    None => return false,
                },
                LOAD_BYTE => match frame.get(place) {
                    Some(byte) => held = u32::from(*byte),
                    None => return false,
                },
                IF_EQUAL => at += usize::from(if held == k { yes } else { no }),
                _ => return k > 0,
            }
        }
    }

    fn addresses(of: &[&str]) -> BTreeSet<IpAddr> {
        of.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn of_arp_the_claims_of_these_addresses_pass_and_no_other_frame() {
        let ours = addresses(&["10.0.0.4", "10.0.0.5"]);
        let passes =
            |address: &str, ask| run(&program(&ours, true, ask), &gratuitous_arp(MAC, address.parse().unwrap()));
        assert!(passes("10.0.0.4", Ask::Owners) && passes("10.0.0.5", Ask::Owners));
        assert!(!passes("10.0.0.6", Ask::Owners) && !passes("10.0.0.6", Ask::Rivals));
        let mut asking = gratuitous_arp(MAC, "10.0.0.9".parse().unwrap());
        asking[38..42].copy_from_slice(&[10, 0, 0, 4]);
        assert!(!run(&program(&ours, true, Ask::Owners), &asking), "somebody asks for it");
        assert!(run(&program(&ours, true, Ask::Rivals), &asking));
    }

    #[test]
    fn of_neighbours_those_that_name_these_addresses_pass() {
        let ours = addresses(&["fd00::4", "fd00:1::5"]);
        let mut frame = solicitation(MAC, "fd00:1::5".parse().unwrap());
        assert!(run(&program(&ours, false, Ask::Rivals), &frame));
        assert!(!run(&program(&ours, false, Ask::Owners), &frame), "it only asks");
        frame[54] = 136;
        assert!(run(&program(&ours, false, Ask::Owners), &frame));
        for place in [62, 66, 70, 77] {
            let mut other = frame;
            other[place] ^= 1;
            assert!(!run(&program(&ours, false, Ask::Owners), &other), "{place}");
        }
        frame[20] = 17;
        assert!(!run(&program(&ours, false, Ask::Owners), &frame), "UDP");
    }
}
