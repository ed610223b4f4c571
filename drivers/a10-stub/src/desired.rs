//! What a load balancer is to have on the device. Pure.
//!
//! One virtual server with a virtual port for each listener, one service group for each pool, a copy of the pool's
//! monitor, a persistence template, and a server for each address.

mod monitor;
mod pool;
mod tls;

use ballast_abi::{DriverError, Listener, LoadBalancer, PersistenceType, Pool, Protocol};
use ballast_device::{Child, Fields, Key, names};
use serde_json::{Value, json};

use crate::{kind::Kind, vendor::Thunder};

/// Connections that a virtual port can be limited to; more is no limit.
const MOST_CONNECTIONS: i32 = 8_000_000;

type Draft<'a> = ballast_device::Draft<'a, Thunder>;

pub(crate) fn draw(draft: &mut Draft<'_>, load_balancer: &LoadBalancer) -> Result<(), DriverError> {
    for pool in &load_balancer.pools {
        pool::draw(draft, pool);
    }
    let Some(address) = draft.vip(load_balancer)? else { return Ok(()) };
    let name = virtual_server_name(&draft.desired.wanted.owner);
    let field = if address.is_ipv4() { "ip-address" } else { "ipv6-address" };
    let vrid = if draft.options.vrid == 0 { Value::Null } else { json!(draft.options.vrid) };
    draft.want(
        Key::top(Kind::VirtualServer, &name),
        &load_balancer.id,
        json!({
            "name": name, field: address.to_string(), "vrid": vrid,
            "enable-disable-action": switch(load_balancer.admin_state_up),
            "description": load_balancer.id.chars().take(63).collect::<String>(),
        }),
    );
    for listener in draft.listeners(load_balancer) {
        virtual_port(draft, &name, listener, load_balancer);
    }
    Ok(())
}

fn virtual_port(draft: &mut Draft<'_>, server: &str, listener: &Listener, load_balancer: &LoadBalancer) {
    let protocol = match Protocol::try_from(listener.protocol) {
        Ok(Protocol::Http) => "http",
        Ok(Protocol::Tcp | Protocol::Https) => "tcp",
        Ok(Protocol::TerminatedHttps) => "https",
        Ok(
            Protocol::Udp
            | Protocol::Sctp
            | Protocol::Prometheus
            | Protocol::Proxy
            | Protocol::Proxyv2
            | Protocol::Unspecified,
        )
        | Err(_) => return draft.fault(&listener.id, "its protocol is unknown"),
    };
    let pool = load_balancer.pools.iter().find(|pool| pool.id == listener.default_pool_id);
    let group = pool.map(|pool| draft.name('p', &pool.id)).filter(|group| draft.has(Kind::Group, group));
    let persistence = pool.and_then(|pool| {
        let persistence = pool.session_persistence.as_ref()?;
        let followed = pool::can_follow(&persistence.cookie_name);
        Some((PersistenceType::try_from(persistence.r#type).ok()?, draft.name('t', &pool.id), followed))
    });
    let (mut cookie, mut source_ip) = (Value::Null, Value::Null);
    match persistence {
        Some((PersistenceType::SourceIp, template, _)) => source_ip = json!(template),
        Some((PersistenceType::HttpCookie | PersistenceType::AppCookie, ..)) if protocol == "tcp" => {
            draft.fault(&listener.id, "sessions can be kept by cookies with HTTP only");
        }
        Some((PersistenceType::AppCookie, _, false)) => {
            let most = pool::LONGEST_COOKIE;
            let why = format!("the device follows cookies with names of 1 to {most} characters: sessions are not kept");
            draft.fault(&listener.id, why);
        }
        Some((PersistenceType::HttpCookie | PersistenceType::AppCookie, template, _)) => cookie = json!(template),
        Some((PersistenceType::Unspecified, ..)) | None => {}
    }
    if listener.connection_limit > MOST_CONNECTIONS {
        let why = format!("the device limits connections to {MOST_CONNECTIONS} at most: there is no limit");
        draft.fault(&listener.id, why);
    }
    let limit = Some(listener.connection_limit).filter(|limit| (1..MOST_CONNECTIONS).contains(limit));
    // There is no limit of nothing: a port that is off takes no connection either.
    let up = listener.admin_state_up && listener.connection_limit != 0;
    let Some(templates) = templates(draft, listener, protocol, pool) else { return };
    draft.want(
        Key::child(Kind::VirtualPort, server, Child::at(protocol, listener.protocol_port)),
        &listener.id,
        json!({
            "port-number": listener.protocol_port, "protocol": protocol, "action": switch(up),
            "conn-limit": limit, "service-group": group, "auto": u8::from(draft.options.source_nat),
            "template-persist-cookie": cookie, "template-persist-source-ip": source_ip,
            "template-client-ssl": templates.client, "template-server-ssl": templates.server,
            "template-http": templates.http, "support-http2": templates.newer,
        }),
    );
}

/// What a virtual port needs for TLS.
#[derive(Default)]
struct Templates {
    client: Option<String>,
    server: Option<String>,
    http: Option<String>,
    /// HTTP/2 is spoken with who can.
    newer: Option<u8>,
}

/// None: what it needs cannot be had.
fn templates(draft: &mut Draft<'_>, listener: &Listener, protocol: &str, pool: Option<&Pool>) -> Option<Templates> {
    let mut templates = Templates::default();
    if protocol == "https" {
        templates.client = Some(tls::of_listener(draft, listener)?);
        templates.http = tls::hsts(draft, listener);
        let offered = listener.tls.iter().flat_map(|tls| &tls.alpn_protocols).any(|protocol| protocol == "h2");
        templates.newer = offered.then_some(1);
    }
    match pool.filter(|pool| pool.tls.is_some()) {
        Some(pool) if protocol == "tcp" => {
            draft.fault(&pool.id, "the device speaks TLS to members behind HTTP listeners only");
        }
        Some(pool) => {
            let name = draft.name('r', &pool.id);
            if !draft.has(Kind::ServerSsl, &name) {
                return None;
            }
            templates.server = Some(name);
        }
        None => {}
    }
    Some(templates)
}

/// The virtual server of a load balancer.
pub(crate) fn virtual_server_name(owner: &str) -> String {
    names::object(owner, 'v', "")
}

fn switch(on: bool) -> &'static str {
    if on { "enable" } else { "disable" }
}

/// A number field of an object; 0 when it has none.
fn number(object: &Fields, name: &str) -> u64 {
    object.get(name).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
