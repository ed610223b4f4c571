//! What the calls of the policy's test are about: objects of the caller's project, of another's, and of what is shared.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::{
    played::obedient,
    services::{Services, member, monitor, pool, vip},
};

/// Whose an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Own,
    Foreign,
    /// Networks that the operator's project shares, and what the caller's has in them.
    Shared,
}

impl Whose {
    pub(super) const ALL: [Self; 3] = [Self::Own, Self::Foreign, Self::Shared];

    /// The project of networks and subnets.
    fn of_networks(self) -> &'static str {
        match self {
            Self::Own => "a",
            Self::Foreign => "b",
            Self::Shared => "ops",
        }
    }

    /// The project of what lives in them.
    pub(super) fn project(self) -> &'static str {
        match self {
            Self::Own | Self::Shared => "a",
            Self::Foreign => "b",
        }
    }
}

/// A network with a subnet where there is room for all.
struct Land {
    network: String,
    subnet: String,
}

/// The services and a land of each kind.
pub(super) struct World {
    pub(super) services: Services,
    lands: Vec<Land>,
    made: AtomicU32,
}

impl World {
    pub(super) async fn make() -> Self {
        // The agents of this test send no heartbeats, however long it takes.
        let services = Services::with_tokens(|settings| {
            settings.agents.suspect_after_ms = 3_600_000;
            settings.agents.dead_after_ms = 7_200_000;
        })
        .await;
        obedient(&services.channel, "host").await;
        let mut world = Self { services, lands: Vec::new(), made: AtomicU32::new(0) };
        for whose in Whose::ALL {
            let network = world.network(whose).await;
            let offered = json!([{"start": "172.20.0.0", "end": "172.31.255.254"}]);
            let body = json!({"subnet": {
                "network_id": network, "ip_version": 4, "cidr": "172.16.0.0/12", "allocation_pools": offered
            }});
            let subnet = world.create("/v2.0/subnets", body, whose.of_networks()).await;
            world.lands.push(Land { network, subnet });
            let path = format!("/v2.0/quotas/{}", whose.of_networks());
            let quota = json!({"quota": {"network": -1}});
            assert_eq!(world.services.call_as("admin", "PUT", &path, Some(quota)).await.status, 200);
        }
        world
    }

    fn land(&self, whose: Whose) -> &Land {
        &self.lands[whose as usize]
    }

    fn number(&self) -> u32 {
        self.made.fetch_add(1, Ordering::SeqCst)
    }

    /// Makes an object as the operator, for a project; its id.
    async fn create(&self, path: &str, body: Value, project: &str) -> String {
        let body = of(body, project);
        let reply = self.services.call_as("admin", "POST", path, Some(body.clone())).await;
        assert_eq!(reply.status, 201, "POST {path} {body}: {reply}");
        reply.id()
    }

    async fn network(&self, whose: Whose) -> String {
        let body = json!({"network": {"name": "n", "shared": whose == Whose::Shared}});
        self.create("/v2.0/networks", body, whose.of_networks()).await
    }

    async fn subnet_of(&self, network: &str, whose: Whose, cidr: &str) -> String {
        let body = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": cidr}});
        self.create("/v2.0/subnets", body, whose.of_networks()).await
    }

    async fn pool(&self, whose: Whose) -> String {
        self.create("/v2.0/lb/pools", pool(&self.land(whose).subnet), whose.project()).await
    }

    async fn monitor(&self, whose: Whose) -> String {
        self.create("/v2.0/lb/health_monitors", monitor(), whose.project()).await
    }

    /// What the placeholders of a path stand for: new objects, or what is always there.
    pub(super) async fn ids(&self, path: &str, whose: Whose) -> Vec<String> {
        let collection = path.split("/{").next().unwrap_or_default();
        match path.matches('{').count() {
            0 => Vec::new(),
            1 => vec![self.one(collection, whose).await],
            _ => {
                let (pool, monitor) = (self.pool(whose).await, self.monitor(whose).await);
                let path = format!("{collection}/{pool}/health_monitors");
                self.create(&path, json!({"health_monitor": {"id": monitor}}), whose.project()).await;
                vec![pool, monitor]
            }
        }
    }

    /// A new object of a collection.
    pub(super) async fn one(&self, collection: &str, whose: Whose) -> String {
        let land = self.land(whose);
        let project = whose.project();
        match collection {
            "/v2.0/networks" => self.network(whose).await,
            "/v2.0/subnets" => {
                let network = self.network(whose).await;
                self.subnet_of(&network, whose, "10.0.0.0/24").await
            }
            "/v2.0/ports" => self.create(collection, json!({"port": {"network_id": land.network}}), project).await,
            "/v2.0/lb/pools" => self.pool(whose).await,
            "/v2.0/lb/health_monitors" => self.monitor(whose).await,
            "/v2.0/lb/vips" => {
                let pool = self.pool(whose).await;
                self.create(collection, vip(&land.subnet, &pool), project).await
            }
            "/v2.0/lb/members" => {
                let pool = self.pool(whose).await;
                self.create(collection, member(&pool, "10.0.0.11"), project).await
            }
            "/v2.0/agents" => obedient(&self.services.channel, &format!("host-{}", self.number())).await,
            "/v2.0/quotas" => whose.of_networks().to_owned(),
            "/v2.0/extensions" => "lbaas".to_owned(),
            "/v2.0/service-providers" => "haproxy".to_owned(),
            other => panic!("how is a new one of {other} made?"),
        }
    }

    /// What a field that takes an id may be given: new, or of the land.
    pub(super) async fn id_of(&self, field: &str, whose: Whose) -> String {
        match field {
            "subnet_id" => self.land(whose).subnet.clone(),
            "network_id" => self.land(whose).network.clone(),
            "pool_id" => self.pool(whose).await,
            "id" => self.monitor(whose).await,
            other => panic!("of what is the id in {other}?"),
        }
    }

    /// What other fields may be given. Of a land, addresses are offered by its allocation pools or withheld.
    pub(super) fn value(&self, kind: &str) -> Value {
        let number = 10 + self.number() % 200;
        match kind {
            "offered" => json!(format!("172.20.1.{number}")),
            "withheld" => json!(format!("172.16.1.{number}")),
            "outside" => json!("192.0.2.1"),
            "anywhere" => json!(format!("203.0.113.{number}")),
            // Of a subnet that was made with all that a path names.
            "gateway" => json!("10.0.0.1"),
            "inside" => json!(format!("10.0.0.{number}")),
            "mac" => json!(format!("fa:16:3e:00:00:{number:02x}")),
            "port" => json!(8080),
            "number" => json!(7),
            "text" => json!("bridge"),
            other => panic!("what is '{other}'?"),
        }
    }

    /// The body that makes one more, or changes one: with the attribute that is changed.
    pub(super) async fn body(&self, action: &str, whose: Whose) -> Option<(Value, &'static str)> {
        let land = self.land(whose);
        let made = |body: Value| Some((body, "id"));
        match action {
            "create_network" => made(json!({"network": {"name": "n", "shared": whose == Whose::Shared}})),
            "create_subnet" => {
                let cidr = format!("10.{}.0.0/24", self.number() % 256);
                made(json!({"subnet": {"network_id": land.network, "ip_version": 4, "cidr": cidr}}))
            }
            "create_port" => made(json!({"port": {"network_id": land.network}})),
            "create_pool" => made(pool(&land.subnet)),
            "create_vip" => made(vip(&land.subnet, &self.pool(whose).await)),
            "create_member" => made(member(&self.pool(whose).await, "10.0.0.11")),
            "create_health_monitor" => made(monitor()),
            "create_pool_health_monitor" => made(json!({"health_monitor": {"id": self.monitor(whose).await}})),
            "create_agent" => made(json!({"agent": {"description": "d"}})),
            "create_service_provider" => made(json!({"service_provider": {"name": "n"}})),
            "create_quota" => made(json!({"quota": {"pool": 7}})),
            "update_network" => Some((json!({"network": {"name": "changed"}}), "name")),
            "update_subnet" => Some((json!({"subnet": {"name": "changed"}}), "name")),
            "update_port" => Some((json!({"port": {"name": "changed"}}), "name")),
            "update_pool" => Some((json!({"pool": {"description": "changed"}}), "description")),
            "update_vip" => Some((json!({"vip": {"description": "changed"}}), "description")),
            "update_member" => Some((json!({"member": {"weight": 77}}), "weight")),
            "update_health_monitor" => Some((json!({"health_monitor": {"delay": 77}}), "delay")),
            "update_agent" => Some((json!({"agent": {"description": "changed"}}), "description")),
            "update_quota" => Some((json!({"quota": {"pool": 77}}), "pool")),
            _ => None,
        }
    }
}

/// A body for a project other than the caller's.
pub(super) fn of(mut body: Value, project: &str) -> Value {
    if let Some(object) = body.as_object_mut().and_then(|body| body.values_mut().next()) {
        object["tenant_id"] = json!(project);
    }
    body
}
