//! Networks, subnets and ports: what changes, what is fixed, whose addresses they are, and who learns of it.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    played::{Agent, obedient},
    services::{Services, vip},
};

async fn network(services: &Services, extra: Value) -> String {
    let mut body = json!({"network": {"name": "n"}});
    for (key, value) in extra.as_object().unwrap() {
        body["network"][key] = value.clone();
    }
    services.create("/v2.0/networks", body).await.id()
}

async fn subnet(services: &Services, network: &str, cidr: &str) -> String {
    let version = if cidr.contains(':') { 6 } else { 4 };
    let body = json!({"subnet": {"network_id": network, "cidr": cidr, "ip_version": version}});
    services.create("/v2.0/subnets", body).await.id()
}

#[tokio::test]
async fn a_network_changes_its_name_state_and_sharing() {
    let services = Services::start().await;
    let path = format!("/v2.0/networks/{}", network(&services, json!({})).await);
    let change = json!({"network": {"name": "m", "admin_state_up": "False", "shared": true}});
    let changed = services.call("PUT", &path, Some(change)).await;
    let object = changed.object();
    assert_eq!((changed.status, &object["name"], &object["shared"]), (200, &json!("m"), &json!(true)));
    assert_eq!(services.get(&path).await["network"]["admin_state_up"], false);
    for fixed in ["provider:network_type", "tenant_id", "id"] {
        let refused = services.call("PUT", &path, Some(json!({"network": {fixed: "vlan"}}))).await;
        let text = format!("Cannot update read-only attribute {fixed}");
        assert_eq!((refused.status, refused.error()), (400, ("HTTPBadRequest", text.as_str())));
    }
    let id = path.rsplit('/').next().unwrap();
    let port = json!({"port": {"network_id": id, "tenant_id": "other"}});
    services.create("/v2.0/ports", port).await;
    let refused = services.call("PUT", &path, Some(json!({"network": {"shared": false}}))).await;
    assert_eq!((refused.status, refused.error().0), (409, "InvalidSharedSetting"), "{refused}");
}

#[tokio::test]
async fn a_network_goes_with_its_subnets_when_it_has_no_ports() {
    let services = Services::start().await;
    let id = network(&services, json!({})).await;
    let inside = subnet(&services, &id, "10.0.0.0/24").await;
    let port = services.create("/v2.0/ports", json!({"port": {"network_id": id}})).await.id();
    let path = format!("/v2.0/networks/{id}");
    let refused = services.call("DELETE", &path, None).await;
    let text = format!(
        "Unable to complete operation on network {id}. There are one or more ports still in use on the network."
    );
    assert_eq!((refused.status, refused.error()), (409, ("NetworkInUse", text.as_str())));
    assert_eq!(services.call("DELETE", &format!("/v2.0/ports/{port}"), None).await.status, 204);
    assert_eq!(services.call("DELETE", &path, None).await.status, 204);
    assert_eq!(services.call("GET", &format!("/v2.0/subnets/{inside}"), None).await.status, 404);
}

#[tokio::test]
async fn a_subnet_changes_but_for_its_cidr() {
    let services = Services::start().await;
    let id = network(&services, json!({})).await;
    let path = format!("/v2.0/subnets/{}", subnet(&services, &id, "10.0.0.0/24").await);
    let change = json!({"subnet": {
        "name": "s", "gateway_ip": "10.0.0.254", "enable_dhcp": "False", "dns_nameservers": ["9.9.9.9"],
        "allocation_pools": [{"start": "10.0.0.10", "end": "10.0.0.20"}],
        "host_routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.7"}],
    }});
    let changed = services.call("PUT", &path, Some(change.clone())).await;
    assert_eq!(changed.status, 200, "{changed}");
    let shown = services.get(&path).await["subnet"].clone();
    for (key, value) in change["subnet"].as_object().unwrap() {
        let value = if key == "enable_dhcp" { &json!(false) } else { value };
        assert_eq!(&shown[key], value, "{key}");
    }
    let none = services.call("PUT", &path, Some(json!({"subnet": {"gateway_ip": null, "host_routes": []}}))).await;
    assert_eq!((&none.object()["gateway_ip"], &none.object()["host_routes"]), (&Value::Null, &json!([])));
    for (bad, text) in [
        (json!({"cidr": "10.0.0.0/25"}), "Cannot update read-only attribute cidr"),
        (json!({"network_id": id}), "Cannot update read-only attribute network_id"),
        (
            json!({"gateway_ip": "10.0.0.15"}),
            "Invalid input for operation: gateway 10.0.0.15 is in an allocation pool.",
        ),
        (json!({"gateway_ip": "10.1.0.1"}), "Invalid input for operation: gateway_ip 10.1.0.1 is not in 10.0.0.0/24."),
    ] {
        let refused = services.call("PUT", &path, Some(json!({"subnet": bad}))).await;
        assert_eq!((refused.status, refused.error().1), (400, text));
    }
    let port = json!({"port": {"network_id": id, "fixed_ips": [{"ip_address": "10.0.0.200"}]}});
    services.create("/v2.0/ports", port).await;
    let refused = services.call("PUT", &path, Some(json!({"subnet": {"gateway_ip": "10.0.0.200"}}))).await;
    assert_eq!((refused.status, refused.error().0), (409, "IpAddressInUse"));
}

#[tokio::test]
async fn ipv6_modes_are_kept_and_checked() {
    let services = Services::start().await;
    let id = network(&services, json!({})).await;
    let six = |ra: &str, address: &str| {
        json!({"subnet": {"network_id": id, "ip_version": 6, "cidr": "fd00::/64",
            "ipv6_ra_mode": ra, "ipv6_address_mode": address}})
    };
    let refused = services.call("POST", "/v2.0/subnets", Some(six("slaac", "dhcpv6-stateful"))).await;
    assert!(refused.error().1.ends_with("they must be the same value."), "{refused}");
    let made = services.create("/v2.0/subnets", six("slaac", "slaac")).await;
    assert_eq!(made.object()["ipv6_ra_mode"], "slaac");
    let port = services.create("/v2.0/ports", json!({"port": {"network_id": id}})).await;
    assert_eq!(port.object()["fixed_ips"][0]["ip_address"], "fd00::2");
    let path = format!("/v2.0/subnets/{}", made.id());
    let refused = services.call("PUT", &path, Some(json!({"subnet": {"ipv6_ra_mode": "slaac"}})));
    assert_eq!(refused.await.error().1, "Cannot update read-only attribute ipv6_ra_mode");
}

#[tokio::test]
async fn a_changed_route_reaches_the_agents_of_the_vips_that_live_there() {
    let services = Services::start().await;
    let mut agent = Agent::connect(&services.channel, "a", "1").await.unwrap();
    let inside = services.subnet().await;
    let of_pool = services.pool(&inside).await;
    services.create("/v2.0/lb/vips", vip(&inside, &of_pool)).await;
    let mut desired = agent.desired().await;
    while desired.load_balancer.as_ref().unwrap().vip.is_none() {
        desired = agent.desired().await;
    }
    let path = format!("/v2.0/subnets/{inside}");
    assert_eq!(services.call("PUT", &path, Some(json!({"subnet": {"name": "other"}}))).await.status, 200);
    assert_eq!(services.call("PUT", &path, Some(json!({"subnet": {"gateway_ip": null}}))).await.status, 200);
    let next = agent.desired().await;
    assert_eq!(next.generation, desired.generation + 1, "a name is no reason to deploy again");
    assert_ne!(next.load_balancer.unwrap().vip, desired.load_balancer.unwrap().vip);
}

#[tokio::test]
async fn ports_are_made_shown_listed_changed_and_deleted() {
    let services = Services::start().await;
    let id = network(&services, json!({})).await;
    let four = subnet(&services, &id, "10.0.0.0/24").await;
    let six = subnet(&services, &id, "fd00::/64").await;
    let both = services.create("/v2.0/ports", json!({"port": {"network_id": id, "security_groups": []}})).await;
    assert_eq!(
        both.object()["fixed_ips"],
        json!([{"subnet_id": four, "ip_address": "10.0.0.2"}, {"subnet_id": six, "ip_address": "fd00::2"}])
    );
    assert_eq!((&both.object()["status"], &both.object()["device_owner"]), (&json!("DOWN"), &json!("")));
    let own = json!({"port": {"network_id": id, "name": "p", "mac_address": "FA:16:3E:00:00:07", "device_id": "d",
        "device_owner": "compute:x", "fixed_ips": [{"subnet_id": four}, {"ip_address": "10.0.0.77"}]}});
    let made = services.create("/v2.0/ports", own.clone()).await;
    assert_eq!(made.object()["mac_address"], "fa:16:3e:00:00:07");
    let addresses = made.object()["fixed_ips"].as_array().unwrap();
    let addresses: BTreeSet<_> = addresses.iter().map(|one| one["ip_address"].as_str().unwrap()).collect();
    assert_eq!(addresses, ["10.0.0.3", "10.0.0.77"].into());
    let twin = services.call("POST", "/v2.0/ports", Some(own)).await;
    assert_eq!(twin.status, 409, "{twin}");
    for (query, found) in [
        (format!("fixed_ips=ip_address%3D10.0.0.77&network_id={id}"), vec![made.id()]),
        (format!("fixed_ips=subnet_id%3D{six}"), vec![both.id()]),
        ("device_id=d".to_owned(), vec![made.id()]),
        ("name=nosuch".to_owned(), vec![]),
        ("sort_key=name&sort_dir=desc".to_owned(), vec![made.id(), both.id()]),
    ] {
        let listed = services.get(&format!("/v2.0/ports?{query}")).await;
        let ids: Vec<_> = listed["ports"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, found, "{query}");
    }
    let path = format!("/v2.0/ports/{}", made.id());
    let change = json!({"port": {"name": "q", "admin_state_up": false, "fixed_ips": [{"ip_address": "10.0.0.78"}]}});
    let changed = services.call("PUT", &path, Some(change)).await;
    assert_eq!(changed.object()["fixed_ips"], json!([{"subnet_id": four, "ip_address": "10.0.0.78"}]), "{changed}");
    assert_eq!(services.get(&format!("{path}?fields=name")).await, json!({"port": {"name": "q"}}));
    let fixed = services.call("PUT", &path, Some(json!({"port": {"network_id": id}}))).await;
    assert_eq!(fixed.error().1, "Cannot update read-only attribute network_id");
    assert_eq!(services.call("DELETE", &path, None).await.status, 204);
    let gone = services.call("GET", &path, None).await;
    let text = format!("Port {} could not be found.", made.id());
    assert_eq!((gone.status, gone.error()), (404, ("PortNotFound", text.as_str())));
}

#[tokio::test]
async fn bad_wishes_for_a_port_get_neutrons_words() {
    let services = Services::start().await;
    let id = network(&services, json!({})).await;
    let four = subnet(&services, &id, "10.0.0.0/29").await;
    let nobody = "11111111-2222-3333-4444-555555555555";
    for (extra, status, text) in [
        (
            json!({"fixed_ips": [{"ip_address": "10.9.0.1"}]}),
            400,
            "IP address 10.9.0.1 is not a valid IP for any of the",
        ),
        (json!({"fixed_ips": [{"subnet_id": four, "ip_address": "10.0.0.1"}]}), 400, "Invalid input for operation: IP"),
        (json!({"fixed_ips": [{"subnet_id": nobody}]}), 400, "Invalid input for operation: Failed to create port on"),
        (
            json!({"fixed_ips": [{"ip_address": "x"}]}),
            400,
            "Invalid input for fixed_ips. Reason: 'x' is not a valid IP",
        ),
        (json!({"fixed_ips": "x"}), 400, "Invalid input for fixed_ips. Reason: Invalid data format for fixed IP: 'x'."),
        (json!({"mac_address": "x"}), 400, "Invalid input for mac_address. Reason: 'x' is not a valid MAC address."),
        (json!({"network_id": nobody}), 404, "Network 11111111-2222-3333-4444-555555555555 could not be found."),
    ] {
        let mut body = json!({"port": {"network_id": id}});
        for (key, value) in extra.as_object().unwrap() {
            body["port"][key] = value.clone();
        }
        let refused = services.call("POST", "/v2.0/ports", Some(body)).await;
        assert_eq!(refused.status, status, "{refused}");
        assert!(refused.error().1.starts_with(text), "{refused}");
    }
    for _ in 0..5 {
        services.create("/v2.0/ports", json!({"port": {"network_id": id}})).await;
    }
    let full = services.call("POST", "/v2.0/ports", Some(json!({"port": {"network_id": id}}))).await;
    let text = format!("No more IP addresses available on network {id}.");
    assert_eq!((full.status, full.error()), (409, ("IpAddressGenerationFailure", text.as_str())));
    let taken = json!({"port": {"network_id": id, "fixed_ips": [{"ip_address": "10.0.0.2"}]}});
    let taken = services.call("POST", "/v2.0/ports", Some(taken)).await;
    assert_eq!((taken.status, taken.error().0), (409, "IpAddressInUse"));
}

#[tokio::test]
async fn a_vips_port_is_seen_and_stays_the_vips() {
    let services = Services::start().await;
    obedient(&services.channel, "host-a").await;
    let inside = services.subnet().await;
    let of_pool = services.pool(&inside).await;
    let made = services.create("/v2.0/lb/vips", vip(&inside, &of_pool)).await;
    services.settled(&format!("/v2.0/lb/vips/{}", made.id()), "ACTIVE").await;
    let id = made.object()["port_id"].as_str().unwrap().to_owned();
    let path = format!("/v2.0/ports/{id}");
    let port = services.get(&path).await["port"].clone();
    let device = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, b"host-a").to_string();
    for (key, value) in [
        ("name", json!(format!("vip-{}", made.id()))),
        ("device_owner", json!("neutron:LOADBALANCER")),
        ("device_id", json!(device)),
        ("binding:host_id", json!("host-a")),
        ("binding:vif_type", json!("bridge")),
        ("binding:vnic_type", json!("normal")),
        ("binding:profile", json!({})),
        ("binding:vif_details", json!({})),
        ("extra_dhcp_opts", json!([])),
        ("admin_state_up", json!(true)),
        ("status", json!("ACTIVE")),
        ("fixed_ips", json!([{"subnet_id": inside, "ip_address": made.object()["address"]}])),
    ] {
        assert_eq!(port[key], value, "{key}");
    }
    let refused = services.call("DELETE", &path, None).await;
    let text = format!("Port {id} cannot be deleted directly via the port API: has device owner neutron:LOADBALANCER.");
    assert_eq!((refused.status, refused.error()), (409, ("ServicePortInUse", text.as_str())));
    let moved = json!({"port": {"fixed_ips": [{"ip_address": "10.0.0.99"}]}});
    assert_eq!(services.call("PUT", &path, Some(moved)).await.status, 409);
    assert_eq!(services.call("PUT", &path, Some(json!({"port": {"name": "mine"}}))).await.status, 200);
    assert_eq!(services.call("DELETE", &format!("/v2.0/lb/vips/{}", made.id()), None).await.status, 204);
    assert_eq!(services.call("GET", &path, None).await.status, 404);
}

#[tokio::test]
async fn how_a_port_is_plugged_in_is_for_admins() {
    let services = Services::with_tokens(|_| {}).await;
    let network = services.call_as("alice", "POST", "/v2.0/networks", Some(json!({"network": {}}))).await.id();
    let made = services.call_as("alice", "POST", "/v2.0/ports", Some(json!({"port": {"network_id": network}}))).await;
    let path = format!("/v2.0/ports/{}", made.id());
    let of_operators = |port: &Value| port.as_object().unwrap().keys().filter(|key| key.contains(':')).count();
    assert_eq!(of_operators(made.object()), 0, "{made}");
    let seen = services.call_as("admin", "GET", &path, None).await;
    assert_eq!((of_operators(seen.object()), &seen.object()["binding:vif_type"]), (5, &json!("unbound")), "{seen}");
    let body = json!({"port": {"binding:profile": {}, "extra_dhcp_opts": []}});
    assert_eq!(services.call_as("admin", "PUT", &path, Some(body)).await.status, 200);
    let list = services.call_as("admin", "GET", "/v2.0/ports?fields=binding:vnic_type", None).await;
    assert_eq!(list.body["ports"], json!([{"binding:vnic_type": "normal"}]), "{list}");
}

#[tokio::test]
async fn ports_made_at_the_same_time_get_addresses_of_their_own() {
    let services = Arc::new(Services::start().await);
    let id = network(&services, json!({})).await;
    subnet(&services, &id, "10.0.0.0/24").await;
    let mut creates = JoinSet::new();
    for _ in 0..20 {
        let (services, id) = (Arc::clone(&services), id.clone());
        creates.spawn(async move {
            let made = services.create("/v2.0/ports", json!({"port": {"network_id": id}})).await;
            made.object()["fixed_ips"][0]["ip_address"].as_str().unwrap().to_owned()
        });
    }
    let addresses: BTreeSet<String> = creates.join_all().await.into_iter().collect();
    assert_eq!(addresses.len(), 20);
}

#[tokio::test]
async fn a_foreign_network_is_not_there_and_a_shared_one_is_used_but_not_changed() {
    let services = Services::with_tokens(|_| {}).await;
    let foreign = services.call_as("bob", "POST", "/v2.0/networks", Some(json!({"network": {"name": "b"}}))).await.id();
    let shared = json!({"network": {"name": "s", "shared": true}});
    let refused = services.call_as("alice", "POST", "/v2.0/networks", Some(shared.clone())).await;
    assert_eq!((refused.status, refused.error().0), (403, "PolicyNotAuthorized"));
    let shared = services.call_as("admin", "POST", "/v2.0/networks", Some(shared)).await.id();
    let cidr = |network: &str| json!({"subnet": {"network_id": network, "cidr": "10.0.0.0/24", "ip_version": 4}});
    assert_eq!(services.call_as("admin", "POST", "/v2.0/subnets", Some(cidr(&shared))).await.status, 201);

    let port = |network: &str| Some(json!({"port": {"network_id": network}}));
    let change = || Some(json!({"network": {"name": "mine"}}));
    for (method, path, body) in [
        ("GET", format!("/v2.0/networks/{foreign}"), None),
        ("PUT", format!("/v2.0/networks/{foreign}"), change()),
        ("DELETE", format!("/v2.0/networks/{foreign}"), None),
        ("POST", "/v2.0/subnets".to_owned(), Some(cidr(&foreign))),
        ("POST", "/v2.0/ports".to_owned(), port(&foreign)),
        // It is seen, and changed by its owner alone.
        ("PUT", format!("/v2.0/networks/{shared}"), change()),
        ("DELETE", format!("/v2.0/networks/{shared}"), None),
    ] {
        let refused = services.call_as("alice", method, &path, body).await;
        assert_eq!((refused.status, refused.error().0), (404, "NetworkNotFound"), "{method} {path}: {refused}");
    }
    let listed = services.call_as("alice", "GET", "/v2.0/networks", None).await;
    assert_eq!(listed.body["networks"].as_array().unwrap().len(), 1);
    let mine = services.call_as("alice", "POST", "/v2.0/ports", port(&shared)).await;
    assert_eq!((mine.status, &mine.object()["tenant_id"]), (201, &json!("a")), "{mine}");
    let chosen = json!({"port": {"network_id": shared, "fixed_ips": [{"ip_address": "10.0.0.9"}]}});
    assert_eq!(services.call_as("alice", "POST", "/v2.0/ports", Some(chosen)).await.status, 403);
    who_may_choose_addresses(&services, &shared).await;
    let path = format!("/v2.0/ports/{}", mine.id());
    assert_eq!(services.call_as("bob", "GET", &path, None).await.error().0, "PortNotFound");
    assert_eq!(services.call_as("bob", "DELETE", &path, None).await.status, 404);
    assert_eq!(services.call_as("anna", "DELETE", &path, None).await.status, 204);
}

/// What is in no allocation pool may be the address of a host that Ballast does not know.
async fn who_may_choose_addresses(services: &Services, shared: &str) {
    crate::played::obedient(&services.channel, "a").await;
    let subnets = services.call_as("admin", "GET", &format!("/v2.0/subnets?network_id={shared}"), None).await;
    let subnet = subnets.body["subnets"][0]["id"].as_str().unwrap().to_owned();
    let pools = json!({"subnet": {"allocation_pools": [{"start": "10.0.0.100", "end": "10.0.0.199"}]}});
    assert_eq!(services.call_as("admin", "PUT", &format!("/v2.0/subnets/{subnet}"), Some(pools)).await.status, 200);
    for (address, alices, admins) in [("10.0.0.11", 403, 201), ("10.0.0.200", 403, 201), ("10.0.0.100", 201, 201)] {
        for (caller, status) in [("alice", alices), ("admin", admins)] {
            let pool =
                services.call_as(caller, "POST", "/v2.0/lb/pools", Some(crate::services::pool(&subnet))).await.id();
            let mut vip = crate::services::vip(&subnet, &pool);
            vip["vip"]["address"] = json!(address);
            let made = services.call_as(caller, "POST", "/v2.0/lb/vips", Some(vip)).await;
            assert_eq!(made.status, status, "{caller} {address}: {made}");
            if status == 403 {
                assert!(made.to_string().contains("allocation pool"), "{made}");
            } else {
                services.call_as(caller, "DELETE", &format!("/v2.0/lb/vips/{}", made.id()), None).await;
            }
        }
    }
}
