//! From the message to [`Validated`].
//!
//! Allow-lists only. What cannot be understood refuses the whole load balancer with INVALID_ARGUMENT, naming object and
//! field; a single object that is understood but cannot be run (a listener on port 0) becomes a fault of that object and
//! is left out, so that it does not take the others down.

mod members;
mod network;
mod text;

use std::{collections::BTreeSet, net::IpAddr};

use ballast_abi::{DriverError, Fault, LoadBalancer, MonitorType, ObjectFault, PersistenceType, Protocol};

use crate::{
    config::Config,
    validated::{Check, Listener, Member, Monitor, Persistence, Pool, Validated, is_http},
};

pub(crate) use network::masked;
pub(crate) use text::id;

/// Checks a load balancer.
///
/// # Errors
/// INVALID_ARGUMENT, or UNSUPPORTED for a network that this driver cannot plug into.
pub(crate) fn validate(
    load_balancer: &LoadBalancer,
    config: &Config,
) -> Result<(Validated, Vec<ObjectFault>), DriverError> {
    let mut faults = Vec::new();
    let mut pools = load_balancer.pools.iter().map(pool).collect::<Result<Vec<_>, _>>()?;
    let mut listeners = Vec::new();
    for asked in &load_balancer.listeners {
        match listener(asked, &pools, &listeners)? {
            Ok(listener) => listeners.push(listener),
            Err(fault) => faults.push(ObjectFault { object_id: asked.id.clone(), fault: Some(fault) }),
        }
    }
    let vip = load_balancer.vip.as_ref().map(|vip| network::vip(vip, config)).transpose()?;
    faults.extend(members::leave_out(load_balancer, vip.as_ref().map(|vip| vip.address), &mut pools));
    let validated = Validated {
        id: id("load balancer", "id", &load_balancer.id)?,
        project: text::comment(&load_balancer.project_id),
        admin_state_up: load_balancer.admin_state_up,
        vip,
        listeners,
        pools,
    };
    unique(&validated)?;
    Ok((validated, faults))
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
    asked: &ballast_abi::Listener,
    pools: &[Pool],
    others: &[Listener],
) -> Result<Result<Listener, Fault>, DriverError> {
    let wrong = |field: &str, why: &str| refuse("listener", &asked.id, field, why);
    let fault = |why: &str| Fault::from(wrong("protocol_port", why));
    let protocol = protocol(asked.protocol).ok_or_else(|| wrong("protocol", "is unknown"))?;
    let port = port(asked.protocol_port).ok_or_else(|| wrong("protocol_port", "is over 65535"))?;
    let default_pool = match asked.default_pool_id.as_str() {
        "" => None,
        name => Some(id("listener", "default_pool_id", name)?),
    };
    let pool = default_pool.as_ref().map(|name| pools.iter().find(|pool| pool.id == *name));
    match pool {
        Some(None) => return Err(wrong("default_pool_id", "names a pool that this load balancer does not have")),
        Some(Some(pool)) if is_http(pool.protocol) != is_http(protocol) => {
            return Ok(Err(wrong("protocol", "does not fit the pool's").into()));
        }
        Some(Some(_)) | None => {}
    }
    let id = id("listener", "id", &asked.id)?;
    if port == 0 {
        return Ok(Err(fault("0 cannot be listened on: choose 1 to 65535")));
    }
    if others.iter().any(|other| other.port == port) {
        return Ok(Err(fault("is another listener's already")));
    }
    let connection_limit = u32::try_from(asked.connection_limit).ok();
    Ok(Ok(Listener { id, protocol, port, connection_limit, default_pool, admin_state_up: asked.admin_state_up }))
}

fn pool(asked: &ballast_abi::Pool) -> Result<Pool, DriverError> {
    let wrong = |field: &str, why: &str| refuse("pool", &asked.id, field, why);
    let protocol = protocol(asked.protocol).ok_or_else(|| wrong("protocol", "is unknown"))?;
    let persistence = match &asked.session_persistence {
        None => None,
        Some(persistence) => match PersistenceType::try_from(persistence.r#type) {
            Ok(PersistenceType::SourceIp) => Some(Persistence::SourceIp),
            Ok(PersistenceType::HttpCookie) => Some(Persistence::HttpCookie),
            Ok(PersistenceType::AppCookie) => Some(Persistence::AppCookie {
                name: text::cookie_name(&persistence.cookie_name)
                    .ok_or_else(|| wrong("session_persistence.cookie_name", "must be 1 to 128 token characters"))?,
            }),
            Ok(PersistenceType::Unspecified) | Err(_) => {
                return Err(wrong("session_persistence.type", "is unknown"));
            }
        },
    };
    Ok(Pool {
        id: id("pool", "id", &asked.id)?,
        protocol,
        method: asked.lb_method.try_into().map_err(|_| wrong("lb_method", "is unknown"))?,
        // Cookies are seen in HTTP only; elsewhere the client's address is the closest thing that works.
        persistence: persistence.map(|kind| if is_http(protocol) { kind } else { Persistence::SourceIp }),
        admin_state_up: asked.admin_state_up,
        members: asked.members.iter().map(member).collect::<Result<_, _>>()?,
        monitors: asked
            .monitors
            .iter()
            .filter(|monitor| monitor.admin_state_up)
            .map(monitor)
            .collect::<Result<_, _>>()?,
    })
}

fn member(asked: &ballast_abi::Member) -> Result<Member, DriverError> {
    let wrong = |field: &str, why: &str| refuse("member", &asked.id, field, why);
    let address: IpAddr = asked.address.parse().map_err(|_| wrong("address", "is no IP address"))?;
    let weight = u16::try_from(asked.weight).ok().filter(|weight| *weight <= 256);
    Ok(Member {
        id: id("member", "id", &asked.id)?,
        address: address.to_canonical(),
        port: port(asked.protocol_port).ok_or_else(|| wrong("protocol_port", "is over 65535"))?,
        weight: weight.ok_or_else(|| wrong("weight", "is over 256"))?,
        admin_state_up: asked.admin_state_up,
    })
}

fn monitor(asked: &ballast_abi::HealthMonitor) -> Result<Monitor, DriverError> {
    let wrong = |field: &str, why: &str| refuse("health monitor", &asked.id, field, why);
    let http = |tls| {
        Ok::<_, DriverError>(Check::Http {
            tls,
            method: text::http_method(&asked.http_method).ok_or_else(|| wrong("http_method", "must be letters"))?,
            path: text::url_path(&asked.url_path)
                .ok_or_else(|| wrong("url_path", "must be at most 1024 characters of a URL's path and query"))?,
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
    let seconds = |field: &str, value: u32| match value {
        0..=MAX_SECONDS => Ok(value.max(1)),
        _ => Err(wrong(field, "is over a day")),
    };
    Ok(Monitor {
        check,
        delay: seconds("delay", asked.delay)?,
        timeout: seconds("timeout", asked.timeout)?,
        max_retries: asked.max_retries.clamp(1, 10),
    })
}

/// haproxy's timers end at 24 days; nobody checks less often than daily.
const MAX_SECONDS: u32 = 86_400;

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
