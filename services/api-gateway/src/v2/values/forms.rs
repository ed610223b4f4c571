//! Texts of a form, and what else is looked at whole. Each says what is wrong in Octavia's words.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

/// `http` and `https`, without control characters and spaces.
pub(crate) fn url(value: &Value) -> Result<(), String> {
    let good = value.as_str().is_some_and(|text| {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        host.is_some_and(|host| !host.is_empty()) && !text.chars().any(|c| c.is_control() || c.is_whitespace())
    });
    good.then_some(()).ok_or_else(|| "Value must be a valid URL string".to_owned())
}

/// A path, with a query where it has one.
pub(crate) fn url_path(value: &Value) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    if text.chars().count() > ballast_limits::TEXT {
        return Err(format!("Value should have a maximum character requirement of {}", ballast_limits::TEXT));
    }
    let good =
        text.starts_with('/') && !text.starts_with("//") && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    good.then_some(()).ok_or_else(|| "Value must be a valid URL Path string".to_owned())
}

const CODES: &str = r"^(\d{3}(\s*,\s*\d{3})*)$|^(\d{3}-\d{3})$";

/// One code, several, or a range of them.
pub(crate) fn codes(value: &Value) -> Result<(), String> {
    let code =
        |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit()) && ("100"..="599").contains(&text);
    let text = value.as_str().unwrap_or_default();
    let good = match text.split_once('-') {
        Some((first, last)) => code(first) && code(last) && first <= last,
        None => !text.is_empty() && text.split(',').all(|one| code(one.trim())) && text == text.trim(),
    };
    good.then_some(()).ok_or_else(|| format!("Value should match the pattern {CODES}"))
}

/// A name of a cookie.
pub(crate) fn cookie_name(value: &Value) -> Result<(), String> {
    let Some(text) = value.as_str() else { return Err("Value should be string".to_owned()) };
    if text.chars().count() > 255 {
        return Err("Value should have a maximum character requirement of 255".to_owned());
    }
    let good = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || matches!(c, ',' | ';' | '\\'));
    good.then_some(()).ok_or_else(|| r"Value should match the pattern ^[^\s,;\\]+$".to_owned())
}

/// A list of networks; a bare address is one, too.
pub(crate) fn cidrs(value: &Value) -> Result<(), String> {
    let Some(items) = value.as_array() else { return Err("Value not a valid list".to_owned()) };
    let good = |item: &Value| {
        item.as_str().is_some_and(|text| text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok())
    };
    items.iter().all(good).then_some(()).ok_or_else(|| "Value should be IPv4 or IPv6 CIDR format".to_owned())
}

/// An object of texts.
pub(crate) fn texts_by_name(value: &Value) -> Result<(), String> {
    let Some(map) = value.as_object() else { return Err("Value should be an object".to_owned()) };
    let bad = map.values().find(|value| value.as_str().is_none_or(|text| text.chars().count() > 255));
    match bad {
        Some(Value::String(_)) => Err("Value should have a maximum character requirement of 255".to_owned()),
        Some(_) => Err("Value should be string".to_owned()),
        None => Ok(()),
    }
}

/// The characters that a list of ciphers has.
pub(crate) fn ciphers(value: &Value) -> Result<(), String> {
    let Some(text) = value.as_str() else { return Err("Value should be string".to_owned()) };
    let most = 2048;
    let good = text.chars().count() <= most;
    good.then_some(()).ok_or_else(|| format!("Value should have a maximum character requirement of {most}"))
}

/// A mask of addresses, as text; a number is one too, as Octavia takes it.
pub(crate) fn granularity(value: &Value) -> Result<(), String> {
    let good = value.is_u64() || value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok());
    good.then_some(()).ok_or_else(|| "Value should be IPv4 or IPv6 format".to_owned())
}

/// The name of a host.
pub(crate) fn domain_name(value: &Value) -> Result<(), String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let text = value.as_str().unwrap_or_default();
    let good = (1..=255).contains(&text.len()) && text.strip_suffix('.').unwrap_or(text).split('.').all(label);
    good.then_some(()).ok_or_else(|| "Value should be a host name".to_owned())
}
