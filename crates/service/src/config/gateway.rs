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
    /// Where the scheduler is, where there is one.
    pub scheduler: Address,
    /// Where they are, where there are several of one database: the first is asked first. Empty: `scheduler`.
    #[serde(deserialize_with = "list::addresses")]
    pub schedulers: Vec<Address>,
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
            scheduler: usual(),
            schedulers: Vec::new(),
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

fn usual() -> Address {
    Address::Unix(PathBuf::from("/run/ballast/scheduler.sock"))
}

impl Gateway {
    /// Where the schedulers are, in the order in which they are asked.
    #[must_use]
    pub fn all_schedulers(&self) -> &[Address] {
        if self.schedulers.is_empty() { std::slice::from_ref(&self.scheduler) } else { &self.schedulers }
    }

    /// # Errors
    /// One line: which keys, and what to do.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.schedulers.is_empty() {
            return Ok(());
        }
        if self.scheduler != usual() {
            return Err(format!(
                "gateway.scheduler = \"{}\" and gateway.schedulers are both set: name all of them in gateway.schedulers",
                self.scheduler
            ));
        }
        match self.schedulers.iter().enumerate().find(|(at, one)| self.schedulers[..*at].contains(one)) {
            Some((_, twice)) => Err(format!("gateway.schedulers: {twice} is there twice")),
            None => Ok(()),
        }
    }
}
