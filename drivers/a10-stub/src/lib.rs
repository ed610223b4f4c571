//! Driver a10-stub: load balancers on an A10 Thunder, over aXAPI v3.
//!
//! "Stub", as it was never run against an appliance: it speaks the vendor's protocol as the vendor's schema and clients
//! show it.
//!
//! A tenant is a partition, a load balancer is some objects in it whose names begin with the hash of its id. How a device
//! is brought to what is wanted is [`ballast_device`]'s; here is what an A10 is like: sessions and replies ([`wire`],
//! [`reply`]), objects ([`kind`], [`observe`]), and what a load balancer is made of ([`desired`]).

mod ciphers;
mod desired;
mod kind;
mod observe;
mod path;
mod reply;
mod request;
mod vendor;
mod wire;

pub use kind::Kind;
pub use vendor::{Options, Thunder};
pub use wire::Axapi;

/// The driver.
pub type A10 = ballast_device::DeviceDriver<Thunder>;
/// Its section of the agent's configuration.
pub type Config = ballast_device::Config<Options>;

ballast_abi::export_driver!(A10);
