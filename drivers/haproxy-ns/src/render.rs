//! A validated load balancer as haproxy.cfg. Pure.
//!
//! What admin-down means here: without the load balancer or a listener, nothing is bound; a pool that is down has no
//! backend, so that HTTP answers 503, and TCP is not bound, so that connections are refused; a member that is down is
//! `disabled`, and its sessions finish.
//!
//! haproxy runs one check for each server. Several monitors of a pool become one: every HTTP and HTTPS request is a step
//! of one sequence, which passes when all steps pass, and which implies any TCP check; it runs at the shortest delay,
//! with the shortest timeout and the fewest retries of all. PING is not here: [`ping`](crate::ping) sends real echoes.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    sync::OnceLock,
};

use ballast_abi::{LbMethod, Protocol};
use serde::Serialize;
use tera::{Context, Tera};

use crate::{
    config::Config,
    failure::Failure,
    validate::{Check, Id, Listener, Member, Monitor, Persistence, Pool, Validated, is_http},
};

const TEMPLATE: &str = include_str!("haproxy.cfg.tera");

/// The text of haproxy.cfg, ending in a line feed.
///
/// `skip_ca_bundle`: this build knows `httpclient.ssl.verify`. Without that line haproxy reads the system's CA
/// certificates at each start, for a client that is not used here: three quarters of its start time.
pub(crate) fn render(validated: &Validated, config: &Config, skip_ca_bundle: bool) -> Result<String, Failure> {
    let page = Page::of(validated, config, skip_ca_bundle);
    let defect = |error: tera::Error| Failure::Refused { said: format!("the template: {error:?}") };
    let context = Context::from_serialize(&page).map_err(defect)?;
    template()?.render("haproxy.cfg", &context).map_err(defect)
}

fn template() -> Result<&'static Tera, Failure> {
    static TERA: OnceLock<Result<Tera, String>> = OnceLock::new();
    let parsed = TERA.get_or_init(|| {
        let mut tera = Tera::new();
        tera.autoescape_on(Vec::<&str>::new());
        tera.add_raw_template("haproxy.cfg", TEMPLATE).map_err(|error| format!("{error:?}"))?;
        Ok(tera)
    });
    parsed.as_ref().map_err(|said| Failure::Refused { said: format!("the template: {said}") })
}

#[derive(Serialize)]
struct Page<'a> {
    id: &'a str,
    project: &'a str,
    nbthread: u16,
    maxconn: u32,
    hard_stop_after: u32,
    skip_ca_bundle: bool,
    log: Option<Log<'a>>,
    sticky: bool,
    frontends: Vec<Frontend<'a>>,
    backends: Vec<Backend<'a>>,
}

#[derive(Serialize)]
struct Log<'a> {
    socket: Cow<'a, str>,
    facility: &'a str,
}

#[derive(Serialize)]
struct Frontend<'a> {
    id: &'a str,
    mode: &'static str,
    bind: SocketAddr,
    maxconn: Option<u32>,
    pool: Option<&'a str>,
}

#[derive(Serialize)]
struct Backend<'a> {
    id: &'a str,
    mode: &'static str,
    balance: &'static str,
    persistence: Option<&'static str>,
    cookie_name: Option<&'a str>,
    address_type: &'static str,
    check: Option<ServerCheck<'a>>,
    tls: bool,
    servers: Vec<Server<'a>>,
}

#[derive(Serialize)]
struct ServerCheck<'a> {
    timeout: u32,
    inter: u32,
    fall: u32,
    http: Vec<Request<'a>>,
}

#[derive(Serialize)]
struct Request<'a> {
    tls: bool,
    method: &'a str,
    path: Cow<'a, str>,
    codes: String,
}

#[derive(Serialize)]
struct Server<'a> {
    id: &'a str,
    address: SocketAddr,
    weight: u16,
    /// `None`: no check; 0: the server's own port.
    check_port: Option<u16>,
    disabled: bool,
}

impl<'a> Page<'a> {
    fn of(validated: &'a Validated, config: &'a Config, skip_ca_bundle: bool) -> Self {
        let backends: Vec<_> = usable(validated).map(|pool| Backend::of(pool, validated)).collect();
        Self {
            id: validated.id.as_str(),
            project: &validated.project,
            nbthread: config.nbthread,
            maxconn: config.maxconn,
            hard_stop_after: config.hard_stop_after,
            skip_ca_bundle,
            log: config.log.as_ref().map(|path| Log { socket: path.to_string_lossy(), facility: &config.log_facility }),
            sticky: backends.iter().any(|backend| matches!(backend.persistence, Some("source-ip" | "app-cookie"))),
            frontends: frontends(validated),
            backends,
        }
    }
}

fn usable(validated: &Validated) -> impl Iterator<Item = &Pool> {
    validated.pools.iter().filter(|pool| pool.admin_state_up)
}

fn frontends(validated: &Validated) -> Vec<Frontend<'_>> {
    let Some(vip) = validated.vip.as_ref().filter(|_| validated.admin_state_up) else {
        return Vec::new();
    };
    let up = validated.listeners.iter().filter(|listener| listener.admin_state_up);
    up.filter_map(|listener| frontend(listener, vip.net.addr(), validated)).collect()
}

fn frontend<'a>(listener: &'a Listener, address: IpAddr, validated: &'a Validated) -> Option<Frontend<'a>> {
    let named = |name: &&Id| usable(validated).any(|pool| pool.id == **name);
    let pool = listener.default_pool.as_ref().filter(named).map(Id::as_str);
    if pool.is_none() && !is_http(listener.protocol) {
        return None;
    }
    Some(Frontend {
        id: listener.id.as_str(),
        mode: mode(listener.protocol),
        bind: SocketAddr::new(address, listener.port),
        maxconn: listener.connection_limit,
        pool,
    })
}

impl<'a> Backend<'a> {
    fn of(pool: &'a Pool, validated: &'a Validated) -> Self {
        let check = ServerCheck::of(&pool.monitors);
        let (persistence, cookie_name) = match &pool.persistence {
            None => (None, None),
            Some(Persistence::SourceIp) => (Some("source-ip"), None),
            Some(Persistence::HttpCookie) => (Some("http-cookie").filter(|_| !pool.members.is_empty()), None),
            Some(Persistence::AppCookie { name }) => (Some("app-cookie"), Some(name.as_str())),
        };
        let ipv6 = validated.vip.as_ref().is_some_and(|vip| vip.net.addr().is_ipv6());
        Self {
            id: pool.id.as_str(),
            mode: mode(pool.protocol),
            balance: match pool.method {
                LbMethod::RoundRobin | LbMethod::Unspecified => "roundrobin",
                LbMethod::LeastConnections => "leastconn",
                LbMethod::SourceIp => "source",
            },
            persistence,
            cookie_name,
            address_type: if ipv6 { "ipv6" } else { "ip" },
            tls: check.as_ref().is_some_and(|check| check.http.iter().any(|request| request.tls)),
            servers: pool.members.iter().map(|member| server(member, pool, validated, check.is_some())).collect(),
            check,
        }
    }
}

impl<'a> ServerCheck<'a> {
    /// What haproxy is to check, or nothing.
    fn of(monitors: &'a [Monitor]) -> Option<Self> {
        let own: Vec<&Monitor> = monitors.iter().filter(|monitor| !matches!(monitor.check, Check::Ping)).collect();
        let http = own.iter().filter_map(|monitor| match &monitor.check {
            Check::Http { tls, method, path, codes } => {
                Some(Request { tls: *tls, method, path: quoted(path), codes: status_list(codes) })
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

fn server<'a>(member: &'a Member, pool: &Pool, validated: &Validated, checked: bool) -> Server<'a> {
    Server {
        id: member.id.as_str(),
        address: SocketAddr::new(member.address, member.port),
        weight: member.weight,
        check_port: check_port(member, pool, validated).filter(|_| checked),
        disabled: !member.admin_state_up,
    }
}

/// A member on port 0 is reached on the port that the client asked for, so that is what is checked. haproxy refuses a
/// check without a port: without a listener there is none.
fn check_port(member: &Member, pool: &Pool, validated: &Validated) -> Option<u16> {
    if member.port > 0 {
        return Some(0);
    }
    let mine = |listener: &&Listener| listener.default_pool.as_ref() == Some(&pool.id);
    validated.listeners.iter().find(mine).map(|listener| listener.port)
}

/// One word of haproxy's configuration. Within `'` nothing means anything but the next `'`, which can be written outside
/// only.
fn quoted(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!&()*+,;=:@/?%".contains(&byte);
    if text.bytes().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', r"'\''")).into() }
}

fn status_list(codes: &[(u16, u16)]) -> String {
    let one = |(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    codes.iter().map(one).collect::<Vec<_>>().join(",")
}

fn mode(protocol: Protocol) -> &'static str {
    if is_http(protocol) { "http" } else { "tcp" }
}

#[cfg(test)]
mod tests;
