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

/// Whether it is the name of a header or a cookie: RFC 9110's token.
#[must_use]
pub fn token(text: &str) -> bool {
    (1..=TEXT).contains(&text.len()) && consists_of(text, b"!#$%&'*+-.^_`|~")
}

/// Whether it can be compared with what a request has: anything that is one line.
#[must_use]
pub fn compared(text: &str) -> bool {
    (1..=TEXT).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Whether it is the beginning of a URL of HTTP, or all of it, as a redirect can have.
#[must_use]
pub fn http_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let known = scheme.is_some_and(|(scheme, rest)| matches!(scheme.as_str(), "http" | "https") && !rest.is_empty());
    known && text.len() <= TEXT && !text.chars().any(|letter| letter.is_control() || letter.is_whitespace())
}

/// Whether it is the name of a host, as a request says it.
#[must_use]
pub fn host_name(text: &str) -> bool {
    (1..=TEXT).contains(&text.len()) && consists_of(text, b"-._") && !text.starts_with(['-', '.'])
}

fn consists_of(text: &str, odd: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || odd.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rules_and_redirects_have_is_one_line_of_what_it_says() {
        for good in ["X-Tenant", "a!#$%&'*+-.^_`|~9"] {
            assert!(token(good), "{good}");
        }
        for bad in ["", "a b", "a:b", "a\"", "a(b)", "é", "a\\b"] {
            assert!(!token(bad), "{bad}");
        }
        assert!(compared("a 'b\" \\ #} é") && !compared("") && !compared("a\nb") && !compared("a\u{85}b"));
        for good in ["http://a", "HTTPS://example.org/x?y=%20#z", "http://é/'\"$"] {
            assert!(http_url(good), "{good}");
        }
        for bad in ["", "ftp://a", "//a", "http://", "http://a b", "http://a\nb", "/a"] {
            assert!(!http_url(bad), "{bad}");
        }
        assert!(host_name("www.example.org") && host_name("10.0.0.1") && !host_name("a b") && !host_name("-a"));
    }
}
