//! The simulated Alteon over real HTTP: held against what is known of devices and of the vendor's clients.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod client;
mod commit;
mod control;
mod faults;
mod health;
mod others;
mod refusals;
mod replay;
mod rows;
mod stats;
mod tls;
#[path = "../wire/mod.rs"]
mod wire;
