//! Whether a field is as it shall be, whatever the way it is written.

use std::net::IpAddr;

use serde_json::Value;

/// `wanted` is of a file, `found` of an answer: the server adds to objects, turns lists around and spells addresses its
/// own way.
pub(super) fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().all(|(key, value)| same(value, found.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted.iter().all(|one| found.iter().any(|other| same(one, other)))
                && found.iter().all(|one| wanted.iter().any(|other| same(other, one)))
        }
        _ if is_nothing(wanted) || is_nothing(found) => is_nothing(wanted) && is_nothing(found),
        _ => scalar(wanted) == scalar(found),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Numbers, booleans and texts as texts; addresses in one spelling.
fn scalar(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse::<IpAddr>().map_or(text, |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_means_the_same_is_the_same() {
        for (wanted, found, expected) in [
            (json!(80), json!("80"), true),
            (json!(true), json!("true"), true),
            (json!(null), json!(""), true),
            (json!(null), json!([]), true),
            (json!(null), json!(0), false),
            (json!(""), json!(false), false),
            (json!(["a", "b"]), json!(["b", "a"]), true),
            (json!(["a"]), json!(["a", "b"]), false),
            (json!({"type": "SOURCE_IP"}), json!({"type": "SOURCE_IP", "cookie_name": null}), true),
            (json!({"type": "SOURCE_IP"}), json!(null), false),
            (json!("2001:DB8:0::1"), json!("2001:db8::1"), true),
            (json!("10.0.0.1"), json!("10.0.0.2"), false),
            (json!("HTTP"), json!("http"), false),
        ] {
            assert_eq!(same(&wanted, &found), expected, "{wanted} {found}");
        }
    }
}
