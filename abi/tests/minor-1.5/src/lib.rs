//! The ABI's sixth minor, 1.5: its boundary, a driver behind it, and a host in front of it.
//!
//! Frozen. Where today's `ballast-abi` grows, this does not: that the two still understand each other is what it is for.

#[expect(unsafe_code, non_local_definitions, reason = "abi_stable's macros generate both")]
pub mod boundary;
mod driver;
pub mod host;
pub mod messages;
