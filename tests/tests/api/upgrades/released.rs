//! Scheduler and gateway of a release, as processes.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use ballast_service::{config::Settings, grpc};
use ballast_tests::programs;
use serde_json::Value;
use tonic::transport::Channel;

use super::{Shown, id, objects};
use crate::{played::Agent, services::PATIENCE};

/// All that has a list, in an order that stays.
const LISTS: [&str; 9] = [
    "/v2.0/networks?sort_key=id&sort_dir=asc",
    "/v2.0/subnets?sort_key=id&sort_dir=asc",
    "/v2.0/ports?sort_key=id&sort_dir=asc",
    "/v2.0/lb/pools?sort_key=id&sort_dir=asc",
    "/v2.0/lb/vips?sort_key=id&sort_dir=asc",
    "/v2.0/lb/members?sort_key=id&sort_dir=asc",
    "/v2.0/lb/health_monitors?sort_key=id&sort_dir=asc",
    "/v2.0/quotas",
    // Without what time alone changes.
    "/v2.0/agents?sort_key=id&sort_dir=asc&fields=id&fields=host&fields=admin_state_up&fields=description&fields=created_at",
];

/// Dropped, they end.
pub(super) struct Released {
    services: Vec<Child>,
    client: reqwest::Client,
    channel: Channel,
    url: String,
}

impl Released {
    pub(super) async fn start(release: &Path, directory: &Path, database: &str) -> Self {
        let gateway = free_address();
        let config = configure(directory, database, gateway);
        let start = |program: &str| {
            let log = fs::File::create(directory.join(format!("{program}.log"))).unwrap();
            let mut command = Command::new(programs::built_in(release, program));
            command.arg("--config").arg(&config).stderr(log).spawn().unwrap()
        };
        let services = vec![start("ballast-scheduler"), start("ballast-api-gateway")];
        let mut settings = Settings::default();
        settings.gateway.scheduler = format!("unix:{}/old.sock", directory.display()).parse().unwrap();
        let channel = grpc::channel(&settings.gateway.scheduler).unwrap();
        let client = ballast_service::http::plain().unwrap();
        let released = Self { services, client, channel, url: format!("http://{gateway}") };
        released.wait("answer", async || released.try_call("GET", "/v2.0/lb/pools", None).await.0 == 200).await;
        released
    }

    pub(super) async fn agent(&self, host: &str) -> Agent {
        Agent::connect(&self.channel, host, "1").await.unwrap()
    }

    pub(super) async fn wait(&self, what: &str, mut probe: impl AsyncFnMut() -> bool) {
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

    pub(super) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, body) = self.try_call(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {body}");
        body
    }

    /// The object that was made.
    pub(super) async fn create(&self, path: &str, body: Value) -> Value {
        let made = self.call("POST", path, Some(body)).await;
        made.as_object().and_then(|wrapper| wrapper.values().next()).cloned().unwrap_or_default()
    }

    /// All that it shows: the lists, who runs what, and what has been counted.
    pub(super) async fn shown(&self) -> Shown {
        let mut shown = Shown::new();
        for path in LISTS {
            shown.insert(path.to_owned(), self.call("GET", path, None).await);
        }
        let of = |list: &str, rest: &str| -> Vec<String> {
            let path = LISTS.iter().find(|path| path.starts_with(list)).unwrap();
            objects(&shown[*path]).map(|object| format!("{list}/{}/{rest}", id(object))).collect()
        };
        let further = [of("/v2.0/lb/pools", "stats"), of("/v2.0/agents", "loadbalancer-pools")];
        for path in further.concat() {
            shown.insert(path.clone(), self.call("GET", &path, None).await);
        }
        shown
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

fn configure(directory: &Path, database: &str, gateway: SocketAddr) -> PathBuf {
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
    config
}

/// An address that nobody listens at.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}
