//! TLS of a listener and of a pool: files, certificates with their keys, a group of ciphers, and what binds them.
//!
//! A certificate has the name of where it comes from and of who issued it: a new one of the same issuer takes the place of the
//! one before while it serves, and nothing is bound again.

use std::collections::BTreeSet;

use ballast_abi::{ClientAuthentication, Hsts, Listener, ListenerTls, Pool, Secret};
use ballast_device::{
    Child, Fields, Key, Piece, fields,
    tls::{self, VERSIONS},
};
use serde_json::{Value, json};

use super::{Draft, switch};
use crate::{ciphers, kind::Kind};

/// What the device calls the versions.
const SWITCHES: [&str; VERSIONS.len()] = ["ssl.ssl3", "ssl.tls1", "ssl.tls11", "ssl.tls12", "ssl.tls13"];
/// A certificate comes behind its issuers, whose letters are those before this one, so that it goes before they do.
const LAST: u8 = b'z';

/// What something that speaks TLS is to have: its settings, and what is bound to it once it is there.
pub(super) struct Speaks {
    pub(super) settings: Fields,
    bound: Vec<(Kind, String, Value)>,
}

impl Speaks {
    /// `owner`: the virtual server or the group, and the field in which a binding names it.
    pub(super) fn bind(self, draft: &mut Draft<'_>, blame: &str, (owner, field): (&str, &str)) {
        for (kind, name, mut binding) in self.bound {
            binding[field] = json!(owner);
            draft.want(Key::child(kind, owner, Child::named(name)), blame, binding);
        }
    }
}

/// How a listener answers clients; none: it cannot be made.
pub(super) fn of_listener(draft: &mut Draft<'_>, listener: &Listener) -> Option<Speaks> {
    let tls = listener.tls.clone().unwrap_or_default();
    let Some(first) = tls.default_certificate.as_ref().or_else(|| tls.sni_certificates.first()) else {
        draft.fault(&listener.id, "it has no certificate");
        return None;
    };
    if !tls.alpn_protocols.is_empty() && !tls.alpn_protocols.iter().any(|protocol| protocol.starts_with("http/1.")) {
        draft.fault(&listener.id, "the device speaks HTTP/1.1 with clients");
    }
    let first = certificate(draft, &listener.id, first);
    let ciphers = ciphers(draft, &listener.id, &tls.ciphers)?;
    let mut bound = vec![
        (Kind::FrontCertificate, first.clone(), json!({"certkeyname": first})),
        (Kind::FrontCiphers, ciphers.clone(), json!({"ciphername": ciphers})),
    ];
    bound.extend(by_name(draft, listener, &tls));
    let crl = tls.client_crl.as_ref();
    let authorities = authorities(draft, &listener.id, (tls.client_ca.as_ref(), crl));
    bound.extend(authorities.into_iter().map(|(name, binding)| (Kind::FrontAuthority, name, binding)));
    let mut settings = versions(draft, &listener.id, &tls.versions)?;
    let by_name = bound.iter().any(|(kind, ..)| *kind == Kind::FrontName);
    settings.insert("ssl.snienable".to_owned(), json!(switch(by_name)));
    settings.extend(client_authentication(&tls));
    settings.extend(hsts(tls.hsts.as_ref()));
    Some(Speaks { settings, bound })
}

/// How the device speaks to members; none: it does not, or cannot.
pub(super) fn of_pool(draft: &mut Draft<'_>, pool: &Pool) -> Option<Speaks> {
    let tls = pool.tls.as_ref()?;
    let shown = tls.client_certificate.as_ref().map(|secret| certificate(draft, &pool.id, secret));
    let ciphers = ciphers(draft, &pool.id, &tls.ciphers)?;
    let mut bound = vec![(Kind::GroupCiphers, ciphers.clone(), json!({"ciphername": ciphers}))];
    bound.extend(shown.map(|name| (Kind::GroupCertificate, name.clone(), json!({"certkeyname": name}))));
    let authorities = authorities(draft, &pool.id, (tls.ca.as_ref(), tls.crl.as_ref()));
    bound.extend(authorities.into_iter().map(|(name, binding)| (Kind::GroupAuthority, name, binding)));
    let mut settings = versions(draft, &pool.id, &tls.versions)?;
    settings.insert("ssl.serverauth".to_owned(), json!(switch(tls.ca.is_some())));
    Some(Speaks { settings, bound })
}

/// A certificate with its key, linked to its issuers; its name.
fn certificate(draft: &mut Draft<'_>, blame: &str, secret: &Secret) -> String {
    let issuers = draft.known.facts(secret).certificates;
    let issuers = issuers.get(1..).unwrap_or_default();
    let name = draft.name(char::from(LAST), &format!("{}/{}", secret.reference, issuers.join("/")));
    let cert = file(draft, Kind::File, blame, ('f', secret, Piece::Certificate(0)));
    let key = file(draft, Kind::File, blame, ('g', secret, Piece::Key));
    draft.want(Key::top(Kind::CertKey, &name), blame, json!({"certkey": name, "cert": cert, "key": key}));
    let mut before = name.clone();
    for (letter, at) in (b'm'..LAST).rev().zip(1..=issuers.len()) {
        let cert = file(draft, Kind::File, blame, ('f', secret, Piece::Certificate(at)));
        let issuer = draft.name(char::from(letter), &issuers[at - 1..].join("/"));
        draft.want(Key::top(Kind::CertKey, &issuer), blame, json!({"certkey": issuer, "cert": cert}));
        let link = json!({"certkey": before, "linkcertkeyname": issuer});
        draft.want(Key::child(Kind::Link, &before, Child::named(&issuer)), blame, link);
        before = issuer;
    }
    name
}

fn file(draft: &mut Draft<'_>, kind: Kind, blame: &str, (letter, secret, piece): (char, &Secret, Piece)) -> String {
    let name = draft.file(letter, secret, piece);
    draft.want(Key::top(kind, &name), blame, json!({ "filename": name }));
    name
}

/// Certificates for the names that clients ask for. The device goes by the common name, and has one certificate for each.
fn by_name(draft: &mut Draft<'_>, listener: &Listener, tls: &ListenerTls) -> Vec<(Kind, String, Value)> {
    let mut taken = BTreeSet::new();
    let mut bound = Vec::new();
    for secret in &tls.sni_certificates {
        let facts = draft.known.facts(secret);
        let known = !facts.certificates.is_empty();
        let common = facts.common_name.unwrap_or_default();
        if known && common.is_empty() {
            draft.fault(&listener.id, "the device chooses a certificate by its common name, and one has none");
            continue;
        }
        if known && !taken.insert(common.to_ascii_lowercase()) {
            draft.fault(&listener.id, format!("the device has one certificate for {common}: the first is used"));
            continue;
        }
        let name = certificate(draft, &listener.id, secret);
        bound.push((Kind::FrontName, name.clone(), json!({"certkeyname": name, "snicert": true})));
    }
    bound
}

/// Authorities, each by itself, and what they have taken back; with their bindings.
fn authorities(
    draft: &mut Draft<'_>,
    blame: &str,
    (authority, crl): (Option<&Secret>, Option<&Secret>),
) -> Vec<(String, Value)> {
    let Some(authority) = authority else { return Vec::new() };
    let known = draft.known.facts(authority).certificates;
    let mut bound = Vec::new();
    for at in 0..known.len().max(1) {
        let cert = file(draft, Kind::File, blame, ('f', authority, Piece::Certificate(at)));
        let name = draft.name('a', known.get(at).unwrap_or(&authority.digest));
        draft.want(Key::top(Kind::CertKey, &name), blame, json!({"certkey": name, "cert": cert}));
        let check = if crl.is_some() { "Mandatory" } else { "Optional" };
        let binding = json!({"certkeyname": name, "ca": true, "crlcheck": check});
        bound.push((name, binding));
    }
    if let Some(crl) = crl {
        let name = file(draft, Kind::CrlFile, blame, ('l', crl, Piece::Whole));
        draft.want(Key::top(Kind::Crl, &name), blame, json!({"crlname": name, "crlpath": name}));
    }
    bound
}

/// A group with these ciphers, by preference; none: the device has none of them.
fn ciphers(draft: &mut Draft<'_>, blame: &str, asked: &str) -> Option<String> {
    let (found, unknown) = tls::ciphers(asked, ciphers::TABLE);
    if found.is_empty() {
        draft.fault(blame, format!("the device has none of its ciphers: {}", unknown.join(", ")));
        return None;
    }
    if !unknown.is_empty() {
        draft.fault(blame, format!("the device does not have some of its ciphers: {}", unknown.join(", ")));
    }
    let name = draft.name('y', &found.join(":"));
    draft.want(Key::top(Kind::Ciphers, &name), blame, json!({"ciphergroupname": name}));
    for (priority, cipher) in (1..).zip(found) {
        draft.want(
            Key::child(Kind::Cipher, &name, Child::named(cipher)),
            blame,
            json!({"ciphergroupname": name, "ciphername": cipher, "cipherpriority": priority}),
        );
    }
    Some(name)
}

fn versions(draft: &mut Draft<'_>, blame: &str, asked: &[String]) -> Option<Fields> {
    let asked = tls::versions(asked);
    if asked.is_empty() {
        draft.fault(blame, "the device has none of its TLS versions");
        return None;
    }
    let set = |(at, name): (usize, &&str)| ((*name).to_owned(), json!(switch(asked.contains(&at))));
    Some(SWITCHES.iter().enumerate().map(set).collect())
}

fn client_authentication(tls: &ListenerTls) -> Fields {
    fields(match ClientAuthentication::try_from(tls.client_authentication) {
        Ok(ClientAuthentication::Optional) => json!({"ssl.clientauth": switch(true), "ssl.clientcert": "Optional"}),
        Ok(ClientAuthentication::Mandatory) => json!({"ssl.clientauth": switch(true), "ssl.clientcert": "Mandatory"}),
        Ok(ClientAuthentication::None | ClientAuthentication::Unspecified) | Err(_) => {
            json!({"ssl.clientauth": switch(false)})
        }
    })
}

/// RFC 6797.
fn hsts(asked: Option<&Hsts>) -> Fields {
    let yes = |on: bool| if on { "YES" } else { "NO" };
    fields(match asked {
        None => json!({"ssl.hsts": switch(false)}),
        Some(Hsts { max_age, include_subdomains, preload }) => json!({
            "ssl.hsts": switch(true), "ssl.maxage": max_age, "ssl.includesubdomains": yes(*include_subdomains),
            "ssl.preload": yes(*preload),
        }),
    })
}
