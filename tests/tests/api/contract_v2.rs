//! The contract's table of requests to Octavia, with what is answered here: to the letter, or what is better on purpose.
//!
//! Each story is told in order: what a request made is named for those after it.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::{played::able, services::Services};

const NOWHERE: &str = "11111111-2222-3333-4444-555555555555";

/// A story under way: the services, and what has a name by now.
struct Story {
    services: Services,
    names: HashMap<&'static str, String>,
}

/// What an answer is to be, besides its status.
enum Said<'a> {
    /// A fault with this text, in which names are filled in.
    Fault(&'a str),
    /// The same, of which the text is the beginning.
    Begins(&'a str),
    /// On the way to a method: with a title and a description.
    Titled(&'a str, &'a str),
    /// An object in its wrapper that has these.
    Has(Value),
    Anything,
}

use Said::{Anything, Begins, Fault, Has, Titled};

impl Story {
    async fn begin() -> Self {
        let services = Services::with(|settings| settings.secrets.unchecked = true).await;
        able(&services.channel, "a").await;
        let subnet = services.subnet().await;
        let names = HashMap::from([("SUBNET", subnet), ("NOWHERE", NOWHERE.to_owned())]);
        Self { services, names }
    }

    /// `{LB}` and so on by what they name.
    fn filled(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }

    fn filled_in(&self, value: &Value) -> Value {
        serde_json::from_str(&self.filled(&value.to_string())).unwrap()
    }

    /// One request and its answer; the answer.
    async fn ask(&self, request: &str, body: Option<Value>, status: u16, said: Said<'_>) -> Value {
        let (method, path) = request.split_once(' ').unwrap();
        let path = self.filled(path);
        let path = if path.starts_with("/v2") { path } else { format!("/v2.0/lbaas{path}") };
        let body = body.map(|body| self.filled_in(&body));
        let reply = self.services.call(method, &path, body.clone()).await;
        let shown = format!("{request} {}: {reply}", body.unwrap_or_default());
        assert_eq!(reply.status, status, "{shown}");
        match said {
            Fault(text) => assert_eq!(reply.body["faultstring"], self.filled(text), "{shown}"),
            Begins(text) => {
                let said = reply.body["faultstring"].as_str().unwrap_or_default();
                assert!(said.starts_with(&self.filled(text)), "{shown}");
            }
            Titled(title, description) => {
                let expected = json!({ "code": status, "title": title, "description": self.filled(description) });
                assert_eq!(reply.body, expected, "{shown}");
            }
            Has(parts) => {
                let object = reply.body.as_object().and_then(|body| body.values().next()).unwrap_or(&Value::Null);
                for (key, value) in self.filled_in(&parts).as_object().unwrap() {
                    assert_eq!(&object[key], value, "{key} of {shown}");
                }
            }
            Anything => {}
        }
        reply.body
    }

    /// The same, whose object has a name from now on.
    async fn make(&mut self, name: &'static str, request: &str, body: Value, parts: Value) {
        let made = self.ask(request, Some(body), 201, Has(parts)).await;
        let object = made.as_object().and_then(|body| body.values().next()).unwrap();
        self.names.insert(name, object["id"].as_str().unwrap().to_owned());
    }

    async fn with_load_balancer() -> Self {
        let mut story = Self::begin().await;
        let body = json!({ "loadbalancer": { "name": "lb", "vip_subnet_id": "{SUBNET}" } });
        story.make("LB", "POST /loadbalancers", body, json!({ "provisioning_status": "PENDING_CREATE" })).await;
        story
    }

    async fn with_pool(protocol: &str) -> Self {
        let mut story = Self::with_load_balancer().await;
        let body =
            json!({ "pool": { "loadbalancer_id": "{LB}", "protocol": protocol, "lb_algorithm": "ROUND_ROBIN" } });
        story.make("POOL", "POST /pools", body, json!({ "protocol": protocol })).await;
        story
    }

    async fn with_listener(protocol: &str) -> Self {
        let mut story = Self::with_load_balancer().await;
        let body = json!({ "listener": { "loadbalancer_id": "{LB}", "protocol": protocol, "protocol_port": 80 } });
        story.make("LISTENER", "POST /listeners", body, json!({ "protocol": protocol })).await;
        story
    }
}

/// An object with some parts more, or other ones.
fn with(mut object: Value, parts: Value) -> Value {
    if let (Some(object), Value::Object(parts)) = (object.as_object_mut(), parts) {
        object.extend(parts);
    }
    object
}

fn lb(parts: Value) -> Option<Value> {
    Some(json!({ "loadbalancer": with(json!({ "vip_subnet_id": "{SUBNET}" }), parts) }))
}

fn listener(protocol: &str, port: u16, parts: Value) -> Option<Value> {
    Some(
        json!({ "listener": with(json!({ "loadbalancer_id": "{LB}", "protocol": protocol, "protocol_port": port }), parts) }),
    )
}

fn pool(protocol: &str, parts: Value) -> Option<Value> {
    Some(
        json!({ "pool": with(json!({ "loadbalancer_id": "{LB}", "protocol": protocol, "lb_algorithm": "ROUND_ROBIN" }), parts) }),
    )
}

fn member(address: &str, parts: Value) -> Option<Value> {
    Some(json!({ "member": with(json!({ "address": address, "protocol_port": 80 }), parts) }))
}

fn monitor(kind: &str, parts: Value) -> Option<Value> {
    Some(
        json!({ "healthmonitor": with(json!({ "pool_id": "{POOL}", "type": kind, "delay": 5, "timeout": 3, "max_retries": 2 }), parts) }),
    )
}

fn policy(action: &str, parts: Value) -> Option<Value> {
    Some(json!({ "l7policy": with(json!({ "listener_id": "{LISTENER}", "action": action }), parts) }))
}

fn rule(kind: &str, comparison: &str, value: &str) -> Option<Value> {
    Some(json!({ "rule": { "type": kind, "compare_type": comparison, "value": value } }))
}

#[tokio::test]
async fn load_balancers_are_made() {
    let story = Story::begin().await;
    let post = "POST /loadbalancers";
    let vip_sg = json!({ "vip_sg_ids": [NOWHERE] });
    for (body, status, said) in [
        (lb(json!({ "tags": ["x", "x"] })), 201, Has(json!({ "tags": ["x"] }))),
        (
            lb(json!({ "vip_vnic_type": "direct" })),
            400,
            Fault("Unknown attribute for argument load_balancer.loadbalancer: vip_vnic_type"),
        ),
        (lb(json!({ "additional_vips": null })), 400, Fault("None is not a valid option for additional_vips")),
        (lb(vip_sg), 400, Fault("Validation failure: VIP Security Groups are not allowed in this deployment.")),
        (lb(json!({ "project_id": "" })), 201, Has(json!({ "project_id": "demo", "tenant_id": "demo" }))),
        (lb(json!({ "provider": "octavia" })), 201, Has(json!({ "provider": "octavia" }))),
        (lb(json!({ "provider": "amphora" })), 201, Has(json!({ "provider": "amphora" }))),
        (lb(json!({ "provider": "nope" })), 400, Fault("Provider 'nope' is not enabled.")),
        (lb(json!({ "name": "a\nb" })), 201, Has(json!({ "name": "a\nb" }))),
        (lb(json!({ "admin_state_up": 2 })), 201, Has(json!({ "admin_state_up": true }))),
        (Some(json!({ "loadbalancer": "x" })), 400, Begins("Invalid input for field/attribute loadbalancer.")),
        (
            Some(json!({ "loadbalancer": { "name": "x" } })),
            400,
            Fault("Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id."),
        ),
        (
            Some(json!({ "loadbalancer": { "vip_subnet_id": NOWHERE } })),
            400,
            Fault("Subnet 11111111-2222-3333-4444-555555555555 not found."),
        ),
    ] {
        story.ask(post, body, status, said).await;
    }
}

#[tokio::test]
async fn load_balancers_are_listed_changed_and_removed() {
    let mut story = Story::with_load_balancer().await;
    let second = lb(json!({ "name": "nine", "tags": ["t1", "t2"] })).unwrap();
    story.make("NINE", "POST /loadbalancers", second, json!({})).await;
    story.ask("GET /loadbalancers/{LB}/stats/foo", None, 404, Titled("Not Found", "")).await;
    story.ask("GET /loadbalancers/{LB}/failover", None, 405, Titled("Method Not Allowed", "")).await;
    story.ask("DELETE /loadbalancers/{LB}/failover", None, 400, Fault("Missing argument: \"id\"")).await;
    story.ask("GET /members", None, 404, Titled("Not Found", "")).await;
    story.ask("PUT /providers", None, 405, Titled("Method Not Allowed", "")).await;
    let shown = story.ask("GET /loadbalancers/{NINE}?fields=tags&fields=name", None, 200, Anything).await;
    assert_eq!(shown, json!({ "loadbalancer": { "name": "nine", "tags": ["t1", "t2"] } }));
    let none = json!({ "loadbalancers": [], "loadbalancers_links": [] });
    assert_eq!(story.ask("GET /loadbalancers?id={LB}&name=wrong", None, 200, Anything).await, none);
    assert_eq!(story.ask("GET /loadbalancers?vip_sg_ids={NOWHERE}", None, 200, Anything).await, none);
    let invalid = "One or more arguments are either duplicate or invalid";
    story.ask("GET /loadbalancers?additional_vips=x", None, 400, Fault(invalid)).await;
    story.ask("GET /loadbalancers?marker=x", None, 400, Fault("Supplied pagination marker 'x' is not valid.")).await;
    let newest = story.ask("GET /loadbalancers?sort=created_at:desc,name&limit=1", None, 200, Anything).await;
    assert_eq!(newest["loadbalancers"][0]["name"], "nine");
    let href = format!(
        "{}/v2.0/lbaas/loadbalancers?sort=created_at:desc,name&limit=1&marker={}",
        story.services.url, story.names["NINE"]
    );
    assert_eq!(newest["loadbalancers_links"], json!([{ "rel": "next", "href": href }]));
    let by_address = "GET /loadbalancers?sort_key=vip_address&sort_dir=asc&limit=1&marker={LB}";
    assert_eq!(story.ask(by_address, None, 200, Anything).await["loadbalancers"][0]["name"], "nine");
    let put = "PUT /loadbalancers/{LB}";
    for (body, status, said) in [
        (json!({ "loadbalancer": { "tags": ["a", "a"] } }), 200, Has(json!({ "tags": ["a"] }))),
        (json!({ "loadbalancer": null }), 400, Begins("Invalid input for field/attribute loadbalancer.")),
        (json!({ "loadbalancer": { "admin_state_up": "true" } }), 200, Has(json!({ "admin_state_up": true }))),
        (
            json!({ "loadbalancer": { "tenant_id": "x" } }),
            400,
            Fault("Unknown attribute for argument load_balancer.loadbalancer: tenant_id"),
        ),
        (json!({ "loadbalancer": {} }), 200, Has(json!({ "id": "{LB}" }))),
    ] {
        story.ask(put, Some(body), status, said).await;
    }
    story.make("POOL", "POST /pools", pool("HTTP", json!({})).unwrap(), json!({})).await;
    let children = "Validation failure: Cannot delete Load Balancer {LB} - it has children";
    story.ask("DELETE /loadbalancers/{LB}", None, 400, Fault(children)).await;
    story.ask("DELETE /loadbalancers/{LB}?cascade=1", None, 204, Anything).await;
    for request in ["GET /loadbalancers/{LB}", "DELETE /loadbalancers/{LB}"] {
        story.ask(request, None, 404, Fault("Load Balancer {LB} not found.")).await;
    }
    story.ask("GET /pools/{POOL}", None, 404, Fault("Pool {POOL} not found.")).await;
    story.ask("GET /pools/{POOL}/members", None, 404, Titled("Bad Request", "Pool {POOL} not found.")).await;
}

#[tokio::test]
async fn listeners_take_what_they_may_have() {
    let story = Story::with_listener("HTTP").await;
    let prometheus = "Protocol PROMETHEUS listeners cannot have child objects.";
    let post = "POST /listeners";
    let reference = "http://barbican/v1/secrets/11111111-2222-3333-4444-555555555555";
    let terminated = json!({ "default_tls_container_ref": reference });
    for (body, status, said) in [
        (
            listener("TERMINATED_HTTPS", 80, terminated),
            409,
            Fault("Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80"),
        ),
        (listener("HTTP", 2, json!({ "protocol_port": true })), 201, Has(json!({ "protocol_port": 1 }))),
        (listener("HTTP", 3, json!({ "connection_limit": 1.9 })), 201, Has(json!({ "connection_limit": 1 }))),
        (
            listener("HTTP", 4, json!({ "allowed_cidrs": ["10.0.0.1/8"] })),
            201,
            Has(json!({ "allowed_cidrs": ["10.0.0.0/8"] })),
        ),
        (
            listener("HTTP", 5, json!({ "insert_headers": { "X-Forwarded-For": "" } })),
            201,
            Has(json!({ "insert_headers": { "X-Forwarded-For": "" } })),
        ),
        (listener("HTTP", 6, json!({ "insert_headers": null })), 201, Has(json!({ "insert_headers": {} }))),
        (
            listener("HTTP", 7, json!({ "insert_headers": { "X-Foo": "true" } })),
            400,
            Fault("['X-Foo'] is not a valid option for insert_headers"),
        ),
        (
            listener("PROMETHEUS", 8, json!({ "insert_headers": { "X-Forwarded-For": "true" } })),
            400,
            Fault("insert-headers is not a valid option for a PROMETHEUS protocol listener."),
        ),
        (
            listener("PROMETHEUS", 8, json!({})),
            201,
            Has(json!({ "protocol": "PROMETHEUS", "default_pool_id": null, "operating_status": "OFFLINE" })),
        ),
        (
            listener("SCTP", 9, json!({ "insert_headers": { "X-Forwarded-For": "true" } })),
            400,
            Fault("insert-headers is not a valid option for a SCTP protocol listener."),
        ),
        (
            listener("HTTP", 10, json!({ "allowed_cidrs": ["2001:db8::/32"] })),
            400,
            Begins("Validation failure: CIDR 2001:db8::/32 IP version incompatible with all VIPs ['10.0.0."),
        ),
    ] {
        story.ask(post, body, status, said).await;
    }
    let listed = story.ask("GET /listeners?protocol=PROMETHEUS", None, 200, Anything).await;
    let of_prometheus = json!({ "listener_id": listed["listeners"][0]["id"], "loadbalancer_id": null });
    story.ask("POST /pools", pool("HTTP", of_prometheus), 400, Fault(prometheus)).await;
}

#[tokio::test]
async fn a_listener_is_changed_and_gets_a_pool() {
    let story = Story::with_listener("HTTP").await;
    let put = "PUT /listeners/{LISTENER}";
    let change = |parts: Value| Some(json!({ "listener": parts }));
    let inspect = Has(json!({ "timeout_tcp_inspect": 5 }));
    story.ask(put, change(json!({ "timeout_tcp_inspect": "5" })), 200, inspect).await;
    let defaults = Has(json!({ "tls_versions": ["TLSv1.2", "TLSv1.3"] }));
    story.ask(put, change(json!({ "tls_versions": null })), 200, defaults).await;
    let other = story.names["LISTENER"].clone();
    let taken = pool("HTTP", json!({ "listener_id": other, "loadbalancer_id": null, "project_id": "other" }));
    let parts = json!({ "project_id": "demo", "healthmonitor_id": null, "listeners": [{ "id": "{LISTENER}" }] });
    story.ask("POST /pools", taken.clone(), 201, Has(parts)).await;
    story.ask("POST /pools", taken, 409, Fault("This listener already has a default pool")).await;
}

#[tokio::test]
async fn pools_and_what_keeps_clients_with_a_member() {
    let story = Story::with_pool("HTTP").await;
    let post = "POST /pools";
    let persistence = |parts: Value| json!({ "session_persistence": parts });
    for (body, status, said) in [
        (
            Some(json!({ "pool": {
                "loadbalancer_id": null, "listener_id": null, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"
            } })),
            400,
            Fault("Validation failure: Must provide at least one of: loadbalancer_id, listener_id"),
        ),
        (
            pool("SCTP", persistence(json!({ "type": "SOURCE_IP", "persistence_timeout": 0 }))),
            201,
            Has(persistence(json!({
                "type": "SOURCE_IP", "cookie_name": null, "persistence_timeout": 0, "persistence_granularity": null
            }))),
        ),
        (
            pool("TCP", persistence(json!({ "type": "APP_COOKIE", "cookie_name": "c" }))),
            201,
            Has(persistence(json!({
                "type": "APP_COOKIE", "cookie_name": "c", "persistence_timeout": null, "persistence_granularity": null
            }))),
        ),
        (
            pool("UDP", persistence(json!({ "type": "HTTP_COOKIE" }))),
            400,
            Fault(
                "Validation failure: Session persistence of type HTTP_COOKIE is not supported for UDP/SCTP protocol pools.",
            ),
        ),
        (
            pool("HTTP", json!({ "loadbalancer_id": NOWHERE })),
            404,
            Fault("Load Balancer 11111111-2222-3333-4444-555555555555 not found."),
        ),
        (
            pool("HTTP", json!({ "listener_id": NOWHERE, "loadbalancer_id": null })),
            404,
            Fault("Listener 11111111-2222-3333-4444-555555555555 not found."),
        ),
    ] {
        story.ask(post, body, status, said).await;
    }
    let change = Some(json!({ "pool": persistence(json!({ "type": "SOURCE_IP", "persistence_timeout": 9 })) }));
    let only = "Validation failure: persistence_timeout and persistence_granularity is only for UDP protocol pools.";
    story.ask("PUT /pools/{POOL}", change, 400, Fault(only)).await;
    let null = Some(json!({ "pool": { "tls_enabled": null } }));
    story.ask("PUT /pools/{POOL}", null, 400, Fault("None is not a valid option for tls_enabled")).await;
}

#[tokio::test]
async fn members_one_by_one_and_all_at_once() {
    let story = Story::with_pool("HTTP").await;
    let post = "POST /pools/{POOL}/members";
    let format =
        "Invalid input for field/attribute address. Value: 'fe80::1%eth0'. Value should be IPv4 or IPv6 format";
    for (body, status, said) in [
        (member("::ffff:10.0.0.1", json!({})), 201, Has(json!({ "address": "::ffff:10.0.0.1" }))),
        (member("fe80::1%eth0", json!({})), 400, Fault(format)),
        (member("255.255.255.255", json!({})), 400, Fault("255.255.255.255 is not a valid option for member address")),
        (member("169.254.169.254", json!({})), 400, Fault("169.254.169.254 is not a valid option for member address")),
        (member("10.0.0.30", json!({ "weight": 12.7 })), 201, Has(json!({ "weight": 12 }))),
        (
            member("10.0.0.30", json!({})),
            409,
            Fault("Another member on this pool is already using ip 10.0.0.30 on protocol_port 80"),
        ),
        (Some(json!({ "members": [] })), 400, Fault("Unknown attribute for argument member_: members")),
        (member("10.0.0.31", json!({ "admin_state_up": null })), 201, Has(json!({ "admin_state_up": false }))),
        (member("2001:DB8::1", json!({})), 201, Has(json!({ "address": "2001:DB8::1" }))),
        (member("2001:db8:0:0:0:0:0:1", json!({})), 409, Begins("Another member on this pool is already using ip ")),
    ] {
        story.ask(post, body, status, said).await;
    }
    let put = "PUT /pools/{POOL}/members";
    let none = || Some(json!({ "members": [] }));
    story.ask(&format!("{put}?additive_only=yes"), none(), 202, Anything).await;
    story.ask(&format!("{put}?foo=1"), none(), 400, Fault("Unknown argument: \"foo\"")).await;
    story.ask(put, Some(json!({ "members": null })), 400, Fault("None is not a valid option for members")).await;
    story.ask("DELETE /pools/{POOL}/members", None, 400, Fault("Missing argument: \"id\"")).await;
    let two = json!({ "address": "10.0.0.50", "protocol_port": 80 });
    let twice = Some(json!({ "members": [two, two] }));
    let taken = "Another member on this pool is already using ip 10.0.0.50 on protocol_port 80";
    story.ask(put, twice, 409, Fault(taken)).await;
    story.ask(put, Some(json!({ "members": [two] })), 202, Anything).await;
    let left = story.ask("GET /pools/{POOL}/members", None, 200, Anything).await;
    assert_eq!(left["members"].as_array().unwrap().len(), 1);
    story.ask(put, none(), 202, Anything).await;
    let empty = json!({ "members": [], "members_links": [] });
    assert_eq!(story.ask("GET /pools/{POOL}/members", None, 200, Anything).await, empty);
}

#[tokio::test]
async fn monitors_say_what_they_check() {
    let mut story = Story::with_pool("HTTP").await;
    let post = "POST /healthmonitors";
    let pattern = "Invalid input for field/attribute expected_codes. Value: '200,300-302'. Value should match the pattern \
                   ^(\\d{3}(\\s*,\\s*\\d{3})*)$|^(\\d{3}-\\d{3})$";
    story.ask(post, monitor("HTTPS", json!({ "expected_codes": "200,300-302" })), 400, Fault(pattern)).await;
    let not_for = "url_path is not a valid option for health monitors of type TCP";
    story.ask(post, monitor("TCP", json!({ "url_path": "/" })), 400, Fault(not_for)).await;
    let only = "Validation failure: The SCTP type is only supported for pools of type UDP/SCTP.";
    story.ask(post, monitor("SCTP", json!({})), 400, Fault(only)).await;
    let ping = monitor("PING", json!({ "domain_name": "a.b", "http_version": 1.1 })).unwrap();
    let parts = json!({ "type": "PING", "domain_name": "a.b", "http_version": 1.1, "pools": [{ "id": "{POOL}" }] });
    story.make("MONITOR", post, ping, parts).await;
    let method = Some(json!({ "healthmonitor": { "http_method": "GET" } }));
    let not_for = "http_method is not a valid option for health monitors of type PING";
    story.ask("PUT /healthmonitors/{MONITOR}", method, 400, Fault(not_for)).await;
    let again = monitor("HTTP", json!({ "delay": 86400, "max_retries": 10 }));
    story.ask(post, again, 409, Fault("This pool already has a health monitor")).await;
    story.ask("GET /pools/{POOL}", None, 200, Has(json!({ "healthmonitor_id": "{MONITOR}" }))).await;
}

#[tokio::test]
async fn policies_and_rules_say_where_requests_go() {
    let mut story = Story::with_listener("HTTP").await;
    let post = "POST /l7policies";
    let url = policy("REDIRECT_TO_URL", json!({ "redirect_url": "https://h/?a=b#c" })).unwrap();
    let parts = json!({ "redirect_url": "https://h/?a=b#c", "redirect_http_code": 302, "position": 1 });
    story.make("POLICY", post, url, parts).await;
    let both = policy("REDIRECT_PREFIX", json!({ "redirect_prefix": "https://p", "redirect_url": "https://u" }));
    let stronger = json!({ "action": "REDIRECT_TO_URL", "redirect_url": "https://u", "redirect_prefix": null });
    story.ask(post, both, 201, Has(stronger)).await;
    story.ask(post, policy("REJECT", json!({ "position": null })), 201, Has(json!({ "position": 3 }))).await;
    let missing = "Invalid L7 Policy arguments: redirect_url must not be None";
    story.ask(post, policy("REDIRECT_TO_URL", json!({})), 400, Fault(missing)).await;
    let nothing = Some(json!({ "l7policy": {} }));
    let invalid = "Invalid L7 Policy arguments: Invalid update options";
    story.ask("PUT /l7policies/{POLICY}", nothing, 400, Fault(invalid)).await;
    let filter = "One or more arguments are either duplicate or invalid";
    story.ask("GET /l7policies?loadbalancer_id={LB}", None, 400, Fault(filter)).await;
    let rules = "POST /l7policies/{POLICY}/rules";
    let parsing = "Error parsing L7Rule: Unable to parse regular expression: ";
    story.ask(rules, rule("PATH", "REGEX", "[a-"), 400, Begins(parsing)).await;
    story.ask(rules, rule("PATH", "REGEX", "a b"), 201, Has(json!({ "value": "a b" }))).await;
    story.ask(rules, rule("SSL_CONN_HAS_CERT", "EQUAL_TO", "true"), 201, Has(json!({ "value": "true" }))).await;
    let kind = "Error parsing L7Rule: Invalid L7 Rule: invalid comparison type for rule type";
    story.ask(rules, rule("FILE_TYPE", "CONTAINS", "x"), 400, Fault(kind)).await;
    for at in 2..50 {
        story.ask(rules, rule("PATH", "STARTS_WITH", &format!("/{at}")), 201, Anything).await;
    }
    let many = "Too many rules on L7 policy {POLICY}";
    story.ask(rules, rule("PATH", "STARTS_WITH", "/x"), 409, Fault(many)).await;
    let none = "POST /l7policies/{NOWHERE}/rules";
    let nowhere = "L7Policy {NOWHERE} not found.";
    story.ask(none, rule("PATH", "STARTS_WITH", "/x"), 404, Titled("Bad Request", nowhere)).await;
}

#[tokio::test]
async fn amphorae_are_none_and_versions_are_octavias() {
    let story = Story::begin().await;
    let none = json!({ "amphorae": [], "amphorae_links": [] });
    assert_eq!(story.ask("GET /v2.0/octavia/amphorae", None, 200, Anything).await, none);
    let item = "/v2.0/octavia/amphorae/{NOWHERE}";
    story.ask(&format!("GET {item}"), None, 404, Fault("Amphora {NOWHERE} not found.")).await;
    story.ask(&format!("PUT {item}"), None, 405, Titled("Method Not Allowed", "")).await;
    story.ask("GET /quotas/p77/defaults", None, 404, Titled("Not Found", "")).await;
}
