//! A server that a running haproxy gets.
//!
//! It begins as it would in a new process: one that is checked is down until a check passes, which comes at once, and one
//! that is pinged is in maintenance until it answers. Until it is, it has no weight: between two commands haproxy may serve
//! a request.

use std::fmt::Write;

use crate::page::{Backend, Server, Sticking};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) server: Server,
    /// Of its checks: `inter`, `rise` and `fall`.
    checks: Option<[u32; 3]>,
    proxy: Option<String>,
    /// In maintenance: it is admin-down, or has to answer a ping first.
    rests: bool,
}

impl Arrival {
    /// None: haproxy takes it from its configuration only, as it is with cookies, TLS and namespaces, or it has to wait for a check and
    /// for a ping.
    pub(super) fn of(server: &Server, backend: &Backend, is_pinged: bool) -> Option<Self> {
        let takes = backend.persistence != Some(Sticking::HttpCookie)
            && !backend.tls
            && backend.ssl.is_none()
            && server.tracks.is_none();
        let takes = takes && backend.share.is_none();
        let is_checked = server.check_port.is_some();
        let checks = backend.check.as_ref().filter(|_| is_checked).map(|check| [check.inter, check.rise, check.fall]);
        (takes && !(is_checked && is_pinged)).then(|| Self {
            server: server.clone(),
            checks,
            proxy: backend.proxy.clone(),
            rests: server.disabled || is_pinged,
        })
    }

    /// `name`: backend and server.
    pub(super) fn commands(&self, name: &str) -> String {
        let Server { address, weight, check_port, check_address, backup, .. } = &self.server;
        let mut text = format!("add server {name} {address} weight 0");
        // Writing to a string cannot fail.
        if let Some([inter, rise, fall]) = self.checks {
            let _ = write!(text, " check inter {inter}s rise {rise} fall {fall}");
            let _ = check_address.map(|address| write!(text, " addr {address}"));
            let _ = check_port.filter(|port| *port > 0).map(|port| write!(text, " port {port}"));
        }
        let _ = self.proxy.as_ref().map(|proxy| write!(text, " {proxy}"));
        if *backup {
            text.push_str(" backup");
        }
        if self.checks.is_some() {
            let _ = write!(text, ";enable health {name}");
        }
        if !self.rests {
            let _ = write!(text, ";set server {name} state ready");
        }
        if !self.rests && self.checks.is_some() {
            let _ = write!(text, ";set server {name} health down");
        }
        let _ = write!(text, ";set server {name} weight {weight}");
        text
    }
}
