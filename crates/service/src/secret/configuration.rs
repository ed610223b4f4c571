//! A configuration file that has a secret in it is one that others cannot read.

use std::path::Path;

use serde_json::Value;

use super::check;

/// What a driver may call a secret that it takes in its section.
const NAMES: &[&str] = &["password", "passphrase", "secret", "token", "api_key"];

/// # Errors
/// One line that names the file, the key, and what to do.
pub(crate) fn guard(file: &Path) -> Result<(), String> {
    let source = config::File::from(file).format(config::FileFormat::Toml);
    let read = config::Config::builder().add_source(source).build();
    // What cannot be read is said with the whole configuration.
    let Ok(values) = read.and_then(config::Config::try_deserialize::<Value>) else { return Ok(()) };
    let Some(key) = secret_in(&values) else { return Ok(()) };
    check(file).map_err(|why| format!("{}: {key} has a secret in it, and {why}", file.display()))
}

fn secret_in(values: &Value) -> Option<String> {
    if values["database"]["url"].as_str().is_some_and(has_password) {
        return Some("database.url".to_owned());
    }
    named(&values["drivers"]).map(|key| format!("drivers.{key}"))
}

/// The first key that is called as secrets are and has a text.
fn named(values: &Value) -> Option<String> {
    values.as_object()?.iter().find_map(|(key, value)| {
        let is_named = NAMES.iter().any(|name| key == name || key.ends_with(&format!("_{name}")));
        if is_named && value.as_str().is_some_and(|text| !text.is_empty()) {
            return Some(key.clone());
        }
        named(value).map(|inner| format!("{key}.{inner}"))
    })
}

/// `scheme://user:password@host/name`, or a parameter.
pub(crate) fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let of_user = place.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    of_user.is_some_and(|(_, password)| !password.is_empty())
        || parameters.split('&').any(|parameter| parameter.starts_with("password="))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_known_by_where_they_are_and_by_their_names() {
        for (values, found) in [
            (json!({}), None),
            (json!({"database": {"url": "postgres://u:p@h/n"}}), Some("database.url")),
            (json!({"database": {"url": "postgres:///n?host=/run&password=p"}}), Some("database.url")),
            (json!({"database": {"url": "postgres://u@h:5432/n"}}), None),
            (json!({"database": {"url": "sqlite:///b.db", "password_file": "/p"}}), None),
            (json!({"drivers": {"acme": {"password": "p"}}}), Some("drivers.acme.password")),
            (json!({"drivers": {"acme": {"options": {"admin_token": "p"}}}}), Some("drivers.acme.options.admin_token")),
            (json!({"drivers": {"acme": {"password_file": "/p", "credentials_file": "/c", "token": ""}}}), None),
        ] {
            assert_eq!(secret_in(&values).as_deref(), found, "{values}");
        }
    }
}
