//! TLS in haproxy's words.

use std::collections::BTreeMap;

use ballast_namespace::validate::tls::{ListenerTls, PoolTls, Settings, Version};

use serde::{Deserialize, Serialize};

use super::{
    Page,
    uses::{Uses, serving},
};
use crate::{
    secrets::{Kind, Named},
    validate::{Listener, Validated},
};

/// What is offered where nothing else is asked for, as Octavia has it: forward secrecy and authenticated encryption only.
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                       ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
                       DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";
const SUITES: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/// OpenSSL 3 has TLS 1.0 and 1.1 only where its lowest level is asked for.
const LOWEST_LEVEL: &str = "@SECLEVEL=0";

/// Where TLS ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FrontTls {
    /// The path of the list of its certificates.
    pub(crate) list: String,
    /// Their paths, the first of which is for names that none has.
    pub(crate) certificates: Vec<String>,
    /// What else a `bind` says, in haproxy's words.
    pub(crate) words: String,
    /// What browsers are to keep to (RFC 6797).
    pub(crate) hsts: Option<String>,
}

impl Page {
    /// The files that are named beside secrets: each listener's list of its certificates.
    pub(crate) fn lists(&self) -> Vec<(String, String)> {
        let lists = self.frontends.iter().filter_map(|frontend| {
            let tls = frontend.tls.as_ref()?;
            let name = tls.list.rsplit('/').next()?.to_owned();
            Some((name, tls.certificates.iter().fold(String::new(), |text, path| text + path + "\n")))
        });
        lists.collect()
    }

    /// With these contents, by file, in the place of those that are asked for.
    pub(crate) fn pinned(mut self, digests: &BTreeMap<String, String>) -> Self {
        for one in &mut self.secrets {
            if let Some(digest) = digests.get(&one.file) {
                one.digest.clone_from(digest);
            }
        }
        self
    }
}

pub(super) fn front(listener: &Listener, folder: &str) -> Option<FrontTls> {
    let tls = listener.tls.as_ref()?;
    let mut certificates: Vec<String> = Vec::new();
    for one in named(tls, folder).into_iter().filter(|one| one.kind == Kind::Certificate) {
        let path = one.path();
        if !certificates.contains(&path) {
            certificates.push(path);
        }
    }
    let mut words = Vec::new();
    if let Some(clients) = &tls.clients {
        words.push(format!("ca-file {}", Named::of(Kind::Ca, &clients.ca, folder).path()));
        words.extend(clients.crl.iter().map(|crl| format!("crl-file {}", Named::of(Kind::Crl, crl, folder).path())));
        words.push(format!("verify {}", if clients.mandatory { "required" } else { "optional" }));
    }
    words.extend(settings(&tls.settings));
    if tls.settings.alpn.is_empty() {
        // From 2.8 on haproxy offers HTTP/2 where nothing is said.
        words.push("alpn http/1.1,http/1.0".to_owned());
    }
    let hsts = tls.hsts.as_ref().map(|hsts| {
        let more = |is: bool, word: &str| if is { format!("; {word}") } else { String::new() };
        let (below, preload) = (more(hsts.include_subdomains, "includeSubDomains"), more(hsts.preload, "preload"));
        format!("max-age={}{below}{preload}", hsts.max_age)
    });
    let list = format!("{folder}/{}.list", listener.id.as_str());
    Some(FrontTls { list, certificates, words: words.join(" "), hsts })
}

/// The name that the client asked for is asked of the member as well.
pub(super) fn back(tls: &PoolTls, is_checked: bool, folder: &str) -> String {
    let path = |kind, secret| Named::of(kind, secret, folder).path();
    let mut words = vec!["ssl".to_owned()];
    words.extend(tls.certificate.iter().map(|one| format!("crt {}", path(Kind::Certificate, one))));
    match &tls.ca {
        Some(ca) => words.push(format!("ca-file {} verify required", path(Kind::Ca, ca))),
        None => words.push("verify none".to_owned()),
    }
    words.extend(tls.crl.iter().map(|one| format!("crl-file {}", path(Kind::Crl, one))));
    words.push("sni ssl_fc_sni".to_owned());
    words.extend(settings(&tls.settings));
    // Without it one with a port or an address of its own is in the clear.
    words.extend(is_checked.then(|| "check-ssl".to_owned()));
    words.join(" ")
}

/// All that what is served names, each once.
pub(super) fn secrets(validated: &Validated, uses: &Uses<'_>, folder: &str) -> Vec<Named> {
    let listeners = serving(validated).filter(|_| validated.vip.is_some()).filter_map(|one| one.tls.as_ref());
    let mut all: Vec<Named> = listeners.flat_map(|tls| named(tls, folder)).collect();
    for tls in uses.0.iter().filter_map(|used| used.pool.tls.as_ref()) {
        let of =
            |kind, secret: &Option<ballast_abi::Secret>| secret.as_ref().map(|secret| Named::of(kind, secret, folder));
        let own = [of(Kind::Certificate, &tls.certificate), of(Kind::Ca, &tls.ca), of(Kind::Crl, &tls.crl)];
        all.extend(own.into_iter().flatten());
    }
    all.sort();
    all.dedup_by(|one, other| one.file == other.file);
    all
}

fn named(tls: &ListenerTls, folder: &str) -> Vec<Named> {
    let of = |kind, secret| Named::of(kind, secret, folder);
    let clients = tls.clients.iter().flat_map(|clients| {
        let crl = clients.crl.iter().map(|crl| of(Kind::Crl, crl));
        std::iter::once(of(Kind::Ca, &clients.ca)).chain(crl)
    });
    tls.certificates.iter().map(|one| of(Kind::Certificate, one)).chain(clients).collect()
}

fn settings(asked: &Settings) -> Vec<String> {
    let spoken = asked.range().0;
    let (first, last) = (spoken.first().copied(), spoken.last().copied());
    let (first, last) = (first.unwrap_or(Version::V1_2), last.unwrap_or(Version::V1_3));
    let mut words = vec![format!("ssl-min-ver {} ssl-max-ver {}", word(first), word(last))];
    let ciphers = asked.ciphers.as_deref().unwrap_or(CIPHERS);
    let lowest = first < Version::V1_2 && !ciphers.contains("@SECLEVEL");
    words.push(format!("ciphers {ciphers}{}", if lowest { format!(":{LOWEST_LEVEL}") } else { String::new() }));
    words.push(format!("ciphersuites {}", asked.suites.as_deref().unwrap_or(SUITES)));
    words.extend((!asked.alpn.is_empty()).then(|| format!("alpn {}", asked.alpn.join(","))));
    words
}

fn word(version: Version) -> &'static str {
    match version {
        Version::V1_0 => "TLSv1.0",
        Version::V1_1 => "TLSv1.1",
        Version::V1_2 => "TLSv1.2",
        Version::V1_3 => "TLSv1.3",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(versions: &[Version], ciphers: Option<&str>) -> String {
        let ciphers = ciphers.map(str::to_owned);
        settings(&Settings { ciphers, versions: versions.to_vec(), ..Settings::default() }).join(" ")
    }

    #[test]
    fn versions_are_a_range_and_where_there_are_two_the_newer_one() {
        let modern = of(&[Version::V1_2, Version::V1_3], None);
        assert!(modern.starts_with("ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.3 ciphers ECDHE-ECDSA-"), "{modern}");
        assert!(!modern.contains("SECLEVEL") && !modern.contains("no-") && !modern.contains("alpn"), "{modern}");
        let old = of(&[Version::V1_0, Version::V1_1], Some("AES128-SHA"));
        let expected = "ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1 ciphers AES128-SHA:@SECLEVEL=0 ";
        assert!(old.starts_with(expected), "{old}");
        let with_a_gap = of(&[Version::V1_0, Version::V1_3], None);
        assert!(with_a_gap.starts_with("ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.3 "), "{with_a_gap}");
        let own = of(&[Version::V1_1], Some("AES128-SHA:@SECLEVEL=1"));
        assert!(own.contains("@SECLEVEL=1") && !own.contains("@SECLEVEL=0"), "{own}");
    }
}
