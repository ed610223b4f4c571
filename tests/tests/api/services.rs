//! The gateway and the scheduler, in the test's own process, on port 0, over a database of their own.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ballast_scheduler::Listeners;
use ballast_service::{
    chance::Chance,
    clock::Clock,
    config::{AuthMode, Listen, Provider, Quotas, Settings},
    grpc,
    metrics::{Component, Endpoint},
    sources::Sources,
};
use ballast_tests::rest::Reply;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    task::{AbortHandle, JoinHandle},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Both services. Dropped, they end.
pub(crate) struct Services {
    pub(crate) channel: Channel,
    /// Where the scheduler is.
    pub(crate) scheduler: String,
    /// The database's url.
    pub(crate) database: String,
    /// Of the scheduler's clocks.
    ahead: Ahead,
    /// Of the gateway's.
    ahead_of_gateway: Ahead,
    gateway: Gateway,
    client: reqwest::Client,
    pub(crate) url: String,
    _directory: TempDir,
    shutdown: Option<DropGuard>,
    running: AbortHandle,
    settings: Settings,
    token: CancellationToken,
}

/// A gateway that runs.
struct Gateway {
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Gateway {
    fn start(settings: Settings, ahead: &Ahead, rest: TcpListener, shutdown: CancellationToken) -> Self {
        let listeners = ballast_api_gateway::Listeners { rest, metrics: None };
        let sources = Sources { clock: clock(ahead), chance: Chance::system() };
        let run = ballast_api_gateway::run(settings, sources, listeners, shutdown.clone());
        // How it ended is for whoever misses it to see.
        let running = tokio::spawn(async move { drop(run.await) });
        Self { shutdown, running }
    }
}

impl Services {
    pub(crate) async fn start() -> Self {
        Self::with_policy("chance").await
    }

    pub(crate) async fn with_policy(policy: &str) -> Self {
        Self::with(|settings| policy.clone_into(&mut settings.placement.policy)).await
    }

    /// With another configuration: `adapt` changes what a test wants else.
    pub(crate) async fn with(adapt: impl FnOnce(&mut Settings)) -> Self {
        Self::in_directory(tempfile::tempdir().unwrap(), adapt).await
    }

    /// Callers have tokens, which are their names: alice and anna are of project a, bob is of b, rita is a reader of a,
    /// admin is admin, and root is admin of no project.
    pub(crate) async fn with_tokens(adapt: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tokens.toml");
        let callers = [
            ("alice", "a", "member"),
            ("anna", "a", "member"),
            ("bob", "b", "member"),
            ("rita", "a", "reader"),
            ("admin", "ops", "admin"),
            ("root", "", "admin"),
        ];
        let sections = callers.map(|(name, project, role)| {
            format!("[[token]]\ntoken = '{name}'\nproject_id = '{project}'\nuser = '{name}'\nroles = ['{role}']\n")
        });
        std::fs::write(&file, sections.concat()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let with_tokens = |settings: &mut Settings| {
            settings.auth.mode = AuthMode::TokenFile;
            settings.auth.token_file = file;
            adapt(settings);
        };
        Self::in_directory(directory, with_tokens).await
    }

    /// REST over TLS, by a certificate that these services' own calls believe.
    pub(crate) async fn over_tls(adapt: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let with_tls = |settings: &mut Settings| {
            (settings.gateway.tls_cert, settings.gateway.tls_key) = (cert, key);
            adapt(settings);
        };
        let services = Self::in_directory(directory, with_tls).await;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(config).build().unwrap();
        Self { client, ..services }
    }

    /// With files in a directory that ends with the services.
    pub(crate) async fn in_directory(directory: TempDir, adapt: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        settings.database.url = format!("sqlite://{}/ballast.db", directory.path().display());
        settings.gateway.project_id = "demo".to_owned();
        settings.providers = vec![provider("haproxy", "haproxy-ns", true), provider("a10", "a10-stub", false)];
        settings.quotas = Quotas::unlimited();
        adapt(&mut settings);
        let ahead = Ahead::default();
        let shutdown = CancellationToken::new();

        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (scheduler, database) = (tcp.local_addr().unwrap().to_string(), settings.database.url.clone());
        // The way that is trusted whatever callers must show.
        settings.scheduler.socket = directory.path().join("scheduler.sock");
        settings.gateway.scheduler = format!("unix:{}", settings.scheduler.socket.display()).parse().unwrap();
        let unix = Some(grpc::bind_unix("scheduler.socket", &settings.scheduler.socket).unwrap());
        let channel = grpc::channel(&settings.gateway.scheduler).unwrap();
        let listeners = Listeners { tcp, unix, metrics: None };
        let metrics = match settings.metrics.listen {
            Listen::Socket(_) => Endpoint::bind(&settings, Component::Scheduler).await.unwrap(),
            Listen::Default | Listen::Off | Listen::Address(_) => None,
        };
        let listeners = Listeners { metrics, ..listeners };
        let token = shutdown.clone();
        let kept = settings.clone();
        let running = tokio::spawn(ballast_scheduler::run(
            settings.clone(),
            Sources { clock: clock(&ahead), chance: Chance::system() },
            listeners,
            shutdown.clone(),
        ));
        let running = running.abort_handle();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if settings.gateway.tls_cert.as_os_str().is_empty() { "http" } else { "https" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let ahead_of_gateway = Ahead::default();
        let gateway = Gateway::start(settings, &ahead_of_gateway, listener, shutdown.child_token());
        let client = ballast_service::http::plain().unwrap();
        let shutdown = Some(shutdown.drop_guard());
        Self {
            channel,
            scheduler,
            database,
            ahead,
            ahead_of_gateway,
            gateway,
            client,
            url,
            _directory: directory,
            shutdown,
            running,
            settings: kept,
            token,
        }
    }

    /// Tells both to end.
    pub(crate) fn stop(&mut self) {
        self.shutdown = None;
    }

    /// Whether the scheduler has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.running.is_finished()
    }

    /// Ends the scheduler without a word.
    pub(crate) fn kill(&mut self) {
        self.running.abort();
    }

    /// After [`kill`](Self::kill): another one over the same database, at the same socket.
    pub(crate) async fn start_scheduler_again(&mut self) {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let unix = loop {
            match grpc::bind_unix("scheduler.socket", &self.settings.scheduler.socket) {
                Ok(unix) => break Some(unix),
                // The former one has not closed it yet.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let sources = Sources { clock: clock(&self.ahead), chance: Chance::system() };
        let listeners = Listeners { tcp, unix, metrics: None };
        let run = ballast_scheduler::run(self.settings.clone(), sources, listeners, self.token.clone());
        self.running = tokio::spawn(run).abort_handle();
        self.channel = grpc::channel(&self.settings.gateway.scheduler).unwrap();
    }

    /// Ends the gateway in order, and nothing else.
    pub(crate) async fn stop_gateway(&mut self) {
        self.gateway.shutdown.cancel();
        (&mut self.gateway.running).await.unwrap();
    }

    /// After [`stop_gateway`](Self::stop_gateway): another one at the same address, which knows nothing of the former one.
    pub(crate) async fn start_gateway_again(&mut self) {
        let rest = TcpListener::bind(self.url.trim_start_matches("http://")).await.unwrap();
        let (settings, shutdown) = (self.settings.clone(), self.token.child_token());
        self.gateway = Gateway::start(settings, &self.ahead_of_gateway, rest, shutdown);
    }

    /// Lets time pass on the gateway's clock alone.
    pub(crate) fn pass_at_gateway(&self, seconds: u64) {
        self.ahead_of_gateway.monotonic.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Lets time pass on the scheduler's clocks.
    pub(crate) fn pass(&self, seconds: u64) {
        self.ahead.monotonic.fetch_add(seconds, Ordering::SeqCst);
        self.jump(seconds.try_into().unwrap());
    }

    /// Sets the scheduler's wall clock, and nothing passes.
    pub(crate) fn jump(&self, seconds: i64) {
        self.ahead.wall.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.call_as("", method, path, body).await
    }

    /// With a token.
    pub(crate) async fn call_as(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
        let mut request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.header("x-auth-token", token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        Reply { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// A body as it is, JSON or not.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        let request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        Reply { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// The whole reply to a request without a body.
    pub(crate) async fn raw(&self, method: &str, path: &str) -> reqwest::Response {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.call("GET", path, None).await;
        assert_eq!(reply.status, 200, "GET {path}: {reply}");
        reply.body
    }

    pub(crate) async fn create(&self, path: &str, body: Value) -> Reply {
        let reply = self.call("POST", path, Some(body)).await;
        assert_eq!(reply.status, 201, "POST {path}: {reply}");
        reply
    }

    /// A network with the subnet 10.0.0.0/24; the subnet's id.
    pub(crate) async fn subnet(&self) -> String {
        self.subnet_of("10.0.0.0/24").await
    }

    pub(crate) async fn subnet_of(&self, cidr: &str) -> String {
        self.subnet_on(json!({"name": "net"}), cidr).await
    }

    /// A subnet of a network with these attributes.
    pub(crate) async fn subnet_on(&self, network: Value, cidr: &str) -> String {
        let network = self.create("/v2.0/networks", json!({"network": network})).await.id();
        let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": cidr}});
        self.create("/v2.0/subnets", subnet).await.id()
    }

    pub(crate) async fn pool(&self, subnet: &str) -> String {
        self.create("/v2.0/lb/pools", pool(subnet)).await.id()
    }

    /// Waits until an object has a status; the object.
    pub(crate) async fn settled(&self, path: &str, status: &str) -> Value {
        let wait = async {
            loop {
                let reply = self.call("GET", path, None).await;
                if reply.object()["status"] == status {
                    return reply.object().clone();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(object) => object,
            Err(_) => panic!("{path} is not {status}: {}", self.call("GET", path, None).await),
        }
    }
}

pub(crate) fn pool(subnet: &str) -> Value {
    json!({"pool": {"name": "web", "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": subnet}})
}

pub(crate) fn vip(subnet: &str, pool: &str) -> Value {
    json!({"vip": {"name": "v", "protocol": "HTTP", "protocol_port": 80, "subnet_id": subnet, "pool_id": pool}})
}

pub(crate) fn member(pool: &str, address: &str) -> Value {
    json!({"member": {"pool_id": pool, "address": address, "protocol_port": 80}})
}

pub(crate) fn monitor() -> Value {
    json!({"health_monitor": {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2}})
}

fn provider(name: &str, driver: &str, default: bool) -> Provider {
    Provider { name: name.to_owned(), driver: driver.to_owned(), default }
}

/// Seconds that clocks are ahead.
#[derive(Clone, Default)]
struct Ahead {
    wall: Arc<AtomicI64>,
    monotonic: Arc<AtomicU64>,
}

fn clock(ahead: &Ahead) -> Clock {
    let (wall, passed) = (ahead.clone(), ahead.clone());
    let real = Clock::system();
    let monotonic = real.clone();
    Clock::from_fn(move || {
        let real: SystemTime = real.now();
        let ahead = wall.wall.load(Ordering::SeqCst);
        let distance = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { real - distance } else { real.max(UNIX_EPOCH) + distance }
    })
    .with_monotonic(move || monotonic.monotonic() + Duration::from_secs(passed.monotonic.load(Ordering::SeqCst)))
}
