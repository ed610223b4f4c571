//! What agents and drivers say of themselves, in words: it is stored, shown to tenants, and written into logs.

/// The longest text that is kept of them.
pub const LONGEST: usize = 255;

/// The text as it is kept: no NUL, which not every database can hold, no other control characters, which could forge a line
/// of a log, and no more than [`LONGEST`] characters.
#[must_use]
pub fn told(text: &str) -> String {
    let bad = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    text.chars().map(|character| if bad(character) { ' ' } else { character }).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_told_is_one_line_of_bounded_length(text in any::<String>()) {
            let kept = told(&text);
            prop_assert!(!kept.contains(char::is_control) && kept.chars().count() <= LONGEST);
            prop_assert_eq!(told(&kept), kept);
        }
    }

    #[test]
    fn good_texts_stay_as_they_are() {
        for text in ["", "haproxy refused the configuration: [ALERT] üñ", &"x".repeat(LONGEST)] {
            assert_eq!(told(text), text);
        }
        assert_eq!(told("a\0b\nc\u{1b}[2J\u{85}"), "a b c [2J ");
    }
}
