//! What is bound to virtual servers and groups that speak TLS, and what comes and goes with them.

use serde_json::{Value, json};

use super::{BINDINGS, CERTIFICATE, CIPHERS, SETTINGS, required};
use crate::netscaler::{
    configuration::Objects,
    error::{
        CERTIFICATE_USED, CIPHERS_USED, EXISTS, NO_CERTIFICATE, NO_CIPHER, NO_SNI, NOT_OF_SSL, PREREQUISITE, Refused,
        UNKNOWN_RESOURCE,
    },
    validate::{Fields, text},
};

/// Something that speaks TLS comes with settings, and with ciphers.
pub(in crate::netscaler) fn born(objects: &mut Objects, kind: &str, (name, service): (&str, &str)) {
    let Some((_, settings, key, ciphers)) = SETTINGS.iter().find(|(owner, ..)| *owner == kind) else { return };
    if !service.starts_with("SSL") || service == "SSL_BRIDGE" {
        return;
    }
    let fields = |value: Value| value.as_object().cloned().unwrap_or_default();
    objects.insert(format!("{settings}/{name}"), fields(json!({ *key: name })));
    let bound = json!({ *key: name, "ciphername": ciphers, "cipheraliasname": ciphers });
    objects.insert(format!("{settings}_sslcipher_binding/{name}/{ciphers}"), fields(bound));
}

/// They go with it.
pub(in crate::netscaler) fn gone(objects: &mut Objects, kind: &str, name: &str) {
    if let Some((_, settings, ..)) = SETTINGS.iter().find(|(owner, ..)| *owner == kind) {
        objects.remove(&format!("{settings}/{name}"));
        let inside = BINDINGS.map(|(binding, _)| binding).into_iter().filter(|binding| binding.starts_with(settings));
        let inside: Vec<String> = inside.map(|binding| format!("{binding}/{name}/")).collect();
        objects.retain(|path, _| !inside.iter().any(|inside| path.starts_with(inside)));
    }
}

/// A server certificate takes the place of the one before; others are bound beside it.
pub(super) fn bind(objects: &mut Objects, kind: &str, owner: &str, mut fields: Fields) -> Result<(), Refused> {
    let Some((_, settings)) = BINDINGS.iter().find(|(binding, _)| *binding == kind) else {
        return Err(Refused::about(UNKNOWN_RESOURCE, &[kind]));
    };
    let set = objects.get(&format!("{settings}/{owner}")).ok_or(Refused::new(NOT_OF_SSL))?;
    if kind.ends_with("cipher_binding") {
        let ciphers = required(&fields, "ciphername")?.to_owned();
        let built_in = SETTINGS.iter().any(|(.., default)| *default == ciphers);
        if !built_in && !objects.contains_key(&format!("{CIPHERS}/{ciphers}")) {
            return Err(Refused::about(NO_CIPHER, &[&ciphers]));
        }
        fields.insert("cipheraliasname".to_owned(), Value::from(ciphers.as_str()));
        return put(objects, format!("{kind}/{owner}/{ciphers}"), fields);
    }
    let certificate = required(&fields, "certkeyname")?.to_owned();
    if !objects.contains_key(&format!("{CERTIFICATE}/{certificate}")) {
        return Err(Refused::new(NO_CERTIFICATE));
    }
    let is = |name: &str| fields.get(name) == Some(&Value::from(true));
    let of = match (is("ca"), is("snicert")) {
        (true, true) => return Err(Refused::about(PREREQUISITE, &["snicert", "ca"])),
        (true, false) => "+ca",
        (false, true) if text(set, "snienable") != Some("ENABLED") => return Err(Refused::new(NO_SNI)),
        (false, true) => "+sni",
        (false, false) if fields.contains_key("crlcheck") => {
            return Err(Refused::about(PREREQUISITE, &["crlCheck", "ca"]));
        }
        (false, false) => {
            let inside = format!("{kind}/{owner}/");
            objects.retain(|path, _| path.strip_prefix(&inside).is_none_or(|rest| rest.contains('+')));
            ""
        }
    };
    put(objects, format!("{kind}/{owner}/{certificate}{of}"), fields)
}

fn put(objects: &mut Objects, path: String, fields: Fields) -> Result<(), Refused> {
    if objects.contains_key(&path) {
        return Err(Refused::about(EXISTS, &[&path]));
    }
    objects.insert(path, fields);
    Ok(())
}

/// Whether nothing names what is to be deleted.
pub(super) fn unused(objects: &Objects, kind: &str, id: &str) -> Result<(), Refused> {
    let names = |field: &str| objects.iter().any(|(path, one)| path.starts_with("ssl") && text(one, field) == Some(id));
    match kind {
        CERTIFICATE if names("certkeyname") || names("linkcertkeyname") => Err(Refused::new(CERTIFICATE_USED)),
        CIPHERS if names("cipheraliasname") => Err(Refused::new(CIPHERS_USED)),
        _ => Ok(()),
    }
}
