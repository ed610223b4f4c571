//! Driver nft-l4: one load balancer is one network namespace, one interface with the VIP, and rules of the kernel. No process
//! serves it, and none has to be there: rules and namespace outlive this one.
//!
//! Nearly all of it is [`ballast_namespace`], which haproxy-ns uses as well. Here is what a driver adds: what it declares
//! ([`driver`]), what it takes ([`validate`]), its notes ([`state`]), and the few steps around the common ones ([`plan`],
//! [`execute`]).

mod config;
mod desired;
mod driver;
mod execute;
mod plan;
mod preview;
mod state;
mod validate;

pub use config::Config;
pub use driver::NftL4;

ballast_abi::export_driver!(NftL4);
