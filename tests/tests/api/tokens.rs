//! Callers with tokens of a file: what they get without one, what is theirs, and what their role lets them.

use ballast_proto::v1::{
    CreateHealthMonitorRequest, DeleteRequest, GetRequest, HealthMonitor, ListRequest,
    health_monitors_client::HealthMonitorsClient, pools_client::PoolsClient,
};
use serde_json::{Value, json};
use tonic::{Code, Request, metadata::AsciiMetadataValue, transport::Channel};

use crate::{
    played::{Agent, obedient},
    services::{Services, member, monitor, pool, vip},
};

const IS_ANOTHERS: &str = "Specifying 'tenant_id' other than authenticated tenant in request requires admin privileges";

fn for_tenant(mut body: Value, tenant: &str) -> Value {
    if let Some(object) = body.as_object_mut().and_then(|body| body.values_mut().next()) {
        object["tenant_id"] = json!(tenant);
    }
    body
}

/// A shared network with a subnet, made by admin; both ids.
async fn shared_land(services: &Services) -> (String, String) {
    let network = json!({"network": {"name": "s", "shared": true}});
    let network = services.call_as("admin", "POST", "/v2.0/networks", Some(network)).await.id();
    let subnet = json!({"subnet": {"network_id": network, "cidr": "10.0.0.0/24", "ip_version": 4}});
    let subnet = services.call_as("admin", "POST", "/v2.0/subnets", Some(subnet)).await;
    assert_eq!(subnet.status, 201, "{subnet}");
    (network, subnet.id())
}

#[tokio::test]
async fn who_has_no_good_token_is_told_what_neutrons_middleware_tells_and_no_more() {
    let services = Services::with_tokens(|_| {}).await;
    let client = ballast_service::http::plain().unwrap();
    for path in ["/v2.0/lb/pools", "/v2.0/lb/pools.json", "/v2.0", "/v2.0/no/such/path", "/v2.0/extensions"] {
        for token in [None, Some(""), Some("nobody's"), Some("alic"), Some("alice, admin")] {
            let mut request = client.get(format!("{}{path}", services.url));
            if let Some(token) = token {
                request = request.header("x-auth-token", token);
            }
            // Nobody is believed who he says he is.
            let request =
                request.header("x-project-id", "a").header("x-roles", "admin").header("ballast-roles", "admin");
            let reply = request.send().await.unwrap();
            assert_eq!(reply.status(), 401, "{path} {token:?}");
            assert!(reply.headers()["x-openstack-request-id"].to_str().unwrap().starts_with("req-"));
            assert!(!reply.headers().contains_key("www-authenticate"), "there is no Keystone to name");
            assert_eq!(reply.text().await.unwrap(), "Authentication required", "{path} {token:?}");
        }
    }
    for path in ["/", "/openapi.json", "/openapi-v2.json"] {
        assert_eq!(services.call("GET", path, None).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_reader_sees_what_is_his_projects_and_writes_nothing() {
    let services = Services::with_tokens(|_| {}).await;
    obedient(&services.channel, "a").await;
    let (_, subnet) = shared_land(&services).await;
    let made = services.call_as("alice", "POST", "/v2.0/lb/pools", Some(pool(&subnet))).await;
    assert_eq!(made.status, 201, "{made}");
    let path = format!("/v2.0/lb/pools/{}", made.id());
    let shown = services.call_as("rita", "GET", &path, None).await;
    assert_eq!((shown.status, shown.id()), (200, made.id()));
    for (method, path, body, action) in [
        ("POST", "/v2.0/lb/pools", Some(pool(&subnet)), "create_pool"),
        ("PUT", path.as_str(), Some(json!({"pool": {"name": "x"}})), "update_pool"),
        ("DELETE", path.as_str(), None, "delete_pool"),
    ] {
        let refused = services.call_as("rita", method, path, body).await;
        let text = format!("Policy doesn't allow {action} to be performed.");
        assert_eq!((refused.status, refused.error()), (403, ("PolicyNotAuthorized", text.as_str())), "{method} {path}");
    }
}

#[tokio::test]
async fn a_member_makes_what_is_his_projects_and_an_admin_anyones() {
    let services = Services::with_tokens(|_| {}).await;
    obedient(&services.channel, "a").await;
    let (network, subnet) = shared_land(&services).await;
    let own = services.call_as("alice", "POST", "/v2.0/networks", Some(json!({"network": {}}))).await.id();
    let mut third = 0;
    for path in ["lb/pools", "lb/vips", "lb/members", "lb/health_monitors", "networks", "subnets", "ports"] {
        let path = format!("/v2.0/{path}");
        for (caller, tenant, expected) in [
            ("alice", "", Ok("a")),
            ("alice", "a", Ok("a")),
            ("alice", "b", Err(IS_ANOTHERS)),
            ("admin", "a", Ok("a")),
            ("root", "a", Ok("a")),
            ("root", "", Err("Running without keystone AuthN requires  that tenant_id is specified")),
        ] {
            // A vip belongs to the tenant of its pool.
            let of_pool = services.call_as("alice", "POST", "/v2.0/lb/pools", Some(pool(&subnet))).await.id();
            third += 1;
            let body = match path.as_str() {
                "/v2.0/lb/pools" => pool(&subnet),
                "/v2.0/lb/vips" => vip(&subnet, &of_pool),
                "/v2.0/lb/members" => member(&of_pool, "10.0.0.11"),
                "/v2.0/lb/health_monitors" => monitor(),
                "/v2.0/networks" => json!({"network": {"name": "n"}}),
                "/v2.0/subnets" => {
                    json!({"subnet": {"network_id": own, "cidr": format!("10.1.{third}.0/24"), "ip_version": 4}})
                }
                _ => json!({"port": {"network_id": network}}),
            };
            let body = if tenant.is_empty() { body } else { for_tenant(body, tenant) };
            let reply = services.call_as(caller, "POST", &path, Some(body)).await;
            match expected {
                Ok(tenant) => {
                    assert_eq!((reply.status, &reply.object()["tenant_id"]), (201, &json!(tenant)), "{reply}")
                }
                Err(text) => assert_eq!((reply.status, reply.error().1), (400, text), "{path} by {caller}"),
            }
        }
    }
}

#[tokio::test]
async fn what_an_admin_made_for_a_tenant_is_the_tenants_and_a_vip_is_of_its_pools_tenant() {
    let services = Services::with_tokens(|_| {}).await;
    obedient(&services.channel, "a").await;
    let (_, subnet) = shared_land(&services).await;
    let made = services.call_as("admin", "POST", "/v2.0/lb/pools", Some(for_tenant(pool(&subnet), "b"))).await;
    let path = format!("/v2.0/lb/pools/{}", made.id());
    assert_eq!(services.call_as("bob", "GET", &path, None).await.status, 200);
    assert_eq!(services.call_as("alice", "GET", &path, None).await.error().0, "PoolNotFound");
    let others = for_tenant(vip(&subnet, &made.id()), "a");
    let refused = services.call_as("admin", "POST", "/v2.0/lb/vips", Some(others)).await;
    assert_eq!((refused.status, refused.error()), (403, ("NotAuthorized", "Not authorized.")));
    let front =
        services.call_as("admin", "POST", "/v2.0/lb/vips", Some(for_tenant(vip(&subnet, &made.id()), "b"))).await;
    assert_eq!(front.status, 201, "{front}");
    let shown = services.call_as("bob", "GET", &format!("/v2.0/lb/vips/{}", front.id()), None).await;
    assert_eq!((shown.status, &shown.object()["pool_id"]), (200, &json!(made.id())));
    // A member may be another tenant's than the pool when an admin makes it.
    let guest = for_tenant(member(&made.id(), "10.0.0.11"), "a");
    let guest = services.call_as("admin", "POST", "/v2.0/lb/members", Some(guest)).await;
    assert_eq!(guest.status, 201, "{guest}");
    let path = format!("/v2.0/lb/members/{}", guest.id());
    assert_eq!(services.call_as("alice", "GET", &path, None).await.status, 200);
    assert_eq!(services.call_as("bob", "GET", &path, None).await.error().0, "MemberNotFound");
}

#[tokio::test]
async fn agents_are_there_for_admins_alone() {
    let services = Services::with_tokens(|_| {}).await;
    let agent = Agent::connect(&services.channel, "host", "1").await.unwrap();
    let (_, subnet) = shared_land(&services).await;
    let of_alice = services.call_as("alice", "POST", "/v2.0/lb/pools", Some(pool(&subnet))).await.id();
    assert_eq!(services.call_as("alice", "GET", "/v2.0/agents", None).await.body, json!({"agents": []}));
    let path = format!("/v2.0/agents/{}", agent.id);
    let change = || Some(json!({"agent": {"admin_state_up": false}}));
    for (method, body) in [("GET", None), ("PUT", change()), ("DELETE", None)] {
        let reply = services.call_as("alice", method, &path, body).await;
        let words = ("HTTPNotFound", "The resource could not be found.");
        assert_eq!((reply.status, reply.error()), (404, words), "{method}");
    }
    for (path, action) in [
        (format!("/v2.0/lb/pools/{of_alice}/loadbalancer-agent"), "get_loadbalancer-agent"),
        (format!("{path}/loadbalancer-pools"), "get_loadbalancer-pools"),
    ] {
        let text = format!("Policy doesn't allow {action} to be performed.");
        let refused = services.call_as("alice", "GET", &path, None).await;
        assert_eq!((refused.status, refused.error()), (403, ("PolicyNotAuthorized", text.as_str())));
        assert_eq!(services.call_as("admin", "GET", &path, None).await.status, 200);
    }
    assert_eq!(services.call_as("admin", "GET", &path, None).await.object()["admin_state_up"], json!(true));
    let unknown = "/v2.0/agents/11111111-2222-3333-4444-555555555555";
    assert_eq!(services.call_as("admin", "GET", unknown, None).await.error().0, "AgentNotFound");
}

fn with_token<M>(token: &'static str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", AsciiMetadataValue::from_static(token));
    // Nobody but a gateway is believed.
    request.metadata_mut().insert("ballast-roles", AsciiMetadataValue::from_static("admin"));
    request.metadata_mut().insert("ballast-project-id", AsciiMetadataValue::from_static("b"));
    request
}

#[tokio::test]
async fn a_bearer_token_over_grpc_gives_what_it_gives_over_rest() {
    let services = Services::with_tokens(|_| {}).await;
    obedient(&services.channel, "a").await;
    let (_, subnet) = shared_land(&services).await;
    let of_alice = services.call_as("alice", "POST", "/v2.0/lb/pools", Some(pool(&subnet))).await.id();
    let channel = Channel::from_shared(format!("http://{}", services.scheduler)).unwrap().connect_lazy();
    let mut pools = PoolsClient::new(channel.clone());
    for token in ["Bearer alice", "bearer anna", "Bearer rita", "Bearer admin"] {
        let shown = pools.get(with_token(token, GetRequest { id: of_alice.clone() })).await.unwrap().into_inner();
        assert_eq!((shown.id.as_str(), shown.project_id.as_str()), (of_alice.as_str(), "a"), "{token}");
        let listed = pools.list(with_token(token, ListRequest::default())).await.unwrap().into_inner();
        assert_eq!(listed.pools.len(), 1, "{token}");
    }
    let foreign = pools.get(with_token("Bearer bob", GetRequest { id: of_alice.clone() })).await.unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
    let listed = pools.list(with_token("Bearer bob", ListRequest::default())).await.unwrap().into_inner();
    assert!(listed.pools.is_empty());
    let delete = |token| with_token(token, DeleteRequest { id: of_alice.clone() });
    assert_eq!(pools.delete(delete("Bearer bob")).await.unwrap_err().code(), Code::NotFound);
    let refused = pools.delete(delete("Bearer rita")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(refused.message(), "The caller may not do this: delete_pool.");
    assert_eq!(pools.delete(delete("Bearer carol")).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(pools.delete(delete("Bearer anna")).await.is_ok());

    let mut monitors = HealthMonitorsClient::new(channel);
    let new = |project: &str| {
        let (project_id, delay, timeout) = (project.to_owned(), Some(5), Some(3));
        let new = HealthMonitor { project_id, r#type: 2, delay, timeout, max_retries: Some(2), ..Default::default() };
        CreateHealthMonitorRequest { health_monitor: Some(new), ..Default::default() }
    };
    let made = monitors.create(with_token("Bearer alice", new(""))).await.unwrap().into_inner();
    assert_eq!(made.project_id, "a");
    let refused = monitors.create(with_token("Bearer alice", new("b"))).await.unwrap_err();
    let is_anothers = "project_id is refused: only an admin makes objects of another project.";
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, is_anothers));
    let made = monitors.create(with_token("Bearer root", new("b"))).await.unwrap().into_inner();
    assert_eq!(made.project_id, "b");
}
