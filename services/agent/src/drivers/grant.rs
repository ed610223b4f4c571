//! What a driver's process is given: what its note asks for, or what the operator says.

use std::{io, path::Path};

use ballast_abi::note::{Needs, Note};
use ballast_service::config::Grant;

use super::{
    DriverSettings,
    files::DriverFile,
    named,
    user::{self, NoUser},
};
use crate::driver_host::privileges::Privileges;

/// A note that says nothing is that of a driver which was built before notes could: it keeps what it has always had.
pub(super) fn granted(settings: &DriverSettings, note: &Note) -> Grant {
    let asked = match note.needs {
        Some(Needs::Nothing) => Grant::Nothing,
        Some(Needs::NetworkNamespaces) => Grant::NetworkNamespaces,
        _ => Grant::All,
    };
    settings.grants.get(&note.name).copied().unwrap_or(asked)
}

/// Blocking: the state of the driver becomes that of the user whom it runs as.
pub(super) fn privileges(settings: &DriverSettings, file: &DriverFile) -> io::Result<Privileges> {
    let driver = &file.note.name;
    Ok(match granted(settings, &file.note) {
        Grant::All => {
            tracing::info!(driver, "it gets all privileges of the agent: driver_host.grants limits it");
            Privileges::All
        }
        Grant::NetworkNamespaces => Privileges::NetworkNamespaces,
        Grant::Nothing => {
            let user = own_user(driver, &file.state_dir)?;
            Privileges::Own { readable: named::paths(&file.config), state_dir: file.state_dir.clone(), user }
        }
    })
}

/// Once no other process of the driver is there: what is in its state is its own, whoever wrote it. Who is granted more
/// is root again.
pub(super) fn settle_state(settings: &DriverSettings, file: &DriverFile) -> io::Result<()> {
    if granted(settings, &file.note) != Grant::Nothing {
        return user::take_back(&file.state_dir);
    }
    match user::own(&file.state_dir) {
        Err(NoUser::NotNow(error)) => Err(error),
        Ok(_) | Err(NoUser::Never(_)) => Ok(()),
    }
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
