//! The agent's side of the boundary: check a file, load it, call it with decoded messages.
//!
//! [`preflight`] runs no code of the file and is what an agent does in its own process. [`open`] runs the file's
//! constructors, so an agent does it in a process of its own for each driver.
//!
//! `abi_stable`'s own `load_from_file` is not used: it opens lazily, so that a missing symbol ends the process at its
//! first use, and it keeps one module per type, so that a second driver silently gets the first one's.

mod c;
mod error;
mod group;
mod layout;
mod loaded;
mod open;
mod preflight;
pub mod process;

#[cfg(feature = "conformance")]
pub(crate) use loaded::Method;

pub use error::LoadError;
pub use group::OwnGroup;
pub use loaded::{LoadedDriver, LogSink, Settings};
pub use open::{Module, open};
pub use preflight::preflight;
