//! The simulated NetScaler over real HTTP: held against what the vendor's clients send and expect.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bindings;
mod client;
mod faults;
mod health;
mod objects;
mod partitions;
mod replay;
mod sessions;
mod tls;
#[path = "../wire/mod.rs"]
mod wire;
