//! From the message to [`Validated`]: what every driver checks, and with it what haproxy adds to requests and sees in them.

mod headers;
mod plain;
mod policies;
mod validated;

use ballast_abi::{DriverError, LoadBalancer, ObjectFault, Protocol};
pub(crate) use ballast_namespace::validate::{
    Check, HttpVersion, Id, Member, Monitor, Persistence, Pool, Timeouts, id,
};
use ballast_namespace::{
    host::Forwards,
    validate::{Faults, Rules, protocol, refuse},
};

use crate::{config::Config, flavor::DataPlane, page::PEERS};

pub(crate) use validated::{Action, Header, Listener, Policy, Rule, Subject, Validated, is_http};

/// Checks a load balancer; with it what of it cannot be run. `kernel`: what that of this host can.
///
/// # Errors
/// INVALID_ARGUMENT, or UNSUPPORTED for a network that this driver cannot plug into.
pub(crate) fn validate(
    load_balancer: &LoadBalancer,
    config: &Config,
    kernel: Forwards,
) -> Result<(Validated, Vec<ObjectFault>), DriverError> {
    let said = DataPlane::of(load_balancer);
    let plane = said.clone().unwrap_or_default();
    let is_forwarded = match plane {
        DataPlane::Haproxy => haproxy_cannot,
        DataPlane::Kernel => kernel_can,
    };
    let (networks, section) = (config.networks(), "drivers.haproxy-ns");
    let rules = Rules { networks, section, fits, is_forwarded, filters: kernel.udp };
    let (validated, mut faults) =
        ballast_namespace::validate::validate(load_balancer, &rules, |whole, asked, pools, faults| {
            let Some(headers) = faults.keep(&asked.id, headers::headers(asked)) else { return Ok(None) };
            if whole.forwarded && !haproxy_cannot(whole.protocol) {
                let plain = plain::check(&whole, asked, pools, kernel);
                let Some(()) = faults.keep(&asked.id, plain) else { return Ok(None) };
            }
            let Some(()) = faults.keep(&asked.id, not_the_peers(&whole, load_balancer)) else { return Ok(None) };
            let policies = policies::policies(asked, pools, faults)?;
            Ok(Some(Listener { whole, headers, policies }))
        })?;
    gaps(&validated, &mut faults);
    if let Err(error) = said {
        faults.add(&load_balancer.id, error);
    }
    Ok((validated, faults.into()))
}

/// The kernel lets nobody but the other side connect to the port of the peers.
fn not_the_peers(listener: &ballast_namespace::validate::Listener, of: &LoadBalancer) -> Result<(), DriverError> {
    if of.side.is_none() || listener.forwarded || listener.port != PEERS {
        return Ok(());
    }
    let why = format!(
        "{PEERS} is the port by which the two sides of a load balancer share who is remembered: choose another"
    );
    Err(refuse("listener", listener.id.as_str(), "protocol_port", &why))
}

/// Versions of TLS that are left out, as haproxy speaks those of one range.
fn gaps(validated: &Validated, faults: &mut Faults) {
    let listeners =
        validated.listeners.iter().filter_map(|one| Some(("listener", &one.id, &one.tls.as_ref()?.settings)));
    let pools = validated.pools.iter().filter_map(|one| Some(("pool", &one.id, &one.tls.as_ref()?.settings)));
    for (kind, id, settings) in listeners.chain(pools) {
        let older: Vec<&str> = settings.range().1.iter().map(|version| version.name()).collect();
        if !older.is_empty() {
            let why = format!("has a gap, and haproxy speaks one range of them: {} is left out", older.join(", "));
            faults.add(id.as_str(), refuse(kind, id.as_str(), "tls.versions", &why));
        }
    }
}

/// What the kernel serves whatever a flavor says: haproxy speaks neither.
const fn haproxy_cannot(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Udp | Protocol::Sctp => true,
        Protocol::Http
        | Protocol::TerminatedHttps
        | Protocol::Prometheus
        | Protocol::Tcp
        | Protocol::Https
        | Protocol::Proxy
        | Protocol::Proxyv2
        | Protocol::Unspecified => false,
    }
}

/// What it serves where the flavor says so as well: all that passes through as it is.
const fn kernel_can(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Udp | Protocol::Sctp | Protocol::Tcp | Protocol::Https => true,
        Protocol::Http
        | Protocol::TerminatedHttps
        | Protocol::Prometheus
        | Protocol::Proxy
        | Protocol::Proxyv2
        | Protocol::Unspecified => false,
    }
}

/// Whether a pool of this protocol can be behind a listener of that one.
fn fits(listener: Protocol, pool: Protocol) -> bool {
    let in_proxy = matches!(pool, Protocol::Proxy | Protocol::Proxyv2);
    match listener {
        Protocol::Http | Protocol::TerminatedHttps => in_proxy || pool == Protocol::Http,
        Protocol::Https => in_proxy || matches!(pool, Protocol::Https | Protocol::Tcp),
        Protocol::Tcp => in_proxy || matches!(pool, Protocol::Http | Protocol::Https | Protocol::Tcp),
        Protocol::Udp | Protocol::Sctp => pool == listener,
        Protocol::Unspecified | Protocol::Prometheus | Protocol::Proxy | Protocol::Proxyv2 => false,
    }
}

#[cfg(test)]
mod tests;
