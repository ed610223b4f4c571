//! Secrets that load balancers name: who may name which, which agent is told what, and what becomes of load balancers when a
//! certificate is changed.

use std::time::Duration;

use ballast_proto::agent::Desired;
use ballast_tests::rest::Reply;
use serde_json::{Value, json};

use crate::{
    certificates::{Pem, keep_secrets},
    played::{Agent, able_driver},
    services::{PATIENCE, Services},
};

const ALL: &str = "/ballast/v1/certificates";
const LISTENERS: &str = "/v2.0/lbaas/listeners";

/// Services with an agent that can do everything, and a load balancer that it runs.
struct Site {
    services: Services,
    agent: Agent,
    load_balancer: String,
}

impl Site {
    async fn start() -> Self {
        let services = Services::with(keep_secrets).await;
        let mut agent = Agent::with_drivers(&services.channel, "a", "1", vec![able_driver()]).await.unwrap();
        assert!(agent.snapshot().await.is_empty());
        let subnet = services.subnet().await;
        let body = json!({ "loadbalancer": { "vip_subnet_id": subnet } });
        let load_balancer = services.create("/v2.0/lbaas/loadbalancers", body).await.id();
        let desired = agent.desired().await;
        agent.deployed(&desired).await;
        Self { services, agent, load_balancer }
    }

    async fn certificate(&self, name: &str) -> (String, String, Pem) {
        let pem = Pem::of(name);
        let made = self.services.create(ALL, pem.body(name)).await;
        (made.id(), made.object()["reference"].as_str().unwrap().to_owned(), pem)
    }

    async fn listen(&self, references: &Value) -> Reply {
        let mut body =
            json!({ "loadbalancer_id": self.load_balancer, "protocol": "TERMINATED_HTTPS", "protocol_port": 443 });
        body.as_object_mut().unwrap().extend(references.as_object().unwrap().clone());
        self.services.call("POST", LISTENERS, Some(json!({ "listener": body }))).await
    }

    async fn is_active(&self, listener: &str) {
        let look = async {
            while self.status(listener).await.0 != "ACTIVE" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("ACTIVE in time");
    }

    async fn status(&self, listener: &str) -> (String, String) {
        let shown = self.services.get(&format!("{LISTENERS}/{listener}")).await["listener"].clone();
        let text = |field: &str| shown[field].as_str().unwrap_or_default().to_owned();
        (text("provisioning_status"), text("description"))
    }
}

fn digests(desired: &Desired) -> Vec<String> {
    desired.load_balancer.as_ref().unwrap().secrets().map(|(_, secret)| secret.digest.clone()).collect()
}

fn said_of(reply: &Reply) -> &str {
    reply.body["faultstring"].as_str().unwrap_or_default()
}

fn normal(pem: &str) -> String {
    pem.replace("\r\n", "\n")
}

#[tokio::test]
async fn the_agent_that_runs_a_load_balancer_is_told_its_secrets_and_nobody_else() {
    let mut site = Site::start().await;
    let (_, reference, pem) = site.certificate("www.example").await;
    let made = site.listen(&json!({ "default_tls_container_ref": reference, "sni_container_refs": [reference] })).await;
    assert_eq!(made.status, 201, "{made}");
    let desired = site.agent.desired().await;
    assert_eq!(digests(&desired).len(), 2);
    assert!(digests(&desired).iter().all(|digest| digest.len() == 64), "{desired:?}");
    assert!(!format!("{desired:?}").contains("PRIVATE KEY"));

    let told = site.agent.secrets(&desired, None).await;
    assert_eq!((told.missing.len(), told.secrets.len()), (0, 2), "{told:?}");
    assert_eq!(
        (normal(&told.secrets[0].pem), normal(&told.secrets[0].private_key)),
        (normal(&pem.chain), normal(&pem.key))
    );
    assert!(!format!("{told:?}").contains("PRIVATE KEY"), "it shows it for debugging");
    let other = site.agent.secrets(&desired, Some("0123")).await;
    assert!(other.secrets.is_empty() && other.missing.len() == 2, "{other:?}");
    let why = other.missing[0].fault.as_ref().unwrap();
    assert!(why.retryable && why.message.contains("changed meanwhile"), "{why:?}");

    let mut foreign = Agent::with_drivers(&site.services.channel, "b", "1", vec![able_driver()]).await.unwrap();
    assert!(foreign.snapshot().await.is_empty());
    let told = foreign.secrets(&desired, None).await;
    assert!(told.secrets.is_empty(), "{told:?}");
    let former = Desired { epoch: desired.epoch - 1, ..desired };
    assert!(site.agent.secrets(&former, None).await.secrets.is_empty());
}

#[tokio::test]
async fn tls_ends_at_a_listener_of_metrics_that_has_a_certificate_and_not_without_one() {
    let mut site = Site::start().await;
    let (_, reference, _) = site.certificate("www.example").await;
    for (port, references, count) in
        [(9090, json!({}), 0), (9091, json!({ "default_tls_container_ref": reference }), 1)]
    {
        let mut body =
            json!({ "loadbalancer_id": site.load_balancer, "protocol": "PROMETHEUS", "protocol_port": port });
        body.as_object_mut().unwrap().extend(references.as_object().unwrap().clone());
        let made = site.services.call("POST", LISTENERS, Some(json!({ "listener": body }))).await;
        assert_eq!(made.status, 201, "{made}");
        let desired = site.agent.desired().await;
        assert_eq!(digests(&desired).iter().filter(|digest| digest.len() == 64).count(), count, "{desired:?}");
        assert_eq!(site.agent.secrets(&desired, None).await.secrets.len(), count);
    }
    let used = site.services.get("/ballast/v1/secrets").await;
    assert_eq!(used["secrets"][0]["reference"], reference, "{used}");
}

#[tokio::test]
async fn a_new_version_goes_to_who_names_the_certificate_and_to_nobody_else() {
    let mut site = Site::start().await;
    let (id, reference, _) = site.certificate("www.example").await;
    let (_, second, _) = site.certificate("other.example").await;
    let by_secret = reference.replace("containers", "secrets");
    let made = site.listen(&json!({ "default_tls_container_ref": second, "sni_container_refs": [by_secret] })).await;
    let listener = made.id();
    let first = site.agent.desired().await;
    site.agent.deployed(&first).await;
    site.is_active(&listener).await;

    let next = Pem::of("www.example");
    let path = format!("{ALL}/{id}");
    for (query, body) in
        [("", json!({ "certificate": { "name": "named" } })), ("?validate_only=true", next.body("named"))]
    {
        assert_eq!(site.services.call("PUT", &format!("{path}{query}"), Some(body)).await.status, 200);
    }
    assert_eq!(site.status(&listener).await.0, "ACTIVE", "nothing has changed for it");
    assert_eq!(site.services.call("PUT", &path, Some(next.body("named"))).await.status, 200);
    assert_eq!(site.status(&listener).await.0, "PENDING_UPDATE");
    let second = site.agent.desired().await;
    assert_eq!(second.generation, first.generation + 1);
    let changed: Vec<bool> = digests(&first).iter().zip(digests(&second)).map(|(was, is)| *was != is).collect();
    assert_eq!(changed, [false, true]);
    let told = site.agent.secrets(&second, None).await;
    assert!(told.secrets.iter().any(|secret| normal(&secret.private_key) == normal(&next.key)), "{told:?}");
    site.agent.deployed(&second).await;
    site.is_active(&listener).await;
}

#[tokio::test]
async fn a_reference_that_nobody_knows_is_refused_wherever_it_is() {
    let site = Site::start().await;
    let (_, reference, _) = site.certificate("www.example").await;
    let nothing = "http://barbican/v1/containers/11111111-2222-3333-4444-555555555555";
    let refused =
        site.listen(&json!({ "default_tls_container_ref": reference, "sni_container_refs": [nothing] })).await;
    let said = format!("Could not retrieve certificate: ['{nothing}']");
    assert_eq!((refused.status, said_of(&refused)), (400, said.as_str()), "{refused}");
    let pool = json!({ "pool": {
        "loadbalancer_id": site.load_balancer, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "tls_enabled": true,
        "ca_tls_container_ref": nothing,
    } });
    let refused = site.services.call("POST", "/v2.0/lbaas/pools", Some(pool.clone())).await;
    assert_eq!((refused.status, said_of(&refused)), (400, said.as_str()), "{refused}");
    // Where it has no effect it may be anything.
    let mut without = pool;
    without["pool"]["tls_enabled"] = json!(false);
    let made = site.services.create("/v2.0/lbaas/pools", without).await;
    let enabled = json!({ "pool": { "tls_enabled": true } });
    let refused = site.services.call("PUT", &format!("/v2.0/lbaas/pools/{}", made.id()), Some(enabled)).await;
    assert_eq!((refused.status, said_of(&refused)), (400, said.as_str()), "{refused}");
    // Another project's is not there.
    let whole = json!({ "loadbalancer": {
        "vip_subnet_id": site.services.subnet().await, "project_id": "other",
        "listeners": [{ "protocol": "TERMINATED_HTTPS", "protocol_port": 443, "default_tls_container_ref": reference }],
    } });
    let refused = site.services.call("POST", "/v2.0/lbaas/loadbalancers", Some(whole)).await;
    assert_eq!(
        (refused.status, said_of(&refused)),
        (400, format!("Could not retrieve certificate: ['{reference}']").as_str())
    );
}

#[tokio::test]
async fn nothing_is_told_over_a_connection_that_others_can_read() {
    let mut site = Site::start().await;
    let (_, reference, _) = site.certificate("www.example").await;
    assert_eq!(site.listen(&json!({ "default_tls_container_ref": reference })).await.status, 201);
    let desired = site.agent.desired().await;
    let plain = ballast_service::grpc::channel(&site.services.scheduler.parse().unwrap()).unwrap();
    let mut agent = Agent::with_drivers(&plain, "a", "1", vec![able_driver()]).await.unwrap();
    agent.snapshot().await;
    let told = agent.secrets(&desired, None).await;
    assert!(told.secrets.is_empty(), "{told:?}");
    let why = &told.missing[0].fault.as_ref().unwrap().message;
    assert!(why.contains("without TLS"), "{why}");
}
