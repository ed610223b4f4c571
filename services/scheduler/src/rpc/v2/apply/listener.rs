//! Listeners.

use std::collections::{BTreeMap, HashMap};

use ballast_model::{
    check,
    fault::{Fault, Reason},
    listener::{Listener, Protocol},
    tls::{self, ClientAuthentication, ListenerTls},
};
use ballast_proto::{convert, v2};

use super::{super::enums::one_of, Fields, optional_id, optional_text};

/// What of a listener can change.
pub(in super::super) const LISTENER: [&str; 24] = [
    "name",
    "description",
    "admin_state_up",
    "tags",
    "connection_limit",
    "default_pool_id",
    "timeout_client_data",
    "timeout_member_connect",
    "timeout_member_data",
    "timeout_tcp_inspect",
    "insert_headers",
    "allowed_cidrs",
    "tls",
    "tls.default_tls_container_ref",
    "tls.sni_container_refs",
    "tls.client_authentication",
    "tls.client_ca_tls_container_ref",
    "tls.client_crl_container_ref",
    "tls.ciphers",
    "tls.versions",
    "tls.alpn_protocols",
    "tls.hsts_max_age",
    "tls.hsts_include_subdomains",
    "tls.hsts_preload",
];

const MOST_CIDRS: usize = 1_000;
const MOST_REFERENCES: usize = 1_000;
const MOST_CIPHERS: usize = 2_048;

/// What the fields say of the listener.
pub(in super::super) fn listener(fields: &Fields<'_>, sent: &v2::Listener, target: &mut Listener) -> Result<(), Fault> {
    fields.text("name", &sent.name, &mut target.name)?;
    fields.text("description", &sent.description, &mut target.description)?;
    fields.flag("admin_state_up", sent.admin_state_up, true, &mut target.admin_state_up);
    fields.tags(&sent.tags, &mut target.labels)?;
    if fields.has("connection_limit", sent.connection_limit.is_some()) {
        target.connection_limit = check::connections("connection_limit", sent.connection_limit.unwrap_or(-1))?;
    }
    if fields.has("default_pool_id", !sent.default_pool_id.is_empty()) {
        target.default_pool_id = optional_id("default_pool_id", &sent.default_pool_id)?;
    }
    timeouts(fields, sent, target)?;
    if fields.has("insert_headers", !sent.insert_headers.is_empty()) {
        target.insert_headers = Some(headers(&sent.insert_headers)?);
    }
    if fields.has("allowed_cidrs", !sent.allowed_cidrs.is_empty()) {
        must_be_few("allowed_cidrs", sent.allowed_cidrs.len(), MOST_CIDRS)?;
        target.allowed_cidrs = check::networks("allowed_cidrs", &sent.allowed_cidrs)?;
    }
    let tls = listener_tls(fields, sent, target)?;
    target.tls = (tls != ListenerTls::default()).then(|| Box::new(tls));
    Ok(())
}

fn timeouts(fields: &Fields<'_>, sent: &v2::Listener, target: &mut Listener) -> Result<(), Fault> {
    let timeouts = &mut target.timeouts;
    for (field, sent, default, target) in [
        ("timeout_client_data", sent.timeout_client_data, 50_000, &mut timeouts.client_data),
        ("timeout_member_connect", sent.timeout_member_connect, 5_000, &mut timeouts.member_connect),
        ("timeout_member_data", sent.timeout_member_data, 50_000, &mut timeouts.member_data),
        ("timeout_tcp_inspect", sent.timeout_tcp_inspect, 0, &mut timeouts.tcp_inspect),
    ] {
        if fields.has(field, sent.is_some()) {
            *target = check::timeout(field, sent.unwrap_or(default))?;
        }
    }
    Ok(())
}

fn headers(sent: &HashMap<String, String>) -> Result<BTreeMap<String, String>, Fault> {
    let text = |text: &String| check::text("insert_headers", text.clone(), check::MAX_TEXT);
    sent.iter().map(|(name, value)| Ok((text(name)?, text(value)?))).collect()
}

fn must_be_few(field: &str, count: usize, most: usize) -> Result<(), Fault> {
    if count <= most {
        return Ok(());
    }
    Err(Fault::invalid_field(field, Reason::TooManyEntries { most: u32::try_from(most).unwrap_or(u32::MAX) }))
}

fn listener_tls(fields: &Fields<'_>, sent: &v2::Listener, target: &Listener) -> Result<ListenerTls, Fault> {
    let mut tls = target.tls.as_deref().cloned().unwrap_or_default();
    let empty = v2::ListenerTls::default();
    let (sent, is_sent) = (sent.tls.as_ref().unwrap_or(&empty), sent.tls.is_some());
    let has = |field: &str, is_set: bool| fields.has_in("tls", field, is_sent && is_set);
    for (field, sent, target) in [
        ("default_tls_container_ref", &sent.default_tls_container_ref, &mut tls.default_certificate),
        ("client_ca_tls_container_ref", &sent.client_ca_tls_container_ref, &mut tls.client_ca),
        ("client_crl_container_ref", &sent.client_crl_container_ref, &mut tls.client_crl),
    ] {
        if has(field, !sent.is_empty()) {
            *target = optional_text(field, sent, check::MAX_TEXT)?;
        }
    }
    if has("sni_container_refs", !sent.sni_container_refs.is_empty()) {
        must_be_few("sni_container_refs", sent.sni_container_refs.len(), MOST_REFERENCES)?;
        let text = |text: &String| check::text("sni_container_refs", text.clone(), check::MAX_TEXT);
        tls.sni_certificates = sent.sni_container_refs.iter().map(text).collect::<Result<_, _>>()?;
    }
    if has("client_authentication", sent.client_authentication != 0) {
        tls.client_authentication = match sent.client_authentication {
            0 => ClientAuthentication::None,
            number => one_of(
                "client_authentication",
                number,
                &ClientAuthentication::ALL,
                |one| convert::to_client_authentication(one).into(),
                ClientAuthentication::as_str,
            )?,
        };
    }
    let terminated = target.protocol == Protocol::TerminatedHttps;
    if has("hsts_max_age", sent.hsts_max_age.is_some()) {
        let age = sent.hsts_max_age.map(|age| u32::try_from(age).map_err(|_| negative("hsts_max_age", age)));
        tls.hsts_max_age = age.transpose()?;
    }
    if has("hsts_include_subdomains", sent.hsts_include_subdomains) {
        tls.hsts_include_subdomains = sent.hsts_include_subdomains;
    }
    if has("hsts_preload", sent.hsts_preload) {
        tls.hsts_preload = sent.hsts_preload;
    }
    // Made, it gets the defaults where TLS ends; changed, wherever it is asked for none.
    let is_made = fields.has("tls", false);
    let defaults = terminated || !is_made;
    let wanted = Wanted { ciphers: &sent.ciphers, versions: &sent.versions, alpn_protocols: &sent.alpn_protocols };
    if has("ciphers", !sent.ciphers.is_empty()) {
        tls.ciphers = wanted.ciphers(defaults)?;
    }
    if has("versions", !sent.versions.is_empty()) {
        tls.versions = wanted.versions(defaults)?;
    }
    if has("alpn_protocols", !sent.alpn_protocols.is_empty()) {
        tls.alpn_protocols = wanted.alpn_protocols(defaults)?;
    }
    Ok(tls)
}

fn negative(field: &str, value: i64) -> Fault {
    Fault::invalid_field(field, Reason::Negative { value })
}

/// What a connection is to be made of; empty: the defaults, if there are to be `defaults`.
pub(super) struct Wanted<'a> {
    pub(super) ciphers: &'a str,
    pub(super) versions: &'a [String],
    pub(super) alpn_protocols: &'a [String],
}

/// Those of Mozilla's intermediate profile, in Octavia's order.
const DEFAULT_CIPHERS: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:\
    ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
    ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
    DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";

impl Wanted<'_> {
    pub(super) fn ciphers(&self, defaults: bool) -> Result<Option<String>, Fault> {
        if self.ciphers.is_empty() {
            return Ok(defaults.then(|| DEFAULT_CIPHERS.to_owned()));
        }
        if self.ciphers.len() > MOST_CIPHERS {
            return Err(check::too_long("tls.ciphers", self.ciphers.to_owned(), MOST_CIPHERS));
        }
        if !tls::ciphers_are_well_formed(self.ciphers) {
            return Err(check::not_valid("tls.ciphers", self.ciphers));
        }
        Ok(Some(self.ciphers.to_owned()))
    }

    pub(super) fn versions(&self, defaults: bool) -> Result<Vec<String>, Fault> {
        let default = if defaults { &tls::DEFAULT_VERSIONS[..] } else { &[] };
        among("tls.versions", self.versions, default, &tls::VERSIONS)
    }

    pub(super) fn alpn_protocols(&self, defaults: bool) -> Result<Vec<String>, Fault> {
        let default = if defaults { &tls::ALPN_PROTOCOLS[..] } else { &[] };
        among("tls.alpn_protocols", self.alpn_protocols, default, &tls::ALPN_PROTOCOLS)
    }
}

fn among(field: &str, sent: &[String], default: &[&str], all: &[&str]) -> Result<Vec<String>, Fault> {
    if sent.is_empty() {
        return Ok(default.iter().map(|text| (*text).to_owned()).collect());
    }
    if let Some(other) = sent.iter().find(|text| !all.contains(&text.as_str())) {
        return Err(check::not_one_of(field, other, all));
    }
    let mut found: Vec<String> = Vec::with_capacity(sent.len());
    for text in sent {
        if !found.contains(text) {
            found.push(text.clone());
        }
    }
    Ok(found)
}
