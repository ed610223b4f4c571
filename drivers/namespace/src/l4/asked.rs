//! What of a load balancer is forwarded, and to what else not everybody may connect. Pure.

use std::net::{IpAddr, SocketAddr};

use ballast_abi::LbMethod;
use ballast_l4::desired::{self, Filter, Method, Protocol, Sources};

use super::{Forwarded, Key, Listener, Member, Probe};
use crate::validate::{self, Persistence, Pool, Timeouts, Validated, Vip};

/// Seconds that a client is remembered where nobody says how long.
const REMEMBERED: u32 = 360;

impl Forwarded {
    /// `None`: there is no such listener and nobody to be kept out, or no VIP.
    #[must_use]
    pub fn of<L: AsRef<validate::Listener>>(validated: &Validated<L>) -> Option<Self> {
        let vip = validated.vip.as_ref()?;
        let all = validated.listeners.iter().map(AsRef::as_ref);
        let asked = all.clone().filter(|listener| listener.forwarded);
        let listeners: Vec<Listener> = asked.map(|asked| listener(asked, vip, validated)).collect();
        // Who asks for what is answered is nobody that a listener knows.
        let is_filtered = |listener: &&validate::Listener| {
            let is_kept = validated.filters && !listener.forwarded && !validated.is_answering(listener);
            is_kept && !listener.allowed.is_empty()
        };
        let served = all.filter(is_filtered);
        let filters: Vec<Filter> = served.map(filter).collect();
        if listeners.is_empty() {
            return (!filters.is_empty()).then(|| Self { filters, ..Self::default() });
        }
        let pools = validated.pools.iter().filter(|pool| pool.forwarded && pool.admin_state_up);
        Some(Self {
            sources: sources(vip),
            probes: pools.clone().flat_map(|pool| probes(pool, validated)).collect(),
            unchecked: pools.filter(|pool| pool.monitors.is_empty()).flat_map(members_up).collect(),
            listeners,
            filters,
        })
    }

    /// Whether there is anything that the kernel sends on.
    #[must_use]
    pub fn forwards(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Whether there is such a pool, with a listener or without.
    #[must_use]
    pub fn has_pool(&self, id: &str) -> bool {
        self.listeners.iter().any(|listener| listener.pool == id) || self.looked_after().any(|(pool, _)| pool == id)
    }

    /// The same of a member.
    #[must_use]
    pub fn has_member(&self, pool: &str, id: &str) -> bool {
        let own = self.listeners.iter().filter(|listener| listener.pool == pool);
        { own }.flat_map(|listener| &listener.members).any(|member| member.id == id)
            || self.looked_after().any(|(of, member)| (of, member) == (pool, id))
    }

    /// Members that are up, of all pools that are.
    fn looked_after(&self) -> impl Iterator<Item = (&str, &str)> {
        let unchecked = self.unchecked.iter().map(|(pool, member)| (pool.as_str(), member.as_str()));
        unchecked.chain(self.probes.iter().map(|probe| (probe.pool.as_str(), probe.member.as_str())))
    }

    /// `can`: this kernel has times of listeners' own. `usual`: seconds, of those that ask for none.
    pub fn settle_idle(&mut self, can: bool, usual: impl Fn(Protocol) -> Option<u32>) {
        for listener in &mut self.listeners {
            listener.idle = listener.idle.or_else(|| usual(listener.protocol)).filter(|_| can);
        }
    }
}

/// A flow is one for both sides: as long as the more patient of them waits. In whole seconds, as the kernel counts.
fn idle(asked: &Timeouts) -> u32 {
    asked.client.max(asked.server).div_ceil(1000)
}

/// Also of a listener that is down, so that nothing changes with that.
fn filter(asked: &validate::Listener) -> Filter {
    Filter { port: asked.port, allowed: asked.allowed.clone() }
}

/// Members are asked from the first address of each version.
fn sources(vip: &Vip) -> Sources {
    let mut sources = Sources::default();
    for net in vip.own_nets() {
        match net.addr() {
            IpAddr::V4(address) => {
                sources.v4.get_or_insert(address);
            }
            IpAddr::V6(address) => {
                sources.v6.get_or_insert(address);
            }
        }
    }
    sources
}

fn listener<L>(asked: &validate::Listener, vip: &Vip, validated: &Validated<L>) -> Listener {
    let pool = asked.default_pool.as_ref();
    let pool = pool.and_then(|id| validated.pools.iter().find(|pool| pool.id == *id));
    let on = validated.admin_state_up && asked.admin_state_up && pool.is_some_and(|pool| pool.admin_state_up);
    let members = pool.map(|pool| pool.members.as_slice()).unwrap_or_default();
    Listener {
        id: asked.id.as_str().to_owned(),
        addresses: vip.nets().map(|net| net.addr()).filter(|_| on).collect(),
        protocol: protocol(asked.protocol),
        port: asked.port,
        method: pool.map_or(Method::RoundRobin, method),
        persistence: pool.and_then(persistence),
        most: asked.connection_limit,
        allowed: asked.allowed.clone(),
        idle: asked.timeouts.as_ref().map(idle),
        pool: pool.map(|pool| pool.id.as_str().to_owned()).unwrap_or_default(),
        members: members.iter().map(|one| member(one, asked.port)).collect(),
    }
}

/// What passes through is TCP.
fn protocol(asked: ballast_abi::Protocol) -> Protocol {
    match asked {
        ballast_abi::Protocol::Udp => Protocol::Udp,
        ballast_abi::Protocol::Sctp => Protocol::Sctp,
        ballast_abi::Protocol::Unspecified
        | ballast_abi::Protocol::Tcp
        | ballast_abi::Protocol::Http
        | ballast_abi::Protocol::Https
        | ballast_abi::Protocol::TerminatedHttps
        | ballast_abi::Protocol::Prometheus
        | ballast_abi::Protocol::Proxy
        | ballast_abi::Protocol::Proxyv2 => Protocol::Tcp,
    }
}

fn method(pool: &Pool) -> Method {
    match pool.method {
        LbMethod::RoundRobin | LbMethod::Unspecified => Method::RoundRobin,
        LbMethod::LeastConnections => Method::LeastConnections,
        LbMethod::SourceIp => Method::SourceIp,
        LbMethod::SourceIpPort => Method::SourceIpPort,
    }
}

fn persistence(pool: &Pool) -> Option<desired::Persistence> {
    match pool.persistence.as_ref()? {
        Persistence::SourceIp(clients) => Some(desired::Persistence {
            seconds: if clients.seconds == 0 { REMEMBERED } else { clients.seconds },
            prefix4: clients.prefix4,
            prefix6: clients.prefix6,
        }),
        Persistence::HttpCookie | Persistence::AppCookie { .. } => None,
    }
}

/// One on port 0 is reached on the port that the client asked for.
fn member(asked: &validate::Member, port: u16) -> Member {
    Member {
        id: asked.id.as_str().to_owned(),
        address: SocketAddr::new(asked.address, if asked.port == 0 { port } else { asked.port }),
        weight: asked.weight,
        backup: asked.backup,
        admin_state_up: asked.admin_state_up,
    }
}

fn members_up(pool: &Pool) -> impl Iterator<Item = Key> {
    let up = pool.members.iter().filter(|member| member.admin_state_up);
    up.map(|member| (pool.id.as_str().to_owned(), member.id.as_str().to_owned()))
}

/// Of each member by each monitor.
fn probes<L: AsRef<validate::Listener>>(pool: &Pool, validated: &Validated<L>) -> Vec<Probe> {
    let all = validated.listeners.iter().map(AsRef::as_ref);
    let users = all.filter(|listener| listener.default_pool.as_ref() == Some(&pool.id));
    let first = users.map(|listener| listener.port).next().unwrap_or_default();
    let of = |asked: &validate::Member| {
        let port = [asked.monitor_port, asked.port, first].into_iter().find(|port| *port > 0).unwrap_or_default();
        let address = SocketAddr::new(asked.monitor_address.unwrap_or(asked.address), port);
        let probe = |(number, monitor): (usize, &validate::Monitor)| Probe {
            pool: pool.id.as_str().to_owned(),
            member: asked.id.as_str().to_owned(),
            monitor: number,
            check: monitor.check.clone(),
            address,
            delay: monitor.delay,
            timeout: monitor.timeout.min(monitor.delay),
            rise: monitor.rise.max(1),
            fall: monitor.max_retries,
        };
        pool.monitors.iter().enumerate().map(probe).collect::<Vec<_>>()
    };
    pool.members.iter().filter(|member| member.admin_state_up).flat_map(of).collect()
}
