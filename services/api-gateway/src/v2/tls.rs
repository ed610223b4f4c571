//! What a listener and a pool may say of TLS.

use serde_json::Value;

use crate::kit::{attributes::Attributes, refusal::Refusal};

/// The versions of TLS of a body.
///
/// # Errors
/// When there are none, or some are no versions.
pub(super) fn tls_versions(attributes: &mut Attributes) -> Result<Vec<String>, Refusal> {
    const KNOWN: [&str; 5] = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    chosen(attributes, "tls_versions", &KNOWN, ["TLS version", "TLS versions"])
}

/// The protocols inside TLS of a body.
///
/// # Errors
/// When there are none, or some are no protocols.
pub(super) fn alpn_protocols(attributes: &mut Attributes) -> Result<Vec<String>, Refusal> {
    const KNOWN: [&str; 3] = ["h2", "http/1.1", "http/1.0"];
    chosen(attributes, "alpn_protocols", &KNOWN, ["ALPN protocol", "ALPN protocols"])
}

fn chosen(
    attributes: &mut Attributes,
    name: &str,
    known: &[&str],
    [one, many]: [&str; 2],
) -> Result<Vec<String>, Refusal> {
    let asked = attributes.value(name).is_some_and(Value::is_array);
    let texts = attributes.texts(name);
    if asked && texts.is_empty() {
        return Err(Refusal::faulty(format!(
            "Validation failure: Empty {one} list. Either specify at least one {one} or remove this parameter to use the \
             default."
        )));
    }
    let unknown: Vec<_> = texts.iter().map(String::as_str).filter(|text| !known.contains(text)).collect();
    if unknown.is_empty() {
        return Ok(texts);
    }
    Err(Refusal::faulty(format!("Validation failure: Invalid {many}: {}", unknown.join(", "))))
}

/// The ciphers of a body: what is in them.
///
/// # Errors
/// When it is nothing that a list of ciphers has.
pub(super) fn cipher_string(attributes: &mut Attributes) -> Result<String, Refusal> {
    let text = attributes.text("tls_ciphers");
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "-+!:@=_.".contains(c)) {
        return Ok(text);
    }
    Err(Refusal::faulty(
        "Validation failure: Invalid characters in cipher string. Only alphanumeric, -, +, !, :, @, =, _, and . are \
         allowed.",
    ))
}
