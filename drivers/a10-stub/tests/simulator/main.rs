//! The driver against a simulated device, over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod features;
mod rules;
mod stage;
