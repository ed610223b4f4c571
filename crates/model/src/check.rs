//! Checks of single values by the [table of limits](ballast_limits).

use std::net::IpAddr;

use ballast_limits::{self as limits, Bounds};
use ipnet::IpNet;

use crate::fault::{Fault, Form, Reason};

/// The longest name or description.
pub const MAX_TEXT: usize = limits::TEXT;

/// A whole number within its limits.
///
/// # Errors
/// As [`range`].
pub fn bounded(field: &str, value: i32, bounds: Bounds) -> Result<i32, Fault> {
    range(field, value, bounds.least, bounds.most)
}

/// A whole number between two bounds, both allowed.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn range(field: &str, value: i32, min: i32, max: i32) -> Result<i32, Fault> {
    if value < min {
        return Err(Fault::invalid_field(field, Reason::TooSmall { value: value.into(), least: min.into() }));
    }
    if value > max {
        return Err(Fault::invalid_field(field, Reason::TooLarge { value: value.into(), most: max.into() }));
    }
    Ok(value)
}

/// A TCP port, 0 included.
///
/// # Errors
/// As [`range`].
pub fn port(field: &str, value: i32) -> Result<u16, Fault> {
    let value = bounded(field, value, limits::PORT)?;
    u16::try_from(value).map_err(Fault::internal)
}

/// A port of v2's, which is never 0.
///
/// # Errors
/// As [`range`].
pub fn port_of_v2(field: &str, value: i32) -> Result<u16, Fault> {
    u16::try_from(bounded(field, value, limits::PORT_OF_V2)?).map_err(Fault::internal)
}

/// A listener's timeout, in milliseconds.
///
/// # Errors
/// As [`range`].
pub fn timeout(field: &str, value: i32) -> Result<u32, Fault> {
    bounded(field, value, limits::TIMEOUT).map(i32::unsigned_abs)
}

/// How many connections a listener may have; -1: any number.
///
/// # Errors
/// As [`range`].
pub fn connections(field: &str, value: i32) -> Result<i32, Fault> {
    bounded(field, value, limits::CONNECTIONS)
}

/// How many checks it takes.
///
/// # Errors
/// As [`range`].
pub fn retries(field: &str, value: i32) -> Result<u32, Fault> {
    bounded(field, value, limits::MAX_RETRIES).map(i32::unsigned_abs)
}

/// Networks: host bits are cut, a bare address is a network of its own, and what is there twice is there once.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn networks(field: &str, texts: &[String]) -> Result<Vec<IpNet>, Fault> {
    let mut found: Vec<IpNet> = Vec::with_capacity(texts.len());
    for text in texts {
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let net = net.ok_or_else(|| malformed(field, text, Form::Cidr))?.trunc();
        if !found.contains(&net) {
            found.push(net);
        }
    }
    Ok(found)
}

/// Seconds between checks, or that one may take.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn seconds(field: &str, value: i32) -> Result<u32, Fault> {
    let seconds =
        u32::try_from(value).map_err(|_| Fault::invalid_field(field, Reason::Negative { value: value.into() }))?;
    bounded(field, value, limits::SECONDS).map(|_| seconds)
}

/// How many of the requests that come to a pool a member gets.
///
/// # Errors
/// As [`range`].
pub fn weight(field: &str, value: i32) -> Result<u16, Fault> {
    u16::try_from(bounded(field, value, limits::WEIGHT)?).map_err(Fault::internal)
}

/// A text of at most `max` characters, without NUL, which not every database can hold.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn text(field: &str, value: String, max: usize) -> Result<String, Fault> {
    if value.chars().count() > max {
        return Err(too_long(field, value, max));
    }
    if value.contains('\0') {
        return Err(not_valid(field, &value));
    }
    Ok(value)
}

/// An IPv4 or IPv6 address.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn address(field: &str, value: &str) -> Result<IpAddr, Fault> {
    value.parse().map_err(|_| malformed(field, value, Form::Address))
}

/// A text that was to be of this form.
#[must_use]
pub fn malformed(field: &str, value: &str, form: Form) -> Fault {
    Fault::invalid_field(field, Reason::Malformed { value: value.to_owned(), form })
}

/// A text of more than `max` characters.
#[must_use]
pub fn too_long(field: &str, value: String, max: usize) -> Fault {
    Fault::invalid_field(field, Reason::TooLong { value, most: u32::try_from(max).unwrap_or(u32::MAX) })
}

/// A value of a closed set that is none of it.
pub fn not_one_of<T: AsRef<str>>(field: &str, value: &str, choices: impl IntoIterator<Item = T>) -> Fault {
    Fault::invalid_field(field, Reason::NotOneOf { value: value.to_owned(), choices: choices.into_iter().collect() })
}

/// The address of a member: one that can be reached.
///
/// # Errors
/// As [`address`].
pub fn member_address(field: &str, value: &str) -> Result<IpAddr, Fault> {
    let address = address(field, value)?;
    match limits::no_member(address) {
        Some(kind) => Err(Fault::invalid_field(
            field,
            Reason::NoMembersAddress { value: value.to_owned(), kind: kind.to_owned() },
        )),
        None => Ok(address),
    }
}

/// The status codes that a health check expects: `200`, `200, 202` or `200-204`.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn expected_codes(field: &str, value: &str) -> Result<String, Fault> {
    valid(field, value, limits::expected_codes)
}

/// An HTTP method: up to 16 letters.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn http_method(field: &str, value: &str) -> Result<String, Fault> {
    valid(field, value, limits::http_method)
}

/// A path and query of RFC 3986. What in it means something to a device's configuration language is its driver's to quote.
/// A leading slash is added where it lacks.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn url_path(field: &str, value: &str) -> Result<String, Fault> {
    let path = valid(field, value, limits::url_path)?;
    Ok(if path.starts_with('/') { path } else { format!("/{path}") })
}

/// The name of a cookie.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn cookie_name(field: &str, value: &str) -> Result<String, Fault> {
    valid(field, value, limits::cookie_name)
}

fn valid(field: &str, value: &str, is_valid: fn(&str) -> bool) -> Result<String, Fault> {
    if is_valid(value) { Ok(value.to_owned()) } else { Err(not_valid(field, value)) }
}

/// A text with something in it that is not allowed.
#[must_use]
pub fn not_valid(field: &str, value: &str) -> Fault {
    Fault::invalid_field(field, Reason::NotValid { value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_allowed_and_named_when_crossed() {
        assert_eq!(port("protocol_port", 0), Ok(0));
        assert_eq!(port("protocol_port", 65535), Ok(65535));
        assert_eq!(
            port("protocol_port", 70_000),
            Err(Fault::invalid_field("protocol_port", Reason::TooLarge { value: 70_000, most: 65_535 }))
        );
        assert_eq!(
            range("weight", -1, 0, 256),
            Err(Fault::invalid_field("weight", Reason::TooSmall { value: -1, least: 0 }))
        );
        assert_eq!(seconds("delay", -1), Err(Fault::invalid_field("delay", Reason::Negative { value: -1 })));
        assert_eq!(
            seconds("delay", 86_401),
            Err(Fault::invalid_field("delay", Reason::TooLarge { value: 86_401, most: 86_400 }))
        );
        assert_eq!((seconds("delay", 0), seconds("delay", 86_400)), (Ok(0), Ok(86_400)));
    }

    #[test]
    fn an_address_at_which_no_member_can_be_reached_is_refused() {
        let reason = Reason::NoMembersAddress { value: "127.0.0.1".to_owned(), kind: "loopback".to_owned() };
        assert_eq!(member_address("address", "127.0.0.1"), Err(Fault::invalid_field("address", reason)));
        assert!(member_address("address", "x").is_err() && member_address("address", "10.0.0.1").is_ok());
    }

    #[test]
    fn what_could_break_out_of_a_configuration_is_refused() {
        for bad in ["/a b", "/a\nserver x", "/\"", "/#", "/\\", "/ü", "/{x}", "/`x`", "/<x>"] {
            assert!(url_path("url_path", bad).is_err(), "{bad:?}");
        }
        for bad in ["", "GET /", "GET\r\n", "G\u{e9}T"] {
            assert!(http_method("http_method", bad).is_err(), "{bad:?}");
        }
        for bad in ["", "a b", "a;b", "a=b", "a\nb", "a\"", "$x"] {
            assert!(cookie_name("cookie_name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn whatever_rfc_3986_allows_in_a_path_or_query_is_taken() {
        for good in ["/odata/$metadata", "/f?filter[name]=x", "/it's", "/-._~!$&'()*+,;=:@/?%20"] {
            assert_eq!(url_path("url_path", good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn a_path_gets_its_leading_slash() {
        assert_eq!(url_path("url_path", "health?x=1").unwrap(), "/health?x=1");
    }
}
