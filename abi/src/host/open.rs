//! Loading: from a path to a module whose layout has been checked.

use std::{error::Error, mem, path::Path};

#[cfg(feature = "conformance")]
use abi_stable::library::LibHeader;
use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::{
    c::{Entry, SYMBOL},
    ffi::DriverModuleRef,
    host::{LoadError, c, layout, preflight},
    note::Note,
};

/// A loaded driver file. It stays loaded until the process ends: unloading Rust code with threads is not sound.
#[derive(Clone)]
pub struct Module {
    pub(super) root: Root,
    note: Note,
}

/// Which of the two contracts the file keeps.
#[derive(Clone, Copy)]
pub(super) enum Root {
    Rust {
        module: DriverModuleRef,
        #[cfg(feature = "conformance")]
        header: &'static LibHeader,
    },
    C(c::Module),
}

#[cfg(feature = "conformance")]
impl Module {
    /// Both checks of the frozen types, whatever was enough to load it.
    pub(crate) fn compatibility(&self) -> layout::Compatibility {
        match self.root {
            Root::Rust { header, .. } => layout::compatibility::<DriverModuleRef>(header),
            // Its size says what it has, and it was looked at.
            Root::C(_) => layout::Compatibility { stock: Ok(()), swapped: Ok(()) },
        }
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
    let root = match load(file)? {
        Exported::Rust(header) => rust(header, &note)?,
        Exported::C(entry) => Root::C(c::Module::read(entry, &note)?),
    };
    Ok(Module { root, note })
}

fn rust(header: AbiHeaderRef, note: &Note) -> Result<Root, LoadError> {
    let header = header.upgrade().map_err(|_| LoadError::new("built with another abi_stable than this agent"))?;
    let module: DriverModuleRef = layout::checked_module(header, note.abi_minor)?;
    let (name, version) = (module.name()(), module.version()());
    if name.as_str() != note.name || version.as_str() != note.version {
        return Err(LoadError::new(format!(
            "its note says {} {}, its code says {name} {version}",
            note.name, note.version
        )));
    }
    Ok(Root::Rust {
        module,
        #[cfg(feature = "conformance")]
        header,
    })
}

/// What a loaded file has for us.
enum Exported {
    Rust(AbiHeaderRef),
    C(Entry),
}

fn load(file: &Path) -> Result<Exported, LoadError> {
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
        unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()).map(|found| *found) };
    #[expect(unsafe_code, reason = "a symbol's type is a promise of the file")]
    // SAFETY: `ballast_driver.h` says what it is; the table that it returns is looked at before anything of it is called.
    let entry = unsafe { library.get::<Entry>(SYMBOL.as_bytes()).map(|found| *found) };
    let exported = match (header, entry) {
        (Ok(header), Err(_)) => Exported::Rust(header),
        (Err(_), Ok(entry)) => Exported::C(entry),
        (Ok(_), Ok(_)) => {
            return Err(LoadError::new("it exports a module of Rust and a table of C: which one is meant?"));
        }
        (Err(_), Err(_)) => return Err(LoadError::new("not a driver: no module is exported")),
    };
    // What was found refers into the library for as long as the process lives.
    mem::forget(library);
    Ok(exported)
}
