//! Values as Python 3 writes them, because Octavia's messages quote them so.

use std::fmt::Write as _;

use serde_json::Value;

/// As much of a value as is told, as in LBaaS v1.
const LONGEST: usize = 6000;

/// `str(value)`, cut where it is very long.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text.clone()),
        other => repr(other),
    }
}

/// `repr(value)`, cut where it is very long.
pub(super) fn repr(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(&cut(text.clone())),
        other => cut(whole(other)),
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

fn whole(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => list(items.iter().map(whole)),
        Value::Object(map) => {
            let entries: Vec<_> = map.iter().map(|(key, value)| format!("{}: {}", quoted(key), whole(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// `repr` of a list of things written already.
pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// `repr` of a text.
pub(super) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '\\' => out.write_str("\\\\"),
            c if c == quote => write!(out, "\\{c}"),
            c if c.is_control() => write!(out, "\\x{:02x}", u32::from(c)),
            c => out.write_char(c),
        };
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_python_3_writes_them() {
        for (value, shown) in [
            (json!("x'y"), "x'y"),
            (json!(5), "5"),
            (json!(null), "None"),
            (json!([true, "a", null, 1.5]), "[True, 'a', None, 1.5]"),
            (json!({ "a": ["b", "x'y", "é\u{7}\n"] }), "{'a': ['b', \"x'y\", 'é\\x07\\n']}"),
        ] {
            assert_eq!(text(&value), shown);
        }
    }
}
