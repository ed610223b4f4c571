//! The agent: runs drivers and makes what they run equal to what the scheduler desires.

pub mod driver_host;
pub mod drivers;
