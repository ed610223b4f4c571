//! Whether the frozen types of a driver and of this agent are the same.
//!
//! `abi_stable`'s stock check accepts a driver that is newer than the agent, but refuses an older one ("too many
//! fields"). A driver that is not newer is therefore checked once more with the sides swapped: then it is the one that
//! may lack what was appended.

use abi_stable::{
    StableAbi,
    abi_stability::check_layout_compatibility,
    library::{LibHeader, LibraryError},
};

use crate::{
    ffi::{ABI_MINOR, DriverModuleRef},
    host::LoadError,
};

/// The lines of a layout error are hundreds; this many of its causes are shown.
const CAUSES: usize = 3;

pub(super) fn checked_module(header: &LibHeader, driver_minor: u32) -> Result<DriverModuleRef, LoadError> {
    match header.init_root_module::<DriverModuleRef>() {
        Ok(module) => Ok(module),
        Err(LibraryError::AbiInstability(difference)) if driver_minor <= ABI_MINOR => {
            older_module(header).ok_or_else(|| differs(&difference.to_string()))
        }
        Err(LibraryError::AbiInstability(difference)) => Err(differs(&difference.to_string())),
        Err(error) => Err(LoadError::new(format!("the driver's module cannot be made: {error}"))),
    }
}

fn older_module(header: &LibHeader) -> Option<DriverModuleRef> {
    let layout = header.layout()?;
    check_layout_compatibility(layout, <DriverModuleRef as StableAbi>::LAYOUT).into_result().ok()?;
    #[expect(unsafe_code, reason = "the stock check cannot express that the driver is the older side")]
    // SAFETY: the driver's layout was just found to be a prefix of ours, field by field and type by type; what it lacks
    // are appended root fields and methods, which abi_stable reads as absent.
    unsafe {
        header.init_root_module_with_unchecked_layout::<DriverModuleRef>().ok()
    }
}

fn differs(difference: &str) -> LoadError {
    let causes: Vec<String> = difference
        .split("Error:")
        .skip(1)
        .take(CAUSES)
        .map(|cause| cause.lines().take(5).map(str::trim).collect::<Vec<_>>().join(" "))
        .collect();
    LoadError::new(format!("its ABI types differ from this agent's: {}", causes.join("; ")))
}
