//! Texts that reach the wire or a device's configuration.

use crate::{COOKIE_NAME, HTTP_METHOD, TEXT};

/// Whether it is a path and query of RFC 3986 or has the brackets that clients write into queries as they are. The slash
/// that begins it may be missing, and is counted.
#[must_use]
pub fn url_path(text: &str) -> bool {
    let slash = usize::from(!text.starts_with('/'));
    text.len() + slash <= TEXT && consists_of(text, b"-._~!$&'()*+,;=:@/?%[]")
}

/// Whether it is the name of a cookie: RFC 6265's token, without the characters that could mean something to a device.
#[must_use]
pub fn cookie_name(text: &str) -> bool {
    (1..=COOKIE_NAME).contains(&text.len()) && consists_of(text, b"!&*+-.^_|~")
}

/// Whether it can be an HTTP method: letters.
#[must_use]
pub fn http_method(text: &str) -> bool {
    (1..=HTTP_METHOD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn consists_of(text: &str, odd: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || odd.contains(&byte))
}
