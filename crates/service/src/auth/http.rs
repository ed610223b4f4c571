//! The few HTTP calls that Keystone needs: JSON over HTTP/1.1, in plain text or over TLS, in bounded time and size.

use std::{
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo},
};
use rustls::ClientConfig;
use serde_json::Value;
use tonic::codegen::Bytes;
use tower::Service;

use crate::tls::{Stream, connect, person, provider, roots};

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer, in bytes.
const LIMIT: usize = 1 << 20;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `X-Subject-Token`
    pub(super) subject_token: Option<String>,
    /// Null when it is not JSON.
    pub(super) body: Value,
}

#[derive(Clone)]
pub(super) struct Http {
    client: Client<Connector, Full<Bytes>>,
}

impl Http {
    /// # Errors
    /// When no certificate can be read.
    pub(super) fn new(secure: bool, ca: &Path) -> Result<Self, String> {
        let tls = if secure { Some(config(ca)?) } else { None };
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(8).build(Connector { tls });
        Ok(Self { client })
    }

    /// # Errors
    /// When there is no answer: why.
    pub(super) async fn call(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let call = async {
            let response = self.client.request(request).await.map_err(|error| with_sources(&error))?;
            let status = response.status().as_u16();
            let subject_token =
                response.headers().get("x-subject-token").and_then(|value| value.to_str().ok()).map(str::to_owned);
            let body = Limited::new(response.into_body(), LIMIT).collect().await.map_err(|error| error.to_string())?;
            let body = serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null);
            Ok(Answer { status, subject_token, body })
        };
        tokio::time::timeout(PATIENCE, call).await.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// The machine's own CAs, and the one that is configured.
fn config(ca: &Path) -> Result<Arc<ClientConfig>, String> {
    let mut trusted = person::native_roots();
    if !ca.as_os_str().is_empty() {
        trusted.extend(roots("auth.keystone_ca", ca)?.roots);
    }
    if trusted.is_empty() {
        return Err("auth.keystone_url: this machine trusts no CA; set auth.keystone_ca".to_owned());
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[derive(Clone)]
struct Connector {
    tls: Option<Arc<ClientConfig>>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = self.tls.clone();
        Box::pin(async move {
            let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
            let address = format!("{}:{port}", uri.host().unwrap_or_default());
            connect(&address, tls).await.map(TokioIo::new)
        })
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
