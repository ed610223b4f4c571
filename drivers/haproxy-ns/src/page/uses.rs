//! Which backends there are: how each listener uses its pools.

use ballast_abi::Protocol;

use super::{BackTimeouts, Mode, SetHeader, Use};
use crate::validate::{Action, Header, Id, Listener, Pool, Validated, is_http};

/// Between the pool's id and the listener's in a backend's name; no id has it.
pub(super) const AND: char = ':';

/// One of them.
pub(super) struct Used<'a> {
    /// Of the backend.
    pub(super) name: String,
    pub(super) pool: &'a Pool,
    pub(super) mode: Mode,
    pub(super) using: Use,
}

/// All of them, each pool's together, and the one that has its id first.
pub(super) struct Uses<'a>(pub(super) Vec<Used<'a>>);

/// The pool of a backend of this name.
pub(crate) fn pool_of(backend: &str) -> &str {
    backend.split(AND).next().unwrap_or(backend)
}

impl<'a> Uses<'a> {
    pub(super) fn of(validated: &'a Validated) -> Self {
        let mut all = Vec::new();
        for pool in validated.pools.iter().filter(|pool| !pool.forwarded) {
            let mut own: Vec<Used<'a>> = Vec::new();
            for listener in serving(validated).filter(|listener| names(listener, &pool.id)) {
                let (mode, using) = (mode(listener.protocol), using(listener, pool));
                if !own.iter().any(|used| used.mode == mode && used.using == using) {
                    let name = match own.is_empty() {
                        true => pool.id.as_str().to_owned(),
                        false => format!("{}{AND}{}", pool.id.as_str(), listener.id.as_str()),
                    };
                    own.push(Used { name, pool, mode, using });
                }
            }
            // One that is down is there for those that are sent to it by a policy: they get 503.
            own.retain(|used| pool.admin_state_up || is_policys(validated, used));
            if own.is_empty() && pool.admin_state_up {
                let (name, mode) = (pool.id.as_str().to_owned(), mode(pool.protocol));
                own.push(Used { name, pool, mode, using: Use::default() });
            }
            all.append(&mut own);
        }
        Self(all)
    }

    /// The name of the backend that this pool is to a listener; none: the pool is down.
    pub(super) fn backend(&self, listener: &Listener, pool: &Id) -> Option<&str> {
        let same = |used: &&Used<'_>| {
            used.pool.id == *pool && used.mode == mode(listener.protocol) && used.using == using(listener, used.pool)
        };
        self.0.iter().find(same).map(|used| used.name.as_str())
    }
}

/// Those that haproxy binds, but for lack of a pool.
pub(super) fn serving(validated: &Validated) -> impl Iterator<Item = &Listener> {
    let on = validated.vip.is_some() && validated.admin_state_up;
    validated.listeners.iter().filter(move |listener| on && listener.admin_state_up && !listener.forwarded)
}

/// Whether it sends to this pool.
pub(super) fn names(listener: &Listener, pool: &Id) -> bool {
    listener.default_pool.as_ref() == Some(pool) || redirects(listener, pool)
}

fn redirects(listener: &Listener, pool: &Id) -> bool {
    listener.policies.iter().any(|policy| matches!(&policy.action, Action::RedirectToPool(to) if to == pool))
}

fn is_policys(validated: &Validated, used: &Used<'_>) -> bool {
    let mut sent = serving(validated).filter(|listener| redirects(listener, &used.pool.id));
    sent.any(|listener| mode(listener.protocol) == used.mode && using(listener, used.pool) == used.using)
}

fn using(listener: &Listener, pool: &Pool) -> Use {
    let timeouts = listener.timeouts.map(|asked| BackTimeouts { connect: asked.connect, server: asked.server });
    let ends_tls = listener.tls.is_some();
    let headers = listener.headers.iter().flatten().filter(|_| is_http(listener.protocol));
    let headers = headers.filter_map(|header| set(*header, ends_tls)).collect();
    let tells_tls = ends_tls && pool.protocol == Protocol::Proxyv2;
    // What a member believes of the client's certificate is said here and nowhere else.
    Use { timeouts, headers, hides_tls: ends_tls, tells_tls }
}

/// `None`: haproxy has an option of its own for it.
fn set(header: Header, ends_tls: bool) -> Option<SetHeader> {
    let (name, value) = match header {
        Header::ForwardedFor => return None,
        Header::ForwardedPort => ("X-Forwarded-Port", "%[dst_port]"),
        Header::ForwardedProto if ends_tls => ("X-Forwarded-Proto", "https"),
        Header::ForwardedProto => ("X-Forwarded-Proto", "http"),
        Header::ForwardedIp => ("X-Forwarded-IP", "%[src]"),
        Header::ClientIp => ("X-Client-IP", "%[src]"),
        Header::RealIp => ("X-Real-IP", "%[src]"),
        Header::ClientVerify => ("X-SSL-Client-Verify", "%[ssl_c_verify]"),
        Header::ClientHasCertificate => ("X-SSL-Client-Has-Cert", "%[ssl_c_used]"),
        Header::ClientName => ("X-SSL-Client-DN", "%[ssl_c_s_dn]"),
        Header::ClientCommonName => ("X-SSL-Client-CN", "%[ssl_c_s_dn(cn)]"),
        Header::Issuer => ("X-SSL-Issuer", "%[ssl_c_i_dn]"),
        Header::ClientSha1 => ("X-SSL-Client-SHA1", "%[ssl_c_sha1,hex]"),
        Header::NotBefore => ("X-SSL-Client-Not-Before", "%[ssl_c_notbefore]"),
        Header::NotAfter => ("X-SSL-Client-Not-After", "%[ssl_c_notafter]"),
    };
    Some(SetHeader { name: name.to_owned(), value: value.to_owned() })
}

pub(super) fn mode(protocol: Protocol) -> Mode {
    if is_http(protocol) { Mode::Http } else { Mode::Tcp }
}
