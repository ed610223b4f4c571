//! Where a process has the time and chance from: the machine, or what a test says.

use crate::{chance::Chance, clock::Clock};

/// A clock, and chance.
#[derive(Clone, Debug)]
pub struct Sources {
    pub clock: Clock,
    pub chance: Chance,
}

impl Sources {
    /// The machine's.
    #[must_use]
    pub fn system() -> Self {
        Self { clock: Clock::system(), chance: Chance::system() }
    }
}
