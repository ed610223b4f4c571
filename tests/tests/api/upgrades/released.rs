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

use super::{LISTS, sorted};
use crate::{played::obedient, services::PATIENCE};

/// With an agent that deploys whatever it is told.
pub(super) struct Released {
    services: Vec<Child>,
    client: reqwest::Client,
    url: String,
}

impl Released {
    pub(super) async fn start(release: &Path, directory: &Path, database: &str) -> Self {
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

    pub(super) async fn settle(&self) {
        let pending = || async { !Value::from(self.lists().await).to_string().contains("PENDING") };
        self.wait("settle", pending).await;
    }

    pub(super) async fn lists(&self) -> Vec<Value> {
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
