//! Sequences of expressions that rules are made of. They are what the nft program would write, so that it can show them.

use std::net::IpAddr;

use crate::wire::{
    Expression, Kind, Rule,
    expression::{Base, Flow, Meta, Register, Verdict},
};

/// An address, of either version; behind it comes what is looked up with it.
pub(super) const A: Register = Register(0);
/// A mark beside an address.
pub(super) const DATA: Register = Register(4);
/// For comparisons.
const COMPARED: Register = Register(8);
pub(super) const PORT_LOW: Register = Register(8);
pub(super) const PORT_HIGH: Register = Register(9);
/// In a flow's status: its destination was translated, so it is one of ours.
const TRANSLATED: u32 = 1 << 5;

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const BOTH: [Self; 2] = [Self::V4, Self::V6];

    pub(super) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    pub(super) const fn digit(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::V4 => Kind::Ipv4,
            Self::V6 => Kind::Ipv6,
        }
    }

    pub(super) const fn members(self) -> &'static str {
        match self {
            Self::V4 => "m4",
            Self::V6 => "m6",
        }
    }

    pub(super) const fn services(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
        }
    }

    /// Offset and length in the header.
    pub(super) const fn source(self) -> (u32, u32) {
        match self {
            Self::V4 => (12, 4),
            Self::V6 => (8, 16),
        }
    }

    pub(super) const fn destination(self) -> (u32, u32) {
        match self {
            Self::V4 => (16, 4),
            Self::V6 => (24, 16),
        }
    }

    /// The registers behind an address.
    pub(super) const fn behind(self) -> [Register; 2] {
        match self {
            Self::V4 => [Register(1), Register(2)],
            Self::V6 => [Register(4), Register(5)],
        }
    }

    /// What is left of an address of which only so many bits count; `None`: all do.
    fn mask(self, prefix: u8) -> Option<Vec<u8>> {
        let length = usize::from(self.source().1 == 16) * 12 + 4;
        let bit = |bit: usize| if bit < usize::from(prefix) { 0x80_u8 >> (bit % 8) } else { 0 };
        let mask: Vec<u8> = (0..length).map(|byte| (byte * 8..byte * 8 + 8).map(bit).sum()).collect();
        Some(mask).filter(|_| usize::from(prefix) < length * 8)
    }
}

pub(super) fn family(which: Family) -> Rule {
    // The numbers of AF_INET and AF_INET6.
    let value = match which {
        Family::V4 => vec![2],
        Family::V6 => vec![10],
    };
    vec![Expression::Meta { key: Meta::Family, to: COMPARED }, equal(value)]
}

pub(super) fn protocol(number: u8) -> Rule {
    vec![Expression::Meta { key: Meta::Protocol, to: COMPARED }, equal(vec![number])]
}

fn equal(value: Vec<u8>) -> Expression {
    Expression::Compare { register: COMPARED, equal: true, value }
}

pub(super) fn load(base: Base, (offset, length): (u32, u32), to: Register) -> Expression {
    Expression::Payload { base, offset, length, to }
}

/// What of a client's address counts.
pub(super) fn client(which: Family, prefix: u8) -> Rule {
    let mut rule = vec![load(Base::Network, which.source(), A)];
    rule.extend(which.mask(prefix).map(|mask| Expression::And { register: A, mask }));
    rule
}

pub(super) fn mark(to: Register) -> Expression {
    Expression::Flow { key: Flow::Mark, to }
}

pub(super) fn find(set: &str) -> Expression {
    Expression::Lookup { set: set.to_owned(), key: A, to: Some(A), absent: false }
}

/// It ends the rule where this set has no such key.
pub(super) fn is_in(set: &str) -> Expression {
    Expression::Lookup { set: set.to_owned(), key: A, to: None, absent: false }
}

/// By the counter that the flow's mark has in this map. It ends the rule where there is none.
pub(super) fn counted(map: &str, with: Register) -> Rule {
    vec![mark(with), Expression::ObjectOf { map: map.to_owned(), key: with }]
}

pub(super) fn is_translated() -> Rule {
    vec![
        Expression::Flow { key: Flow::Status, to: COMPARED },
        Expression::And { register: COMPARED, mask: TRANSLATED.to_ne_bytes().to_vec() },
        Expression::Compare { register: COMPARED, equal: false, value: vec![0; 4] },
    ]
}

pub(super) fn accept_translated() -> Rule {
    is_translated().into_iter().chain([Expression::Verdict(Verdict::Accept)]).collect()
}

pub(super) fn of_direction(reply: bool) -> Rule {
    vec![Expression::Flow { key: Flow::Direction, to: COMPARED }, equal(vec![u8::from(reply)])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_as_many_bits_as_count() {
        assert_eq!(Family::V4.mask(32), None);
        assert_eq!(Family::V4.mask(20), Some(vec![255, 255, 240, 0]));
        assert_eq!(Family::V4.mask(0), Some(vec![0; 4]));
        assert_eq!(Family::V6.mask(128), None);
        assert_eq!(Family::V6.mask(48).unwrap()[..8], [255, 255, 255, 255, 255, 255, 0, 0]);
    }
}
