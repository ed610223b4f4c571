//! What secrets are made of that a Barbican keeps: pure, and as dear as what was encrypted by a passphrase.

use ballast_certificates::{
    Material, Zeroizing, is_pkcs12, read_authorities, read_bundle, read_lists, read_pkcs12, unbundled, unlocked,
};
use ballast_model::{
    certificate::{Content as Public, MOST_BYTES},
    fault::{Certifying, Facts, Fault, Keying},
    time::Timestamp,
    tls::Purpose,
};
use ballast_proto::status::sentence;

use super::super::source::{Content, Flaw, Refused};

/// The largest payload that is taken, in bytes: Barbican itself keeps no more than 20,000 unless it is told to.
pub(super) const MOST_PAYLOAD: usize = MOST_BYTES;

/// Payloads by what they are.
pub(super) enum Payloads {
    /// Of one secret: PKCS12 without a passphrase, or PEM.
    Single(Zeroizing<Vec<u8>>),
    /// Of a container.
    Parts(Parts),
}

#[derive(Default)]
pub(super) struct Parts {
    pub(super) certificate: Zeroizing<Vec<u8>>,
    pub(super) private_key: Zeroizing<Vec<u8>>,
    pub(super) intermediates: Option<Zeroizing<Vec<u8>>>,
    pub(super) passphrase: Option<Zeroizing<Vec<u8>>>,
}

pub(super) fn content(payloads: &Payloads, purpose: Purpose, now: Timestamp) -> Result<Content, Refused> {
    match (purpose, payloads) {
        (Purpose::Certificate, Payloads::Single(bytes)) => single(bytes, now),
        (Purpose::Certificate, Payloads::Parts(parts)) => of_parts(parts, now).map_err(of_a_part),
        (Purpose::Ca, Payloads::Single(bytes)) => read_authorities(text(bytes)?, now).map(public).map_err(flawed),
        (Purpose::Crl, Payloads::Single(bytes)) => read_lists(text(bytes)?, now).map(public).map_err(flawed),
        (Purpose::Ca | Purpose::Crl, Payloads::Parts(_)) => {
            Err(Refused::bad("CA certificates and revocation lists are a secret, and no container"))
        }
    }
}

fn single(bytes: &[u8], now: Timestamp) -> Result<Content, Refused> {
    let read = match is_pkcs12(bytes) {
        true => read_pkcs12(bytes, "", now),
        false => read_bundle(text(bytes)?, "", now),
    };
    read.map(with_key).map_err(flawed)
}

fn of_parts(parts: &Parts, now: Timestamp) -> Result<Content, Refused> {
    let mut chain = text(&parts.certificate)?.to_owned();
    if let Some(more) = parts.intermediates.as_ref().filter(|more| !more.trim_ascii().is_empty()) {
        chain = format!("{}\n{}", chain.trim_end(), unbundled(more).map_err(flawed)?);
    }
    // A file's end is no part of a passphrase.
    let passphrase = parts.passphrase.as_ref().map(|bytes| text(bytes)).transpose()?.unwrap_or_default();
    let passphrase = passphrase.trim_end_matches(['\r', '\n']);
    let key = unlocked(text(&parts.private_key)?, passphrase).map_err(Refused::bad)?;
    read_bundle(&chain, &key, now).map(with_key).map_err(flawed)
}

fn text(bytes: &[u8]) -> Result<&str, Refused> {
    std::str::from_utf8(bytes).map_err(|_| Refused::Bad(Flaw::Unreadable, "it is neither PEM nor PKCS12".to_owned()))
}

fn with_key(Material { content, private_key }: Material) -> Content {
    Content { private_key, ..public(content) }
}

fn public(content: Public) -> Content {
    Content {
        pem: content.chain,
        private_key: Zeroizing::default(),
        not_before: Some(content.not_before),
        not_after: Some(content.not_after),
        names: content.names,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err calls it")]
fn flawed(fault: Fault) -> Refused {
    let flaw = match fault.facts() {
        Facts::Certifying(Certifying::Nameless) => Flaw::Nameless,
        Facts::Certifying(
            Certifying::Unreadable
            | Certifying::NoCertificate { .. }
            | Certifying::Malformed { .. }
            | Certifying::Pkcs7Unreadable
            | Certifying::Pkcs12Unreadable
            | Certifying::Pkcs12Passphrase
            | Certifying::Pkcs12Costly { .. }
            | Certifying::Pkcs12Incomplete { .. },
        ) => Flaw::Unreadable,
        Facts::Certifying(Certifying::Keying(Keying::OfOther)) => Flaw::Other,
        Facts::Certifying(Certifying::Keying(_)) => Flaw::Unreadable,
        _ => Flaw::Unfit,
    };
    Refused::Bad(flaw, sentence(&fault))
}

/// What a container has is no bundle: of one that is damaged nothing can be retrieved.
fn of_a_part(refused: Refused) -> Refused {
    match refused {
        Refused::Bad(Flaw::Unreadable, why) => Refused::bad(why),
        refused => refused,
    }
}
