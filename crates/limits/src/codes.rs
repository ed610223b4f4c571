//! The status codes that a check expects: `200`, `200, 202` or `200-204`.

use crate::EXPECTED_CODES;

/// Whether the API takes it: a list, or one range.
#[must_use]
pub fn expected_codes(text: &str) -> bool {
    let range = text.contains('-') && (text.contains(',') || text.contains(' '));
    text.len() <= EXPECTED_CODES && !range && codes(text).is_some()
}

/// As inclusive ranges, whatever its length, also a list of ranges.
#[must_use]
pub fn codes(text: &str) -> Option<Vec<(u16, u16)>> {
    text.split(',').map(|part| range(part.trim_matches(' '))).collect()
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = (code(first)?, code(last)?);
    (range.0 <= range.1).then_some(range)
}

fn code(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|code| digits && *code >= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_a_list_or_one_range_that_somebody_can_send() {
        for good in ["200", "200, 202", "200,201,202", "200-204", "100-999", "200-200"] {
            assert!(expected_codes(good), "{good}");
        }
        let long = vec!["200"; 17].join(",");
        for bad in
            ["", "abc", "20", "2000", "200-204,301", "200-", "200;201", "204-200", "000", "099-200", "+20", &long]
        {
            assert!(!expected_codes(bad), "{bad}");
        }
        assert_eq!(codes("200-204, 301"), Some(vec![(200, 204), (301, 301)]));
        assert!(codes(&long).is_some());
    }
}
