//! What the parts of a load balancer do not allow each other.

use super::{LoadBalancer, monitor::check_monitor, pool_not_found};
use crate::{
    fault::{Balancing, Exists, Facts, Fault, Routing, Sticky, Taken, Tls},
    ids::PoolId,
    l7::L7Policy,
    listener::{Listener, Protocol},
    member::Member,
    pool::{Pool, SessionPersistence},
};

/// Headers that every listener that looks at requests can insert.
pub(super) const HEADERS: [&str; 6] =
    ["X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-IP", "X-Client-IP", "X-Real-IP"];
/// Those of listeners at which TLS ends.
pub(super) const TLS_HEADERS: [&str; 8] = [
    "X-SSL-Client-Verify",
    "X-SSL-Client-Has-Cert",
    "X-SSL-Client-DN",
    "X-SSL-Client-CN",
    "X-SSL-Issuer",
    "X-SSL-Client-SHA1",
    "X-SSL-Client-Not-Before",
    "X-SSL-Client-Not-After",
];

/// What one load balancer may have: each is sent whole to its agent.
const MOST: [(&str, usize); 5] =
    [("listeners", 500), ("pools", 500), ("members", 10_000), ("policies", 1_000), ("objects", 20_000)];

impl LoadBalancer {
    /// Refuses more than one agent is to be told at once.
    pub(super) fn check_size(&self) -> Result<(), Fault> {
        let policies = self.listeners.iter().map(|listener| listener.policies.len()).sum();
        let counts = [self.listeners.len(), self.pools.len(), self.members(), policies, self.size()];
        for ((what, most), count) in MOST.into_iter().zip(counts) {
            if count > most {
                let most = u32::try_from(most).unwrap_or(u32::MAX);
                return Err(Balancing::TooMany { what: what.to_owned(), most }.into());
            }
        }
        Ok(())
    }

    /// A listener beside these others.
    pub(super) fn check_listener(&self, listener: &Listener, others: &[Listener]) -> Result<(), Fault> {
        let port = listener.protocol_port;
        let twin = |other: &&Listener| {
            other.id != listener.id
                && other.protocol_port == port
                && other.protocol.layer4() == listener.protocol.layer4()
        };
        if let Some(twin) = others.iter().find(twin) {
            return Err(Taken::ListenerPort { protocol: twin.protocol, port, load_balancer_id: self.id }.into());
        }
        check_headers(listener)?;
        self.check_cidrs(listener)?;
        if let Some(tls) = &listener.tls {
            tls.check(listener.protocol)?;
        }
        if let Some(id) = listener.default_pool_id {
            self.check_target(listener.protocol, id)?;
        }
        listener.policies.iter().try_for_each(|policy| self.check_policy(policy, listener.protocol))
    }

    /// A new listener at which TLS ends has a certificate.
    pub(super) fn check_certificate(listener: &Listener) -> Result<(), Fault> {
        let tls = listener.tls.as_deref();
        let has_one = tls.is_some_and(|tls| tls.default_certificate.is_some() || !tls.sni_certificates.is_empty());
        if listener.protocol == Protocol::TerminatedHttps && !has_one {
            return Err(Tls::CertificateMissing.into());
        }
        Ok(())
    }

    fn check_cidrs(&self, listener: &Listener) -> Result<(), Fault> {
        let Some(vip) = &self.vip else { return Ok(()) };
        for cidr in &listener.allowed_cidrs {
            if vip.addresses().all(|one| one.address.is_ipv4() != cidr.addr().is_ipv4()) {
                let addresses = vip.addresses().map(|one| one.address.to_string()).collect();
                return Err(Balancing::CidrOfOtherIpVersion { cidr: *cidr, addresses }.into());
            }
        }
        Ok(())
    }

    /// A pool that a listener of this protocol can send something to.
    fn check_target(&self, protocol: Protocol, pool_id: PoolId) -> Result<(), Fault> {
        if protocol == Protocol::Prometheus {
            return Err(Balancing::NoChildren { protocol }.into());
        }
        let pool = self.pools.iter().find(|pool| pool.id == pool_id).ok_or_else(|| pool_not_found(pool_id))?;
        if !protocol.fits(pool.protocol) {
            return Err(Facts::ProtocolMismatch { protocol, pool_protocol: pool.protocol }.into());
        }
        self.check_families(pool)
    }

    /// A policy of a listener of this protocol.
    pub(super) fn check_policy(&self, policy: &L7Policy, protocol: Protocol) -> Result<(), Fault> {
        if protocol == Protocol::Prometheus {
            return Err(Balancing::NoChildren { protocol }.into());
        }
        if !protocol.is_http() {
            return Err(Routing::NotForProtocol { protocol, provider: self.shown_provider().to_owned() }.into());
        }
        if let Some(id) = policy.action.pool_id() {
            self.check_target(protocol, id)?;
        }
        policy.check_rules()
    }

    /// The name of its provider, as it was asked for.
    #[must_use]
    pub fn shown_provider(&self) -> &str {
        self.provider_alias.as_deref().unwrap_or(&self.provider)
    }

    pub(super) fn check_pool(&self, pool: &Pool) -> Result<(), Fault> {
        check_persistence(pool)?;
        if let Some(tls) = &pool.tls {
            tls.check()?;
        }
        for association in pool.monitors.iter() {
            check_monitor(&association.monitor, pool.protocol)?;
        }
        let mut seen = std::collections::HashSet::new();
        for member in pool.members.iter() {
            if !seen.insert((member.address.to_canonical(), member.protocol_port)) {
                return Err(twice(member, pool.id));
            }
            self.check_member(member, pool)?;
        }
        Ok(())
    }

    /// What is sent to one of its own addresses would come back.
    pub(super) fn check_member(&self, member: &Member, pool: &Pool) -> Result<(), Fault> {
        let Some(vip) = &self.vip else { return Ok(()) };
        let canonical = member.address.to_canonical();
        if vip.addresses().any(|one| one.address.to_canonical() == canonical) {
            return Err(Fault::invalid_field(
                "address",
                crate::fault::Reason::NoMembersAddress {
                    value: member.written.clone().unwrap_or_else(|| member.address.to_string()),
                    kind: "load balancer's own".to_owned(),
                },
            ));
        }
        // A pool that nobody uses is sent nothing.
        if self.listeners_of(pool.id).next().is_none() {
            return Ok(());
        }
        self.check_family(member, pool)
    }

    /// A pool that comes behind a listener.
    pub(super) fn check_families(&self, pool: &Pool) -> Result<(), Fault> {
        pool.members.iter().try_for_each(|member| self.check_family(member, pool))
    }

    /// Datagrams go on in the version of IP in which they came.
    fn check_family(&self, member: &Member, pool: &Pool) -> Result<(), Fault> {
        let Some(vip) = &self.vip else { return Ok(()) };
        let is_ipv4 = member.address.to_canonical().is_ipv4();
        let datagrams = pool.protocol.layer4() != Protocol::Tcp;
        if datagrams && vip.addresses().all(|one| one.address.is_ipv4() != is_ipv4) {
            return Err(Balancing::MemberOfOtherIpVersion {
                address: member.address,
                provider: self.shown_provider().to_owned(),
            }
            .into());
        }
        Ok(())
    }
}

/// Two members of a pool are reached at the same place.
pub(super) fn twice(member: &Member, pool_id: PoolId) -> Fault {
    Exists::Member { address: member.address, port: member.protocol_port, pool_id }.into()
}

fn check_headers(listener: &Listener) -> Result<(), Fault> {
    let Some(headers) = listener.insert_headers.as_ref().filter(|headers| !headers.is_empty()) else { return Ok(()) };
    let protocol = listener.protocol;
    if !protocol.is_http() {
        return Err(Balancing::HeadersNotForProtocol { protocol }.into());
    }
    let is_of_tls = |name: &&String| TLS_HEADERS.contains(&name.as_str());
    let unknown: Vec<&String> =
        headers.keys().filter(|name| !HEADERS.contains(&name.as_str()) && !is_of_tls(name)).collect();
    if !unknown.is_empty() {
        return Err(Balancing::HeadersUnknown { names: unknown.into_iter().collect() }.into());
    }
    let of_tls: Vec<&String> = headers.keys().filter(is_of_tls).collect();
    if protocol == Protocol::Http && !of_tls.is_empty() {
        return Err(Balancing::HeadersOfTls { names: of_tls.into_iter().collect(), protocol }.into());
    }
    Ok(())
}

fn check_persistence(pool: &Pool) -> Result<(), Fault> {
    let protocol = pool.protocol;
    let datagrams = protocol.layer4() != Protocol::Tcp;
    let timed = pool.memory.timeout.is_some() || pool.memory.granularity.is_some();
    if timed && !datagrams {
        return Err(Sticky::NotForProtocol { protocol }.into());
    }
    match &pool.session_persistence {
        Some(persistence @ (SessionPersistence::HttpCookie | SessionPersistence::AppCookie(_))) if datagrams => {
            Err(Sticky::CookieNotForProtocol { kind: persistence.kind().to_owned(), protocol }.into())
        }
        _ => Ok(()),
    }
}
