//! Requests over HTTPS, verified against the configured authorities and no others.
//!
//! A request is sent again only when the device said that it was busy. What came to nothing otherwise may have been done,
//! and who sent it has to look.

use std::{
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use ballast_abi::DriverError;
use serde_json::Value;
use ureq::{
    Agent,
    http::{Request, Response},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

use super::reply::{Verdict, verdict};
use crate::{config::Config, failure::Failure};

/// A whole configuration may be read; more is an attack or a defect.
const LONGEST_REPLY: u64 = 64 << 20;

pub(crate) struct Client {
    agent: Agent,
    root: String,
    retries: u32,
    delay: Duration,
}

/// One request.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    /// Below `/axapi/v3/`.
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a Value>,
    pub(crate) token: Option<&'a str>,
}

impl Call<'_> {
    fn what(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Client {
    /// # Errors
    /// INVALID_CONFIG: the authorities' file.
    pub(crate) fn new(config: &Config) -> Result<Self, DriverError> {
        let mut tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
        if let Some(path) = &config.ca_file {
            let wrong = |why: String| DriverError::invalid_config(format!("ca_file: {}: {why}", path.display()));
            let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if certificates.is_empty() {
                return Err(wrong("there is no certificate in it".to_owned()));
            }
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
        }
        let timeout = Duration::from_millis(config.timeout_ms.into());
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(timeout))
            .max_idle_age(Duration::from_secs(2))
            .tls_config(tls.build())
            .build()
            .new_agent();
        Ok(Self {
            agent,
            root: format!("{}/axapi/v3/", config.url.trim_end_matches('/')),
            retries: config.busy_retries,
            delay: Duration::from_millis(config.busy_delay_ms.into()),
        })
    }

    /// The reply's body; `null` when it has none.
    pub(crate) fn call(&self, call: Call<'_>, deadline: Instant) -> Result<Value, Failure> {
        let mut delay = self.delay;
        for _ in 0..=self.retries {
            if Instant::now() >= deadline {
                return Err(Failure::Deadline { what: call.what() });
            }
            let (status, body) = self.send(call).map_err(|why| Failure::Lost { what: call.what(), why })?;
            match verdict(status, &body) {
                Verdict::Done(value) => return Ok(value),
                Verdict::Busy => {}
                Verdict::Expired => return Err(Failure::Expired { what: call.what() }),
                Verdict::Unwelcome(said) => return Err(Failure::Login { status, said }),
                Verdict::ReadOnly => return Err(Failure::ReadOnly { what: call.what() }),
                Verdict::Refused { code, said } => {
                    return Err(Failure::Refused { what: call.what(), code, status, said });
                }
                Verdict::Unreadable(why) => return Err(Failure::Lost { what: call.what(), why }),
            }
            thread::sleep(delay.min(deadline.saturating_duration_since(Instant::now())));
            delay *= 2;
        }
        Err(Failure::Busy { what: call.what() })
    }

    fn send(&self, call: Call<'_>) -> Result<(u16, Vec<u8>), String> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{}{}", self.root, call.path))
            .header("content-type", "application/json");
        if let Some(token) = call.token {
            request = request.header("authorization", format!("A10 {token}"));
        }
        let sent = match call.body {
            Some(body) => request.body(body.to_string()).map(|request| self.agent.run(request)),
            None => request.body(()).map(|request| self.agent.run(request)),
        };
        let mut response: Response<ureq::Body> =
            sent.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let body = response.body_mut().with_config().limit(LONGEST_REPLY).read_to_vec();
        Ok((response.status().as_u16(), body.map_err(|error| error.to_string())?))
    }
}
