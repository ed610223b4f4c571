//! What a process measures, over HTTP for who watches it: `/metrics`; and whether it lives and serves: `/healthz`, `/readyz`.
//!
//! On loopback anybody of this machine may read it. Others show a certificate, unless the configuration says that they
//! need not.

mod answer;
#[cfg(feature = "auth")]
pub mod auth;
mod serve;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    time::{Duration, SystemTime},
};

use ballast_metrics::{Family, Gauge, Process, Registry, Word, label, labels};
use tokio::net::TcpListener;

pub use self::serve::serve;
use crate::{
    clock::Clock,
    config::{Connections, Listen, Settings},
    edge::Edge,
    grpc,
    process::Failure,
    tls, traces,
};

/// How many may be connected at once: few watch, and often.
const CONNECTIONS: u32 = 64;

label! {
    /// A kind of process.
    pub enum Component { Scheduler = "scheduler", Gateway = "gateway", Agent = "agent" }
}

labels! {
    struct Build { version: Word, component: Component }
}

impl Component {
    /// Where it is served unless another port is configured.
    const fn port(self) -> u16 {
        match self {
            Self::Scheduler => 9790,
            Self::Gateway => 9791,
            Self::Agent => 9792,
        }
    }
}

/// What is waited for.
pub type Awaited<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a process tells.
pub trait Told: Send + Sync + 'static {
    fn registry(&self) -> &Registry;

    /// Reads what is not counted as it happens.
    fn refresh(&self) -> Awaited<'_, ()>;

    /// Whether it serves: a line that says so, or why not.
    fn ready(&self) -> Awaited<'_, Result<String, String>>;
}

/// The metrics that every process has, to be added to.
#[must_use]
pub fn registry(component: Component, clock: &Clock) -> Registry {
    let mut registry = Registry::default();
    let build = Family::<Build, Gauge>::default();
    build.get_or_create(&Build { version: Word::new(env!("CARGO_PKG_VERSION")), component }).set(1);
    registry.add("ballast_build_info", "The version that runs", &build);
    let started = clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    traces::add_to(&mut registry);
    registry.add_process(Process::of_this(started.as_secs_f64()));
    registry
}

/// Where it is served.
#[derive(Debug)]
pub struct Endpoint {
    edge: Edge,
    tcp: TcpListener,
    /// With it, who asks has a certificate for it.
    tls: Option<tls::Server>,
}

impl Endpoint {
    /// # Errors
    /// When nobody knows.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Where the configuration says; none: nowhere. That another process has the port is a failure only of one that is
    /// configured.
    ///
    /// # Errors
    /// One line that names the key and the address.
    pub async fn bind(settings: &Settings, component: Component) -> Result<Option<Self>, Failure> {
        let place = match settings.metrics.listen {
            Listen::Off => return Ok(None),
            Listen::Default => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), component.port()),
            Listen::Address(address) => SocketAddr::new(address, component.port()),
            Listen::Socket(socket) => socket,
        };
        let tls = guard(settings, place).map_err(Failure::Config)?;
        let tcp = match grpc::bind_tcp("metrics.listen", place).await {
            Ok(tcp) => tcp,
            Err(Failure::Run(why)) if settings.metrics.listen == Listen::Default => {
                tracing::warn!("metrics are not served: {why}. Set metrics.listen to another place, or to off");
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        let edge = Edge::new(&Connections { max: CONNECTIONS, ..settings.connections.clone() });
        tracing::info!(listen = %place, tls = tls.is_some(), "serving metrics");
        Ok(Some(Self { edge, tcp, tls }))
    }
}

/// What stands before a place that other machines reach.
fn guard(settings: &Settings, place: SocketAddr) -> Result<Option<tls::Server>, String> {
    if place.ip().is_loopback() || settings.metrics.insecure {
        return Ok(None);
    }
    if settings.tls.is_set() {
        return tls::metrics_server(&settings.tls).map(Some);
    }
    if settings.insecure {
        return Ok(None);
    }
    Err(format!(
        "metrics.listen = \"{place}\" can be reached from other machines, in plain text and by everybody: configure [tls], \
         or set metrics.insecure = true"
    ))
}

/// How long is waited for what is read at a look.
const REFRESH: Duration = Duration::from_secs(5);
/// How long is waited for the answer whether a process serves.
const READY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn settings(listen: Listen) -> Settings {
        let mut settings = Settings::default();
        settings.metrics.listen = listen;
        settings
    }

    #[test]
    fn other_machines_need_a_certificate_or_a_word_that_they_need_none() {
        let public: SocketAddr = "192.0.2.1:9790".parse().unwrap();
        let loopback: SocketAddr = "127.0.0.1:9790".parse().unwrap();
        let mut plain = settings(Listen::Default);
        assert!(guard(&plain, loopback).unwrap().is_none());
        assert!(guard(&plain, public).unwrap_err().contains("metrics.insecure"));
        plain.metrics.insecure = true;
        assert!(guard(&plain, public).unwrap().is_none());
        plain.metrics.insecure = false;
        plain.insecure = true;
        assert!(guard(&plain, public).unwrap().is_none());
        // With certificates they are used, also where plain text is allowed.
        (plain.tls.ca, plain.tls.cert) = (PathBuf::from("/nosuch"), PathBuf::from("/nosuch"));
        assert!(guard(&plain, public).unwrap_err().contains("tls.cert"));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_a_failure_where_it_is_configured_and_off_is_nowhere() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = taken.local_addr().unwrap();
        let failure = Endpoint::bind(&settings(Listen::Socket(place)), Component::Agent).await.unwrap_err();
        let said = failure.to_string();
        assert!(said.contains("metrics.listen") && said.contains(&place.to_string()), "{said}");
        assert!(Endpoint::bind(&settings(Listen::Off), Component::Agent).await.unwrap().is_none());
        // Whichever of these two processes is second goes on without.
        let first = Endpoint::bind(&settings(Listen::Default), Component::Agent).await.unwrap();
        let second = Endpoint::bind(&settings(Listen::Default), Component::Agent).await.unwrap();
        assert!(second.is_none() || first.is_none());
    }
}
