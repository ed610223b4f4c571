//! Drivers as the agent runs them: the real binary as driver-host, the real fault driver in it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod confinement;
mod ending;
mod files;
mod given;
mod place;
mod upgrade;
mod user;
