//! TLS of a listener and of a pool: files, and templates that name them. Releases from 5.2.

use ballast_abi::{ClientAuthentication, Hsts, Listener, ListenerTls, Pool, Secret};
use ballast_device::{
    Child, Key, Piece,
    tls::{self, VERSIONS},
};
use serde_json::{Value, json};

use super::Draft;
use crate::{ciphers, kind::Kind};

/// Of a name in the client's hello.
const LONGEST_NAME: usize = 63;
/// The number of the oldest version that the device knows; each newer one has the next.
const FIRST_VERSION: usize = 30;

/// The files of a certificate.
struct Certificate {
    cert: String,
    key: String,
    /// None: it has no issuers but a root.
    chain: Option<String>,
}

/// The template with which a listener answers clients; none: it cannot be made.
pub(super) fn of_listener(draft: &mut Draft<'_>, listener: &Listener) -> Option<String> {
    let tls = listener.tls.clone().unwrap_or_default();
    let Some(first) = tls.default_certificate.as_ref().or_else(|| tls.sni_certificates.first()) else {
        draft.fault(&listener.id, "it has no certificate");
        return None;
    };
    let certificate = certificate(draft, &listener.id, first);
    let ciphers = ciphers(draft, &listener.id, &tls.ciphers)?;
    let (least, most) = versions(draft, &listener.id, &tls.versions)?;
    let name = draft.name('s', &listener.id);
    let template = json!({
        "name": name, "version": most, "dgversion": least, "template-cipher": ciphers,
        "server-name-list": server_names(draft, listener, &tls), "client-certificate": client_certificate(&tls),
        "ca-certs": authorities(draft, &listener.id, tls.client_ca.as_ref()),
        "crl-certs": revoked(draft, &listener.id, tls.client_crl.as_ref()),
    });
    draft.want(Key::top(Kind::ClientSsl, &name), &listener.id, template);
    let Certificate { cert, key, chain } = certificate;
    draft.want(
        Key::child(Kind::Certificate, &name, Child::named(&cert)),
        &listener.id,
        json!({"cert": cert, "key": key, "chain-cert": chain}),
    );
    Some(name)
}

/// The template with which the device speaks to members.
pub(super) fn of_pool(draft: &mut Draft<'_>, pool: &Pool) {
    let Some(tls) = &pool.tls else { return };
    let certificate = tls.client_certificate.as_ref().map(|secret| certificate(draft, &pool.id, secret));
    let shown = certificate.map(|Certificate { cert, key, .. }| json!({"cert": cert, "key": key}));
    let Some(ciphers) = ciphers(draft, &pool.id, &tls.ciphers) else { return };
    let Some((least, most)) = versions(draft, &pool.id, &tls.versions) else { return };
    let name = draft.name('r', &pool.id);
    let template = json!({
        "name": name, "version": most, "dgversion": least, "cipher-template": ciphers, "certificate": shown,
        "ca-certs": authorities(draft, &pool.id, tls.ca.as_ref()),
        "crl-certs": revoked(draft, &pool.id, tls.crl.as_ref()),
    });
    draft.want(Key::top(Kind::ServerSsl, &name), &pool.id, template);
}

/// The template that adds the header of HSTS (RFC 6797) to what is answered.
pub(super) fn hsts(draft: &mut Draft<'_>, listener: &Listener) -> Option<String> {
    let Hsts { max_age, include_subdomains, preload } = listener.tls.as_ref()?.hsts.as_ref()?;
    let mut header = format!("Strict-Transport-Security: max-age={max_age}");
    header.push_str(if *include_subdomains { "; includeSubDomains" } else { "" });
    header.push_str(if *preload { "; preload" } else { "" });
    let name = draft.name('x', &listener.id);
    let inserted = json!([{"response-header-insert": header, "response-header-insert-type": "insert-always"}]);
    draft.want(
        Key::top(Kind::HttpTemplate, &name),
        &listener.id,
        json!({"name": name, "response-header-insert-list": inserted}),
    );
    Some(name)
}

fn file(draft: &mut Draft<'_>, kind: Kind, blame: &str, (letter, secret, piece): (char, &Secret, Piece)) -> String {
    let name = draft.file(letter, secret, piece);
    draft.want(Key::top(kind, &name), blame, json!({ "file": name }));
    name
}

fn certificate(draft: &mut Draft<'_>, blame: &str, secret: &Secret) -> Certificate {
    let has_issuers = draft.known.facts(secret).certificates.len() > 1;
    Certificate {
        cert: file(draft, Kind::CertFile, blame, ('c', secret, Piece::Certificate(0))),
        key: file(draft, Kind::KeyFile, blame, ('k', secret, Piece::Key)),
        chain: has_issuers.then(|| file(draft, Kind::CertFile, blame, ('i', secret, Piece::Issuers))),
    }
}

/// Each name has the first certificate that is for it.
fn server_names(draft: &mut Draft<'_>, listener: &Listener, tls: &ListenerTls) -> Value {
    let mut all: Vec<Value> = Vec::new();
    for secret in &tls.sni_certificates {
        let Certificate { cert, key, chain } = certificate(draft, &listener.id, secret);
        for name in draft.known.facts(secret).names {
            if name.len() > LONGEST_NAME {
                let why = format!("the device takes names of {LONGEST_NAME} characters for certificates, not {name}");
                draft.fault(&listener.id, why);
            } else if !all.iter().any(|one| one["server-name"] == name.as_str()) {
                let mut one = json!({"server-name": name, "server-cert": cert, "server-key": key});
                if let Some(chain) = &chain {
                    one["server-chain"] = json!(chain);
                }
                all.push(one);
            }
        }
    }
    if all.is_empty() { Value::Null } else { Value::from(all) }
}

fn client_certificate(tls: &ListenerTls) -> Value {
    match ClientAuthentication::try_from(tls.client_authentication) {
        Ok(ClientAuthentication::Optional) => json!("Request"),
        Ok(ClientAuthentication::Mandatory) => json!("Require"),
        Ok(ClientAuthentication::None | ClientAuthentication::Unspecified) | Err(_) => Value::Null,
    }
}

/// A file for each certificate in it.
fn authorities(draft: &mut Draft<'_>, blame: &str, secret: Option<&Secret>) -> Value {
    let Some(secret) = secret else { return Value::Null };
    let count = draft.known.facts(secret).certificates.len().max(1);
    let mut of_each = |at| json!({"ca-cert": file(draft, Kind::CaFile, blame, ('a', secret, Piece::Certificate(at)))});
    (0..count).map(&mut of_each).collect()
}

fn revoked(draft: &mut Draft<'_>, blame: &str, secret: Option<&Secret>) -> Value {
    let Some(secret) = secret else { return Value::Null };
    json!([{"crl": file(draft, Kind::CrlFile, blame, ('l', secret, Piece::Whole))}])
}

/// The template with these ciphers, by preference; none: the device has none of them.
fn ciphers(draft: &mut Draft<'_>, blame: &str, asked: &str) -> Option<String> {
    let (of_all, unknown) = tls::ciphers(asked, ciphers::TABLE);
    if of_all.is_empty() {
        draft.fault(blame, format!("the device has none of its ciphers: {}", unknown.join(", ")));
        return None;
    }
    if !unknown.is_empty() {
        draft.fault(blame, format!("the device does not have some of its ciphers: {}", unknown.join(", ")));
    }
    let name = draft.name('y', &of_all.join(":"));
    let (newest, others): (Vec<&str>, Vec<&str>) = of_all.into_iter().partition(|cipher| cipher.starts_with("TLS_"));
    let list = |field: &str, ciphers: &[&str]| match ciphers {
        [] => Value::Null,
        // The most preferred has the highest number.
        all => {
            (1..=all.len()).rev().zip(all).map(|(priority, one)| json!({field: one, "priority": priority})).collect()
        }
    };
    draft.want(
        Key::top(Kind::Ciphers, &name),
        blame,
        json!({
            "name": name, "cipher13-cfg": list("cipher13-suite", &newest), "cipher-cfg": list("cipher-suite", &others),
        }),
    );
    Some(name)
}

/// The oldest and the newest version: the device takes all in between. Of a gap it takes what is above; none: nothing is known.
fn versions(draft: &mut Draft<'_>, blame: &str, asked: &[String]) -> Option<(usize, usize)> {
    let asked = tls::versions(asked);
    let Some(newest) = asked.last().copied() else {
        draft.fault(blame, "the device has none of its TLS versions");
        return None;
    };
    let mut oldest = newest;
    while oldest > 0 && asked.contains(&(oldest - 1)) {
        oldest -= 1;
    }
    if asked.first() != Some(&oldest) {
        let (from, to) = (VERSIONS[oldest], VERSIONS[newest]);
        draft.fault(blame, format!("the device takes TLS versions without a gap: it has {from} to {to}"));
    }
    Some((FIRST_VERSION + oldest, FIRST_VERSION + newest))
}
