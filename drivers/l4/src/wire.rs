//! What is asked of nf_tables, as values, and how they are written for the kernel. Pure: sockets are elsewhere.
//!
//! The format is the kernel's user interface (`linux/netfilter/nf_tables.h`), which never changes, only grows. It is written
//! here and not taken from a crate because none has all of number generators, hashes, dynamic sets, maps of objects and
//! connection limits.

pub mod attribute;
pub mod batch;
pub mod command;
pub mod expression;
pub mod set;

pub use batch::Encoded;
pub use command::{Command, Hook, Object, ObjectKind};
pub use expression::{Expression, Rule};
pub use set::{Element, Kind, Set, Value};
