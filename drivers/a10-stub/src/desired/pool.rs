//! A pool: its service group, members, servers and templates.

use std::{collections::BTreeSet, net::IpAddr};

use ballast_abi::{LbMethod, Member, PersistenceType, Pool};
use serde_json::{Value, json};

use super::{Draft, LAST_PORT, number, weights::scaled};
use crate::{
    names,
    object::{Key, Kind},
    state::Listed,
};

/// How a service group chooses: by which field, by what value, and whether weights count.
struct Method {
    field: &'static str,
    value: String,
    weighs: bool,
}

/// A member that can be made.
struct Placed<'a> {
    member: &'a Member,
    address: IpAddr,
    port: u16,
    weight: Option<u64>,
}

impl Draft<'_> {
    pub(super) fn pool(&mut self, pool: &Pool) {
        let placed = self.placed(pool);
        let unequal = placed.iter().filter_map(|placed| placed.weight).any(|weight| weight != 1);
        let Some(method) = self.method(pool, unequal) else {
            return self.fault(&pool.id, "its method is unknown");
        };
        let monitor = self.monitor(pool);
        self.persistence(pool);
        let group = self.name('p', &pool.id);
        let chosen = |field: &str| (field == method.field).then_some(method.value.as_str());
        self.want(
            Key::top(Kind::Group, &group),
            &pool.id,
            json!({
                "name": group, "protocol": "tcp", "lb-method": chosen("lb-method"), "lc-method": chosen("lc-method"),
                "health-check": monitor,
            }),
        );
        for placed in &placed {
            self.member(pool, (&group, monitor.is_some()), placed, method.weighs);
        }
    }

    fn method(&self, pool: &Pool, unequal: bool) -> Option<Method> {
        let method = |field, value: &str, weighs| Some(Method { field, value: value.to_owned(), weighs });
        match LbMethod::try_from(pool.lb_method) {
            Ok(LbMethod::RoundRobin) if unequal => method("lb-method", &self.config.weighted_round_robin, true),
            Ok(LbMethod::RoundRobin) => method("lb-method", "round-robin", false),
            Ok(LbMethod::LeastConnections) if unequal => method("lc-method", "service-weighted-least-connection", true),
            Ok(LbMethod::LeastConnections) => method("lc-method", "least-connection", false),
            Ok(LbMethod::SourceIp) => method("lb-method", "src-ip-only-hash", false),
            Ok(LbMethod::Unspecified) | Err(_) => None,
        }
    }

    fn persistence(&mut self, pool: &Pool) {
        let Some(persistence) = &pool.session_persistence else { return };
        let name = self.name('t', &pool.id);
        let (kind, object) = match PersistenceType::try_from(persistence.r#type) {
            Ok(PersistenceType::SourceIp) => (Kind::SourceIp, json!({"name": name})),
            Ok(PersistenceType::HttpCookie) => {
                (Kind::Cookie, json!({"name": name, "cookie-name": null, "pass-thru": null}))
            }
            // The server sets the cookie, and the device only follows it.
            Ok(PersistenceType::AppCookie) => {
                (Kind::Cookie, json!({"name": name, "cookie-name": persistence.cookie_name, "pass-thru": 1}))
            }
            Ok(PersistenceType::Unspecified) | Err(_) => return,
        };
        self.want(Key::top(kind, &name), &pool.id, object);
    }

    /// The members that can be made, with their weights on the device.
    fn placed<'m>(&mut self, pool: &'m Pool) -> Vec<Placed<'m>> {
        let mut placed = Vec::new();
        let mut taken = BTreeSet::new();
        for member in &pool.members {
            let port = u16::try_from(member.protocol_port).ok().filter(|_| member.protocol_port <= LAST_PORT);
            let (Ok(address), Some(port)) = (member.address.parse::<IpAddr>(), port) else {
                let why = format!("the device cannot connect to {:?}, port {}", member.address, member.protocol_port);
                self.fault(&member.id, why);
                continue;
            };
            if !taken.insert((address, port)) {
                self.fault(&member.id, "the pool has this address and port already");
                continue;
            }
            placed.push(Placed { member, address, port, weight: None });
        }
        let weights: Vec<u32> = placed.iter().map(|placed| placed.member.weight).collect();
        for (placed, weight) in placed.iter_mut().zip(scaled(&weights)) {
            placed.weight = weight;
        }
        placed
    }

    fn member(&mut self, pool: &Pool, (group, checked): (&str, bool), placed: &Placed<'_>, weighs: bool) {
        let Placed { member, address, port, weight } = placed;
        let weight = weight.filter(|_| weighs).unwrap_or(1);
        let server = self.server(placed, weight);
        let template = (weight != 1).then(|| self.template(weight, &pool.id));
        let on = pool.admin_state_up && member.admin_state_up;
        // With a weight of 0 it gets nothing new, but is still looked after.
        let state = match (on, member.weight) {
            (false, _) => "disable",
            (true, 0) => "disable-with-health-check",
            (true, _) => "enable",
        };
        self.want(
            Key::child(Kind::Member, group, format!("{server}+{port}")),
            &member.id,
            json!({"name": server, "port": port, "member-state": state, "member-template": template}),
        );
        tracing::trace!(%address, port, server, "member placed");
        self.desired.members.push(Listed {
            pool: pool.id.clone(),
            member: member.id.clone(),
            group: group.to_owned(),
            server,
            port: *port,
            checked: checked && on,
        });
    }

    /// The server at an address: one that somebody else has made is used as it is.
    fn server(&mut self, placed: &Placed<'_>, weight: u64) -> String {
        let Placed { member, address, port, .. } = placed;
        let own = names::server(*address);
        if let Some(name) = self.present.servers.get(address).filter(|name| **name != own) {
            return name.clone();
        }
        let field = if address.is_ipv4() { "host" } else { "server-ipv6-addr" };
        let key = Key::top(Kind::Server, &own);
        let before = self.desired.wanted.objects.get(&key).map(|server| number(server, "weight"));
        // Checked by the pools that have it, or not at all.
        let mut server =
            json!({"name": own, field: address.to_string(), "action": "enable", "health-check-disable": 1});
        // Some releases weigh by server. One that other load balancers share keeps what it has.
        if !self.is_shared(&own) {
            server["weight"] = json!(weight.max(before.unwrap_or(1)));
        }
        self.want(key, &member.id, server);
        self.want(
            Key::child(Kind::ServerPort, &own, format!("{port}+tcp")),
            &member.id,
            json!({"port-number": port, "protocol": "tcp", "action": "enable", "health-check-disable": 1}),
        );
        own
    }

    fn is_shared(&self, server: &str) -> bool {
        let owner = &self.desired.wanted.owner;
        self.present.found.iter().any(|(key, member)| {
            key.kind == Kind::Member
                && !names::is_of(owner, &key.name)
                && member.get("name").and_then(Value::as_str) == Some(server)
        })
    }

    /// The template with this weight.
    fn template(&mut self, weight: u64, pool: &str) -> String {
        let name = self.name('w', &weight.to_string());
        self.want(Key::top(Kind::PortTemplate, &name), pool, json!({"name": name, "weight": weight}));
        name
    }
}
