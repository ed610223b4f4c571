//! Calls of other services over HTTP: in plain text or over TLS, in bounded time and size, past every proxy of the
//! environment.

use std::{path::Path, time::Duration};

use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap, redirect};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use crate::tls::{person, provider, roots};

/// The largest answer, in bytes.
const LIMIT: usize = 1 << 20;

/// A service, by keys of the configuration and their values.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    pub url: (&'a str, &'a str),
    /// The file of a CA that is believed beside the machine's own; an empty one: none.
    pub ca: (&'a str, &'a Path),
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Null when it is not JSON.
    pub body: Value,
}

/// An answer as it came. It may be secret.
pub struct RawAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A client of one service.
#[derive(Clone, Debug)]
pub struct Http(Client);

impl Http {
    /// # Errors
    /// One line that names the key.
    pub fn new(service: &Service<'_>, timeout: Duration) -> Result<Self, String> {
        let (key, url) = service.url;
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("{key} = \"{url}\": {error}"))?;
        let mut trusted = person::native_roots();
        if !service.ca.1.as_os_str().is_empty() {
            trusted.extend(roots(service.ca.0, service.ca.1)?.roots);
        }
        match parsed.scheme() {
            "http" => {}
            "https" if trusted.is_empty() => {
                return Err(format!("{key}: this machine trusts no CA; set {}", service.ca.0));
            }
            "https" => {}
            _ => return Err(format!("{key} = \"{url}\" must begin with http:// or https://")),
        }
        // What answers elsewhere is not who was configured.
        let client = Client::builder().no_proxy().timeout(timeout).redirect(redirect::Policy::none());
        let client = client.tls_backend_preconfigured(config(trusted)?).build();
        client.map(Self).map_err(|error| format!("{key}: {}", with_sources(&error)))
    }

    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.0.request(method, url)
    }

    /// Sends it, and reads the answer whole.
    ///
    /// # Errors
    /// When there is no answer, or too large a one: why.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, String> {
        let RawAnswer { status, headers, body } = self.send_raw(request).await?;
        Ok(Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    /// The same, whatever the answer is.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_raw(&self, request: RequestBuilder) -> Result<RawAnswer, String> {
        self.send_bounded(request, LIMIT).await
    }

    /// The same of so many bytes at most.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_bounded(&self, request: RequestBuilder, limit: usize) -> Result<RawAnswer, String> {
        let mut response = request.send().await.map_err(|error| with_sources(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| with_sources(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(format!("the answer has more than {limit} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(RawAnswer { status: response.status(), headers: response.headers().clone(), body })
    }
}

/// A client in plain text, for tests and for what runs on this machine: it believes no certificate.
///
/// # Errors
/// When this machine cannot make one.
pub fn plain() -> Result<Client, String> {
    let client = Client::builder().no_proxy().tls_backend_preconfigured(config(RootCertStore::empty())?);
    client.build().map_err(|error| with_sources(&error))
}

fn config(trusted: RootCertStore) -> Result<ClientConfig, String> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(trusted).with_no_client_auth())
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
