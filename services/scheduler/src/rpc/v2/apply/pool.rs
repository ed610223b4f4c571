//! Pools.

use ballast_model::{
    check,
    fault::Fault,
    pool::{LbMethod, Memory, Pool, SessionPersistence},
    tls::PoolTls,
};
use ballast_proto::{convert, driver::PersistenceType, v2};

use super::{super::enums::one_of, Fields, listener::Wanted, optional_text};

/// What of a pool can change.
pub(in super::super) const POOL: [&str; 14] = [
    "name",
    "description",
    "admin_state_up",
    "tags",
    "lb_algorithm",
    "session_persistence",
    "tls",
    "tls.enabled",
    "tls.tls_container_ref",
    "tls.ca_tls_container_ref",
    "tls.crl_container_ref",
    "tls.ciphers",
    "tls.versions",
    "tls.alpn_protocols",
];

/// What the fields say of the pool.
pub(in super::super) fn pool(fields: &Fields<'_>, sent: &v2::Pool, target: &mut Pool) -> Result<(), Fault> {
    fields.text("name", &sent.name, &mut target.name)?;
    fields.text("description", &sent.description, &mut target.description)?;
    fields.flag("admin_state_up", sent.admin_state_up, true, &mut target.admin_state_up);
    fields.tags(&sent.tags, &mut target.labels)?;
    if fields.has("lb_algorithm", sent.lb_algorithm != 0) {
        target.lb_method = algorithm(sent.lb_algorithm)?;
    }
    if fields.has("session_persistence", sent.session_persistence.is_some()) {
        match &sent.session_persistence {
            None => (target.session_persistence, target.memory) = (None, Memory::default()),
            Some(sent) => persistence(sent, target)?,
        }
    }
    let tls = pool_tls(fields, sent, target)?;
    target.tls = (tls != PoolTls::default()).then(|| Box::new(tls));
    Ok(())
}

/// How a pool chooses.
pub(in super::super) fn algorithm(number: i32) -> Result<LbMethod, Fault> {
    one_of("lb_algorithm", number, &LbMethod::ALL, |one| convert::to_lb_method(one).into(), LbMethod::as_str)
}

/// Its type may be left out where there is one, and nothing in it changes nothing.
fn persistence(sent: &v2::SessionPersistence, target: &mut Pool) -> Result<(), Fault> {
    if *sent == v2::SessionPersistence::default() {
        return Ok(());
    }
    let known = target.session_persistence.as_ref();
    let kind = match (PersistenceType::try_from(sent.r#type), known) {
        (Ok(PersistenceType::Unspecified), Some(known)) => known.kind(),
        (Ok(PersistenceType::Unspecified), None) => return Err(Fault::missing_field("type")),
        (Ok(PersistenceType::SourceIp), _) => "SOURCE_IP",
        (Ok(PersistenceType::HttpCookie), _) => "HTTP_COOKIE",
        (Ok(PersistenceType::AppCookie), _) => "APP_COOKIE",
        (Err(_), _) => {
            let number = sent.r#type.to_string();
            return Err(check::not_one_of("type", &number, ["APP_COOKIE", "HTTP_COOKIE", "SOURCE_IP"]));
        }
    };
    let cookie_name = Some(sent.cookie_name.as_str()).filter(|name| !name.is_empty());
    target.session_persistence = Some(SessionPersistence::new(kind, cookie_name)?);
    if let Some(timeout) = sent.persistence_timeout {
        target.memory.timeout = Some(check::range("persistence_timeout", timeout, 0, i32::MAX)?.unsigned_abs());
    }
    if !sent.persistence_granularity.is_empty() {
        check::address("persistence_granularity", &sent.persistence_granularity)?;
        target.memory.granularity = Some(sent.persistence_granularity.clone());
    }
    Ok(())
}

fn pool_tls(fields: &Fields<'_>, sent: &v2::Pool, target: &Pool) -> Result<PoolTls, Fault> {
    let mut tls = target.tls.as_deref().cloned().unwrap_or_default();
    let empty = v2::PoolTls::default();
    let (sent, is_sent) = (sent.tls.as_ref().unwrap_or(&empty), sent.tls.is_some());
    let has = |field: &str, is_set: bool| fields.has_in("tls", field, is_sent && is_set);
    if has("enabled", sent.enabled) {
        tls.enabled = sent.enabled;
    }
    for (field, sent, target) in [
        ("tls_container_ref", &sent.tls_container_ref, &mut tls.certificate),
        ("ca_tls_container_ref", &sent.ca_tls_container_ref, &mut tls.ca),
        ("crl_container_ref", &sent.crl_container_ref, &mut tls.crl),
    ] {
        if has(field, !sent.is_empty()) {
            *target = optional_text(field, sent, check::MAX_TEXT)?;
        }
    }
    let wanted = Wanted { ciphers: &sent.ciphers, versions: &sent.versions, alpn_protocols: &sent.alpn_protocols };
    let defaults = tls.enabled;
    if has("ciphers", !sent.ciphers.is_empty()) || (defaults && tls.ciphers.is_none()) {
        tls.ciphers = wanted.ciphers(defaults)?;
    }
    if has("versions", !sent.versions.is_empty()) || (defaults && tls.versions.is_empty()) {
        tls.versions = wanted.versions(defaults)?;
    }
    if has("alpn_protocols", !sent.alpn_protocols.is_empty()) || (defaults && tls.alpn_protocols.is_empty()) {
        tls.alpn_protocols = wanted.alpn_protocols(defaults)?;
    }
    Ok(tls)
}
