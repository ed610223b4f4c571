//! A certificate with its chain, as it comes: checked from the first that is served to the last before the root.

use std::{fmt, net::IpAddr};

use ballast_model::{
    certificate::{Content, MOST_BYTES, MOST_CHAIN},
    fault::{Certifying, Fault},
    time::Timestamp,
    told::told,
};
use sha2::{Digest as _, Sha256};
use x509_parser::{
    error::X509Error,
    extensions::GeneralName,
    prelude::{FromDer as _, X509Certificate},
    x509::X509Name,
};
use zeroize::Zeroizing;

use crate::{blocks, key, kind};

pub(crate) const FIELD: &str = "certificate_chain";
pub(crate) const LABEL: &str = "CERTIFICATE";
/// The longest DNS name.
const LONGEST_NAME: usize = 253;
const MICROS: i64 = 1_000_000;

/// A certificate that may be kept, and its private key.
pub struct Material {
    pub content: Content,
    /// One block of PEM; empty: there is none.
    pub private_key: Zeroizing<String>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("content", &self.content).finish_non_exhaustive()
    }
}

/// Reads a certificate with its chain, and the key that it is for. One that is not valid yet may be kept: it is there in time.
///
/// # Errors
/// [`Certifying`], and that something is missing.
pub fn read(chain: &str, private_key: &str, now: Timestamp) -> Result<Material, Fault> {
    // Who sends neither is told of the certificate first.
    if private_key.is_empty() && !chain.is_empty() {
        return Err(Fault::missing_field("private_key"));
    }
    let other = |label| Certifying::NoCertificate { label }.into();
    let too_long = Certifying::ChainTooLong { most: small(MOST_CHAIN) };
    let ders = ders(chain, LABEL, MOST_CHAIN, too_long.into(), other)?;
    let certificates = parse(&ders)?;
    let kept = ordered(&certificates)?;
    for (certificate, position) in kept.iter().zip(1..) {
        check(certificate, position, now)?;
    }
    let first = kept.first().ok_or(Certifying::Unreadable)?;
    let content = content(first, &ders[..kept.len()])?;
    let private_key = key::read(private_key, first.public_key().raw)?;
    Ok(Material { content, private_key })
}

/// The blocks of this label, which are all that there is, and no more than so many.
pub(crate) fn ders(
    text: &str,
    label: &str,
    most: usize,
    too_many: Fault,
    other: impl Fn(String) -> Fault,
) -> Result<Vec<Vec<u8>>, Fault> {
    if text.is_empty() {
        return Err(Fault::missing_field(FIELD));
    }
    if text.len() > MOST_BYTES {
        return Err(Certifying::TooLarge { field: FIELD.to_owned(), most: small(MOST_BYTES) }.into());
    }
    let blocks = blocks(text).ok_or(Certifying::Unreadable)?;
    if let Some(found) = blocks.iter().find(|block| block.tag() != label) {
        return Err(other(found.tag().chars().take(100).collect()));
    }
    if blocks.len() > most {
        return Err(too_many);
    }
    Ok(blocks.into_iter().map(pem::Pem::into_contents).collect())
}

pub(crate) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

pub(crate) fn parse(ders: &[Vec<u8>]) -> Result<Vec<X509Certificate<'_>>, Fault> {
    let parse = |(der, position)| match X509Certificate::from_der(der) {
        // What signs it is said inside and outside of what is signed.
        Ok((rest, one)) if rest.is_empty() && one.tbs_certificate.signature == one.signature_algorithm => Ok(one),
        Ok(_) | Err(_) => Err(Certifying::Malformed { position }.into()),
    };
    ders.iter().map(Vec::as_slice).zip(1..).map(parse).collect()
}

/// Those that are served: each issued the one before, and a root at the end is left out, which clients have themselves.
fn ordered<'a, 'd>(all: &'a [X509Certificate<'d>]) -> Result<&'a [X509Certificate<'d>], Fault> {
    for ((before, issuer), position) in all.iter().zip(all.iter().skip(1)).zip(2..) {
        if !is_issuer(issuer, before) {
            return Err(Certifying::ChainOutOfOrder { position, subject: name(issuer.subject()) }.into());
        }
    }
    match all {
        [rest @ .., last] if !rest.is_empty() && last.subject().as_raw() == last.issuer().as_raw() => Ok(rest),
        all => Ok(all),
    }
}

/// By its name and its signature; of a signature that cannot be verified here the name counts.
pub(crate) fn is_issuer(issuer: &X509Certificate<'_>, of: &X509Certificate<'_>) -> bool {
    let signed = || match of.verify_signature(Some(issuer.public_key())) {
        Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
        Err(_) => false,
    };
    issuer.subject().as_raw() == of.issuer().as_raw() && signed()
}

pub(crate) fn check_age(certificate: &X509Certificate<'_>, position: u32, now: Timestamp) -> Result<(), Fault> {
    let not_after = certificate.validity().not_after;
    if micros(not_after.timestamp()) < now {
        let (subject, not_after) = (name(certificate.subject()), told(&not_after.to_string()));
        return Err(Certifying::Expired { position, subject, not_after }.into());
    }
    Ok(())
}

fn check(certificate: &X509Certificate<'_>, position: u32, now: Timestamp) -> Result<(), Fault> {
    check_age(certificate, position, now)?;
    if let Err(key_type) = kind::of_key(certificate.public_key()) {
        return Err(Certifying::KeyTypeRefused { position, key_type }.into());
    }
    if let Some(algorithm) = kind::weak_signature(certificate) {
        return Err(Certifying::SignatureTooWeak { position, algorithm: algorithm.to_owned() }.into());
    }
    Ok(())
}

fn content(first: &X509Certificate<'_>, ders: &[Vec<u8>]) -> Result<Content, Fault> {
    let key_type = kind::of_key(first.public_key());
    Ok(Content {
        names: names(first)?,
        key_type: key_type.map_err(|key_type| Certifying::KeyTypeRefused { position: 1, key_type })?,
        ..of_certificate(first, &ders[0], ders.iter().map(|der| block(LABEL, der)).collect())
    })
}

/// What any certificate says; for whom it is and of which kind its key is stays empty.
pub(crate) fn of_certificate(certificate: &X509Certificate<'_>, der: &[u8], chain: String) -> Content {
    let validity = certificate.validity();
    Content {
        subject: name(certificate.subject()),
        names: Vec::new(),
        issuer: name(certificate.issuer()),
        serial: told(&hex::encode(certificate.raw_serial())),
        not_before: micros(validity.not_before.timestamp()),
        not_after: micros(validity.not_after.timestamp()),
        fingerprint: hex::encode(Sha256::digest(der)),
        key_type: String::new(),
        chain,
    }
}

/// One block of PEM.
pub(crate) fn block(label: &str, der: &[u8]) -> String {
    pem::encode_config(&pem::Pem::new(label, der), lines())
}

/// How PEM is written.
pub(crate) const fn lines() -> pem::EncodeConfig {
    pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF)
}

pub(crate) const fn micros(seconds: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(MICROS))
}

/// One line, whatever is in it.
pub(crate) fn name(name: &X509Name<'_>) -> String {
    told(&name.to_string())
}

/// The names that clients may ask for. Those of other kinds, as of mail, are none.
fn names(certificate: &X509Certificate<'_>) -> Result<Vec<String>, Fault> {
    let malformed = |name: &str| Fault::from(Certifying::NameMalformed { name: told(name) });
    let mut names = Vec::new();
    let alternative = certificate.subject_alternative_name().map_err(|_| malformed("subjectAltName"))?;
    for one in alternative.iter().flat_map(|extension| &extension.value.general_names) {
        match one {
            GeneralName::DNSName(dns) if is_name(dns) => names.push((*dns).to_owned()),
            GeneralName::DNSName(dns) => return Err(malformed(dns)),
            GeneralName::IPAddress(bytes) => {
                names.push(address(bytes).ok_or_else(|| malformed(&hex::encode(bytes)))?.to_string());
            }
            GeneralName::Invalid(..) => return Err(malformed("subjectAltName")),
            _ => {}
        }
    }
    let common = certificate.subject().iter_common_name().next().and_then(|common| common.as_str().ok());
    // One with a blank in it is a person's or a company's.
    if let Some(common) = common.filter(|common| is_name(common) && !names.iter().any(|name| name == common)) {
        names.insert(0, common.to_owned());
    }
    if names.is_empty() { Err(Certifying::Nameless.into()) } else { Ok(names) }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests;
