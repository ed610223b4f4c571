//! A gateway on a real port, in front of a scripted scheduler behind real gRPC.

use std::sync::{Arc, Mutex};

use ballast_proto::{
    v1::{agents_server, health_monitors_server, networks_server, pools_server, vips_server},
    v2,
};
use ballast_service::{
    config::Settings,
    grpc::{self, MAX_MESSAGE},
    process::Failure,
    sources::Sources,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    scripted::{Scripted, Seen},
    second::{Second, SeenOfV2},
};

/// A gateway in front of a scripted scheduler. Dropped, both end.
pub(crate) struct Setting {
    pub(crate) seen: Arc<Mutex<Seen>>,
    /// What reached `lbaas.v2`.
    pub(crate) second: Arc<Mutex<SeenOfV2>>,
    pub(crate) url: String,
    client: reqwest::Client,
    shutdown: CancellationToken,
    gateway: Option<JoinHandle<Result<(), Failure>>>,
}

impl Drop for Setting {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Setting {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With another configuration.
    pub(crate) async fn with(adapt: impl FnOnce(&mut Settings)) -> Self {
        let (scripted, second) = (Scripted::default(), Second::default());
        let routes = Routes::new(pools_server::PoolsServer::new(scripted.clone()))
            .add_service(vips_server::VipsServer::new(scripted.clone()))
            .add_service(health_monitors_server::HealthMonitorsServer::new(scripted.clone()))
            .add_service(agents_server::AgentsServer::new(scripted.clone()))
            .add_service(networks_server::NetworksServer::new(scripted.clone()))
            .add_service(v2::load_balancers_server::LoadBalancersServer::new(second.clone()))
            .add_service(v2::listeners_server::ListenersServer::new(second.clone()))
            .add_service(v2::pools_server::PoolsServer::new(second.clone()))
            .add_service(v2::members_server::MembersServer::new(second.clone()).max_decoding_message_size(MAX_MESSAGE))
            .add_service(v2::quotas_server::QuotasServer::new(second.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheduler = listener.local_addr().unwrap().to_string();
        let shutdown = CancellationToken::new();
        tokio::spawn(grpc::serve(routes, grpc::Listening::plain(listener), shutdown.clone()));
        Self::before(&scheduler, (scripted.0, second.0), shutdown, adapt).await
    }

    /// A gateway whose scheduler does not run.
    pub(crate) async fn alone() -> Self {
        // Bound and closed again: nobody listens there.
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        Self::before(&free.to_string(), (Arc::default(), Arc::default()), CancellationToken::new(), |_| {}).await
    }

    async fn before(
        scheduler: &str,
        (seen, second): (Arc<Mutex<Seen>>, Arc<Mutex<SeenOfV2>>),
        shutdown: CancellationToken,
        adapt: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::default();
        settings.gateway.scheduler = scheduler.parse().unwrap();
        settings.gateway.project_id = "p".to_owned();
        adapt(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let listeners = ballast_api_gateway::Listeners { rest: listener, metrics: None };
        let gateway = tokio::spawn(ballast_api_gateway::run(settings, Sources::system(), listeners, shutdown.clone()));
        Self { seen, second, url, client: ballast_service::http::plain().unwrap(), shutdown, gateway: Some(gateway) }
    }

    /// Ends the gateway; how it ended.
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        self.shutdown.cancel();
        self.gateway.take().unwrap().await.unwrap()
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.url))
    }

    pub(crate) fn with_json(&self, method: &str, path: &str, body: impl Into<String>) -> reqwest::RequestBuilder {
        self.request(method, path).header("content-type", "application/json").body(body.into())
    }

    /// The status and the JSON of a reply.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> (u16, serde_json::Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        let text = reply.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, serde_json::Value) {
        self.call("GET", path, None).await
    }
}
