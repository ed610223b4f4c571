//! Marks: which listener and member a flow belongs to, in the 32 bits that the kernel keeps for each flow.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a listener above that of one of its members. No flow of ours has a 0 in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(u32);

impl Mark {
    #[must_use]
    pub const fn new(listener: u16, member: u16) -> Self {
        Self((listener as u32) << 16 | member as u32)
    }

    #[must_use]
    pub fn listener(self) -> u16 {
        let [high, low, ..] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    #[must_use]
    pub fn member(self) -> u16 {
        let [.., high, low] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// As rules and maps have it.
    #[must_use]
    pub const fn bytes(self) -> [u8; 4] {
        self.0.to_ne_bytes()
    }

    #[must_use]
    pub fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_ne_bytes(bytes))
    }
}

impl From<u32> for Mark {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "l{}m{}", self.listener(), self.member())
    }
}

/// Whose flows are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    Listener(u16),
    Member(Mark),
}

impl Whose {
    /// The mark and the bits of it that count.
    pub(crate) const fn filter(self) -> (u32, u32) {
        match self {
            Self::Listener(number) => (Mark::new(number, 0).number(), 0xffff_0000),
            Self::Member(mark) => (mark.number(), u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_listener_above_a_member() {
        let mark = Mark::new(0x1234, 0xfedc);
        assert_eq!((mark.listener(), mark.member(), mark.number()), (0x1234, 0xfedc, 0x1234_fedc));
        assert_eq!(Mark::from_bytes(mark.bytes()), mark);
        assert_eq!(Whose::Listener(7).filter(), (0x0007_0000, 0xffff_0000));
    }
}
