//! From the message to [`Validated`]: what every driver checks, and with it what haproxy adds to requests and sees in them.

mod headers;
mod policies;
mod validated;

use ballast_abi::{DriverError, LoadBalancer, ObjectFault, Protocol};
pub(crate) use ballast_namespace::validate::{
    Check, HttpVersion, Id, Member, Monitor, Persistence, Pool, Timeouts, id,
};
use ballast_namespace::validate::{Rules, protocol, refuse};

use crate::config::Config;

pub(crate) use validated::{Action, Header, Listener, Policy, Rule, Subject, Validated, is_forwarded, is_http};

/// Checks a load balancer; with it what of it cannot be run.
///
/// # Errors
/// INVALID_ARGUMENT, or UNSUPPORTED for a network that this driver cannot plug into.
pub(crate) fn validate(
    load_balancer: &LoadBalancer,
    config: &Config,
) -> Result<(Validated, Vec<ObjectFault>), DriverError> {
    let rules = Rules { networks: config.networks(), section: "drivers.haproxy-ns", fits, is_forwarded };
    let (validated, faults) =
        ballast_namespace::validate::validate(load_balancer, &rules, |whole, asked, pools, faults| {
            let Some(headers) = faults.keep(&asked.id, headers::headers(asked)) else { return Ok(None) };
            let policies = policies::policies(asked, pools, faults)?;
            Ok(Some(Listener { whole, headers, policies }))
        })?;
    Ok((validated, faults.into()))
}

/// Whether a pool of this protocol can be behind a listener of that one.
fn fits(listener: Protocol, pool: Protocol) -> bool {
    let in_proxy = matches!(pool, Protocol::Proxy | Protocol::Proxyv2);
    match listener {
        Protocol::Http => in_proxy || pool == Protocol::Http,
        Protocol::Https => in_proxy || matches!(pool, Protocol::Https | Protocol::Tcp),
        Protocol::Tcp => in_proxy || matches!(pool, Protocol::Http | Protocol::Https | Protocol::Tcp),
        Protocol::Udp | Protocol::Sctp => pool == listener,
        Protocol::Unspecified
        | Protocol::TerminatedHttps
        | Protocol::Prometheus
        | Protocol::Proxy
        | Protocol::Proxyv2 => false,
    }
}

#[cfg(test)]
mod tests;
