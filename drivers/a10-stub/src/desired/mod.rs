//! What a load balancer is to have on the device. Pure.
//!
//! One virtual server with a virtual port for each listener, one service group for each pool, a copy of the pool's
//! monitor, a persistence template, and a server for each address. What the device cannot do becomes a fault of the
//! object that asked for it, and the rest is made.

mod monitor;
mod pool;
mod weights;

use std::{collections::BTreeMap, net::IpAddr};

use ballast_abi::{DriverError, ErrorCode, Fault, Listener, LoadBalancer, ObjectFault, PersistenceType, Protocol};
use serde_json::{Value, json};

use crate::{
    config::Config,
    names,
    object::{Fields, Key, Kind, Objects, fields},
    observe::{self, Marker},
    plan::Wanted,
    state::Listed,
};

/// Connections that a virtual port can be limited to; more is no limit.
const MOST_CONNECTIONS: i32 = 8_000_000;
/// Ports that the device can listen on or connect to.
const LAST_PORT: u32 = 65_534;

/// What is wanted, who asked for which object, and what cannot be done.
pub(crate) struct Desired {
    pub(crate) wanted: Wanted,
    /// The object of the load balancer that each object on the device is for.
    pub(crate) blame: BTreeMap<Key, String>,
    pub(crate) members: Vec<Listed>,
    pub(crate) faults: Vec<ObjectFault>,
}

/// What the device has already that is of use.
pub(crate) struct Present<'a> {
    /// By address.
    pub(crate) servers: BTreeMap<IpAddr, String>,
    pub(crate) found: &'a Objects,
}

impl<'a> Present<'a> {
    pub(crate) fn of(found: &'a Objects) -> Self {
        Self { servers: observe::servers(found), found }
    }
}

/// # Errors
/// INVALID_ARGUMENT: nothing of it can be made.
pub(crate) fn desired(
    load_balancer: &LoadBalancer,
    generation: u64,
    config: &Config,
    present: &Present<'_>,
) -> Result<Desired, DriverError> {
    let id = sound_id(&load_balancer.id)?;
    let owner = names::owner(id);
    let marker = Marker { id: id.to_owned(), generation };
    let mut draft = Draft {
        config,
        present,
        desired: Desired {
            wanted: Wanted { owner, objects: Objects::new(), marker: Some(marker) },
            blame: BTreeMap::new(),
            members: Vec::new(),
            faults: Vec::new(),
        },
    };
    for pool in &load_balancer.pools {
        draft.pool(pool);
    }
    draft.virtual_server(load_balancer)?;
    Ok(draft.desired)
}

/// An id that can be part of a path: 1 to 64 letters, digits, `-`, `_` and `.`.
///
/// # Errors
/// INVALID_ARGUMENT.
pub(crate) fn sound_id(id: &str) -> Result<&str, DriverError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=64).contains(&id.len()) && id.bytes().all(plain) && !id.starts_with('.') {
        return Ok(id);
    }
    Err(DriverError::invalid_argument(format!(
        "load balancer: id {id:?} must be 1 to 64 letters, digits, '-', '_' or '.'"
    )))
}

struct Draft<'a> {
    config: &'a Config,
    present: &'a Present<'a>,
    desired: Desired,
}

impl Draft<'_> {
    fn want(&mut self, key: Key, blame: &str, object: Value) {
        self.desired.blame.insert(key.clone(), blame.to_owned());
        self.desired.wanted.objects.insert(key, fields(object));
    }

    fn fault(&mut self, object_id: &str, message: impl Into<String>) {
        self.desired.faults.push(ObjectFault {
            object_id: object_id.to_owned(),
            fault: Some(Fault {
                code: ErrorCode::UNSUPPORTED.0,
                retryable: false,
                message: message.into(),
                detail: String::new(),
            }),
        });
    }

    fn name(&self, letter: char, id: &str) -> String {
        names::object(&self.desired.wanted.owner, letter, id)
    }

    fn has(&self, kind: Kind, name: &str) -> bool {
        self.desired.wanted.objects.contains_key(&Key::top(kind, name))
    }

    fn virtual_server(&mut self, load_balancer: &LoadBalancer) -> Result<(), DriverError> {
        let Some(vip) = &load_balancer.vip else { return Ok(()) };
        let address: IpAddr = vip
            .address
            .parse()
            .map_err(|_| DriverError::invalid_argument(format!("vip: address {:?} is no IP address", vip.address)))?;
        let name = virtual_server_name(&self.desired.wanted.owner);
        let field = if address.is_ipv4() { "ip-address" } else { "ipv6-address" };
        let vrid = if self.config.vrid == 0 { Value::Null } else { json!(self.config.vrid) };
        self.want(
            Key::top(Kind::VirtualServer, &name),
            &load_balancer.id,
            json!({
                "name": name, field: address.to_string(), "vrid": vrid,
                "enable-disable-action": switch(load_balancer.admin_state_up),
                "description": load_balancer.id.chars().take(63).collect::<String>(),
            }),
        );
        let mut ports: Vec<u32> = Vec::new();
        for listener in &load_balancer.listeners {
            if ports.contains(&listener.protocol_port) {
                self.fault(&listener.id, format!("port {} has another listener already", listener.protocol_port));
                continue;
            }
            ports.push(listener.protocol_port);
            self.virtual_port(&name, listener, load_balancer);
        }
        Ok(())
    }

    fn virtual_port(&mut self, server: &str, listener: &Listener, load_balancer: &LoadBalancer) {
        if !(1..=LAST_PORT).contains(&listener.protocol_port) {
            return self.fault(&listener.id, format!("the device cannot listen on port {}", listener.protocol_port));
        }
        let protocol = match Protocol::try_from(listener.protocol) {
            Ok(Protocol::Http) => "http",
            Ok(Protocol::Tcp | Protocol::Https) => "tcp",
            Ok(Protocol::Unspecified) | Err(_) => return self.fault(&listener.id, "its protocol is unknown"),
        };
        let pool = load_balancer.pools.iter().find(|pool| pool.id == listener.default_pool_id);
        let group = pool.map(|pool| self.name('p', &pool.id)).filter(|group| self.has(Kind::Group, group));
        let persistence = pool.and_then(|pool| {
            let persistence = pool.session_persistence.as_ref()?;
            Some((PersistenceType::try_from(persistence.r#type).ok()?, self.name('t', &pool.id)))
        });
        let (mut cookie, mut source_ip) = (Value::Null, Value::Null);
        match persistence {
            Some((PersistenceType::SourceIp, template)) => source_ip = json!(template),
            Some((PersistenceType::HttpCookie | PersistenceType::AppCookie, template)) if protocol == "http" => {
                cookie = json!(template);
            }
            Some((PersistenceType::HttpCookie | PersistenceType::AppCookie, _)) => {
                self.fault(&listener.id, "sessions can be kept by cookies with HTTP only");
            }
            Some((PersistenceType::Unspecified, _)) | None => {}
        }
        let limit = Some(listener.connection_limit).filter(|limit| (1..MOST_CONNECTIONS).contains(limit));
        // There is no limit of nothing: a port that is off takes no connection either.
        let up = listener.admin_state_up && listener.connection_limit != 0;
        self.want(
            Key::child(Kind::VirtualPort, server, format!("{}+{protocol}", listener.protocol_port)),
            &listener.id,
            json!({
                "port-number": listener.protocol_port, "protocol": protocol, "action": switch(up),
                "conn-limit": limit, "service-group": group, "auto": u8::from(self.config.source_nat),
                "template-persist-cookie": cookie, "template-persist-source-ip": source_ip,
            }),
        );
    }
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
