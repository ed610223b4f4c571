//! Strings of a tenant, each through its own allow-list. What comes out can be written into a configuration file as one word, a
//! path once it is quoted.

use ballast_abi::{DriverError, limits};

use super::Id;

/// An id: of what, in which field.
///
/// # Errors
/// INVALID_ARGUMENT.
pub fn id(object: &str, field: &str, text: &str) -> Result<Id, DriverError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(Id(text.to_owned()));
    }
    let why = format!("{object}: {field} {text:?} must be 1 to 64 letters, digits, '-' or '_'");
    Err(DriverError::invalid_argument(why))
}

/// A free string, made fit for a comment of one line.
pub(super) fn comment(text: &str) -> String {
    let harmless = |letter: &char| letter.is_ascii_alphanumeric() || "._-@".contains(*letter);
    let plain = |letter: char| Some(letter).filter(harmless).unwrap_or('?');
    text.chars().take(64).map(plain).collect()
}

/// Letters; empty is GET.
pub(super) fn http_method(text: &str) -> Option<String> {
    let text = if text.is_empty() { "GET" } else { text };
    limits::http_method(text).then(|| text.to_owned())
}

/// A path and query; a leading `/` is put before it where it is missing.
pub(super) fn url_path(text: &str) -> Option<String> {
    let slash = if text.starts_with('/') { "" } else { "/" };
    limits::url_path(text).then(|| format!("{slash}{text}"))
}

/// `"200"`, `"200, 202"`, `"200-204"` as inclusive ranges in their order, as few as there can be: however long the list, it
/// is a line that a proxy can read. Empty is 200.
pub(super) fn codes(text: &str) -> Option<Vec<(u16, u16)>> {
    let mut asked = limits::codes(if text.is_empty() { "200" } else { text })?;
    asked.sort_unstable();
    let mut codes: Vec<(u16, u16)> = Vec::new();
    for (first, last) in asked {
        match codes.last_mut().filter(|before| first <= before.1 + 1) {
            Some(before) => before.1 = before.1.max(last),
            None => codes.push((first, last)),
        }
    }
    Some(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gets_its_slash_and_codes_are_few_ranges_however_many_were_asked_for() {
        assert_eq!(url_path("health").unwrap(), "/health");
        assert_eq!(url_path("/it's").unwrap(), "/it's");
        assert_eq!(codes("200, 202").unwrap(), [(200, 200), (202, 202)]);
        assert_eq!(codes("200-204").unwrap(), [(200, 204)]);
        let many: Vec<String> = (100..=999).rev().map(|code| code.to_string()).collect();
        assert_eq!(codes(&many.join(",")).unwrap(), [(100, 999)]);
        let odd: Vec<String> = (100..=999).step_by(2).map(|code| code.to_string()).collect();
        assert_eq!(codes(&odd.join(", ")).unwrap().len(), 450);
    }
}
