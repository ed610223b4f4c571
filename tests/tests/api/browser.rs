//! The dashboard in a real browser: Debian's Chromium, headless, over loopback. Each test ends with a look at what the
//! browser has complained of.

mod access;
mod away;
mod certificates;
mod chromium;
mod crowd;
mod follow;
mod forms;
mod hostile;
mod pictures;
mod sessions;

use std::time::Duration;

use ballast_proto::{
    agent::{
        Desired, HealthReport, ListenerHealth, LoadBalancerHealth, LoadBalancerStatistics, StatisticsReport,
        agent_message,
    },
    driver::{CheckAnswer, Health, MemberHealth, Statistics},
};
use ballast_service::config::Settings;
use serde_json::{Value, json};

use crate::{
    certificates::{ALL, Pem, keep_secrets},
    played::{Agent, able_driver},
    services::Services,
};

/// A load balancer with a listener, a pool, a monitor, and members.
async fn load_balancer(services: &Services, token: &str, subnet: &str, name: &str, members: &[&str]) -> String {
    let members: Vec<Value> =
        members.iter().map(|address| json!({ "name": name, "address": address, "protocol_port": 80 })).collect();
    let body = json!({ "loadbalancer": { "name": name, "vip_subnet_id": subnet, "description": name, "listeners": [{
        "name": name, "protocol": "HTTP", "protocol_port": 80, "default_pool": { "name": "web" },
        "l7policies": [{ "name": name, "action": "REJECT", "rules": [
            { "type": "PATH", "compare_type": "STARTS_WITH", "value": "/no" }
        ] }]
    }], "pools": [{ "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
        "healthmonitor": { "name": name, "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2 }, "members": members
    }] } });
    let made = services.call_as(token, "POST", "/v2.0/lbaas/loadbalancers", Some(body)).await;
    assert_eq!(made.status, 201, "{made}");
    made.id()
}

/// Forms of a load balancer's parts: of each kind one that makes, one that changes, and one that takes away.
async fn forms_of_parts(services: &Services, token: &str, id: &str) -> Vec<String> {
    let first = async |path: String| {
        let found = services.call_as(token, "GET", &path, None).await;
        let all = found.body.as_object().unwrap().values().find_map(Value::as_array).unwrap();
        all[0]["id"].as_str().unwrap().to_owned()
    };
    let listener = first(format!("/v2.0/lbaas/listeners?loadbalancer_id={id}")).await;
    let pool = first(format!("/v2.0/lbaas/pools?loadbalancer_id={id}")).await;
    let monitor = first(format!("/v2.0/lbaas/healthmonitors?pool_id={pool}")).await;
    let policy = first(format!("/v2.0/lbaas/l7policies?listener_id={listener}")).await;
    let rule = first(format!("/v2.0/lbaas/l7policies/{policy}/rules")).await;
    let below = [
        "listeners/new".to_owned(),
        format!("listeners/{listener}/edit"),
        format!("listeners/{listener}/delete"),
        "pools/new".to_owned(),
        format!("pools/{pool}/edit"),
        format!("pools/{pool}/delete"),
        format!("pools/{pool}/members/new"),
        format!("pools/{pool}/monitors/new"),
        format!("monitors/{monitor}/edit"),
        format!("monitors/{monitor}/delete"),
        format!("listeners/{listener}/policies/new"),
        format!("policies/{policy}/edit"),
        format!("policies/{policy}/delete"),
        format!("policies/{policy}/rules/new"),
        format!("policies/{policy}/rules/{rule}/edit"),
        format!("policies/{policy}/rules/{rule}/delete"),
    ];
    below.into_iter().map(|form| format!("/ui/load-balancers/{id}/{form}")).collect()
}

/// A certificate of this name, which a listener of the load balancer uses; its pages.
async fn certificate(
    services: &Services,
    token: &str,
    (load_balancer, name): (&str, &str),
    (pem, port): (&Pem, u16),
) -> Vec<String> {
    let kept = services.call_as(token, "POST", ALL, Some(pem.body(name))).await;
    assert_eq!(kept.status, 201, "{kept}");
    let listener = json!({ "listener": {
        "name": name, "loadbalancer_id": load_balancer, "protocol": "TERMINATED_HTTPS", "protocol_port": port,
        "default_tls_container_ref": kept.object()["reference"],
    } });
    let listener = services.call_as(token, "POST", "/v2.0/lbaas/listeners", Some(listener)).await;
    assert_eq!(listener.status, 201, "{listener}");
    let path = format!("/ui/certificates/{}", kept.id());
    let edit = format!("/ui/load-balancers/{load_balancer}/listeners/{}/edit", listener.id());
    ["", "/edit", "/rotate", "/delete"].map(|form| format!("{path}{form}")).into_iter().chain([edit]).collect()
}

/// A shared network of an admin's, where callers have tokens; its subnet.
async fn shared_subnet(services: &Services) -> String {
    let network = json!({ "network": { "name": "net", "shared": true, "tenant_id": "ops" } });
    let network = services.call_as("admin", "POST", "/v2.0/networks", Some(network)).await.id();
    let subnet = json!({ "subnet": {
        "network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24", "tenant_id": "ops", "name": "subnet"
    } });
    services.call_as("admin", "POST", "/v2.0/subnets", Some(subnet)).await.id()
}

/// Agents are believed to live however long a browser takes, and certificates are kept.
fn patient(settings: &mut Settings) {
    keep_secrets(settings);
    (settings.agents.suspect_after_ms, settings.agents.dead_after_ms) = (600_000, 700_000);
}

/// An agent that says how members fare.
pub(crate) struct Watchful {
    agent: Agent,
    desired: Desired,
}

impl Watchful {
    pub(crate) async fn connect(services: &Services) -> Agent {
        Agent::with_drivers(&services.channel, "h1", "1", vec![able_driver()]).await.unwrap()
    }

    /// Deploys the one load balancer that there is.
    pub(crate) async fn deploy(mut agent: Agent) -> Self {
        let desired = agent.desired().await;
        agent.deployed(&desired).await;
        Self { agent, desired }
    }

    /// It has counted this.
    pub(crate) async fn count(&self, counted: LoadBalancerStatistics) {
        let one = LoadBalancerStatistics { epoch: self.desired.epoch, ..counted };
        let report = StatisticsReport { load_balancers: vec![one] };
        self.agent.say(agent_message::Message::Statistics(report)).await;
    }

    /// Traffic of a few minutes, now more and now less, which pass on the scheduler's clock.
    async fn count_for_minutes(&self, services: &Services) {
        let load_balancer_id = self.desired.load_balancer.as_ref().unwrap().id.clone();
        let mut counted = Statistics::default();
        for at in 0..60 {
            let some = 20 + (at * at * 7 + at * 13) % 31;
            counted.bytes_in += some * 20_000;
            counted.bytes_out += some * 600_000;
            counted.total_connections += some;
            counted.active_connections = some * 6;
            let statistics = Some(counted);
            let load_balancer_id = load_balancer_id.clone();
            self.count(LoadBalancerStatistics { load_balancer_id, statistics, ..LoadBalancerStatistics::default() })
                .await;
            // A report that is late is of the time until then: nothing waits for it.
            tokio::time::sleep(Duration::from_millis(20)).await;
            services.pass(5);
        }
        services.pass(10);
    }

    /// Each member is up, or its check got this status.
    pub(crate) async fn say(&self, codes: &[u32]) {
        let load_balancer = self.desired.load_balancer.as_ref().unwrap();
        let pool = &load_balancer.pools[0];
        let member = |(member, code): (&ballast_proto::driver::Member, &u32)| {
            let (health, result) = if *code < 400 { (Health::Up, "L7OK") } else { (Health::Down, "L7STS") };
            let answer = CheckAnswer { result: result.to_owned(), code: *code, text: String::new(), milliseconds: 2 };
            MemberHealth {
                pool_id: pool.id.clone(),
                member_id: member.id.clone(),
                health: health.into(),
                answer: Some(answer),
                ..MemberHealth::default()
            }
        };
        let listener = |listener: &ballast_proto::driver::Listener| ListenerHealth {
            listener_id: listener.id.clone(),
            ..ListenerHealth::default()
        };
        let one = LoadBalancerHealth {
            load_balancer_id: load_balancer.id.clone(),
            epoch: self.desired.epoch,
            members: pool.members.iter().zip(codes).map(member).collect(),
            listeners: load_balancer.listeners.iter().map(listener).collect(),
        };
        let report = HealthReport { load_balancers: vec![one], ..HealthReport::default() };
        self.agent.say(agent_message::Message::Health(report)).await;
    }
}
