//! `[gateway]`: REST.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;

use crate::{address::Address, list};

/// `[gateway]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Where REST is served.
    pub listen: SocketAddr,
    /// Where the scheduler is.
    pub scheduler: Address,
    /// The project of a request that names none.
    pub project_id: String,
    /// Names and addresses, without a port, by which clients reach this gateway, beside loopback and `listen`.
    #[serde(deserialize_with = "list::texts")]
    pub public_hosts: Vec<String>,
    /// Addresses and networks of proxies that are believed when they say by `Forwarded` or `X-Forwarded-Proto` what the client
    /// spoke: links in replies are of that.
    #[serde(deserialize_with = "list::texts")]
    pub trusted_proxies: Vec<String>,
    /// How long a GET of one object of v2 that is PENDING may wait for its end, in milliseconds; 0: not at all.
    pub hold_ms: u32,
    /// How many streams of events may be open at once, at one gateway,
    pub max_streams: u32,
    /// and of one caller.
    pub streams_per_caller: u32,
    /// Whether the dashboard is served, at `/ui/`.
    pub dashboard: bool,
    /// 64 bytes by which the dashboard's cookies are encrypted, the same at all gateways. Empty: made at the start.
    pub cookie_key_file: PathBuf,
    /// A certificate, and those between it and its CA, in PEM: REST is then served over TLS. Empty: in plain text.
    pub tls_cert: PathBuf,
    /// Its key.
    pub tls_key: PathBuf,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9696)),
            scheduler: Address::Unix(PathBuf::from("/run/ballast/scheduler.sock")),
            project_id: "default".to_owned(),
            public_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            hold_ms: 200,
            max_streams: 512,
            streams_per_caller: 64,
            dashboard: true,
            cookie_key_file: PathBuf::new(),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
        }
    }
}
