//! Checks of single values. The texts are Neutron's, to the letter: a script may look for them.

use std::net::IpAddr;

use crate::fault::Fault;

/// The longest name, description or path.
pub const MAX_TEXT: usize = 255;
/// The longest cookie name.
pub const MAX_COOKIE: usize = 1024;

/// A whole number between two bounds, both allowed.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn range(field: &str, value: i32, min: i32, max: i32) -> Result<i32, Fault> {
    if value < min {
        return Err(Fault::invalid_field(field, format!("'{value}' is too small - must be at least '{min}'.")));
    }
    if value > max {
        return Err(Fault::invalid_field(field, format!("'{value}' is too large - must be no larger than '{max}'.")));
    }
    Ok(value)
}

/// A TCP port, 0 included.
///
/// # Errors
/// As [`range`].
pub fn port(field: &str, value: i32) -> Result<u16, Fault> {
    let value = range(field, value, 0, i32::from(u16::MAX))?;
    u16::try_from(value).map_err(Fault::internal)
}

/// Seconds, 0 included.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn non_negative(field: &str, value: i32) -> Result<u32, Fault> {
    u32::try_from(value).map_err(|_| Fault::invalid_field(field, format!("'{value}' should be non-negative.")))
}

/// A text of at most `max` characters, without NUL, which not every database can hold.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn text(field: &str, value: String, max: usize) -> Result<String, Fault> {
    if value.chars().count() > max {
        return Err(Fault::invalid_field(field, format!("'{value}' exceeds maximum length of {max}.")));
    }
    if value.contains('\0') {
        return Err(not_valid_input(field, &value.replace('\0', "\\x00")));
    }
    Ok(value)
}

/// An IPv4 or IPv6 address.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn address(field: &str, value: &str) -> Result<IpAddr, Fault> {
    value.parse().map_err(|_| Fault::invalid_field(field, format!("'{value}' is not a valid IP address.")))
}

/// The status codes that a health check expects: `200`, `200, 202` or `200-204`.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn expected_codes(field: &str, value: &str) -> Result<String, Fault> {
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    let valid = match value.split_once('-') {
        Some((low, high)) => is_code(low) && is_code(high),
        None => value.split(',').all(|code| is_code(code.trim_matches(' '))),
    };
    if valid { Ok(value.to_owned()) } else { Err(not_valid_input(field, value)) }
}

/// An HTTP method: up to 16 letters.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn http_method(field: &str, value: &str) -> Result<String, Fault> {
    let valid = (1..=16).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphabetic());
    if valid { Ok(value.to_owned()) } else { Err(not_valid_input(field, value)) }
}

/// A path and query of RFC 3986, and the brackets that clients write into queries as they are: what means something to a
/// device's configuration language is its driver's to quote. A leading slash is added where it lacks.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn url_path(field: &str, value: &str) -> Result<String, Fault> {
    const ALLOWED: &[u8] = b"-._~!$&'()*+,;=:@/?%[]";
    let valid =
        value.len() < MAX_TEXT && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || ALLOWED.contains(&byte));
    if !valid {
        return Err(not_valid_input(field, value));
    }
    Ok(if value.starts_with('/') { value.to_owned() } else { format!("/{value}") })
}

/// The name of a cookie: RFC 6265's token, without the characters that could mean something to a device.
///
/// # Errors
/// [`Code::InvalidField`](crate::fault::Code::InvalidField)
pub fn cookie_name(field: &str, value: &str) -> Result<String, Fault> {
    const ALLOWED: &[u8] = b"!&*+-.^_|~";
    let valid = (1..=MAX_COOKIE).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || ALLOWED.contains(&byte));
    if valid { Ok(value.to_owned()) } else { Err(not_valid_input(field, value)) }
}

fn not_valid_input(field: &str, value: &str) -> Fault {
    Fault::invalid_field(field, format!("'{value}' is not a valid input."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_allowed_and_named_when_crossed() {
        assert_eq!(port("protocol_port", 0), Ok(0));
        assert_eq!(port("protocol_port", 65535), Ok(65535));
        assert_eq!(
            port("protocol_port", 70000).unwrap_err().message(),
            "Invalid input for protocol_port. Reason: '70000' is too large - must be no larger than '65535'."
        );
        assert_eq!(
            range("weight", -1, 0, 256).unwrap_err().message(),
            "Invalid input for weight. Reason: '-1' is too small - must be at least '0'."
        );
        assert_eq!(
            non_negative("delay", -1).unwrap_err().message(),
            "Invalid input for delay. Reason: '-1' should be non-negative."
        );
    }

    #[test]
    fn expected_codes_are_a_list_or_one_range() {
        for good in ["200", "200, 202", "200,201,202", "200-204"] {
            assert!(expected_codes("expected_codes", good).is_ok(), "{good}");
        }
        for bad in ["", "abc", "20", "200-204,301", "200-", "2000", "200;201"] {
            assert!(expected_codes("expected_codes", bad).is_err(), "{bad}");
        }
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
