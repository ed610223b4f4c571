//! What a driver's process is given: what its note asks for, or what the operator says.

use std::{
    io,
    path::{Path, PathBuf},
};

use ballast_abi::note::Needs;
use ballast_service::config::Grant;
use serde_json::Value;

use super::{
    DriverSettings,
    files::DriverFile,
    user::{self, NoUser},
};
use crate::driver_host::privileges::Privileges;

/// A note that says nothing is that of a driver which was built before notes could: it keeps what it has always had.
/// Blocking: the state of the driver becomes that of the user whom it runs as.
pub(super) fn privileges(settings: &DriverSettings, file: &DriverFile) -> io::Result<Privileges> {
    let driver = &file.note.name;
    let asked = match file.note.needs {
        Some(Needs::Nothing) => Grant::Nothing,
        Some(Needs::NetworkNamespaces) => Grant::NetworkNamespaces,
        _ => Grant::All,
    };
    let granted = settings.grants.get(driver).copied().unwrap_or(asked);
    if granted != Grant::Nothing {
        user::take_back(&file.state_dir)?;
    }
    Ok(match granted {
        Grant::All => {
            tracing::info!(driver, "it gets all privileges of the agent: driver_host.grants limits it");
            Privileges::All
        }
        Grant::NetworkNamespaces => Privileges::NetworkNamespaces,
        Grant::Nothing => {
            let user = own_user(driver, &file.state_dir)?;
            Privileges::Own { readable: named(&file.config), state_dir: file.state_dir.clone(), user }
        }
    })
}

fn own_user(driver: &str, state_dir: &Path) -> io::Result<Option<u32>> {
    match user::own(state_dir) {
        Ok(number) => {
            tracing::info!(driver, "it runs as user {number}");
            Ok(Some(number))
        }
        Err(NoUser::Never(reason)) => {
            tracing::warn!(driver, "it runs as the agent's user, not as one of its own: {reason}");
            Ok(None)
        }
        Err(NoUser::NotNow(error)) => Err(error),
    }
}

/// The files that a section of the configuration names. The root of all of them is no file.
fn named(config: &Value) -> Vec<PathBuf> {
    match config {
        Value::String(text) if Path::new(text).is_absolute() && Path::new(text).parent().is_some() => {
            vec![text.into()]
        }
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
        let section = json!({"url": "https://192.0.2.1", "ca_file": "/etc/a.pem", "options": {"more": ["/b", "c/d", 7, "/", "//"]}});
        assert_eq!(named(&section), [PathBuf::from("/etc/a.pem"), PathBuf::from("/b")]);
    }
}
