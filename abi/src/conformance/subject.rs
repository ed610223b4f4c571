//! A process with a driver in it, for one check: what it does to its process is seen from outside.
//!
//! The suite starts its own program again, which calls [`serve`]; the two speak over a socket that is the process'
//! standard input. Calls carry a number and may overlap. A process that ends answers every call with how it ended, and a
//! call that takes too long is given up: both are findings, not errors of the suite.

mod call;
mod client;
mod effects;
mod log;
mod server;

pub(crate) use client::Subject;
pub(crate) use effects::Effects;
pub use server::serve;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which of the two drivers that a process can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    First,
    Second,
}

/// What is to be loaded.
#[derive(Serialize, Deserialize)]
struct Opening {
    file: PathBuf,
}

/// What loading did, and what was loaded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// Why it was refused.
    pub(crate) refused: Option<String>,
    /// What it says of itself.
    pub(crate) name: String,
    pub(crate) version: String,
    /// Why its types are not ours, seen as usual and with the sides swapped.
    pub(crate) stock: Option<String>,
    pub(crate) swapped: Option<String>,
    pub(crate) before: Effects,
    pub(crate) after: Effects,
}

#[derive(Serialize, Deserialize)]
struct Starting {
    agent_id: String,
    config: serde_json::Value,
    state_dir: PathBuf,
}
