//! A driver's section of the configuration, from JSON to the driver's own type.
//!
//! What comes from the environment is text, whatever the field is: a text is read as a number or a truth value where the
//! field wants one.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::DriverError;

/// # Errors
/// INVALID_CONFIG, naming the field by its path.
pub(crate) fn decode<C: DeserializeOwned>(json: &str) -> Result<C, DriverError> {
    let mut section: Value = serde_json::from_str(json)
        .map_err(|error| DriverError::invalid_config("the section is not JSON").with_detail(error.to_string()))?;
    loop {
        let error = match serde_path_to_error::deserialize(&section) {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        if !read_text(&mut section, error.path()) {
            let path = error.path().to_string();
            let at = if path == "." { String::new() } else { format!("{path}: ") };
            return Err(DriverError::invalid_config(format!("{at}{}", error.into_inner())));
        }
    }
}

/// Replaces the text at this path by the number or truth value that it spells; `false` when there is none.
fn read_text(section: &mut Value, path: &Path) -> bool {
    let found = path.iter().try_fold(section, |value, segment| match segment {
        Segment::Map { key } => value.get_mut(key),
        Segment::Seq { index } => value.get_mut(index),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    let Some(value) = found else { return false };
    let read = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    match read.filter(|read| read.is_number() || read.is_boolean()) {
        Some(read) => {
            *value = read;
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::ErrorCode;

    #[derive(Deserialize, Debug, Default, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Config {
        name: String,
        limits: Limits,
    }

    #[derive(Deserialize, Debug, Default, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Limits {
        members: u32,
        strict: bool,
    }

    #[test]
    fn a_wrong_type_is_named_with_its_path() {
        let error = decode::<Config>(r#"{"limits":{"members":"many"}}"#).unwrap_err();
        assert_eq!(error.code, ErrorCode::INVALID_CONFIG);
        assert_eq!(error.message, "limits.members: invalid type: string \"many\", expected u32");
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = decode::<Config>(r#"{"limit":{}}"#).unwrap_err();
        assert_eq!(error.message, "limit: unknown field `limit`, expected `name` or `limits`");
    }

    #[test]
    fn an_empty_section_is_an_empty_configuration() {
        assert_eq!(decode::<Config>("{}"), Ok(Config::default()));
    }

    #[test]
    fn texts_from_the_environment_are_read_as_the_field_wants_them() {
        let config = decode::<Config>(r#"{"name":"7","limits":{"members":"7","strict":"true"}}"#).unwrap();
        assert_eq!(config, Config { name: "7".into(), limits: Limits { members: 7, strict: true } });
    }
}
