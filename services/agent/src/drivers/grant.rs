//! What a driver's process is given: what its note asks for, or what the operator says.

use std::path::PathBuf;

use ballast_abi::note::Needs;
use ballast_service::config::Grant;
use serde_json::Value;

use super::{DriverSettings, files::DriverFile};
use crate::driver_host::privileges::Privileges;

/// A note that says nothing is that of a driver which was built before notes could: it keeps what it has always had.
pub(super) fn privileges(settings: &DriverSettings, file: &DriverFile) -> Privileges {
    let asked = match file.note.needs {
        Some(Needs::Nothing) => Grant::Nothing,
        Some(Needs::NetworkNamespaces) => Grant::NetworkNamespaces,
        _ => Grant::All,
    };
    match settings.grants.get(&file.note.name).copied().unwrap_or(asked) {
        Grant::All => {
            tracing::info!(
                driver = file.note.name,
                "it gets all privileges of the agent: driver_host.grants limits it"
            );
            Privileges::All
        }
        Grant::NetworkNamespaces => Privileges::NetworkNamespaces,
        Grant::Nothing => Privileges::Own { readable: named(&file.config), state_dir: file.state_dir.clone() },
    }
}

/// The files that a section of the configuration names.
fn named(config: &Value) -> Vec<PathBuf> {
    match config {
        Value::String(text) if text.starts_with('/') => vec![text.into()],
        Value::Array(values) => values.iter().flat_map(named).collect(),
        Value::Object(values) => values.values().flat_map(named).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_path_of_a_section_is_named_and_no_other_text() {
        let section =
            json!({"url": "https://192.0.2.1", "ca_file": "/etc/a.pem", "options": {"more": ["/b", "c/d", 7]}});
        assert_eq!(named(&section), [PathBuf::from("/etc/a.pem"), PathBuf::from("/b")]);
    }
}
