//! Pools: how members are chosen, and how sessions are kept.

use std::net::IpAddr;

use ballast_abi::{DriverError, LoadBalancer, MonitorType, PersistenceType, limits};

use super::{Clients, Faults, IsForwarded, Persistence, Pool, id, members, monitors, protocol, refuse, tls};

pub(super) fn pool(
    asked: &ballast_abi::Pool,
    load_balancer: &LoadBalancer,
    is_forwarded: IsForwarded,
    faults: &mut Faults,
) -> Result<Pool, DriverError> {
    let wrong = |field: &str, why: &str| refuse("pool", &asked.id, field, why);
    let protocol = protocol(asked.protocol).ok_or_else(|| wrong("protocol", "is unknown"))?;
    let mut monitors = Vec::new();
    let is_up = |kind: MonitorType| asked.monitors.iter().any(|one| one.admin_state_up && one.r#type() == kind);
    let forwarded = is_forwarded(protocol);
    let mixed = !forwarded && asked.tls.is_none() && is_up(MonitorType::TlsHello) && is_up(MonitorType::Http);
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
    let tls = tls::pool(asked, faults);
    let tls = faults.keep(&asked.id, tls);
    // In the clear they are spoken to only where that was asked for.
    let members = if tls.is_some() { members::served(asked, load_balancer, faults)? } else { Vec::new() };
    Ok(Pool {
        id: id("pool", "id", &asked.id)?,
        protocol,
        forwarded,
        method: asked.lb_method.try_into().map_err(|_| wrong("lb_method", "is unknown"))?,
        persistence,
        admin_state_up: asked.admin_state_up,
        members,
        monitors,
        tls: tls.flatten(),
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
