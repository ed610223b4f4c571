//! Bodies before any map is asked.

use super::*;

fn refused(result: Result<Value, Refusal>) -> String {
    match result.unwrap_err() {
        Refusal::Http { kind, message, .. } => format!("{kind} {message}"),
        other => panic!("{other:?}"),
    }
}

fn payload(text: &'static str) -> Payload {
    Payload::of(text)
}

#[test]
fn a_post_needs_a_body() {
    for text in ["", "{}", "[]", "null", "false", "0", "\"\""] {
        assert_eq!(refused(payload(text).post()), "HTTPBadRequest Resource body required", "{text}");
    }
}

#[test]
fn a_put_needs_an_object() {
    assert_eq!(refused(payload("").put()), "BadRequest Bad body request: Invalid format: ");
    assert_eq!(refused(payload("[1]").put()), "BadRequest Bad body request: Invalid format: [1]");
    assert_eq!(refused(payload("{}").put()), "HTTPBadRequest Resource body required");
}

#[test]
fn what_is_not_json_is_malformed() {
    for text in ["{", "{\"pool\":}", "\u{1f600}", "pool"] {
        let malformed = "MalformedRequestBody Malformed request body: Cannot understand JSON";
        assert_eq!(refused(payload(text).post()), malformed);
        assert_eq!(refused(payload(text).put()), malformed);
    }
}
