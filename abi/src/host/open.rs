//! Loading: from a path to a module whose layout has been checked.

use std::{error::Error, mem, path::Path};

#[cfg(feature = "conformance")]
use abi_stable::library::LibHeader;
use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::{
    ffi::DriverModuleRef,
    host::{LoadError, layout, preflight},
    note::Note,
};

/// A loaded driver file. It stays loaded until the process ends: unloading Rust code with threads is not sound.
#[derive(Clone)]
pub struct Module {
    pub(super) root: DriverModuleRef,
    note: Note,
    #[cfg(feature = "conformance")]
    header: &'static LibHeader,
}

#[cfg(feature = "conformance")]
impl Module {
    /// Both checks of the frozen types, whatever was enough to load it.
    pub(crate) fn compatibility(&self) -> layout::Compatibility {
        layout::compatibility::<DriverModuleRef>(self.header)
    }
}

impl Module {
    /// What the file's note says, which the loaded code has confirmed.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// Checks a file and loads it. Runs the file's constructors, so only in a process that may end.
///
/// The same path must not be loaded twice with other content (the second `dlopen` returns the first library), and the
/// file must not be overwritten while it is loaded.
///
/// # Errors
/// One line saying what is wrong with the file.
pub fn open(file: &Path) -> Result<Module, LoadError> {
    let note = preflight(file)?;
    let header = load(file)?;
    let header = header.upgrade().map_err(|_| LoadError::new("built with another abi_stable than this agent"))?;
    let root: DriverModuleRef = layout::checked_module(header, note.abi_minor)?;
    let (name, version) = (root.name()(), root.version()());
    if name.as_str() != note.name || version.as_str() != note.version {
        return Err(LoadError::new(format!(
            "its note says {} {}, its code says {name} {version}",
            note.name, note.version
        )));
    }
    Ok(Module {
        root,
        note,
        #[cfg(feature = "conformance")]
        header,
    })
}

fn load(file: &Path) -> Result<AbiHeaderRef, LoadError> {
    let cannot = |error: libloading::Error| {
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        LoadError::new(format!("cannot be loaded: {cause}"))
    };
    #[expect(unsafe_code, reason = "dlopen runs the file's constructors")]
    // SAFETY: the file has a driver's note, and its vendor is trusted to run code here: that is what a driver is.
    let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) }.map_err(cannot)?;
    #[expect(unsafe_code, reason = "a symbol's type is a promise of the file")]
    // SAFETY: `export_driver!` makes this symbol a `LibHeader`, whose start is the `AbiHeader` that is referred to here;
    // its magic string and version are checked by `upgrade` before anything else is read.
    let header =
        unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()).map(|found| *found) }
            .map_err(|_| LoadError::new("not a driver: no module is exported"))?;
    // The header refers into the library for as long as the process lives.
    mem::forget(library);
    Ok(header)
}
