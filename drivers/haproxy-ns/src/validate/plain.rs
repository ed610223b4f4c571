//! What the kernel cannot do for a listener that it serves because the load balancer's flavor says so. Such a
//! listener is refused: haproxy in its place would be another data plane than the one that was asked for.

use ballast_abi::{DriverError, Protocol};
use ballast_namespace::{
    host::Forwards,
    validate::{self, Pool},
};

/// # Errors
/// UNSUPPORTED, naming the field.
pub(super) fn check(
    listener: &validate::Listener,
    asked: &ballast_abi::Listener,
    pools: &[Pool],
    kernel: Forwards,
) -> Result<(), DriverError> {
    let Some((field, why)) = lacks(listener, asked, pools, kernel) else { return Ok(()) };
    Err(DriverError::unsupported(format!(
        "listener {}: {field} {why}, and the flavor's data_plane is kernel: it is not served",
        asked.id
    )))
}

/// The field, and what is wrong with it.
fn lacks(
    listener: &validate::Listener,
    asked: &ballast_abi::Listener,
    pools: &[Pool],
    kernel: Forwards,
) -> Option<(&'static str, String)> {
    if !kernel.udp {
        return Some(("protocol", "is not forwarded by this host's kernel, which lacks parts of nf_tables".to_owned()));
    }
    let pool = pools.iter().find(|pool| listener.default_pool.as_ref() == Some(&pool.id));
    if let Some(pool) = pool.filter(|pool| !pool.forwarded) {
        let why = format!("names a pool of {}, and the kernel serves pools of TCP and HTTPS", word(pool.protocol));
        return Some(("default_pool_id", why));
    }
    if pool.is_some_and(|pool| pool.tls.is_some()) {
        return Some(("default_pool_id", "names a pool with TLS, which the kernel does not speak".to_owned()));
    }
    if asked.insert_headers.as_ref().is_some_and(|headers| !headers.names.is_empty()) {
        return Some(("insert_headers", "is not empty, and the kernel inserts nothing".to_owned()));
    }
    if listener.timeouts.is_some_and(|timeouts| timeouts.inspect > 0) {
        return Some((
            "timeouts.tcp_inspect",
            "is not 0, and the kernel does not wait for a client's bytes".to_owned(),
        ));
    }
    None
}

/// As the API has it.
fn word(protocol: Protocol) -> &'static str {
    protocol.as_str_name().trim_start_matches("PROTOCOL_")
}
