//! What a haproxy.cfg is to say, in types: the text is rendered from it ([`render`](crate::render)), what a running haproxy
//! can be told is a difference of two ([`runtime`](crate::haproxy::runtime)), and what somebody has changed by hand is one
//! of a page and a process. Pure. It is kept beside the text, with a digest of that.
//!
//! What admin-down means here: without the load balancer or a listener, nothing is bound; a pool that is down has no
//! backend; a member that is down is `disabled`, and its sessions finish. A listener without a backend answers 503 with HTTP,
//! and is not bound with TCP, so that connections are refused; one without a pool is such a one as well.
//!
//! haproxy runs one check for each server. Several monitors of a pool become one: every HTTP and HTTPS request is a step
//! of one sequence, which passes when all steps pass, and which implies any TCP check; it runs at the shortest delay,
//! with the shortest timeout and the fewest retries of all. PING is not here: [`ping`](crate::ping) sends real echoes.

pub(crate) mod kept;

use std::net::{IpAddr, SocketAddr};

use ballast_abi::{LbMethod, Protocol};
use serde::{Deserialize, Serialize};

use crate::{
    config::Config,
    validate::{Check, Id, Listener, Member, Monitor, Persistence, Pool, Validated, is_http},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) id: String,
    /// For a comment only.
    pub(crate) project: String,
    pub(crate) nbthread: u16,
    pub(crate) maxconn: u32,
    pub(crate) hard_stop_after: u32,
    pub(crate) skip_ca_bundle: bool,
    pub(crate) log: Option<Log>,
    pub(crate) sticky: bool,
    pub(crate) frontends: Vec<Frontend>,
    pub(crate) backends: Vec<Backend>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    pub(crate) socket: String,
    pub(crate) facility: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frontend {
    pub(crate) id: String,
    pub(crate) mode: Mode,
    pub(crate) bind: SocketAddr,
    pub(crate) maxconn: Option<u32>,
    pub(crate) pool: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backend {
    pub(crate) id: String,
    pub(crate) mode: Mode,
    pub(crate) balance: Balance,
    pub(crate) persistence: Option<Sticking>,
    pub(crate) cookie_name: Option<String>,
    pub(crate) address_type: AddressType,
    pub(crate) check: Option<ServerCheck>,
    pub(crate) tls: bool,
    pub(crate) servers: Vec<Server>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Http,
    Tcp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Balance {
    RoundRobin,
    LeastConn,
    Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sticking {
    SourceIp,
    HttpCookie,
    AppCookie,
}

/// Of a stick table's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddressType {
    Ip,
    Ipv6,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerCheck {
    pub(crate) timeout: u32,
    pub(crate) inter: u32,
    pub(crate) fall: u32,
    pub(crate) http: Vec<Request>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) tls: bool,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) codes: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    pub(crate) weight: u16,
    /// `None`: no check; 0: the server's own port.
    pub(crate) check_port: Option<u16>,
    pub(crate) disabled: bool,
}

impl Page {
    /// `skip_ca_bundle`: this build knows `httpclient.ssl.verify`. Without that line haproxy reads the system's CA
    /// certificates at each start, for a client that is not used here: three quarters of its start time.
    pub(crate) fn of(validated: &Validated, config: &Config, skip_ca_bundle: bool) -> Self {
        let backends: Vec<_> = usable(validated).map(|pool| Backend::of(pool, validated)).collect();
        let log = |path: &std::path::PathBuf| Log {
            socket: path.to_string_lossy().into_owned(),
            facility: config.log_facility.clone(),
        };
        let in_a_table = |backend: &Backend| {
            backend.persistence.is_some_and(|sticking| matches!(sticking, Sticking::SourceIp | Sticking::AppCookie))
        };
        Self {
            id: validated.id.as_str().to_owned(),
            project: validated.project.clone(),
            nbthread: config.nbthread,
            maxconn: config.maxconn,
            hard_stop_after: config.hard_stop_after,
            skip_ca_bundle,
            log: config.log.as_ref().map(log),
            sticky: backends.iter().any(in_a_table),
            frontends: frontends(validated),
            backends,
        }
    }
}

fn usable(validated: &Validated) -> impl Iterator<Item = &Pool> {
    validated.pools.iter().filter(|pool| pool.admin_state_up)
}

fn frontends(validated: &Validated) -> Vec<Frontend> {
    let Some(vip) = validated.vip.as_ref().filter(|_| validated.admin_state_up) else {
        return Vec::new();
    };
    let up = validated.listeners.iter().filter(|listener| listener.admin_state_up);
    up.filter_map(|listener| frontend(listener, vip.net.addr(), validated)).collect()
}

fn frontend(listener: &Listener, address: IpAddr, validated: &Validated) -> Option<Frontend> {
    let named = |name: &&Id| usable(validated).any(|pool| pool.id == **name);
    let pool = listener.default_pool.as_ref().filter(named).map(|pool| pool.as_str().to_owned());
    if pool.is_none() && !is_http(listener.protocol) {
        return None;
    }
    Some(Frontend {
        id: listener.id.as_str().to_owned(),
        mode: mode(listener.protocol),
        bind: SocketAddr::new(address, listener.port),
        maxconn: listener.connection_limit,
        pool,
    })
}

impl Backend {
    fn of(pool: &Pool, validated: &Validated) -> Self {
        let check = ServerCheck::of(&pool.monitors);
        let (persistence, cookie_name) = match &pool.persistence {
            None => (None, None),
            Some(Persistence::SourceIp) => (Some(Sticking::SourceIp), None),
            Some(Persistence::HttpCookie) => (Some(Sticking::HttpCookie).filter(|_| !pool.members.is_empty()), None),
            Some(Persistence::AppCookie { name }) => (Some(Sticking::AppCookie), Some(name.clone())),
        };
        let ipv6 = validated.vip.as_ref().is_some_and(|vip| vip.net.addr().is_ipv6());
        Self {
            id: pool.id.as_str().to_owned(),
            mode: mode(pool.protocol),
            balance: match pool.method {
                LbMethod::RoundRobin | LbMethod::Unspecified => Balance::RoundRobin,
                LbMethod::LeastConnections => Balance::LeastConn,
                LbMethod::SourceIp => Balance::Source,
            },
            persistence,
            cookie_name,
            address_type: if ipv6 { AddressType::Ipv6 } else { AddressType::Ip },
            tls: check.as_ref().is_some_and(|check| check.http.iter().any(|request| request.tls)),
            servers: pool.members.iter().map(|member| server(member, pool, validated, check.is_some())).collect(),
            check,
        }
    }
}

impl ServerCheck {
    /// What haproxy is to check, or nothing.
    fn of(monitors: &[Monitor]) -> Option<Self> {
        let own: Vec<&Monitor> = monitors.iter().filter(|monitor| !matches!(monitor.check, Check::Ping)).collect();
        let http = own.iter().filter_map(|monitor| match &monitor.check {
            Check::Http { tls, method, path, codes } => {
                Some(Request { tls: *tls, method: method.clone(), path: quoted(path), codes: status_list(codes) })
            }
            Check::Ping | Check::Tcp => None,
        });
        Some(Self {
            timeout: own.iter().map(|monitor| monitor.timeout).min()?,
            inter: own.iter().map(|monitor| monitor.delay).min()?,
            fall: own.iter().map(|monitor| monitor.max_retries).min()?,
            http: http.collect(),
        })
    }
}

fn server(member: &Member, pool: &Pool, validated: &Validated, checked: bool) -> Server {
    Server {
        id: member.id.as_str().to_owned(),
        address: SocketAddr::new(member.address, member.port),
        weight: member.weight,
        check_port: check_port(member, pool, validated).filter(|_| checked),
        disabled: !member.admin_state_up,
    }
}

/// A member on port 0 is reached on the port that the client asked for, so that is what is checked; of several listeners
/// that of the first. haproxy refuses a check without a port: without a listener there is none.
fn check_port(member: &Member, pool: &Pool, validated: &Validated) -> Option<u16> {
    if member.port > 0 {
        return Some(0);
    }
    let mine = |listener: &&Listener| listener.default_pool.as_ref() == Some(&pool.id);
    validated.listeners.iter().find(mine).map(|listener| listener.port)
}

/// One word of haproxy's configuration. Within `'` nothing means anything but the next `'`, which can be written outside
/// only.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!&()*+,;=:@/?%".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn status_list(codes: &[(u16, u16)]) -> String {
    let one = |(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    codes.iter().map(one).collect::<Vec<_>>().join(",")
}

fn mode(protocol: Protocol) -> Mode {
    if is_http(protocol) { Mode::Http } else { Mode::Tcp }
}
