//! Strings of a tenant, each through its own allow-list. What comes out can be written into haproxy.cfg as one word, a
//! path once it is quoted.

use ballast_abi::DriverError;

use crate::validated::Id;

/// An id: of what, in which field.
///
/// # Errors
/// INVALID_ARGUMENT.
pub(crate) fn id(object: &str, field: &str, text: &str) -> Result<Id, DriverError> {
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

/// The characters of a cookie's name (RFC 6265's token) without those that mean something to haproxy's parser.
pub(super) fn cookie_name(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!&*+-.^_|~".contains(&byte);
    ((1..=128).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
}

/// Letters; empty is GET.
pub(super) fn http_method(text: &str) -> Option<String> {
    match text {
        "" => Some("GET".to_owned()),
        _ => (text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphabetic())).then(|| text.to_owned()),
    }
}

/// A path and query of RFC 3986's characters; a leading `/` is put before it where it is missing.
pub(super) fn url_path(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%[]".contains(&byte);
    let sound = text.len() <= 1024 && text.bytes().all(plain);
    let slash = if text.starts_with('/') { "" } else { "/" };
    sound.then(|| format!("{slash}{text}"))
}

/// `"200"`, `"200, 202"`, `"200-204"` as inclusive ranges; empty is 200.
pub(super) fn codes(text: &str) -> Option<Vec<(u16, u16)>> {
    if text.is_empty() {
        return Some(vec![(200, 200)]);
    }
    text.split(',').map(|part| range(part.trim())).collect()
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = (code(first)?, code(last)?);
    (range.0 <= range.1).then_some(range)
}

fn code(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|code| *code >= 100)
}
