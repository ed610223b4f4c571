//! Whatever several tenants ask at once, in whatever order, and whatever of it is refused: what must hold of what is
//! there holds, nobody sees what is another's, and when all is deleted, nothing is left.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use ballast_lab::Postgres;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::{
    played::obedient,
    services::{Services, member, monitor, pool, vip},
};

/// Those who call. Two of them work for the same project.
const CALLERS: [&str; 3] = ["alice", "anna", "bob"];
const POOLS: &str = "/v2.0/lb/pools";
const VIPS: &str = "/v2.0/lb/vips";
const MEMBERS: &str = "/v2.0/lb/members";
const MONITORS: &str = "/v2.0/lb/health_monitors";
const KINDS: [(&str, &str); 4] =
    [(VIPS, "vips"), (MEMBERS, "members"), (POOLS, "pools"), (MONITORS, "health_monitors")];
/// More pools than this no project may have.
const MOST_POOLS: usize = 4;

/// One call. Numbers choose among what the project has made so far.
#[derive(Debug, Clone)]
enum Call {
    MakePool,
    ChangePool(u8),
    /// At one of few addresses, or at any.
    MakeVip(u8, Option<u8>),
    MoveVip(u8, u8),
    MakeMember(u8, u8),
    MoveMember(u8, u8),
    MakeMonitor,
    Associate(u8, u8),
    Disassociate(u8, u8),
    Delete(usize, u8),
    LookAtAnothers(usize, u8),
    List(usize),
}

fn call() -> impl Strategy<Value = Call> {
    let which = 0u8..6;
    prop_oneof![
        3 => Just(Call::MakePool),
        1 => which.clone().prop_map(Call::ChangePool),
        3 => (which.clone(), proptest::option::of(10u8..13)).prop_map(|(pool, at)| Call::MakeVip(pool, at)),
        1 => (which.clone(), which.clone()).prop_map(|(vip, pool)| Call::MoveVip(vip, pool)),
        4 => (which.clone(), 20u8..24).prop_map(|(pool, last)| Call::MakeMember(pool, last)),
        1 => (which.clone(), which.clone()).prop_map(|(member, pool)| Call::MoveMember(member, pool)),
        1 => Just(Call::MakeMonitor),
        2 => (which.clone(), which.clone()).prop_map(|(pool, monitor)| Call::Associate(pool, monitor)),
        1 => (which.clone(), which.clone()).prop_map(|(pool, monitor)| Call::Disassociate(pool, monitor)),
        3 => (0..KINDS.len(), which.clone()).prop_map(|(kind, which)| Call::Delete(kind, which)),
        1 => (0..KINDS.len(), which).prop_map(|(kind, which)| Call::LookAtAnothers(kind, which)),
        1 => (0..KINDS.len()).prop_map(Call::List),
    ]
}

/// What each project was told was made, by kind.
type Made = Arc<Mutex<HashMap<(&'static str, &'static str), Vec<String>>>>;

/// One caller's way to the services.
struct Tenant<'a> {
    services: &'a Services,
    token: &'static str,
    project: &'static str,
    subnet: &'a str,
    made: Made,
}

fn project_of(token: &str) -> &'static str {
    if token.starts_with('a') { "a" } else { "b" }
}

impl Tenant<'_> {
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let reply = self.services.call_as(self.token, method, path, body).await;
        assert!([200, 201, 204, 400, 404, 409].contains(&reply.status), "{} {method} {path}: {reply}", self.token);
        (reply.status, reply.object().clone())
    }

    fn known(&self, project: &'static str, kind: &'static str) -> Vec<String> {
        self.made.lock().unwrap().get(&(project, kind)).cloned().unwrap_or_default()
    }

    fn nth(&self, kind: &'static str, which: u8) -> String {
        let known = self.known(self.project, kind);
        // An id of nothing, where there is nothing.
        let nothing = uuid::Uuid::nil().to_string();
        if known.is_empty() { nothing } else { known[usize::from(which) % known.len()].clone() }
    }

    async fn make(&self, kind: &'static str, body: Value) {
        let (status, object) = self.call("POST", kind, Some(body)).await;
        if status == 201 {
            let id = object["id"].as_str().unwrap().to_owned();
            self.made.lock().unwrap().entry((self.project, kind)).or_default().push(id);
        }
    }

    async fn change(&self, kind: &'static str, id: &str, body: Value) {
        self.call("PUT", &format!("{kind}/{id}"), Some(body)).await;
    }

    async fn carry_out(&self, call: &Call) {
        match *call {
            Call::MakePool => self.make(POOLS, pool(self.subnet)).await,
            Call::ChangePool(which) => {
                let change = json!({"pool": {"description": format!("{which}"), "lb_method": "SOURCE_IP"}});
                self.change(POOLS, &self.nth(POOLS, which), change).await;
            }
            Call::MakeVip(which, at) => {
                let mut body = vip(self.subnet, &self.nth(POOLS, which));
                if let Some(last) = at {
                    body["vip"]["address"] = json!(format!("10.0.0.{last}"));
                }
                self.make(VIPS, body).await;
            }
            Call::MoveVip(which, to) => {
                let change = json!({"vip": {"pool_id": self.nth(POOLS, to)}});
                self.change(VIPS, &self.nth(VIPS, which), change).await;
            }
            Call::MakeMember(which, last) => {
                self.make(MEMBERS, member(&self.nth(POOLS, which), &format!("10.0.0.{last}"))).await;
            }
            Call::MoveMember(which, to) => {
                let change = json!({"member": {"pool_id": self.nth(POOLS, to)}});
                self.change(MEMBERS, &self.nth(MEMBERS, which), change).await;
            }
            Call::MakeMonitor => self.make(MONITORS, monitor()).await,
            Call::Associate(which, with) => {
                let path = format!("{POOLS}/{}/health_monitors", self.nth(POOLS, which));
                let body = json!({"health_monitor": {"id": self.nth(MONITORS, with)}});
                self.call("POST", &path, Some(body)).await;
            }
            Call::Disassociate(which, with) => {
                let path = format!("{POOLS}/{}/health_monitors/{}", self.nth(POOLS, which), self.nth(MONITORS, with));
                self.call("DELETE", &path, None).await;
            }
            Call::Delete(kind, which) => {
                let kind = KINDS[kind].0;
                self.call("DELETE", &format!("{kind}/{}", self.nth(kind, which)), None).await;
            }
            Call::LookAtAnothers(kind, which) => self.look_at_anothers(KINDS[kind].0, which).await,
            Call::List(kind) => self.list(KINDS[kind]).await,
        }
    }

    /// What is another's is not there.
    async fn look_at_anothers(&self, kind: &'static str, which: u8) {
        let theirs = self.known(if self.project == "a" { "b" } else { "a" }, kind);
        if theirs.is_empty() {
            return;
        }
        let path = format!("{kind}/{}", theirs[usize::from(which) % theirs.len()]);
        for method in ["GET", "DELETE"] {
            assert_eq!(self.call(method, &path, None).await.0, 404, "{} {method} {path}", self.token);
        }
    }

    async fn list(&self, (path, many): (&str, &str)) {
        let reply = self.services.call_as(self.token, "GET", path, None).await;
        for object in reply.body[many].as_array().unwrap() {
            assert_eq!(object["tenant_id"], self.project, "{} sees {object}", self.token);
        }
        if path == POOLS {
            assert!(reply.body[many].as_array().unwrap().len() <= MOST_POOLS, "over quota: {}", reply.body);
        }
    }
}

/// Everything there is, by kind.
struct Everything(HashMap<&'static str, Vec<Value>>);

impl Everything {
    async fn of(services: &Services) -> Self {
        let mut everything = HashMap::new();
        for (path, many) in KINDS.into_iter().chain([("/v2.0/ports", "ports")]) {
            let reply = services.call_as("admin", "GET", path, None).await;
            everything.insert(many, reply.body[many].as_array().unwrap_or_else(|| panic!("{path}: {reply}")).clone());
        }
        Self(everything)
    }

    fn field<'a>(&'a self, many: &str, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.0[many].iter().map(move |object| object[field].as_str().unwrap())
    }

    /// Each value once.
    fn unique(&self, many: &str, key: impl Fn(&Value) -> String) {
        let mut seen = HashSet::new();
        for object in &self.0[many] {
            assert!(seen.insert(key(object)), "{many}, twice: {object}");
        }
    }

    fn must_hold(&self) {
        self.unique("vips", |vip| vip["pool_id"].to_string());
        self.unique("vips", |vip| vip["address"].to_string());
        self.unique("ports", |port| port["fixed_ips"].to_string());
        self.unique("members", |one| format!("{} {} {}", one["pool_id"], one["address"], one["protocol_port"]));
        let ports: HashSet<&str> = self.field("ports", "id").collect();
        assert_eq!(self.field("vips", "port_id").collect::<HashSet<_>>(), ports, "each vip has its port, and no other");
        for pool in &self.0["pools"] {
            self.pool_must_hold(pool);
        }
        let pools: HashSet<&str> = self.field("pools", "id").collect();
        for many in ["vips", "members"] {
            assert!(self.field(many, "pool_id").all(|pool| pools.contains(pool)), "{many} without a pool");
        }
        for project in ["a", "b"] {
            let count = self.field("pools", "tenant_id").filter(|tenant| *tenant == project).count();
            assert!(count <= MOST_POOLS, "project {project} has {count} pools");
        }
    }

    /// What a pool says of others is what they say of it.
    fn pool_must_hold(&self, pool: &Value) {
        let id = &pool["id"];
        let of_it = |many: &str| self.0[many].iter().filter(|one| one["pool_id"] == *id).collect::<Vec<_>>();
        let texts = |value: &Value| {
            let list = value.as_array().into_iter().flatten();
            list.map(|one| one.as_str().unwrap().to_owned()).collect::<HashSet<_>>()
        };
        let members = of_it("members").iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(texts(&pool["members"]), members, "{pool}");
        assert_eq!(of_it("vips").first().map_or(Value::Null, |vip| vip["id"].clone()), pool["vip_id"], "{pool}");
        for object in of_it("members").into_iter().chain(of_it("vips")) {
            assert_eq!(object["tenant_id"], pool["tenant_id"], "{object} in {pool}");
        }
        let says = |monitor: &&Value| monitor["pools"].as_array().unwrap().iter().any(|one| one["pool_id"] == *id);
        let monitors = self.0["health_monitors"].iter().filter(says);
        let monitors = monitors.map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(texts(&pool["health_monitors"]), monitors, "{pool}");
    }
}

/// Everything goes, and leaves nothing behind: neither an address nor a subnet that cannot go.
async fn all_is_deleted(services: &Services, subnet: &str) {
    for (path, many) in KINDS {
        for id in Everything::of(services).await.field(many, "id") {
            let reply = services.call_as("admin", "DELETE", &format!("{path}/{id}"), None).await;
            assert_eq!(reply.status, 204, "DELETE {path}/{id}: {reply}");
        }
    }
    let left = Everything::of(services).await;
    assert!(left.0.values().all(Vec::is_empty), "{:?}", left.0);
    // An address is held until the agent has confirmed that it is gone.
    let path = format!("/v2.0/subnets/{subnet}");
    let gone = async { while services.call_as("admin", "DELETE", &path, None).await.status != 204 {} };
    tokio::time::timeout(crate::services::PATIENCE, gone).await.expect("a subnet without addresses");
}

async fn shared_subnet(services: &Services) -> String {
    let network = json!({"network": {"name": "net", "shared": true, "tenant_id": "ops"}});
    let network = services.call_as("admin", "POST", "/v2.0/networks", Some(network)).await;
    let subnet = json!({"subnet": {"network_id": network.id(), "ip_version": 4, "cidr": "10.0.0.0/24"}});
    let subnet = services.call_as("admin", "POST", "/v2.0/subnets", Some(subnet)).await;
    assert_eq!(subnet.status, 201, "{subnet}");
    subnet.id()
}

/// Every caller makes his calls, all at once; then it is looked at what came of it.
async fn live_through(services: &Services, calls: &[Vec<Call>]) {
    let subnet = shared_subnet(services).await;
    for project in ["a", "b"] {
        let quota = json!({"quota": {"pool": MOST_POOLS}});
        let reply = services.call_as("admin", "PUT", &format!("/v2.0/quotas/{project}"), Some(quota)).await;
        assert_eq!(reply.status, 200, "{reply}");
    }
    let made = Made::default();
    let lives = CALLERS.iter().zip(calls).map(|(token, calls)| {
        let (project, made) = (project_of(token), Arc::clone(&made));
        let tenant = Tenant { services, token, project, subnet: &subnet, made };
        async move {
            for call in calls {
                tenant.carry_out(call).await;
            }
        }
    });
    futures_util::future::join_all(lives).await;
    Everything::of(services).await.must_hold();
    all_is_deleted(services, &subnet).await;
}

/// So many stories of so many calls each, one after the other.
#[expect(clippy::print_stderr, reason = "what a failed test did")]
async fn stories(services: &Services, count: usize, length: usize) {
    obedient(&services.channel, "agent-1").await;
    let mut runner = TestRunner::default();
    let calls = proptest::collection::vec(proptest::collection::vec(call(), length), CALLERS.len());
    for _ in 0..count {
        let calls = calls.new_tree(&mut runner).unwrap().current();
        let told = format!("{calls:?}");
        let life = std::panic::AssertUnwindSafe(live_through(services, &calls));
        if let Err(panic) = futures_util::FutureExt::catch_unwind(life).await {
            eprintln!("the calls were {told}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_tenants_do_at_once_breaks_nothing() {
    stories(&Services::with_tokens(|_| {}).await, 6, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_tenants_do_at_once_breaks_nothing_on_postgresql() {
    let Some(server) = Postgres::start("the API's invariants on PostgreSQL").await else { return };
    let services = Services::with_tokens(|settings| settings.database.url = server.url()).await;
    stories(&services, 4, 40).await;
    server.stop().await;
}
