//! A value of a label that no enum has: a name that an operator gave, or an id.

use std::{fmt, sync::Arc};

use crate::encoding::{EncodeLabelValue, LabelValueEncoder};

/// How long a value may be.
const LONGEST: usize = 128;
/// What stands for a value that is not one.
const OTHER: &str = "other";

/// A short word without anything that could end it. Everything else is told as `other`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word(Arc<str>);

impl Word {
    #[must_use]
    pub fn new(text: &str) -> Self {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@/-".contains(&byte);
        let is_one = !text.is_empty() && text.len() <= LONGEST && text.bytes().all(fine);
        Self(if is_one { text.into() } else { OTHER.into() })
    }

    /// What stands for all that are not told one by one.
    #[must_use]
    pub fn other() -> Self {
        Self(OTHER.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        fmt::Write::write_str(encoder, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_a_value_or_a_line() {
        for fine in ["haproxy-ns", "8f2c0d0e-0000-4000-8000-000000000001", "host-1.example", "a"] {
            assert_eq!(Word::new(fine).as_str(), fine);
        }
        for odd in ["", "a b", "a\"} 1", "a\nb", "a\\", "é", &"x".repeat(LONGEST + 1)] {
            assert_eq!(Word::new(odd), Word::other(), "{odd}");
        }
    }
}
