//! Driver a10-stub: load balancers on an A10 Thunder, over aXAPI v3.
//!
//! "Stub", as it was never run against an appliance: it speaks the vendor's protocol as the vendor's schema and clients
//! show it.
//!
//! A tenant is a partition, a load balancer is some objects in it whose names begin with the hash of its id (module
//! [`names`]). One call is one session, and a deploy is a few passes of: look at the whole partition ([`observe`]), say
//! what it should have ([`desired`], pure), compare ([`plan`], pure), send the difference ([`execute`]), and look again
//! until there is no difference. So a second deploy, a repair after a lost reply and a first deploy are the same pass.
//!
//! Nothing may be written before the device itself has said that the session is in the tenant's partition (module
//! [`axapi`]), nothing that Ballast did not make may be changed, and no password may reach a log or an error.

mod axapi;
mod config;
mod counters;
mod desired;
mod device;
mod driver;
mod execute;
mod failure;
mod locks;
mod names;
mod object;
mod observe;
mod partitions;
mod plan;
mod report;
mod state;
mod unsaved;

#[cfg(test)]
mod samples;

pub use config::Config;
pub use driver::A10;

ballast_abi::export_driver!(A10);
