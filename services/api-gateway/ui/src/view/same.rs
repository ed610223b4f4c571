//! What to type for the same as a form does: to `curl`, to `ballast`, and as a file for `ballast apply`. No token is in it.

use ballast_proto::v2::{
    Listener, LoadBalancer, Member, ReplaceMembersRequest, RollBackRequest, preview_request::Change,
};
use serde_json::{Value, json};

use super::{
    rest::{self, Object, named, said},
    shell::{is_plain, json as shown, quoted, with_input, yaml},
};

/// Where in a load balancer something is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Within {
    pub(crate) load_balancer: String,
    /// The pool of a monitor, the listener of a policy, the policy of a rule.
    pub(crate) above: String,
}

impl Within {
    pub(crate) fn load_balancer(id: &str) -> Self {
        Self { load_balancer: id.to_owned(), above: String::new() }
    }
}

/// It.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Same {
    pub(crate) curl: String,
    pub(crate) ballast: String,
    /// None: a file takes nothing away, and does not say one thing of several.
    pub(crate) file: Option<String>,
}

impl Same {
    /// `origin`: where REST is; `is_open`: nobody is asked for a token there. None: nothing is to be done.
    pub(crate) fn of(writes: &[Change], within: &Within, origin: &str, is_open: bool) -> Option<Self> {
        if writes.is_empty() {
            return None;
        }
        let calls: Vec<Call> = writes.iter().map(call).collect();
        let file = match writes {
            [one] => document(one, within).map(|document| applied(&document)),
            _ => None,
        };
        Some(Self {
            curl: lines(calls.iter().map(|call| call.curl(origin, is_open))),
            ballast: lines(calls.iter().flat_map(Call::ballast)),
            file,
        })
    }
}

/// The command that makes what a document says.
pub(crate) fn applied(document: &Object) -> String {
    with_input("ballast apply -f -", &yaml(document))
}

fn lines(all: impl Iterator<Item = String>) -> String {
    all.collect::<Vec<_>>().join("\n")
}

/// A request, and the command that sends it.
struct Call {
    method: &'static str,
    path: String,
    wrapper: &'static str,
    body: Option<Value>,
    /// What stands behind `ballast`.
    words: Vec<String>,
    /// Options by keys of the body.
    options: &'static [(&'static str, &'static str)],
    /// Objects that are made one by one there.
    each: Vec<Object>,
}

const COMMON: [(&str, &str); 4] =
    [("name", "name"), ("description", "description"), ("admin_state_up", "admin"), ("tags", "tag")];
const OF_LOAD_BALANCERS: &[(&str, &str)] = &[
    ("vip_subnet_id", "subnet"),
    ("vip_address", "address"),
    ("provider", "provider"),
    ("flavor_id", "flavor"),
    ("availability_zone", "zone"),
];
const OF_LISTENERS: &[(&str, &str)] = &[
    ("loadbalancer_id", "load-balancer"),
    ("protocol", "protocol"),
    ("protocol_port", "port"),
    ("default_pool_id", "default-pool"),
    ("connection_limit", "connection-limit"),
    ("allowed_cidrs", "allowed-cidr"),
    ("timeout_client_data", "timeout-client-data"),
    ("timeout_member_connect", "timeout-member-connect"),
    ("timeout_member_data", "timeout-member-data"),
    ("timeout_tcp_inspect", "timeout-tcp-inspect"),
    ("default_tls_container_ref", "tls-container"),
    ("sni_container_refs", "sni-container"),
    ("client_authentication", "client-authentication"),
    ("client_ca_tls_container_ref", "client-ca"),
    ("client_crl_container_ref", "client-crl"),
];
const OF_POOLS: &[(&str, &str)] = &[
    ("loadbalancer_id", "load-balancer"),
    ("listener_id", "listener"),
    ("protocol", "protocol"),
    ("lb_algorithm", "algorithm"),
    ("session_persistence", "persistence"),
    ("session_persistence.cookie_name", "cookie-name"),
    ("tls_enabled", "tls"),
    ("tls_container_ref", "tls-container"),
    ("ca_tls_container_ref", "ca"),
    ("crl_container_ref", "crl"),
];
const OF_MEMBERS: &[(&str, &str)] = &[("address", "address"), ("protocol_port", "port"), ("weight", "weight")];
const OF_MONITORS: &[(&str, &str)] = &[
    ("pool_id", "pool"),
    ("type", "type"),
    ("delay", "delay"),
    ("timeout", "timeout"),
    ("max_retries", "retries"),
    ("max_retries_down", "retries-down"),
    ("http_method", "method"),
    ("url_path", "path"),
    ("expected_codes", "codes"),
];
const OF_POLICIES: &[(&str, &str)] = &[
    ("listener_id", "listener"),
    ("action", "action"),
    ("redirect_pool_id", "redirect-pool"),
    ("redirect_url", "redirect-url"),
    ("redirect_prefix", "redirect-prefix"),
    ("redirect_http_code", "redirect-code"),
    ("position", "position"),
];
const OF_RULES: &[(&str, &str)] =
    &[("type", "type"), ("compare_type", "compare"), ("value", "value"), ("key", "of"), ("invert", "invert")];

/// A kind of object: its key, its path, its noun, and its options.
struct Noun(&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const LOAD_BALANCER: Noun = Noun("loadbalancer", "loadbalancers", "load-balancers", OF_LOAD_BALANCERS);
const LISTENER: Noun = Noun("listener", "listeners", "listeners", OF_LISTENERS);
const POOL: Noun = Noun("pool", "pools", "pools", OF_POOLS);
const MONITOR: Noun = Noun("healthmonitor", "healthmonitors", "monitors", OF_MONITORS);
const POLICY: Noun = Noun("l7policy", "l7policies", "l7policies", OF_POLICIES);
/// Below their pool and their policy.
const MEMBER: Noun = Noun("member", "members", "members", OF_MEMBERS);
const RULE: Noun = Noun("rule", "rules", "l7policies rules", OF_RULES);

impl Noun {
    /// `above`: what it belongs to, and its id.
    fn call(&self, method: &'static str, above: Option<(&str, &str)>, id: &str, body: Option<Object>) -> Call {
        let below = above.map(|(of, id)| format!("{of}/{id}/")).unwrap_or_default();
        let item = if id.is_empty() { String::new() } else { format!("/{id}") };
        let verb = match method {
            "POST" => "create",
            "PUT" => "set",
            _ => "delete",
        };
        let named = self.2.split(' ').chain([verb]);
        let ids = above.map(|(_, id)| id).into_iter().chain(Some(id).filter(|id| !id.is_empty()));
        Call {
            method,
            path: format!("/v2.0/lbaas/{below}{}{item}", self.1),
            wrapper: self.0,
            body: body.map(Value::Object),
            words: named.chain(ids).map(str::to_owned).collect(),
            options: self.3,
            each: Vec::new(),
        }
    }

    fn delete(&self, id: &str) -> Call {
        self.call("DELETE", None, id, None)
    }
}

fn call(change: &Change) -> Call {
    macro_rules! create {
        ($noun:ident, $object:expr, $of:path) => {
            $noun.call("POST", None, "", Some(said($of(&$object.clone().unwrap_or_default()))))
        };
        ($noun:ident, $object:expr, $of:path, $above:literal, $id:ident) => {{
            let one = $object.clone().unwrap_or_default();
            $noun.call("POST", Some(($above, &one.$id)), "", Some(said($of(&one))))
        }};
    }
    macro_rules! set {
        ($noun:ident, $object:expr, $of:path, $request:expr) => {{
            let one = $object.clone().unwrap_or_default();
            $noun.call("PUT", None, &one.id, Some(named($of(&one), $request.update_mask.as_ref())))
        }};
        ($noun:ident, $object:expr, $of:path, $request:expr, $above:literal, $id:ident) => {{
            let one = $object.clone().unwrap_or_default();
            let body = named($of(&one), $request.update_mask.as_ref());
            $noun.call("PUT", Some(($above, &one.$id)), &one.id, Some(body))
        }};
    }
    match change {
        Change::CreateLoadBalancer(one) => create!(LOAD_BALANCER, one.load_balancer, whole),
        Change::UpdateLoadBalancer(one) => set!(LOAD_BALANCER, one.load_balancer, rest::load_balancer, one),
        Change::DeleteLoadBalancer(one) => LOAD_BALANCER.delete(&one.id).cascading(one.cascade),
        Change::RollBack(one) => rolled_back(one),
        Change::CreateListener(one) => create!(LISTENER, one.listener, rest::listener),
        Change::UpdateListener(one) => set!(LISTENER, one.listener, rest::listener, one),
        Change::DeleteListener(one) => LISTENER.delete(&one.id),
        Change::CreatePool(one) => create!(POOL, one.pool, rest::pool),
        Change::UpdatePool(one) => set!(POOL, one.pool, rest::pool, one),
        Change::DeletePool(one) => POOL.delete(&one.id),
        Change::CreateMember(one) => create!(MEMBER, one.member, rest::member, "pools", pool_id),
        Change::UpdateMember(one) => set!(MEMBER, one.member, rest::member, one, "pools", pool_id),
        Change::DeleteMember(one) => MEMBER.call("DELETE", Some(("pools", &one.parent_id)), &one.id, None),
        Change::ReplaceMembers(one) => replaced(one),
        Change::CreateHealthMonitor(one) => create!(MONITOR, one.health_monitor, rest::monitor),
        Change::UpdateHealthMonitor(one) => set!(MONITOR, one.health_monitor, rest::monitor, one),
        Change::DeleteHealthMonitor(one) => MONITOR.delete(&one.id),
        Change::CreateL7policy(one) => create!(POLICY, one.l7policy, rest::policy),
        Change::UpdateL7policy(one) => set!(POLICY, one.l7policy, rest::policy, one),
        Change::DeleteL7policy(one) => POLICY.delete(&one.id),
        Change::CreateL7rule(one) => create!(RULE, one.rule, rest::rule, "l7policies", l7policy_id),
        Change::UpdateL7rule(one) => set!(RULE, one.rule, rest::rule, one, "l7policies", l7policy_id),
        Change::DeleteL7rule(one) => RULE.call("DELETE", Some(("l7policies", &one.parent_id)), &one.id, None),
    }
}

fn rolled_back(one: &RollBackRequest) -> Call {
    let (id, to) = (&one.load_balancer_id, one.generation);
    Call {
        path: format!("/ballast/v1/loadbalancers/{id}/revisions/{to}/rollback"),
        words: ["load-balancers", "rollback", id, "--to", &to.to_string()].map(str::to_owned).to_vec(),
        ..LOAD_BALANCER.call("PUT", None, id, None)
    }
}

/// Members that are added, all in one request, and by the command one after the other.
fn replaced(request: &ReplaceMembersRequest) -> Call {
    let objects: Vec<Object> = request.members.iter().map(|one: &Member| said(rest::member(one))).collect();
    let mut call = MEMBER.call("PUT", Some(("pools", &request.pool_id)), "", None);
    if request.additive_only {
        call.path += "?additive_only=true";
    }
    call.wrapper = "members";
    call.body = Some(objects.iter().cloned().map(Value::Object).collect());
    call.words = ["members", "create", &request.pool_id].map(str::to_owned).to_vec();
    call.each = objects;
    call
}

/// A load balancer that is made with all that is in it: pools stand beside listeners, and are known by their names.
fn whole(one: &LoadBalancer) -> Object {
    let mut object = rest::load_balancer(one);
    let listener = |one: &Listener| {
        let mut object = said(rest::listener(one));
        if let Some(pool) = &one.default_pool {
            object.insert("default_pool".to_owned(), json!({ "name": pool.name }));
        }
        Value::Object(object)
    };
    object.insert("listeners".to_owned(), one.listeners.iter().map(listener).collect());
    object.insert("pools".to_owned(), one.pools.iter().map(|pool| Value::Object(said(rest::pool(pool)))).collect());
    object
}

impl Call {
    fn cascading(mut self, cascades: bool) -> Self {
        if cascades {
            self.path += "?cascade=true";
            self.words.push("--cascade".to_owned());
        }
        self
    }

    fn curl(&self, origin: &str, is_open: bool) -> String {
        let mut parts = vec![format!("curl -sS -X {} {}", self.method, quoted(&format!("{origin}{}", self.path)))];
        if !is_open {
            parts.push("-H \"X-Auth-Token: $BALLAST_TOKEN\"".to_owned());
        }
        if let Some(body) = &self.body {
            parts.push("-H 'Content-Type: application/json'".to_owned());
            parts.push(format!("-d {}", quoted(&shown(&json!({ self.wrapper: body })))));
        }
        parts.join(" \\\n  ")
    }

    fn ballast(&self) -> Vec<String> {
        let command = |body: Option<&Object>| {
            let words = std::iter::once("ballast").chain(self.words.iter().map(String::as_str));
            let mut words: Vec<String> = words.map(quoted).collect();
            match body.map(|body| self.options(body)) {
                None => words.join(" "),
                Some(Some(options)) => {
                    words.extend(options.iter().map(|word| quoted(word)));
                    words.join(" ")
                }
                // What no option says, or nobody should paste as it is.
                Some(None) => {
                    let body = body.cloned().map(Value::Object).unwrap_or_default();
                    with_input(&format!("{} --body -", words.join(" ")), &shown(&body))
                }
            }
        };
        match &self.body {
            Some(Value::Array(_)) => self.each.iter().map(|one| command(Some(one))).collect(),
            Some(Value::Object(body)) => vec![command(Some(body))],
            _ => vec![command(None)],
        }
    }

    /// None: not all of it can be said by options.
    fn options(&self, body: &Object) -> Option<Vec<String>> {
        let option_of = |key: &str| {
            let all = self.options.iter().chain(&COMMON);
            all.copied().find(|(own, _)| *own == key).map(|(_, option)| option)
        };
        let mut words = Vec::new();
        for (key, value) in body {
            let option = option_of(key)?;
            match value {
                Value::Null => words.extend(["--unset".to_owned(), option.to_owned()]),
                Value::Array(values) if values.is_empty() => {
                    words.extend(["--unset".to_owned(), option.to_owned()]);
                }
                Value::Array(values) => {
                    for value in values {
                        words.extend(spelt(option, value.as_str()?)?);
                    }
                }
                Value::Object(fields) => {
                    for (inner, value) in fields {
                        let own = if inner == "type" { option } else { option_of(&format!("{key}.{inner}"))? };
                        words.extend(spelt(own, value.as_str()?)?);
                    }
                }
                Value::Bool(is_set) if option == "admin" => {
                    words.extend(spelt(option, if *is_set { "up" } else { "down" })?);
                }
                Value::String(text) => words.extend(spelt(option, text)?),
                other => words.extend(spelt(option, &other.to_string())?),
            }
        }
        Some(words)
    }
}

/// An option and its value; none: nobody should paste it as it is.
fn spelt(option: &str, value: &str) -> Option<Vec<String>> {
    if !is_plain(value) {
        return None;
    }
    // What begins like an option would be taken for one.
    if value.starts_with('-') {
        return Some(vec![format!("--{option}={value}")]);
    }
    Some(vec![format!("--{option}"), value.to_owned()])
}

/// The file by which `ballast apply` does the same.
fn document(change: &Change, within: &Within) -> Option<Object> {
    let Call { body, method, path, wrapper, .. } = call(change);
    let Value::Object(mut one) = body? else { return None };
    // A file has no word for what is to be as when nothing was said.
    if one.values().any(Value::is_null) {
        return None;
    }
    let is_of_listener = one.contains_key("listener_id");
    one.retain(|key, _| !["loadbalancer_id", "pool_id", "listener_id"].contains(&key.as_str()));
    let mut is_known = one.get("name").is_some_and(|name| name != "");
    // A pool has one monitor.
    if method == "PUT" && wrapper != MONITOR.0 {
        one.insert("id".to_owned(), path.rsplit('/').next()?.into());
        is_known = true;
    }
    let (key, below) = match wrapper {
        "loadbalancer" => return is_known.then_some(one),
        "listener" => ("listeners", json!([one])),
        // Another one without a name would be taken for it; and whose default pool it becomes is its listener's to say.
        "pool" if is_known && !is_of_listener => ("pools", json!([one])),
        "healthmonitor" => ("pools", json!([{ "id": within.above, "healthmonitor": one }])),
        "l7policy" if is_known => ("listeners", json!([{ "id": within.above, "l7policies": [one] }])),
        _ => return None,
    };
    let mut document = Object::new();
    document.insert("id".to_owned(), within.load_balancer.as_str().into());
    document.insert(key.to_owned(), below);
    Some(document)
}
