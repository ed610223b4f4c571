//! Requests over HTTPS, verified against the configured authorities and no others.
//!
//! A request is sent again only when the device said that it was busy. What came to nothing otherwise may have been done,
//! and who sent it has to look.

use std::{
    fmt, fs,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use ballast_abi::DriverError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::{
    Agent, AsSendBody, Body, http,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem},
};
use zeroize::Zeroizing;

use crate::{Config, Failure, Upload, Wire, refuse};

/// A whole configuration may be read; more is an attack or a defect.
const LONGEST_REPLY: u64 = 64 << 20;

/// What is asked of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub method: &'static str,
    /// Below [`Wire::ROOT`].
    pub path: String,
    pub body: Option<Value>,
    /// Goes along with the body.
    pub file: Option<Upload>,
}

impl Request {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), body: None, file: None }
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: "DELETE", path: path.into(), body: None, file: None }
    }

    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: "POST", path: path.into(), body: Some(body), file: None }
    }

    pub fn put(path: impl Into<String>, body: Value) -> Self {
        Self { method: "PUT", path: path.into(), body: Some(body), file: None }
    }

    /// With a file.
    #[must_use]
    pub fn with(self, file: Upload) -> Self {
        Self { file: Some(file), ..self }
    }
}

/// Without the body, which may have a password.
impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// What a segment of a path encodes: all but the unreserved characters of RFC 3986.
pub const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `text` as a segment of a path, with the characters of `reserved` percent-encoded.
#[must_use]
pub fn encoded(text: &str, reserved: &'static AsciiSet) -> String {
    utf8_percent_encode(text, reserved).to_string()
}

/// What the device has said.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// `null` when there was no body.
    Done(Value),
    Busy,
    Expired,
    /// At a login: no.
    Unwelcome(String),
    ReadOnly,
    Refused {
        code: u64,
        said: String,
        /// What it was about is not there.
        absent: bool,
    },
    /// A proxy's page, or half a body.
    Unreadable(String),
}

pub(crate) struct Client {
    agent: Agent,
    url: String,
    timeout: Duration,
    retries: u32,
    delay: Duration,
}

impl Client {
    /// # Errors
    /// INVALID_CONFIG: the authorities' file.
    pub(crate) fn new<O>(config: &Config<O>) -> Result<Self, DriverError> {
        let mut tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
        if let Some(path) = &config.ca_file {
            let authorities =
                authorities(path).map_err(|why| refuse("ca_file", format!("{}: {why}", path.display())))?;
            tls = tls.root_certs(authorities);
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .max_idle_age(Duration::from_secs(2))
            .tls_config(tls.build())
            .build()
            .new_agent();
        Ok(Self {
            agent,
            url: config.url.trim_end_matches('/').to_owned(),
            timeout: Duration::from_millis(config.timeout_ms.into()),
            retries: config.busy_retries,
            delay: Duration::from_millis(config.busy_delay_ms.into()),
        })
    }

    /// The reply's body; `null` when it has none.
    pub(crate) fn call<W: Wire>(
        &self,
        request: &Request,
        token: Option<&str>,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let what = || request.to_string();
        let mut delay = self.delay;
        for attempt in 0..=self.retries {
            if attempt > 0 {
                thread::sleep(delay.min(deadline.saturating_duration_since(Instant::now())));
                delay *= 2;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // It has had time, and was busy.
                return Err(if attempt > 0 {
                    Failure::Busy { what: what() }
                } else {
                    Failure::Deadline { what: what() }
                });
            }
            let sent = self.send::<W>(request, token, left.min(self.timeout));
            let (status, body) = sent.map_err(|why| Failure::Lost { what: what(), why })?;
            match W::verdict(status, &body) {
                Verdict::Done(value) => return Ok(value),
                Verdict::Busy => {}
                Verdict::Expired => return Err(Failure::Expired { what: what() }),
                Verdict::Unwelcome(said) => return Err(Failure::Login { status, said }),
                Verdict::ReadOnly => return Err(Failure::ReadOnly { what: what() }),
                Verdict::Refused { code, said, absent } => {
                    let said = request.file.iter().fold(said, |said, file| file.hushed(said));
                    return Err(Failure::Refused { what: what(), change: false, code, status, said, absent });
                }
                Verdict::Unreadable(why) => return Err(Failure::Lost { what: what(), why }),
            }
        }
        Err(Failure::Busy { what: what() })
    }

    fn send<W: Wire>(&self, request: &Request, token: Option<&str>, time: Duration) -> Result<(u16, Vec<u8>), String> {
        let (kind, body) = body(request);
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}{}", self.url, W::ROOT, request.path))
            .header("content-type", kind);
        if let Some((name, value)) = token.map(W::header) {
            builder = builder.header(name, value);
        }
        let sent = match request.method {
            "GET" | "DELETE" => builder.body(()).map(|request| self.run(request, time)),
            // Without a body the length is said, too: who reads by it would lose its place after an empty chunk.
            _ => builder.body(body.as_str()).map(|request| self.run(request, time)),
        };
        let mut response = sent.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let body = response.body_mut().with_config().limit(LONGEST_REPLY).read_to_vec();
        Ok((response.status().as_u16(), body.map_err(|error| error.to_string())?))
    }

    fn run<B: AsSendBody>(
        &self,
        request: http::Request<B>,
        time: Duration,
    ) -> Result<http::Response<Body>, ureq::Error> {
        self.agent.run(self.agent.configure_request(request).timeout_global(Some(time)).build())
    }
}

/// The type of what is sent, and what is; nothing where there is no body.
fn body(request: &Request) -> (String, Zeroizing<String>) {
    match (&request.body, &request.file) {
        (Some(json), Some(file)) => file.body(json),
        (json, _) => {
            let text = json.as_ref().map(Value::to_string).unwrap_or_default();
            ("application/json".to_owned(), Zeroizing::new(text))
        }
    }
}

fn authorities(path: &Path) -> Result<RootCerts, String> {
    let pem = fs::read(path).map_err(|error| error.to_string())?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests;
