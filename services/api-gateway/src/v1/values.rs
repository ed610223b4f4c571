//! One attribute's value: its conversion, then its check, with Neutron's texts.
//!
//! Only what the wire cannot carry otherwise is refused here. Ranges, the syntax of addresses and everything that needs
//! other objects are the scheduler's.

use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;

use super::python;
use crate::kit::{attributes::Kind, number, refusal::Refusal};

/// The value as the endpoints read it.
///
/// # Errors
/// `InvalidInput` where it cannot be converted, `HTTPBadRequest` where it is not of its kind.
pub(crate) fn settle(kind: Kind, name: &str, value: Value) -> Result<Value, Refusal> {
    let value = match kind {
        Kind::Flag => return flag(&value).map(Value::Bool),
        Kind::False => Value::Bool(flag(&value)?),
        Kind::Integer { least } => return bounded(name, &value, least).map(Value::from),
        Kind::IntegerOneOf(_) => Value::from(bounded(name, &value, i32::MIN)?),
        Kind::UuidList => listed(value),
        _ => value,
    };
    check(kind, &value).map_err(|reason| Refusal::invalid(name, &reason))?;
    Ok(value)
}

/// Whether a converted value is of its kind; the reason when it is not.
///
/// # Errors
/// Neutron's words, without the full stop.
pub(crate) fn check(kind: Kind, value: &Value) -> Result<(), String> {
    let quoted = || format!("'{}'", python::text(value));
    match kind {
        Kind::Text | Kind::Secret | Kind::Constant(_) => {
            value.is_string().then_some(()).ok_or_else(|| format!("{} is not a valid string", quoted()))
        }
        Kind::Uuid => uuid(value),
        Kind::UuidList => uuids(value),
        Kind::OneOf(names) => {
            let known = value.as_str().is_some_and(|text| names.contains(&text));
            let listed = || python::list(names.iter().map(|name| python::name(name)));
            known.then_some(()).ok_or_else(|| format!("{} is not in {}", quoted(), listed()))
        }
        Kind::IntegerOneOf(numbers) => {
            let known = value.as_i64().is_some_and(|number| numbers.iter().any(|&known| i64::from(known) == number));
            let listed = || python::list(numbers.iter().map(ToString::to_string));
            known.then_some(()).ok_or_else(|| format!("{} is not in {}", quoted(), listed()))
        }
        Kind::Address | Kind::AddressOrNone => {
            let none = matches!(kind, Kind::AddressOrNone) && value.is_null();
            let text = value.as_str().is_some_and(|text| !text.is_empty());
            (none || text).then_some(()).ok_or_else(|| format!("{} is not a valid IP address", quoted()))
        }
        Kind::False => {
            let known = value == &Value::Bool(false);
            known.then_some(()).ok_or_else(|| format!("{} is not in [False]", quoted()))
        }
        Kind::Shape(check) => check(value),
        // The last are v2's.
        Kind::Flag | Kind::Integer { .. } | Kind::Texts | Kind::Version | Kind::Part(_) | Kind::Parts(_) => Ok(()),
    }
}

/// A boolean: JSON's own, 0 or 1, or one of the texts true, false, 1 and 0 in any case.
///
/// # Errors
/// `InvalidInput`
pub(crate) fn flag(value: &Value) -> Result<bool, Refusal> {
    let text = match value {
        Value::Bool(flag) => return Ok(*flag),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.to_ascii_lowercase(),
        _ => String::new(),
    };
    match text.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Refusal::unconvertible(&format!("'{}' cannot be converted to boolean", python::text(value)))),
    }
}

/// An integer.
///
/// # Errors
/// `InvalidInput`
pub(crate) fn integer(value: &Value) -> Result<i128, Refusal> {
    number::integer(value).ok_or_else(|| Refusal::unconvertible(&format!("'{}' is not a integer", python::text(value))))
}

/// An integer of 32 bits, which is what the wire and every database column carry.
fn bounded(name: &str, value: &Value, least: i32) -> Result<i32, Refusal> {
    let number = integer(value)?;
    let quoted = match value {
        Value::String(text) => text.trim().to_owned(),
        _ => number.to_string(),
    };
    if number < i128::from(least) {
        return Err(Refusal::invalid(name, &format!("'{quoted}' is too small - must be at least '{least}'")));
    }
    i32::try_from(number).map_err(|_| {
        Refusal::invalid(name, &format!("'{quoted}' is too large - must be no larger than '{}'", i32::MAX))
    })
}

/// One value for a list of one, null for an empty list.
fn listed(value: Value) -> Value {
    match value {
        Value::Array(_) => value,
        Value::Null => Value::Array(Vec::new()),
        one => Value::Array(vec![one]),
    }
}

/// Neutron takes a UUID only as it would write it itself.
fn uuid(value: &Value) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    let canonical = Uuid::try_parse(text).is_ok_and(|uuid| uuid.hyphenated().encode_lower(&mut [0; 36]) == text);
    canonical.then_some(()).ok_or_else(|| format!("'{}' is not a valid UUID", python::text(value)))
}

fn uuids(value: &Value) -> Result<(), String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if items.iter().collect::<HashSet<_>>().len() < items.len() {
        let all: Vec<_> = items.iter().map(python::text).collect();
        return Err(format!("Duplicate items in the list: '{}'", all.join(", ")));
    }
    items.iter().try_for_each(uuid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "6a6f4de5-4d2f-4c5a-9d0b-4c7c7d6b8f10";

    fn message(kind: Kind, value: Value) -> String {
        let refusal = settle(kind, "attr", value).unwrap_err();
        let (status, kind, message) = refusal.neutrons().unwrap();
        format!("{} {kind} {message}", status.as_u16())
    }

    #[test]
    fn booleans_are_read_from_all_that_neutron_reads_them_from() {
        for (value, flag) in [
            (json!(true), true),
            (json!("TRUE"), true),
            (json!("1"), true),
            (json!(1), true),
            (json!(false), false),
            (json!("False"), false),
            (json!(0), false),
            (json!("0"), false),
        ] {
            assert_eq!(settle(Kind::Flag, "attr", value).unwrap(), json!(flag));
        }
        for (value, shown) in [
            (json!("yes"), "yes"),
            (json!(2), "2"),
            (json!(null), "None"),
            (json!([]), "[]"),
            (json!(1.0), "1.0"),
            (json!(""), ""),
        ] {
            assert_eq!(
                message(Kind::Flag, value),
                format!("400 InvalidInput Invalid input for operation: '{shown}' cannot be converted to boolean.")
            );
        }
    }

    #[test]
    fn integers_are_read_from_all_that_neutron_reads_them_from() {
        let kind = Kind::Integer { least: i32::MIN };
        for (value, number) in [
            (json!(80), 80),
            (json!("80"), 80),
            (json!(" +080 "), 80),
            (json!("-5"), -5),
            (json!(5.9), 5),
            (json!(true), 1),
            (json!(i32::MAX), i32::MAX),
        ] {
            assert_eq!(settle(kind, "attr", value).unwrap(), json!(number));
        }
        for (value, shown) in
            [(json!("abc"), "abc"), (json!(""), ""), (json!("8 0"), "8 0"), (json!(null), "None"), (json!([]), "[]")]
        {
            assert_eq!(
                message(kind, value),
                format!("400 InvalidInput Invalid input for operation: '{shown}' is not a integer.")
            );
        }
    }

    #[test]
    fn integers_that_do_not_fit_are_too_large_or_too_small() {
        let kind = Kind::Integer { least: i32::MIN };
        for value in [json!("2147483648"), json!(2_147_483_648_u64)] {
            assert_eq!(
                message(kind, value),
                "400 HTTPBadRequest Invalid input for attr. Reason: '2147483648' is too large - must be no larger \
                 than '2147483647'."
            );
        }
        assert_eq!(
            message(kind, json!(-2_147_483_649_i64)),
            "400 HTTPBadRequest Invalid input for attr. Reason: '-2147483649' is too small - must be at least \
             '-2147483648'."
        );
        let long = "9".repeat(60);
        assert!(message(kind, json!(long)).contains(&format!("'{long}' is too large")));
        assert!(message(Kind::Integer { least: 0 }, json!(-1)).contains("'-1' is too small - must be at least '0'."));
    }

    #[test]
    fn what_is_not_of_its_kind_is_refused_by_neutrons_text() {
        let protocols = Kind::OneOf(crate::v1::spelling::PROTOCOLS);
        for (kind, value, reason) in [
            (Kind::Text, json!(5), "'5' is not a valid string."),
            (Kind::Text, json!(null), "'None' is not a valid string."),
            (Kind::Uuid, json!("xyz"), "'xyz' is not a valid UUID."),
            (Kind::Uuid, json!(7), "'7' is not a valid UUID."),
            (Kind::Address, json!(7), "'7' is not a valid IP address."),
            (Kind::Address, json!(null), "'None' is not a valid IP address."),
            (Kind::AddressOrNone, json!(true), "'True' is not a valid IP address."),
            (protocols, json!("UDP"), "'UDP' is not in ['TCP', 'HTTP', 'HTTPS']."),
            (protocols, json!("tcp"), "'tcp' is not in ['TCP', 'HTTP', 'HTTPS']."),
            (Kind::IntegerOneOf(&[4, 6]), json!("5"), "'5' is not in [4, 6]."),
            (Kind::UuidList, json!(["a"]), "'a' is not a valid UUID."),
            (Kind::UuidList, json!("a"), "'a' is not a valid UUID."),
        ] {
            assert_eq!(message(kind, value), format!("400 HTTPBadRequest Invalid input for attr. Reason: {reason}"));
        }
        let twice = message(Kind::UuidList, json!([ID, ID]));
        assert!(twice.ends_with(&format!("Duplicate items in the list: '{ID}, {ID}'.")), "{twice}");
    }

    #[test]
    fn a_uuid_is_taken_only_as_neutron_writes_it() {
        assert!(settle(Kind::Uuid, "id", json!(ID)).is_ok());
        for other in [ID.to_uppercase(), ID.replace('-', ""), format!("{{{ID}}}"), String::new()] {
            assert!(settle(Kind::Uuid, "id", json!(other)).is_err(), "{other}");
        }
    }

    #[test]
    fn a_list_of_uuids_may_be_null_or_one() {
        assert_eq!(settle(Kind::UuidList, "attr", json!(null)).unwrap(), json!([]));
        assert_eq!(settle(Kind::UuidList, "attr", json!(ID)).unwrap(), json!([ID]));
    }
}
