//! What drivers share that serve load balancers in network namespaces of their host, whatever serves in them.
//!
//! A deploy is one pass: [`validate`] (the message becomes a [`validate::Validated`]), [`observe`] (what is on the host, not
//! what is remembered), [`plan`] (pure: steps and their reasons) and [`execute`]. This crate has of each the part that plugs
//! a namespace into its network ([`plug`]) and makes the kernel forward in it ([`l4`]); a driver puts its own steps between.
//!
//! It knows no driver, and executes no program. No state may live in memory only: the process that holds it is ended at
//! any moment, and the load balancers go on.

pub mod clients;
pub mod counters;
pub mod execute;
pub mod failure;
pub mod files;
pub mod finish;
pub mod host;
pub mod l4;
pub mod observe;
pub mod plan;
pub mod plug;
pub mod preview;
#[cfg(any(test, feature = "rehearsal"))]
pub mod rehearsal;
pub mod report;
pub mod validate;

pub use plug::Wanted;

/// How many load balancers are undeployed at once, as drivers tell the agent. The kernel takes namespaces away in batches
/// of some 35 ms, whatever their number, one batch after the other: who waits for one that is under way shares the next.
pub const UNDEPLOYS_AT_ONCE: u32 = 128;
