//! From the message to [`Validated`].
//!
//! Allow-lists only. What cannot be told apart (an id that is none) or carries everything (the VIP) refuses the whole load
//! balancer with INVALID_ARGUMENT, naming object and field. Everything else that cannot be run becomes a fault of its
//! object and is left out, so that it does not take the others down: they can be changed, and deleted, whatever it is.

mod faults;
mod members;
mod network;
mod text;
mod validated;

use std::collections::{BTreeSet, HashMap};

use ballast_abi::{
    DriverError, Health, KnownHealth, LoadBalancer, MemberHealth, MonitorType, ObjectFault, PersistenceType, Protocol,
    limits,
};

use crate::config::Config;

use faults::Faults;
pub(crate) use network::is_networks;
pub(crate) use text::id;
pub(crate) use validated::{
    Check, Id, Listener, Member, Monitor, Parts, Persistence, Pool, Route, Validated, Vip, is_http,
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
        listeners.extend(faults.keep(&asked.id, listener(id, asked, &pools, &listeners)));
    }
    let validated = Validated(Parts {
        id: id("load balancer", "id", &load_balancer.id)?,
        project: text::comment(&load_balancer.project_id),
        admin_state_up: load_balancer.admin_state_up,
        vip: load_balancer.vip.as_ref().map(|vip| network::vip(vip, config)).transpose()?.map(|(vip, wrong)| {
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

fn listener(
    id: Id,
    asked: &ballast_abi::Listener,
    pools: &[Pool],
    others: &[Listener],
) -> Result<Listener, DriverError> {
    let wrong = |field: &str, why: &str| refuse("listener", &asked.id, field, why);
    let protocol = protocol(asked.protocol).ok_or_else(|| wrong("protocol", "is unknown"))?;
    let port = port(asked.protocol_port).ok_or_else(|| wrong("protocol_port", "is over 65535"))?;
    let default_pool = match asked.default_pool_id.as_str() {
        "" => None,
        name => Some(text::id("listener", "default_pool_id", name)?),
    };
    match default_pool.as_ref().map(|name| pools.iter().find(|pool| pool.id == *name)) {
        Some(None) => return Err(wrong("default_pool_id", "names a pool that this load balancer does not have")),
        Some(Some(pool)) if is_http(pool.protocol) != is_http(protocol) => {
            return Err(wrong("protocol", "does not fit the pool's"));
        }
        Some(Some(_)) | None => {}
    }
    if port == 0 {
        return Err(wrong("protocol_port", "0 cannot be listened on: choose 1 to 65535"));
    }
    if others.iter().any(|other| other.port == port) {
        return Err(wrong("protocol_port", "is another listener's already"));
    }
    let connection_limit = u32::try_from(asked.connection_limit).ok();
    Ok(Listener { id, protocol, port, connection_limit, default_pool, admin_state_up: asked.admin_state_up })
}

fn pool(asked: &ballast_abi::Pool, load_balancer: &LoadBalancer, faults: &mut Faults) -> Result<Pool, DriverError> {
    let wrong = |field: &str, why: &str| refuse("pool", &asked.id, field, why);
    let protocol = protocol(asked.protocol).ok_or_else(|| wrong("protocol", "is unknown"))?;
    let mut monitors = Vec::new();
    for asked in asked.monitors.iter().filter(|monitor| monitor.admin_state_up) {
        let made = monitor(asked, faults);
        monitors.extend(faults.keep(&asked.id, made));
    }
    let persistence = asked.session_persistence.as_ref().and_then(|one| {
        let wrong = |(field, why): (&str, &str)| {
            let askers = askers(asked, load_balancer).into_iter();
            askers.for_each(|asker| faults.add(asker, refuse("vip", asker, field, why)));
        };
        persistence(one).map_err(wrong).ok()
    });
    Ok(Pool {
        id: id("pool", "id", &asked.id)?,
        protocol,
        method: asked.lb_method.try_into().map_err(|_| wrong("lb_method", "is unknown"))?,
        // Cookies are seen in HTTP only; elsewhere the client's address is the closest thing that works.
        persistence: persistence.map(|kind| if is_http(protocol) { kind } else { Persistence::SourceIp }),
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
fn persistence(asked: &ballast_abi::SessionPersistence) -> Result<Persistence, (&'static str, &'static str)> {
    let wrong = |field, why| (field, why);
    match PersistenceType::try_from(asked.r#type) {
        Ok(PersistenceType::SourceIp) => Ok(Persistence::SourceIp),
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

fn monitor(asked: &ballast_abi::HealthMonitor, faults: &mut Faults) -> Result<Monitor, DriverError> {
    let wrong = |field: &str, why: &str| refuse("health monitor", &asked.id, field, why);
    let http = |tls| {
        Ok::<_, DriverError>(Check::Http {
            tls,
            method: text::http_method(&asked.http_method).ok_or_else(|| wrong("http_method", "must be letters"))?,
            path: text::url_path(&asked.url_path)
                .ok_or_else(|| wrong("url_path", "must be at most 255 characters of a URL's path and query"))?,
            codes: text::codes(&asked.expected_codes)
                .ok_or_else(|| wrong("expected_codes", "must be as in \"200\", \"200, 202\" or \"200-204\""))?,
        })
    };
    let check = match MonitorType::try_from(asked.r#type) {
        Ok(MonitorType::Ping) => Check::Ping,
        Ok(MonitorType::Tcp) => Check::Tcp,
        Ok(MonitorType::Http) => http(false)?,
        Ok(MonitorType::Https) => http(true)?,
        Ok(MonitorType::Unspecified) | Err(_) => return Err(wrong("type", "is unknown")),
    };
    let mut seconds = |field: &str, value: u32| {
        let most = limits::SECONDS.most.unsigned_abs();
        if value > most {
            faults.add(&asked.id, wrong(field, &format!("is over {most}: it is {most}")));
        }
        value.clamp(1, most)
    };
    Ok(Monitor {
        check,
        delay: seconds("delay", asked.delay),
        timeout: seconds("timeout", asked.timeout),
        max_retries: asked.max_retries.clamp(1, 10),
    })
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
