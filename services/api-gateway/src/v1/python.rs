//! Values as Python 2 writes them, because Neutron's messages quote them so and clients match on the texts.

use std::fmt::Write as _;

use serde_json::Value;

/// `'%s' % value`
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`
pub(crate) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => unicode(text),
        Value::Array(items) => list(items.iter().map(repr)),
        Value::Object(map) => {
            let entries: Vec<_> = map.iter().map(|(key, value)| format!("{}: {}", unicode(key), repr(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// `repr` of a list of things written already.
pub(crate) fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// `repr` of a `str`: one of our own names, which need no escapes.
pub(crate) fn name(name: &str) -> String {
    format!("'{name}'")
}

/// `repr` of a `unicode`: any text that a client sent.
pub(crate) fn unicode(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 3);
    out.push('u');
    out.push(quote);
    for c in text.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '\\' => out.write_str("\\\\"),
            c if c == quote => write!(out, "\\{c}"),
            ' '..='~' => out.write_char(c),
            c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)),
            c if u32::from(c) < 0x1_0000 => write!(out, "\\u{:04x}", u32::from(c)),
            c => write!(out, "\\U{:08x}", u32::from(c)),
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
    fn values_are_written_as_python_2_writes_them() {
        for (value, shown) in [
            (json!("x'y"), "x'y"),
            (json!(5), "5"),
            (json!(-1.5), "-1.5"),
            (json!(null), "None"),
            (json!(true), "True"),
            (json!([true, "a", null, 1]), "[True, u'a', None, 1]"),
            (json!({ "a": ["b"] }), "{u'a': [u'b']}"),
            (
                json!(["x'y", "x'y\"z", "\n\t\\", "\u{7}é€\u{1f600}"]),
                "[u\"x'y\", u'x\\'y\"z', u'\\n\\t\\\\', u'\\x07\\xe9\\u20ac\\U0001f600']",
            ),
        ] {
            assert_eq!(text(&value), shown);
        }
    }
}
