//! What listens.

use std::net::{IpAddr, SocketAddr};

use ballast_abi::{LbMethod, Protocol};

use super::{
    Extra, FrontTimeouts, Frontend, answers, policies, tls,
    uses::{Uses, mode, serving},
};
use crate::validate::{Header, Listener, Timeouts, Validated, is_http};

/// Milliseconds for a request and between two of them, unless less was asked for.
const REQUEST: u32 = 10_000;
const KEEP_ALIVE: u32 = 30_000;
/// Networks in a line: haproxy takes 64 words.
const IN_A_LINE: usize = 16;

pub(super) fn of(validated: &Validated, uses: &Uses<'_>, folder: &str) -> Vec<Frontend> {
    let Some(vip) = &validated.vip else { return Vec::new() };
    let addresses: Vec<IpAddr> = vip.nets().map(|net| net.addr()).collect();
    let frontends = serving(validated).filter_map(|listener| {
        let mut one = frontend(listener, &addresses, uses, folder)?;
        one.extra = answers::with(one.extra, validated, listener);
        Some(one)
    });
    let open = |mut frontend: Frontend| {
        // Whom the kernel keeps out does not get here, and a change of it is no change of this.
        if validated.filters && frontend.extra.answers.is_empty() {
            frontend.extra.allowed.clear();
        }
        frontend
    };
    frontends.map(open).chain(answers::alone(validated, &addresses)).collect()
}

fn frontend(listener: &Listener, addresses: &[IpAddr], uses: &Uses<'_>, folder: &str) -> Option<Frontend> {
    let pool = listener.default_pool.as_ref().and_then(|pool| default(listener, pool, uses));
    if pool.is_none() && !is_http(listener.protocol) {
        return None;
    }
    let mut binds = addresses.iter().map(|address| SocketAddr::new(*address, listener.port));
    Some(Frontend {
        id: listener.id.as_str().to_owned(),
        mode: mode(listener.protocol),
        bind: binds.next()?,
        more_binds: binds.collect(),
        maxconn: listener.connection_limit,
        pool,
        extra: extra(listener, uses),
        tls: tls::front(listener, folder),
        share: None,
    })
}

/// A pool that is down is nobody's default.
fn default(listener: &Listener, pool: &crate::validate::Id, uses: &Uses<'_>) -> Option<String> {
    let up = uses.0.iter().any(|used| used.pool.id == *pool && used.pool.admin_state_up);
    uses.backend(listener, pool).filter(|_| up).map(str::to_owned)
}

fn extra(listener: &Listener, uses: &Uses<'_>) -> Extra {
    let by_client = |name: &crate::validate::Id| {
        uses.0.iter().any(|used| used.pool.id == *name && used.pool.method == LbMethod::SourceIpPort)
    };
    let pools = listener.default_pool.iter().chain(policies::pools(&listener.policies));
    let one = Extra {
        forwarded_for: listener.headers.as_ref().is_none_or(|headers| headers.contains(&Header::ForwardedFor)),
        timeouts: listener.timeouts.as_ref().map(|asked| timeouts(asked, listener.protocol)),
        allowed: listener.allowed.chunks(IN_A_LINE).map(in_a_line).collect(),
        metrics: listener.protocol == Protocol::Prometheus,
        notes_client: { pools }.any(by_client),
        ..Extra::default()
    };
    policies::with(one, listener, uses)
}

fn timeouts(asked: &Timeouts, protocol: Protocol) -> FrontTimeouts {
    FrontTimeouts {
        client: asked.client,
        request: REQUEST.min(asked.client),
        keep_alive: KEEP_ALIVE.min(asked.client),
        // With HTTP no member gets anything before there is a request.
        inspect: if is_http(protocol) { 0 } else { asked.inspect },
    }
}

fn in_a_line(nets: &[ipnet::IpNet]) -> String {
    nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
