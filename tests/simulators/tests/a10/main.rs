//! The simulated A10 Thunder over real HTTP: sessions, partitions, what is refused and how, states and faults.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assumptions;
mod client;
mod objects;
mod partitions;
mod sessions;
mod states;
mod tls;
#[path = "../wire/mod.rs"]
mod wire;
