//! What of a load balancer this driver takes: pools are of their listeners' protocol, and all is for the kernel to serve.

use ballast_abi::{DriverError, LoadBalancer, ObjectFault, Protocol};
use ballast_namespace::validate::{self, Rules, Validated};

use crate::config::Config;

/// Checks a load balancer; with it what of it cannot be run.
///
/// # Errors
/// INVALID_ARGUMENT, or UNSUPPORTED for a network that this driver cannot plug into.
pub(crate) fn validate(
    load_balancer: &LoadBalancer,
    config: &Config,
) -> Result<(Validated, Vec<ObjectFault>), DriverError> {
    let networks = config.networks();
    let rules = Rules { networks, section: "drivers.nft-l4", fits, is_forwarded, filters: false };
    let whole = validate::validate(load_balancer, &rules, |listener, _, _, _| Ok(Some(listener)))?;
    Ok((whole.0, whole.1.into()))
}

fn fits(listener: Protocol, pool: Protocol) -> bool {
    listener == pool && is_served(listener)
}

/// What does not arrive, as it is not declared, has no listener.
fn is_served(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Tcp | Protocol::Udp | Protocol::Sctp => true,
        Protocol::Unspecified
        | Protocol::Http
        | Protocol::Https
        | Protocol::TerminatedHttps
        | Protocol::Prometheus
        | Protocol::Proxy
        | Protocol::Proxyv2 => false,
    }
}

/// There is nobody else.
const fn is_forwarded(_: Protocol) -> bool {
    true
}
