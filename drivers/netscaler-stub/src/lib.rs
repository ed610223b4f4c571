//! Driver netscaler-stub: load balancers on a NetScaler ADC, over NITRO v1.
//!
//! "Stub", as it was never run against an appliance: it speaks the vendor's protocol as the vendor's reference and clients
//! show it.
//!
//! A tenant is an admin partition, a load balancer is some objects in it whose names begin with the hash of its id. How a
//! device is brought to what is wanted is [`ballast_device`]'s; here is what a NetScaler is like: sessions and replies
//! ([`wire`], [`reply`]), objects ([`kind`], [`request`], [`observe`]), and what a load balancer is made of ([`desired`]).
//!
//! Nothing is ever asked without a session: a request with a name and a password of its own works in the default
//! partition, whose objects are no tenant's.

mod ciphers;
mod desired;
mod kind;
mod observe;
mod reply;
mod request;
mod vendor;
mod wire;

pub use kind::Kind;
pub use observe::View;
pub use vendor::{Adc, Options};
pub use wire::Nitro;

/// The driver.
pub type NetScaler = ballast_device::DeviceDriver<Adc>;
/// Its section of the agent's configuration.
pub type Config = ballast_device::Config<Options>;

ballast_abi::export_driver!(NetScaler);
