//! Netlink attributes: length, type and content, padded to four bytes. nf_tables and conntrack have numbers in network byte
//! order.

const NESTED: u16 = 0x8000;
const TYPE: u16 = 0x3fff;
const HEADER: usize = 4;
/// What an attribute's length can say.
pub const MOST: usize = u16::MAX as usize - HEADER;

/// Attributes that are being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<u8>);

impl Attributes {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn bytes(mut self, kind: u16, content: &[u8]) -> Self {
        self.push(kind, content);
        self
    }

    /// More than [`MOST`] bytes do not fit: whoever writes lists splits them before.
    fn push(&mut self, kind: u16, content: &[u8]) {
        debug_assert!(content.len() <= MOST, "an attribute of {} bytes", content.len());
        let length = u16::try_from(content.len() + HEADER).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// A text with the zero byte that the kernel expects behind it.
    #[must_use]
    pub fn text(self, kind: u16, text: &str) -> Self {
        self.bytes(kind, &[text.as_bytes(), &[0]].concat())
    }

    #[must_use]
    pub fn number(self, kind: u16, number: u32) -> Self {
        self.bytes(kind, &number.to_be_bytes())
    }

    #[must_use]
    pub fn long(self, kind: u16, number: u64) -> Self {
        self.bytes(kind, &number.to_be_bytes())
    }

    #[must_use]
    pub fn nested(self, kind: u16, inner: &Attributes) -> Self {
        self.bytes(kind | NESTED, &inner.0)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The attributes in a message, as the kernel sent them. What is cut off is left out.
pub fn parse(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let [low, high, kind_low, kind_high, ..] = *rest else { return None };
        let length = usize::from(u16::from_ne_bytes([low, high]));
        let content = rest.get(HEADER..length)?;
        let kind = u16::from_ne_bytes([kind_low, kind_high]) & TYPE;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, content))
    })
}

/// The content of the first attribute of this type.
pub fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    parse(bytes).find(|(kind, _)| *kind == wanted).map(|(_, content)| content)
}

pub fn number(content: &[u8]) -> Option<u32> {
    content.try_into().ok().map(u32::from_be_bytes)
}

pub fn long(content: &[u8]) -> Option<u64> {
    content.try_into().ok().map(u64::from_be_bytes)
}

pub fn text(content: &[u8]) -> Option<&str> {
    std::str::from_utf8(content).ok().map(|text| text.trim_end_matches('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let inner = Attributes::new().number(1, 7).long(2, 1 << 40);
        let written = Attributes::new().text(1, "slots").nested(4, &inner).bytes(5, &[9]);
        assert_eq!(written.as_bytes().len() % 4, 0);
        assert_eq!(find(written.as_bytes(), 1).and_then(text), Some("slots"));
        let nested = find(written.as_bytes(), 4).unwrap();
        assert_eq!(find(nested, 1).and_then(number), Some(7));
        assert_eq!(find(nested, 2).and_then(long), Some(1 << 40));
        assert_eq!(find(written.as_bytes(), 5), Some(&[9][..]));
        assert_eq!(find(written.as_bytes(), 6), None);
    }

    #[test]
    fn what_is_cut_off_is_left_out() {
        let written = Attributes::new().number(1, 7).number(2, 8);
        for length in 0..16 {
            let found = parse(&written.as_bytes()[..length]).count();
            assert_eq!(found, usize::from(length >= 8), "{length}");
        }
        assert_eq!(parse(&[0, 0, 0, 0, 0, 0, 0, 0]).count(), 0);
    }
}
