//! From the message to [`Validated`].
//!
//! Allow-lists only. What cannot be told apart (an id that is none) or carries everything (the VIP) refuses the whole load
//! balancer with INVALID_ARGUMENT, naming object and field. Everything else that cannot be run becomes a fault of its
//! object and is left out, so that it does not take the others down: they can be changed, and deleted, whatever it is.

mod faults;
mod listeners;
mod members;
mod monitors;
mod network;
mod policies;
mod text;
mod validated;

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use ballast_abi::{
    DriverError, Health, KnownHealth, LoadBalancer, MemberHealth, MonitorType, ObjectFault, PersistenceType, Protocol,
    limits,
};

use crate::config::Config;

use faults::Faults;
pub(crate) use network::{ETHERNET, is_networks};
pub(crate) use text::id;
pub(crate) use validated::{
    Action, Address, Check, Clients, Header, HttpVersion, Id, Listener, Member, Monitor, Parts, Persistence, Policy,
    Pool, Route, Rule, Subject, Timeouts, Validated, Vip, is_forwarded, is_http,
};

/// Checks a load balancer; with it what of it cannot be run.
///
/// # Errors
/// INVALID_ARGUMENT, or UNSUPPORTED for a network that this driver cannot plug into.
pub(crate) fn validate(
    load_balancer: &LoadBalancer,
    config: &Config,
) -> Result<(Validated, Vec<ObjectFault>), DriverError> {
    let mut faults = Faults::default();
    let mut pools = Vec::new();
    for asked in &load_balancer.pools {
        pools.push(pool(asked, load_balancer, &mut faults)?);
    }
    let mut listeners = Vec::new();
    for asked in &load_balancer.listeners {
        let id = id("listener", "id", &asked.id)?;
        let made = listeners::listener(id, asked, &pools, &listeners);
        let Some(mut made) = faults.keep(&asked.id, made) else { continue };
        made.allowed = listeners::allowed(asked, &mut faults);
        made.policies = policies::policies(asked, &pools, &mut faults)?;
        listeners.push(made);
    }
    let validated = Validated(Parts {
        id: id("load balancer", "id", &load_balancer.id)?,
        project: text::comment(&load_balancer.project_id),
        admin_state_up: load_balancer.admin_state_up,
        vip: network::all(load_balancer, config)?.map(|(vip, wrong)| {
            wrong.into_iter().for_each(|error| faults.add_to_vip(load_balancer, error));
            vip
        }),
        listeners,
        pools,
        known: load_balancer.known_health.as_ref().map(known),
    });
    unique(&validated)?;
    Ok((validated, faults.into()))
}

/// A health that is not understood is one that is not known.
fn known(known: &KnownHealth) -> HashMap<(String, String), bool> {
    let of = |member: &MemberHealth| {
        let up = match member.health() {
            Health::Up => true,
            Health::Down => false,
            Health::Unspecified => return None,
        };
        Some(((member.pool_id.clone(), member.member_id.clone()), up))
    };
    known.members.iter().filter_map(of).collect()
}

/// `INVALID_ARGUMENT` that names object and field.
fn refuse(object: &str, id: &str, field: &str, why: &str) -> DriverError {
    DriverError::invalid_argument(format!("{object} {id}: {field} {why}"))
}

/// Two objects of one id would be one haproxy proxy or server.
fn unique(validated: &Validated) -> Result<(), DriverError> {
    let mut seen = BTreeSet::new();
    for pool in &validated.pools {
        if !seen.insert(&pool.id) {
            return Err(refuse("pool", pool.id.as_str(), "id", "is there twice"));
        }
        let mut members = BTreeSet::new();
        if let Some(twice) = pool.members.iter().find(|member| !members.insert(&member.id)) {
            return Err(refuse("member", twice.id.as_str(), "id", "is there twice"));
        }
    }
    // haproxy allows a frontend and a backend of one name, so listeners are counted for themselves.
    let mut seen = BTreeSet::new();
    match validated.listeners.iter().find(|listener| !seen.insert(&listener.id)) {
        Some(twice) => Err(refuse("listener", twice.id.as_str(), "id", "is there twice")),
        None => Ok(()),
    }
}

fn pool(asked: &ballast_abi::Pool, load_balancer: &LoadBalancer, faults: &mut Faults) -> Result<Pool, DriverError> {
    let wrong = |field: &str, why: &str| refuse("pool", &asked.id, field, why);
    let protocol = protocol(asked.protocol).ok_or_else(|| wrong("protocol", "is unknown"))?;
    let mut monitors = Vec::new();
    let is_up = |kind: MonitorType| asked.monitors.iter().any(|one| one.admin_state_up && one.r#type() == kind);
    let forwarded = is_forwarded(protocol);
    let mixed = !forwarded && is_up(MonitorType::TlsHello) && is_up(MonitorType::Http);
    for asked in asked.monitors.iter().filter(|monitor| monitor.admin_state_up) {
        if mixed && asked.r#type() == MonitorType::TlsHello {
            let why = "TLS and plain HTTP cannot be checked at one port: HTTP is";
            faults.add(&asked.id, refuse("health monitor", &asked.id, "type", why));
            continue;
        }
        let made = monitors::monitor(asked, forwarded, faults);
        monitors.extend(faults.keep(&asked.id, made));
    }
    let persistence = asked.session_persistence.as_ref().and_then(|one| {
        let wrong = |(field, why): (&str, &str)| {
            let askers = askers(asked, load_balancer).into_iter();
            askers.for_each(|asker| faults.add(asker, refuse("vip", asker, field, why)));
        };
        persistence(one, forwarded).map_err(wrong).ok()
    });
    Ok(Pool {
        id: id("pool", "id", &asked.id)?,
        protocol,
        method: asked.lb_method.try_into().map_err(|_| wrong("lb_method", "is unknown"))?,
        persistence,
        admin_state_up: asked.admin_state_up,
        members: members::served(asked, load_balancer, faults)?,
        monitors,
    })
}

/// How sessions are kept is asked of a vip: of each that has the pool.
fn askers<'a>(pool: &'a ballast_abi::Pool, load_balancer: &'a LoadBalancer) -> Vec<&'a str> {
    let listeners = load_balancer.listeners.iter().filter(|listener| listener.default_pool_id == pool.id);
    let ids: Vec<&str> = listeners.map(|listener| listener.id.as_str()).collect();
    if ids.is_empty() { vec![&pool.id] } else { ids }
}

/// Or the field that is wrong, and why.
fn persistence(
    asked: &ballast_abi::SessionPersistence,
    forwarded: bool,
) -> Result<Persistence, (&'static str, &'static str)> {
    let wrong = |field, why| (field, why);
    match PersistenceType::try_from(asked.r#type) {
        Ok(PersistenceType::SourceIp) => {
            let (prefix4, prefix6) = granularity(&asked.persistence_granularity).ok_or_else(|| {
                wrong("session_persistence.persistence_granularity", "is no mask: sessions are not kept")
            })?;
            Ok(Persistence::SourceIp(Clients { seconds: asked.persistence_timeout, prefix4, prefix6 }))
        }
        Ok(PersistenceType::HttpCookie | PersistenceType::AppCookie) if forwarded => {
            Err(wrong("session_persistence.type", "is of HTTP: sessions are not kept"))
        }
        Ok(PersistenceType::HttpCookie) => Ok(Persistence::HttpCookie),
        Ok(PersistenceType::AppCookie) if limits::cookie_name(&asked.cookie_name) => {
            Ok(Persistence::AppCookie { name: asked.cookie_name.clone() })
        }
        Ok(PersistenceType::AppCookie) => {
            Err(wrong("session_persistence.cookie_name", "is no cookie's name: sessions are not kept"))
        }
        Ok(PersistenceType::Unspecified) | Err(_) => Err(wrong("session_persistence.type", "is unknown")),
    }
}

/// How many bits of an address count, of IPv4 and of IPv6. A mask is of one of them, and says nothing of the other.
fn granularity(mask: &str) -> Option<(u8, u8)> {
    if mask.is_empty() {
        return Some((32, 128));
    }
    let mask: IpAddr = mask.parse().ok()?;
    let bits = ipnet::ip_mask_to_prefix(mask).ok()?;
    Some(if mask.is_ipv4() { (bits, 128) } else { (32, bits) })
}

fn protocol(value: i32) -> Option<Protocol> {
    match Protocol::try_from(value) {
        Ok(Protocol::Unspecified) | Err(_) => None,
        Ok(protocol) => Some(protocol),
    }
}

fn port(value: u32) -> Option<u16> {
    u16::try_from(value).ok()
}

#[cfg(test)]
mod tests;
