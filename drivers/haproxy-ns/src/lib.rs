//! Driver haproxy-ns: one load balancer is one network namespace, one interface with the VIP and one HAProxy process.
//!
//! A deploy is one pass of four stages, each in a module of its own: [`validate`] (the message becomes a
//! [`validate::Validated`], in which nothing can break out of haproxy.cfg), [`observe`] (what is on the host, not what
//! is remembered), [`plan`] (pure: steps and their reasons) and [`execute`]. Bring-up, repair after a crash, a change and
//! "nothing to do" are the same pass.
//!
//! What haproxy does not speak, UDP and SCTP, the kernel forwards beside it, by the same pass
//! ([`ballast_namespace::l4`]), and TCP as well where the flavor says so ([`flavor`]). Who may connect is the
//! kernel's to say for all listeners.
//!
//! It executes no program but haproxy: networks are plugged through netlink, by `ballast-netns`. Nothing here may need
//! `unsafe`, nothing may run on the host's side of a namespace longer than a call, and no state may live only in memory:
//! the process that holds this library is ended at any moment, and the load balancers go on.

mod config;
mod confinement;
mod counters;
mod desired;
mod driver;
mod execute;
mod fence;
mod files;
mod flavor;
mod haproxy;
mod notes;
mod observe;
mod pace;
mod page;
mod passage;
mod ping;
mod plan;
mod preview;
mod project;
mod render;
mod report;
mod secrets;
mod seen;
mod state;
mod users;
mod validate;

#[cfg(test)]
mod samples;

use ballast_namespace::{failure, host::Forwards};

pub use config::{Config, ProcessModel, UidRange};
pub use driver::HaproxyNs;

/// What haproxy would be told of a load balancer, and what of it cannot be run, on a host whose kernel does nothing
/// beside it.
///
/// # Errors
/// When nothing of it can be run.
pub fn configuration(
    load_balancer: &ballast_abi::LoadBalancer,
    config: &Config,
) -> Result<(String, Vec<ballast_abi::ObjectFault>), ballast_abi::DriverError> {
    let (validated, faults) = validate::validate(load_balancer, config, Forwards::default())?;
    let folder = config.secrets_dir.join(validated.id.as_str());
    Ok((render::render(&page::Page::of(&validated, config, false, &folder.to_string_lossy()))?, faults))
}

ballast_abi::export_driver!(HaproxyNs);
