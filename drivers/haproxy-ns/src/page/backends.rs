//! What serves.

use std::net::{IpAddr, SocketAddr};

use ballast_abi::{LbMethod, Protocol};

use super::{
    AddressType, Backend, Balance, Mode, Request, Server, ServerCheck, Sticking, Use, tls,
    uses::{Used, Uses, names},
    words::{quoted, status_list},
};
use crate::validate::{Check, HttpVersion, Member, Monitor, Persistence, Pool, Validated};

pub(super) fn of(validated: &Validated, uses: &Uses<'_>, folder: &str) -> Vec<Backend> {
    uses.0.iter().map(|used| backend(used, validated, folder)).collect()
}

fn backend(used: &Used<'_>, validated: &Validated, folder: &str) -> Backend {
    let Used { name, pool, mode, using } = used;
    let check = ServerCheck::of(pool, validated);
    let is_first = name == pool.id.as_str();
    let (persistence, cookie_name) = sticking(pool, *mode);
    let ipv6 = validated.vip.as_ref().is_some_and(|vip| vip.speaks(false));
    let of_tls = |check: &ServerCheck| check.hello || check.http.iter().any(|request| request.tls);
    // One that is down has a name, and nobody to serve.
    let members = if pool.admin_state_up { pool.members.as_slice() } else { &[] };
    let checked = check.is_some();
    let servers = members.iter().map(|member| {
        let tracked = checked && !is_first && check_port(member, pool, validated).is_some();
        let server = server(member, pool, validated, checked && is_first);
        Server { tracks: Some(pool.id.as_str().to_owned()).filter(|_| tracked), ..server }
    });
    Backend {
        id: name.clone(),
        mode: *mode,
        balance: match pool.method {
            LbMethod::RoundRobin | LbMethod::Unspecified => Balance::RoundRobin,
            LbMethod::LeastConnections => Balance::LeastConn,
            LbMethod::SourceIp => Balance::Source,
            LbMethod::SourceIpPort => Balance::Hash,
        },
        persistence: persistence.filter(|kind| *kind != Sticking::HttpCookie || !members.is_empty()),
        cookie_name,
        address_type: if ipv6 { AddressType::Ipv6 } else { AddressType::Ip },
        tls: pool.tls.is_none() && is_first && check.as_ref().is_some_and(of_tls),
        ssl: pool.tls.as_ref().map(|tls| tls::back(tls, checked && is_first, folder)),
        servers: servers.collect(),
        check: check.filter(|_| is_first),
        using: using.clone(),
        proxy: proxy(pool.protocol, using).map(str::to_owned),
        backups: members.iter().any(|member| member.backup),
        share: None,
    }
}

fn proxy(protocol: Protocol, using: &Use) -> Option<&'static str> {
    match protocol {
        Protocol::Proxy => Some("send-proxy"),
        Protocol::Proxyv2 if using.tells_tls => Some("send-proxy-v2-ssl-cn"),
        Protocol::Proxyv2 => Some("send-proxy-v2"),
        Protocol::Unspecified
        | Protocol::Tcp
        | Protocol::Http
        | Protocol::Https
        | Protocol::TerminatedHttps
        | Protocol::Udp
        | Protocol::Sctp
        | Protocol::Prometheus => None,
    }
}

/// Cookies are seen in HTTP only; elsewhere the client's address is the closest thing that works.
fn sticking(pool: &Pool, mode: Mode) -> (Option<Sticking>, Option<String>) {
    match (&pool.persistence, mode) {
        (None, _) => (None, None),
        (Some(Persistence::SourceIp(_)), _) | (Some(_), Mode::Tcp) => (Some(Sticking::SourceIp), None),
        (Some(Persistence::HttpCookie), Mode::Http) => (Some(Sticking::HttpCookie), None),
        (Some(Persistence::AppCookie { name }), Mode::Http) => (Some(Sticking::AppCookie), Some(name.clone())),
    }
}

impl ServerCheck {
    /// What haproxy is to check, or nothing.
    fn of(pool: &Pool, validated: &Validated) -> Option<Self> {
        let own: Vec<&Monitor> = pool.monitors.iter().filter(|monitor| !matches!(monitor.check, Check::Ping)).collect();
        let requests = own.iter().filter_map(|monitor| match &monitor.check {
            Check::Http { tls, method, path, codes, version } => Some(Request {
                // As members are spoken to.
                tls: *tls || pool.tls.is_some(),
                method: method.clone(),
                path: quoted(path),
                codes: status_list(codes),
                version: version.as_ref().map(written),
                host: version.as_ref().and_then(|version| host(version, validated)),
            }),
            Check::Ping | Check::Tcp | Check::TlsHello | Check::UdpConnect | Check::Sctp => None,
        });
        let http: Vec<Request> = requests.collect();
        // A request through TLS begins with one, and others are not beside it.
        let greets = own.iter().any(|monitor| monitor.check == Check::TlsHello);
        Some(Self {
            timeout: own.iter().map(|monitor| monitor.timeout).min()?,
            inter: own.iter().map(|monitor| monitor.delay).min()?,
            fall: own.iter().map(|monitor| monitor.max_retries).min()?,
            rise: own.iter().map(|monitor| monitor.rise.max(1)).max()?,
            hello: greets && http.is_empty(),
            http,
        })
    }
}

fn written(version: &HttpVersion) -> String {
    match version {
        HttpVersion::Old => "HTTP/1.0",
        HttpVersion::New { .. } => "HTTP/1.1",
    }
    .to_owned()
}

/// HTTP 1.1 must have one: without a name it is what clients without a name would say, the VIP.
fn host(version: &HttpVersion, validated: &Validated) -> Option<String> {
    match version {
        HttpVersion::Old => None,
        HttpVersion::New { host: Some(name) } => Some(name.clone()),
        HttpVersion::New { host: None } => validated.vip.as_ref().map(|vip| match vip.net.addr() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        }),
    }
}

fn server(member: &Member, pool: &Pool, validated: &Validated, checked: bool) -> Server {
    Server {
        id: member.id.as_str().to_owned(),
        address: SocketAddr::new(member.address, member.port),
        weight: member.weight,
        check_port: check_port(member, pool, validated).filter(|_| checked),
        check_address: member.monitor_address.filter(|_| checked),
        disabled: !member.admin_state_up,
        backup: member.backup,
        tracks: None,
    }
}

/// A member on port 0 is reached on the port that the client asked for, so that is what is checked; of several listeners
/// that of the first. haproxy refuses a check without a port: without a listener there is none.
fn check_port(member: &Member, pool: &Pool, validated: &Validated) -> Option<u16> {
    if member.port > 0 || member.monitor_port > 0 {
        return Some(member.monitor_port);
    }
    validated.listeners.iter().find(|listener| names(listener, &pool.id)).map(|listener| listener.port)
}
