//! What a load balancer is to have on the device. Pure.
//!
//! One virtual server for each listener, one service group for each pool, a copy of each of the pool's monitors, and a
//! server for each address. How a pool chooses and keeps sessions is the virtual server's.

mod monitor;
mod pool;
mod tls;

use std::net::IpAddr;

use ballast_abi::{DriverError, LbMethod, Listener, LoadBalancer, PersistenceType, Pool, Protocol};
use ballast_device::{Child, Fields, Key, fields};
use serde_json::{Value, json};

use crate::{kind::Kind, vendor::Adc};

type Draft<'a> = ballast_device::Draft<'a, Adc>;

pub(crate) fn draw(draft: &mut Draft<'_>, load_balancer: &LoadBalancer) -> Result<(), DriverError> {
    for pool in &load_balancer.pools {
        pool::draw(draft, pool);
    }
    let Some(address) = draft.vip(load_balancer)? else { return Ok(()) };
    for listener in draft.listeners(load_balancer) {
        virtual_server(draft, address, listener, load_balancer);
    }
    Ok(())
}

fn virtual_server(draft: &mut Draft<'_>, address: IpAddr, listener: &Listener, load_balancer: &LoadBalancer) {
    let Some(service) = service_type(listener.protocol) else {
        return draft.fault(&listener.id, "its protocol is unknown");
    };
    let speaks = match service {
        "SSL" => match tls::of_listener(draft, listener) {
            Some(speaks) => Some(speaks),
            None => return,
        },
        _ => None,
    };
    let pool = load_balancer.pools.iter().find(|pool| pool.id == listener.default_pool_id);
    let group = pool.map(|pool| draft.name('p', &pool.id)).filter(|group| draft.has(Kind::Group, group));
    let name = draft.name('v', &listener.id);
    // There is no limit of nothing: what is off takes no connection either.
    let up = load_balancer.admin_state_up && listener.admin_state_up && listener.connection_limit != 0;
    let mut object = fields(json!({
        "name": name, "servicetype": service, "ipv46": address.to_string(), "port": listener.protocol_port,
        "state": switch(up), "comment": format!("load balancer {}", load_balancer.id),
        "lbmethod": pool.and_then(method).unwrap_or("ROUNDROBIN"),
    }));
    object.extend(limit(listener.connection_limit));
    object.extend(persistence(draft, listener, pool, service));
    object.extend(speaks.iter().flat_map(|speaks| speaks.settings.clone()));
    draft.want(Key::top(Kind::VirtualServer, &name), &listener.id, Value::Object(object));
    if let Some(speaks) = speaks {
        speaks.bind(draft, &listener.id, (&name, "vservername"));
    }
    if let Some(group) = group {
        draft.want(
            Key::child(Kind::Backend, &name, Child::named(&group)),
            &listener.id,
            json!({"name": name, "servicegroupname": group}),
        );
    }
}

/// TLS is passed through as it comes.
fn service_type(protocol: i32) -> Option<&'static str> {
    match Protocol::try_from(protocol) {
        Ok(Protocol::Http) => Some("HTTP"),
        Ok(Protocol::Tcp | Protocol::Https) => Some("TCP"),
        Ok(Protocol::TerminatedHttps) => Some("SSL"),
        Ok(
            Protocol::Udp
            | Protocol::Sctp
            | Protocol::Prometheus
            | Protocol::Proxy
            | Protocol::Proxyv2
            | Protocol::Unspecified,
        )
        | Err(_) => None,
    }
}

fn method(pool: &Pool) -> Option<&'static str> {
    match LbMethod::try_from(pool.lb_method) {
        Ok(LbMethod::RoundRobin) => Some("ROUNDROBIN"),
        Ok(LbMethod::LeastConnections) => Some("LEASTCONNECTION"),
        Ok(LbMethod::SourceIp) => Some("SOURCEIPHASH"),
        Ok(LbMethod::SourceIpPort) => Some("SRCIPSRCPORTHASH"),
        Ok(LbMethod::Unspecified) | Err(_) => None,
    }
}

/// Connections over the limit spill over to nowhere.
fn limit(limit: i32) -> Fields {
    fields(match limit {
        1.. => json!({"somethod": "CONNECTION", "sothreshold": limit, "sobackupaction": "DROP"}),
        _ => json!({"somethod": "NONE"}),
    })
}

fn persistence(draft: &mut Draft<'_>, listener: &Listener, pool: Option<&Pool>, service: &str) -> Fields {
    let none = || fields(json!({"persistencetype": "NONE"}));
    let Some(asked) = pool.and_then(|pool| pool.session_persistence.as_ref()) else {
        return none();
    };
    let timeout = draft.options.persistence_timeout;
    match PersistenceType::try_from(asked.r#type) {
        Ok(PersistenceType::SourceIp) => fields(json!({"persistencetype": "SOURCEIP", "timeout": timeout})),
        Ok(PersistenceType::HttpCookie | PersistenceType::AppCookie) if service == "TCP" => {
            draft.fault(&listener.id, "sessions can be kept by cookies with HTTP only");
            none()
        }
        // 0: as long as the browser keeps it.
        Ok(PersistenceType::HttpCookie) => fields(json!({"persistencetype": "COOKIEINSERT", "timeout": 0})),
        Ok(PersistenceType::AppCookie) if !is_cookie_name(&asked.cookie_name) => {
            let why = "the device cannot follow a cookie with this name: sessions are not kept";
            draft.fault(&listener.id, why);
            none()
        }
        Ok(PersistenceType::AppCookie) => {
            let name = &asked.cookie_name;
            fields(json!({
                "persistencetype": "RULE", "timeout": timeout,
                "rule": format!("HTTP.REQ.COOKIE.VALUE(\"{name}\")"),
                "resrule": format!("HTTP.RES.SET_COOKIE.COOKIE(\"{name}\").VALUE(\"{name}\")"),
            }))
        }
        Ok(PersistenceType::Unspecified) | Err(_) => none(),
    }
}

/// It stands in an expression of the device: nothing that could end its text there.
fn is_cookie_name(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$&*+^~".contains(&byte);
    (1..=255).contains(&name.len()) && name.bytes().all(sound)
}

fn switch(on: bool) -> &'static str {
    if on { "ENABLED" } else { "DISABLED" }
}

#[cfg(test)]
mod tests;
