//! What the newest release stored is what today's services show, on both databases.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use ballast_lab::Postgres;
use ballast_service::{
    config::{Quotas, Settings},
    grpc,
};
use ballast_tests::programs;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    played::obedient,
    services::{PATIENCE, Services, member, monitor, pool, vip},
};

/// All that has a list.
const LISTS: [&str; 8] = [
    "/v2.0/networks",
    "/v2.0/subnets",
    "/v2.0/ports",
    "/v2.0/lb/pools",
    "/v2.0/lb/vips",
    "/v2.0/lb/members",
    "/v2.0/lb/health_monitors",
    "/v2.0/quotas",
];

#[tokio::test]
async fn what_the_release_stored_is_shown_and_can_be_changed_and_deleted() {
    let Some(release) = programs::released("the database of the release") else { return };
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/ballast.db", directory.path().display());
    upgrade(&release, directory, &database).await;
}

#[tokio::test]
async fn what_the_release_stored_is_shown_and_can_be_changed_and_deleted_on_postgresql() {
    let Some(release) = programs::released("the database of the release on PostgreSQL") else { return };
    let Some(server) = Postgres::start("the database of the release on PostgreSQL").await else { return };
    upgrade(&release, tempfile::tempdir().unwrap(), &server.url()).await;
    server.stop().await;
}

async fn upgrade(release: &Path, directory: TempDir, database: &str) {
    let old = Released::start(release, directory.path(), database).await;
    fill(&old).await;
    let before = old.lists().await;
    drop(old);

    let services = Services::in_directory(directory, |settings| {
        settings.database.url = database.to_owned();
        settings.quotas = Quotas::default();
    })
    .await;
    obedient(&services.channel, "agent-1").await;
    for (path, wanted) in LISTS.iter().zip(before) {
        let shown = services.get(&sorted(path)).await;
        assert!(contains(&shown, &wanted), "{path}: {shown}\nof the release: {wanted}");
    }
    for kind in ["pools", "vips", "members"] {
        for object in services.get(&format!("/v2.0/lb/{kind}")).await[kind].as_array().unwrap() {
            let path = format!("/v2.0/lb/{kind}/{}", object["id"].as_str().unwrap());
            let change = json!({kind.trim_end_matches('s'): {"admin_state_up": false}});
            assert_eq!(services.call("PUT", &path, Some(change)).await.status, 200, "{path}");
        }
    }
    for kind in ["vips", "members", "pools", "health_monitors"] {
        for object in services.get(&format!("/v2.0/lb/{kind}")).await[kind].as_array().unwrap() {
            let path = format!("/v2.0/lb/{kind}/{}", object["id"].as_str().unwrap());
            assert_eq!(services.call("DELETE", &path, None).await.status, 204, "{path}");
        }
    }
}

/// One of everything.
async fn fill(old: &Released) {
    let network = json!({"network": {"name": "net", "shared": true}});
    let network = id(&old.create("/v2.0/networks", network).await);
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24", "name": "subnet",
        "host_routes": [{"destination": "10.1.0.0/16", "nexthop": "10.0.0.254"}]}});
    let subnet = id(&old.create("/v2.0/subnets", subnet).await);
    old.create("/v2.0/ports", json!({"port": {"network_id": network, "name": "somebody's"}})).await;
    for n in 0..3 {
        let pool = id(&old.create("/v2.0/lb/pools", pool(&subnet)).await);
        for host in 20..23 {
            old.create("/v2.0/lb/members", member(&pool, &format!("10.0.0.{host}"))).await;
        }
        let monitor = id(&old.create("/v2.0/lb/health_monitors", monitor()).await);
        let association = json!({"health_monitor": {"id": monitor}});
        old.create(&format!("/v2.0/lb/pools/{pool}/health_monitors"), association).await;
        if n > 0 {
            let mut vip = vip(&subnet, &pool);
            vip["vip"]["session_persistence"] = json!({"type": "APP_COOKIE", "cookie_name": "SESSION"});
            old.create("/v2.0/lb/vips", vip).await;
        }
    }
    old.call("PUT", "/v2.0/quotas/demo", Some(json!({"quota": {"pool": 7}}))).await;
    old.settle().await;
}

/// Everything that `wanted` has, `shown` has too, with the same values: today's lists may show more fields.
fn contains(shown: &Value, wanted: &Value) -> bool {
    match (shown, wanted) {
        (Value::Object(shown), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| shown.get(key).is_some_and(|one| contains(one, value)))
        }
        (Value::Array(shown), Value::Array(wanted)) => {
            shown.len() == wanted.len() && shown.iter().zip(wanted).all(|(shown, wanted)| contains(shown, wanted))
        }
        (shown, wanted) => shown == wanted,
    }
}

fn sorted(path: &str) -> String {
    if path.ends_with("quotas") { path.to_owned() } else { format!("{path}?sort_key=id&sort_dir=asc") }
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// Scheduler and gateway of the release, as processes, with an agent that deploys whatever it is told.
struct Released {
    services: Vec<Child>,
    client: reqwest::Client,
    url: String,
}

impl Released {
    async fn start(release: &Path, directory: &Path, database: &str) -> Self {
        let gateway = free_address();
        let config = directory.join("release.toml");
        let text = format!(
            "[database]\nurl = \"{database}\"\n[scheduler]\nlisten = \"127.0.0.1:0\"\nsocket = \"{dir}/old.sock\"\n\
             [gateway]\nlisten = \"{gateway}\"\nscheduler = \"unix:{dir}/old.sock\"\nproject_id = \"demo\"\n\
             [[provider]]\nname = \"haproxy\"\ndriver = \"haproxy-ns\"\ndefault = true\n",
            dir = directory.display()
        );
        fs::write(&config, text).unwrap();
        // The database's url may have a password.
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let start = |program: &str| {
            let log = fs::File::create(directory.join(format!("{program}.log"))).unwrap();
            let mut command = Command::new(programs::built_in(release, program));
            command.arg("--config").arg(&config).stderr(log).spawn().unwrap()
        };
        let services = vec![start("ballast-scheduler"), start("ballast-api-gateway")];
        let released =
            Self { services, client: ballast_service::http::plain().unwrap(), url: format!("http://{gateway}") };
        released.wait("answer", || async { released.try_call("GET", "/v2.0/lb/pools", None).await.0 == 200 }).await;
        let mut settings = Settings::default();
        settings.gateway.scheduler = format!("unix:{}", socket(directory).display()).parse().unwrap();
        obedient(&grpc::channel(&settings.gateway.scheduler).unwrap(), "agent-1").await;
        released
    }

    async fn wait<F: Future<Output = bool>>(&self, what: &str, mut probe: impl FnMut() -> F) {
        let asked = async {
            while !probe().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("the release does not {what}"));
    }

    async fn try_call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let Ok(response) = request.send().await else { return (0, Value::Null) };
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, body) = self.try_call(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {body}");
        body
    }

    /// The object that was made.
    async fn create(&self, path: &str, body: Value) -> Value {
        let made = self.call("POST", path, Some(body)).await;
        made.as_object().and_then(|wrapper| wrapper.values().next()).cloned().unwrap_or_default()
    }

    async fn settle(&self) {
        let pending = || async { !Value::from(self.lists().await).to_string().contains("PENDING") };
        self.wait("settle", pending).await;
    }

    async fn lists(&self) -> Vec<Value> {
        let mut lists = Vec::new();
        for path in LISTS {
            lists.push(self.call("GET", &sorted(path), None).await);
        }
        lists
    }
}

impl Drop for Released {
    fn drop(&mut self) {
        for service in &mut self.services {
            // It may have ended already.
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("old.sock")
}

/// An address that nobody listens at.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}
