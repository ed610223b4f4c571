//! The driver's section of an agent's configuration, read as the agent reads it.

use std::path::Path;

use config::{Config, File, FileFormat};
use serde_json::Value;

use crate::failure::Failure;

/// # Errors
/// When it cannot be read, or has no section for this driver.
pub(super) fn section(path: &Path, driver: &str) -> Result<Value, Failure> {
    let refuse = |why: String| Failure::Check(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    let whole: Value = Config::builder()
        .add_source(File::from_str(&text, FileFormat::Toml))
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| refuse(error.to_string()))?;
    match &whole["drivers"][driver] {
        section @ Value::Object(_) => Ok(section.clone()),
        Value::Null => Err(refuse(format!("it has no section [drivers.{driver}]"))),
        _ => Err(refuse(format!("drivers.{driver} must be a section"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_found_by_the_drivers_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, "[drivers.acme-9]\nurl = \"https://x\"\nnested = { A = 1 }\n").unwrap();
        assert_eq!(section(&path, "acme-9").unwrap()["nested"]["A"], 1);
        let refused = section(&path, "other").unwrap_err().to_string();
        assert!(refused.ends_with("it has no section [drivers.other]"), "{refused}");
        std::fs::write(&path, "no toml").unwrap();
        assert!(section(&path, "acme-9").is_err());
        assert!(section(&folder.path().join("none"), "acme-9").is_err());
    }
}
