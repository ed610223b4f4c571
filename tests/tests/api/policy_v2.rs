//! Who may what over v2: every route, for every role. A route that is not in the table fails.

use std::collections::{BTreeSet, HashMap};

use ballast_api_gateway::Route;
use ballast_tests::rest::Reply;
use serde_json::{Value, json};

use crate::{
    certificates::{Pem, keep_secrets},
    played::able,
    services::Services,
};

const NOWHERE: &str = "11111111-2222-3333-4444-555555555555";

/// Who calls: nobody, a reader and a member of the project whose it is, a member of another one, and an admin.
const CALLERS: [&str; 5] = ["", "rita", "alice", "bob", "admin"];

/// What each gets of what is project a's. `seen` and `hidden` are an object's in a list.
const TABLE: &str = "
get_versions                     200 200    200    200    200
get_version                      401 200    200    200    200
get_version_of_lbaas             401 200    200    200    200
get_version_of_octavia           401 200    200    200    200
get_openapi                      200 200    200    200    200
get_security_groups              401 200    200    200    200
get_qos_policies                 401 200    200    200    200
get_project                      401 200    200    200    200

watch_events                     401 400    400    400    400
get_overview                     401 200    200    200    200
get_schedulers                   401 403    403    403    200
get_stats                        401 200    200    200    200
get_loadbalancer_revisions       401 200    200    403    200
get_loadbalancer_traffic         401 200    200    403    200
get_loadbalancer_sides           401 403    403    403    200
rollback_loadbalancer            401 403    202    403    202
get_secrets                      401 200    200    200    200
look_at_secrets                  401 403    202    202    202

get_certificates                 401 seen   seen   hidden seen
create_certificate               401 403    201    403    201
get_certificate                  401 200    200    404    200
update_certificate               401 403    200    404    200
delete_certificate               401 403    204    404    204

get_container                    401 200    200    404    200
get_secret                       401 200    200    404    200
get_secret_payload               401 200    200    404    200

get_loadbalancers                401 seen   seen   hidden seen
create_loadbalancer              401 403    201    403    201
get_loadbalancer                 401 200    200    403    200
update_loadbalancer              401 403    200    403    200
delete_loadbalancer              401 403    204    403    204
get_loadbalancer_stats           401 200    200    403    200
get_loadbalancer_status          401 200    200    403    200
get_loadbalancer_health          401 200    200    403    200
get_loadbalancer_statuses        401 200    200    403    200
failover_loadbalancer            401 403    403    403    202

get_listeners                    401 seen   seen   hidden seen
create_listener                  401 403    201    403    201
get_listener                     401 200    200    403    200
update_listener                  401 403    200    403    200
delete_listener                  401 403    204    403    204
get_listener_stats               401 200    200    403    200

get_pools                        401 seen   seen   hidden seen
create_pool                      401 403    201    403    201
get_pool                         401 200    200    403    200
update_pool                      401 403    200    403    200
delete_pool                      401 403    204    403    204
get_pool_stats                   401 200    200    403    200

get_members                      401 seen   seen   403    seen
create_member                    401 403    201    403    201
get_member                       401 200    200    403    200
update_member                    401 403    200    403    200
update_members                   401 403    202    403    202
delete_member                    401 403    204    403    204
get_member_stats                 401 200    200    403    200

get_healthmonitors               401 seen   seen   hidden seen
create_healthmonitor             401 403    201    403    201
get_healthmonitor                401 200    200    403    200
update_healthmonitor             401 403    200    403    200
delete_healthmonitor             401 403    204    403    204

get_l7policies                   401 seen   seen   hidden seen
create_l7policy                  401 403    201    403    201
get_l7policy                     401 200    200    403    200
update_l7policy                  401 403    200    403    200
delete_l7policy                  401 403    204    403    204

get_rules                        401 seen   seen   403    seen
create_rule                      401 403    201    403    201
get_rule                         401 200    200    403    200
update_rule                      401 403    200    403    200
delete_rule                      401 403    204    403    204

get_quotas                       401 200    200    200    200
get_quota                        401 200    200    403    200
get_quota_default                401 200    200    403    200
get_quota_defaults               401 200    200    200    200
update_quota                     401 403    403    403    202
delete_quota                     401 403    403    403    202

get_providers                    401 200    200    200    200
get_flavor_capabilities          401 403    403    403    .
get_availability_zone_capabilities 401 403  403    403    .

get_flavors                      401 200    200    200    200
create_flavor                    401 403    403    403    201
get_flavor                       401 200    200    200    200
update_flavor                    401 403    403    403    200
delete_flavor                    401 403    403    403    204
get_flavorprofiles               401 403    403    403    200
create_flavorprofile             401 403    403    403    201
get_flavorprofile                401 403    403    403    200
update_flavorprofile             401 403    403    403    200
delete_flavorprofile             401 403    403    403    .

get_availability_zones           401 200    200    200    200
create_availability_zone         401 403    403    403    201
get_availability_zone            401 200    200    200    200
update_availability_zone         401 403    403    403    200
delete_availability_zone         401 403    403    403    204
get_availability_zone_profiles   401 403    403    403    200
create_availability_zone_profile 401 403    403    403    201
get_availability_zone_profile    401 403    403    403    200
update_availability_zone_profile 401 403    403    403    200
delete_availability_zone_profile 401 403    403    403    .

get_amphorae                     401 403    403    403    200
get_amphora                      401 404    404    404    404
delete_amphora                   401 404    404    404    404
get_amphora_stats                401 404    404    404    404
configure_amphora                401 404    404    404    404
failover_amphora                 401 404    404    404    404
";

fn rows() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    TABLE.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut cells = line.split_whitespace();
        let action = cells.next().unwrap();
        let cells: Vec<_> = cells.collect();
        assert_eq!(cells.len(), CALLERS.len(), "{line}");
        (action, cells)
    })
}

/// The services, and what is asked for.
struct World {
    services: Services,
    subnet: String,
}

/// What a request is about: ids by the collection that they are of.
type Ids = HashMap<&'static str, String>;

impl World {
    async fn make() -> Self {
        let services = Services::with_tokens(keep_secrets).await;
        able(&services.channel, "a").await;
        let network = json!({ "network": { "name": "net", "shared": true, "tenant_id": "ops" } });
        let network = services.call_as("admin", "POST", "/v2.0/networks", Some(network)).await.id();
        let subnet = json!({ "subnet": {
            "network_id": network, "ip_version": 4, "cidr": "10.0.0.0/16", "tenant_id": "ops"
        } });
        let subnet = services.call_as("admin", "POST", "/v2.0/subnets", Some(subnet)).await.id();
        Self { services, subnet }
    }

    async fn made(&self, by: &str, path: &str, body: Value) -> String {
        let reply = self.services.call_as(by, "POST", &format!("/v2.0/lbaas/{path}"), Some(body)).await;
        assert_eq!(reply.status, 201, "{path}: {reply}");
        let object = reply.object();
        object.get("id").unwrap_or(&object["name"]).as_str().unwrap().to_owned()
    }

    /// One of each, of project a.
    async fn one_of_each(&self) -> Ids {
        let mut ids = Ids::from([("projects", "a".to_owned()), ("revisions", "1".to_owned())]);
        let lb = json!({ "loadbalancer": { "vip_subnet_id": self.subnet } });
        let lb = self.made("alice", "loadbalancers", lb).await;
        let listener = json!({ "listener": { "loadbalancer_id": lb, "protocol": "HTTP", "protocol_port": 80 } });
        let listener = self.made("alice", "listeners", listener).await;
        let pool = json!({ "pool": { "loadbalancer_id": lb, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN" } });
        let pool = self.made("alice", "pools", pool).await;
        let member = json!({ "member": { "address": "10.0.200.9", "protocol_port": 80 } });
        ids.insert("members", self.made("alice", &format!("pools/{pool}/members"), member).await);
        ids.insert("healthmonitors", self.made("alice", "healthmonitors", monitor(&pool)).await);
        let policy = json!({ "l7policy": { "listener_id": listener, "action": "REJECT" } });
        let policy = self.made("alice", "l7policies", policy).await;
        let certificate = Some(Pem::of("www.example").body("web"));
        let certificate = self.services.call_as("alice", "POST", "/ballast/v1/certificates", certificate).await;
        for collection in ["certificates", "containers", "secrets"] {
            ids.insert(collection, certificate.id());
        }
        ids.insert("rules", self.made("alice", &format!("l7policies/{policy}/rules"), rule()).await);
        ids.extend([("loadbalancers", lb), ("listeners", listener), ("pools", pool), ("l7policies", policy)]);
        ids
    }

    /// One of each that operators set.
    async fn one_of_each_of_operators(&self, mark: usize) -> Ids {
        let mut ids = Ids::from([("quotas", "a".to_owned())]);
        let profile =
            |wrapper: &str, data: &str| json!({ wrapper: { "name": "p", "provider_name": "haproxy", data: "{}" } });
        let flavors = self.made("admin", "flavorprofiles", profile("flavorprofile", "flavor_data")).await;
        let flavor = json!({ "flavor": { "name": format!("f{mark}"), "flavor_profile_id": flavors } });
        ids.insert("flavors", self.made("admin", "flavors", flavor).await);
        let zones = profile("availability_zone_profile", "availability_zone_data");
        let zones = self.made("admin", "availabilityzoneprofiles", zones).await;
        let zone = json!({ "availability_zone": {
            "name": format!("z{mark}"), "availability_zone_profile_id": zones
        } });
        ids.insert("availabilityzones", self.made("admin", "availabilityzones", zone).await);
        ids.extend([("flavorprofiles", flavors), ("availabilityzoneprofiles", zones)]);
        let quota = json!({ "quota": { "listener": 1000 } });
        let reply = self.services.call_as("admin", "PUT", "/v2.0/lbaas/quotas/a", Some(quota)).await;
        assert_eq!(reply.status, 202, "{reply}");
        ids
    }

    /// What a route is asked to do.
    async fn body(&self, route: &Route, ids: &Ids, mark: usize) -> Option<Value> {
        let of = |collection: &str| ids[collection].clone();
        Some(match route.action.as_str() {
            "create_loadbalancer" => json!({ "loadbalancer": { "vip_subnet_id": self.subnet, "project_id": "a" } }),
            "create_certificate" => {
                let mut body = Pem::of("www.example").body("new");
                body["certificate"]["project_id"] = json!("a");
                body
            }
            "create_listener" => {
                json!({ "listener": { "loadbalancer_id": of("loadbalancers"), "protocol": "HTTP", "protocol_port": 81 } })
            }
            "create_pool" => json!({ "pool": {
                "loadbalancer_id": of("loadbalancers"), "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"
            } }),
            "create_member" => json!({ "member": { "address": "10.0.200.10", "protocol_port": 80 } }),
            "update_members" => json!({ "members": [] }),
            // The pool has one by now.
            "create_healthmonitor" => {
                let body = json!({ "pool": {
                    "loadbalancer_id": of("loadbalancers"), "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"
                } });
                monitor(&self.made("alice", "pools", body).await)
            }
            "create_l7policy" => json!({ "l7policy": { "listener_id": of("listeners"), "action": "REJECT" } }),
            "create_rule" => rule(),
            "create_flavor" => json!({ "flavor": {
                "name": format!("new{mark}"), "flavor_profile_id": of("flavorprofiles")
            } }),
            "create_flavorprofile" => {
                json!({ "flavorprofile": { "name": "p", "provider_name": "haproxy", "flavor_data": "{}" } })
            }
            "create_availability_zone" => json!({ "availability_zone": {
                "name": format!("new{mark}"), "availability_zone_profile_id": of("availabilityzoneprofiles")
            } }),
            "create_availability_zone_profile" => json!({ "availability_zone_profile": {
                "name": "p", "provider_name": "haproxy", "availability_zone_data": "{}"
            } }),
            "update_quota" => json!({ "quota": { "listener": 999 } }),
            "update_rule" => json!({ "rule": { "invert": true } }),
            "update_flavor" | "update_availability_zone" => {
                json!({ route.action.trim_start_matches("update_"): { "description": "new" } })
            }
            action if route.method == "PUT" && action.starts_with("update_") => {
                json!({ action.trim_start_matches("update_"): { "name": "new" } })
            }
            _ => return None,
        })
    }
}

fn monitor(pool: &str) -> Value {
    json!({ "healthmonitor": { "pool_id": pool, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2 } })
}

fn rule() -> Value {
    json!({ "rule": { "type": "PATH", "compare_type": "STARTS_WITH", "value": "/x" } })
}

/// The path with the id of each placeholder, which is of the collection before it.
fn filled(path: &str, ids: &Ids) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let filled = parts.iter().enumerate().map(|(at, part)| match part.starts_with('{') {
        true if parts[at - 1] == "providers" => "haproxy",
        true => ids.get(parts[at - 1]).map_or(NOWHERE, String::as_str),
        false => part,
    });
    filled.collect::<Vec<_>>().join("/")
}

fn is_as_expected(reply: &Reply, cell: &str, ids: &Ids, path: &str) -> bool {
    let listed = path.rsplit('/').next().and_then(|collection| ids.get(collection));
    let objects = reply.body.as_object().and_then(|body| body.values().find_map(Value::as_array));
    let is_there = || {
        let ids = objects.into_iter().flatten().filter_map(|object| object["id"].as_str());
        listed.is_some_and(|wanted| ids.into_iter().any(|id| id == wanted))
    };
    match cell {
        "seen" => reply.status == 200 && is_there(),
        "hidden" => reply.status == 200 && !is_there(),
        status => status == reply.status.to_string(),
    }
}

#[test]
fn the_policy_of_v2_knows_every_route_and_no_other() {
    let served: BTreeSet<String> = ballast_api_gateway::v2_routes().into_iter().map(|route| route.action).collect();
    let known: BTreeSet<String> = rows().map(|(action, _)| action.to_owned()).collect();
    let unknown: Vec<_> = served.difference(&known).collect();
    assert!(unknown.is_empty(), "say in the policy's table who may do {unknown:?}");
    let gone: Vec<_> = known.difference(&served).collect();
    assert!(gone.is_empty(), "{gone:?} in the policy's table are not served");
}

/// What is not as the table says.
async fn differences(are_operators: bool) -> Vec<String> {
    let world = World::make().await;
    let routes = ballast_api_gateway::v2_routes();
    let (mut wrong, mut mark, mut tried) = (Vec::new(), 0, 0);
    for (action, cells) in rows().filter(|(action, _)| is_operators(action) == are_operators) {
        let route = routes.iter().find(|route| route.action == action).expect("a served route");
        let mut ids = Ids::new();
        for (caller, cell) in CALLERS.into_iter().zip(cells).filter(|(_, cell)| *cell != ".") {
            mark += 1;
            // What a change may have taken away is made anew.
            if ids.is_empty() || route.method != "GET" {
                ids =
                    if are_operators { world.one_of_each_of_operators(mark).await } else { world.one_of_each().await };
            }
            let cascade = match action {
                "delete_loadbalancer" => "?cascade=true",
                // A stream that begins would not end: who is let in is told what is wrong.
                "watch_events" => "?kind=none",
                _ => "",
            };
            let path = filled(route.path, &ids);
            let body = world.body(route, &ids, mark).await;
            let reply = world.services.call_as(caller, route.method, &format!("{path}{cascade}"), body).await;
            tried += 1;
            if !is_as_expected(&reply, cell, &ids, &path) {
                wrong.push(format!("{} {path} by {caller:?}: {reply}, not {cell}", route.method));
            }
        }
    }
    assert!(tried > 100, "{tried}");
    wrong
}

/// What is about what operators set.
fn is_operators(action: &str) -> bool {
    ["flavor", "availability_zone", "quota", "provider"].iter().any(|noun| action.contains(noun))
}

#[tokio::test]
async fn every_route_of_v2_answers_every_role_as_octavia_does() {
    let wrong = differences(false).await;
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_operators_set_over_v2_is_theirs() {
    let wrong = differences(true).await;
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_there_is_not_is_not_found_for_everybody() {
    let world = World::make().await;
    for collection in ["loadbalancers", "listeners", "pools", "healthmonitors", "l7policies"] {
        for caller in ["rita", "alice", "bob", "admin"] {
            let path = format!("/v2.0/lbaas/{collection}/{NOWHERE}");
            assert_eq!(world.services.call_as(caller, "GET", &path, None).await.status, 404, "{caller} {path}");
        }
    }
    let listed = |caller: &'static str| world.services.call_as(caller, "GET", "/v2.0/lbaas/pools?project_id=b", None);
    assert_eq!(
        (listed("alice").await.status, listed("bob").await.status, listed("admin").await.status),
        (403, 200, 200)
    );
}
