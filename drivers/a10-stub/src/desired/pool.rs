//! A pool: its service group, members, servers and templates.

use ballast_abi::{LbMethod, PersistenceType, Pool};
use ballast_device::{Child, DeviceMember, Key, Listed, names};
use serde_json::{Value, json};

use super::{Draft, monitor, number, tls};
use crate::kind::Kind;

pub(super) const LONGEST_COOKIE: usize = 63;

/// How a service group chooses: by which field, by what value, and whether weights count.
struct Method {
    field: &'static str,
    value: String,
    weighs: bool,
}

/// Who is served while members of a lower priority are not. A member has 1 unless another one is said.
const BEFORE_BACKUPS: u8 = 2;

/// A service group, while its members are made.
struct Group<'a> {
    pool: &'a Pool,
    name: String,
    checked: bool,
    weighs: bool,
}

pub(super) fn draw(draft: &mut Draft<'_>, pool: &Pool) {
    let members = draft.members(pool);
    let unequal = members.iter().filter_map(|one| one.weight).any(|weight| weight != 1);
    let Some(method) = method(draft, pool, unequal) else {
        return draft.fault(&pool.id, "its method is unknown");
    };
    let monitor = monitor::draw(draft, pool);
    tls::of_pool(draft, pool);
    persistence(draft, pool);
    let name = draft.name('p', &pool.id);
    let chosen = |field: &str| (field == method.field).then_some(method.value.as_str());
    draft.want(
        Key::top(Kind::Group, &name),
        &pool.id,
        json!({
            "name": name, "protocol": "tcp", "lb-method": chosen("lb-method"), "lc-method": chosen("lc-method"),
            "health-check": monitor,
        }),
    );
    let group = Group { pool, name, checked: monitor.is_some(), weighs: method.weighs };
    for one in &members {
        member(draft, &group, one);
    }
}

fn method(draft: &Draft<'_>, pool: &Pool, unequal: bool) -> Option<Method> {
    let method = |field, value: &str, weighs| Some(Method { field, value: value.to_owned(), weighs });
    match LbMethod::try_from(pool.lb_method) {
        Ok(LbMethod::RoundRobin) if unequal => method("lb-method", &draft.options.weighted_round_robin, true),
        Ok(LbMethod::RoundRobin) => method("lb-method", "round-robin", false),
        Ok(LbMethod::LeastConnections) if unequal => method("lc-method", "service-weighted-least-connection", true),
        Ok(LbMethod::LeastConnections) => method("lc-method", "least-connection", false),
        Ok(LbMethod::SourceIp) => method("lb-method", "src-ip-only-hash", false),
        Ok(LbMethod::SourceIpPort) => method("lb-method", "src-ip-hash", false),
        Ok(LbMethod::Unspecified) | Err(_) => None,
    }
}

fn persistence(draft: &mut Draft<'_>, pool: &Pool) {
    let Some(persistence) = &pool.session_persistence else { return };
    let name = draft.name('t', &pool.id);
    let (kind, object) = match PersistenceType::try_from(persistence.r#type) {
        Ok(PersistenceType::SourceIp) => (Kind::SourceIp, json!({"name": name})),
        Ok(PersistenceType::HttpCookie) => {
            (Kind::Cookie, json!({"name": name, "cookie-name": null, "pass-thru": null}))
        }
        // The server sets the cookie, and the device only follows it.
        Ok(PersistenceType::AppCookie) if !can_follow(&persistence.cookie_name) => return,
        Ok(PersistenceType::AppCookie) => {
            (Kind::Cookie, json!({"name": name, "cookie-name": persistence.cookie_name, "pass-thru": 1}))
        }
        Ok(PersistenceType::Unspecified) | Err(_) => return,
    };
    draft.want(Key::top(kind, &name), &pool.id, object);
}

/// Whether the device can follow a cookie with this name.
pub(super) fn can_follow(name: &str) -> bool {
    (1..=LONGEST_COOKIE).contains(&name.chars().count())
}

fn member(draft: &mut Draft<'_>, group: &Group<'_>, one: &DeviceMember<'_>) {
    let DeviceMember { member, port, weight, .. } = *one;
    let weight = weight.filter(|_| group.weighs).unwrap_or(1);
    let server = server(draft, one, weight);
    let template = (weight != 1).then(|| template(draft, weight, &group.pool.id));
    let on = group.pool.admin_state_up && member.admin_state_up;
    // With a weight of 0 it gets nothing new, but is still looked after.
    let state = match (on, member.weight) {
        (false, _) => "disable",
        (true, 0) => "disable-with-health-check",
        (true, _) => "enable",
    };
    let backups = group.pool.members.iter().any(|member| member.backup);
    let priority = (backups && !member.backup).then_some(BEFORE_BACKUPS);
    draft.want(
        Key::child(Kind::Member, &group.name, Child::at(&server, port)),
        &member.id,
        json!({
            "name": server, "port": port, "member-state": state, "member-template": template,
            "member-priority": priority,
        }),
    );
    draft.list(Listed {
        pool: group.pool.id.clone(),
        member: member.id.clone(),
        group: group.name.clone(),
        server,
        port,
        checked: group.checked && on,
    });
}

fn server(draft: &mut Draft<'_>, one: &DeviceMember<'_>, weight: u64) -> String {
    let DeviceMember { member, address, port, .. } = *one;
    let (name, own) = draft.server(address);
    if !own {
        return name;
    }
    let field = if address.is_ipv4() { "host" } else { "server-ipv6-addr" };
    let key = Key::top(Kind::Server, &name);
    let before = draft.desired.wanted.objects.get(&key).map(|server| number(server, "weight"));
    // Checked by the pools that have it, or not at all.
    let mut server = json!({"name": name, field: address.to_string(), "action": "enable", "health-check-disable": 1});
    // Some releases weigh by server. One that other load balancers share keeps what it has.
    if !is_shared(draft, &name) {
        server["weight"] = json!(weight.max(before.unwrap_or(1)));
    }
    draft.want(key, &member.id, server);
    draft.want(
        Key::child(Kind::ServerPort, &name, Child::at("tcp", port)),
        &member.id,
        json!({"port-number": port, "protocol": "tcp", "action": "enable", "health-check-disable": 1}),
    );
    name
}

fn is_shared(draft: &Draft<'_>, server: &str) -> bool {
    let owner = &draft.desired.wanted.owner;
    draft.present.found.iter().any(|(key, member)| {
        key.kind == Kind::Member
            && !names::is_of(owner, &key.name)
            && member.get("name").and_then(Value::as_str) == Some(server)
    })
}

/// The template with this weight.
fn template(draft: &mut Draft<'_>, weight: u64, pool: &str) -> String {
    let name = draft.name('w', &weight.to_string());
    draft.want(Key::top(Kind::PortTemplate, &name), pool, json!({"name": name, "weight": weight}));
    name
}
