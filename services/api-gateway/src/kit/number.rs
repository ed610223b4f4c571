//! Numbers as Python reads them.

use serde_json::Value;

/// What Python's `int()` makes of a value, as far as it goes: clamped to 128 bits.
pub(crate) fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Bool(flag) => Some(i128::from(*flag)),
        Value::Number(number) => number.as_i128().or_else(|| number.as_f64().map(truncate)),
        Value::String(text) => digits(text.trim()),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "int() truncates, and the cast saturates")]
const fn truncate(number: f64) -> i128 {
    number as i128
}

fn digits(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().unwrap_or(i128::MAX);
    Some(if negative { -number } else { number })
}
