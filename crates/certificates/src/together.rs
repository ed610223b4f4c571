//! What is kept together and has no private key: CA certificates, by which others are verified, and revocation lists.

use ballast_model::{
    certificate::{Content, MOST_TOGETHER},
    fault::{Certifying, Fault, Revoking},
    time::Timestamp,
    told::told,
};
use sha2::{Digest as _, Sha256};
use x509_parser::{
    error::X509Error,
    prelude::{FromDer as _, X509Certificate},
    revocation_list::CertificateRevocationList,
};

use crate::{
    blocks,
    chain::{LABEL, block, check_age, ders, micros, name, of_certificate, parse, small},
    kind,
};

/// What is before a revocation list in PEM (RFC 7468, 6).
const LIST: &str = "X509 CRL";

/// Reads CA certificates, in any order, roots or not. A certificate that signed itself is its own CA, as members have them.
///
/// # Errors
/// [`Certifying`], and that something is missing.
pub fn read_authorities(text: &str, now: Timestamp) -> Result<Content, Fault> {
    let other = |label| Certifying::NoCertificate { label }.into();
    let too_many = Certifying::ChainTooLong { most: small(MOST_TOGETHER) };
    let ders = ders(text, LABEL, MOST_TOGETHER, too_many.into(), other)?;
    let certificates = parse(&ders)?;
    for (certificate, position) in certificates.iter().zip(1..) {
        check_authority(certificate, position, now)?;
    }
    let first = certificates.iter().zip(&ders).min_by_key(|(one, _)| one.validity().not_after.timestamp());
    let (first, der) = first.ok_or(Certifying::Unreadable)?;
    let key_type = kind::of_key(first.public_key()).unwrap_or_default();
    Ok(Content { key_type, ..of_certificate(first, der, together(LABEL, &ders)) })
}

fn check_authority(certificate: &X509Certificate<'_>, position: u32, now: Timestamp) -> Result<(), Fault> {
    check_age(certificate, position, now)?;
    let is_own = certificate.subject().as_raw() == certificate.issuer().as_raw();
    if !certificate.is_ca() && !is_own {
        return Err(Certifying::NoCa { position, subject: name(certificate.subject()) }.into());
    }
    if let Err(key_type) = kind::of_key(certificate.public_key()) {
        return Err(Certifying::KeyTypeRefused { position, key_type }.into());
    }
    // Nobody verifies by what a root is signed.
    if let Some(algorithm) = kind::weak_signature(certificate).filter(|_| !is_own) {
        return Err(Certifying::SignatureTooWeak { position, algorithm: algorithm.to_owned() }.into());
    }
    Ok(())
}

/// Reads revocation lists. Whose they are is for who verifies by them: their issuers are not here.
///
/// # Errors
/// [`Revoking`], and that something is missing.
pub fn read_lists(text: &str, now: Timestamp) -> Result<Content, Fault> {
    let other = |label| Revoking::NoList { label }.into();
    let too_many = Revoking::TooMany { most: small(MOST_TOGETHER) };
    let ders = ders(text, LIST, MOST_TOGETHER, too_many.into(), other)?;
    let mut first: Option<Content> = None;
    for (der, position) in ders.iter().zip(1..) {
        let content = list(der, position, now)?;
        if first.as_ref().is_none_or(|first| content.not_after < first.not_after) {
            first = Some(content);
        }
    }
    let first = first.ok_or(Certifying::Unreadable)?;
    Ok(Content { chain: together(LIST, &ders), ..first })
}

fn list(der: &[u8], position: u32, now: Timestamp) -> Result<Content, Fault> {
    let malformed = || Fault::from(Revoking::Malformed { position });
    let (rest, list) = CertificateRevocationList::from_der(der).map_err(|_| malformed())?;
    if !rest.is_empty() || list.tbs_cert_list.signature != list.signature_algorithm {
        return Err(malformed());
    }
    let issuer = name(list.issuer());
    let Some(next_update) = list.next_update() else {
        return Err(Revoking::Endless { position, issuer }.into());
    };
    let not_after = micros(next_update.timestamp());
    if not_after < now {
        let next_update = told(&next_update.to_string());
        return Err(Revoking::Expired { position, issuer, next_update }.into());
    }
    Ok(Content {
        subject: issuer.clone(),
        issuer,
        serial: list.crl_number().map(|number| told(&number.to_str_radix(16))).unwrap_or_default(),
        not_before: micros(list.last_update().timestamp()),
        not_after,
        fingerprint: hex::encode(Sha256::digest(der)),
        ..Content::default()
    })
}

/// Whether one of these lists is of one of these authorities: by its name, and signed with its key. Lists and certificates were
/// read before.
#[must_use]
pub fn are_of(lists: &str, authorities: &str) -> bool {
    let ders = |text| blocks(text).unwrap_or_default().into_iter().map(pem::Pem::into_contents).collect::<Vec<_>>();
    let (lists, authorities) = (ders(lists), ders(authorities));
    let lists =
        lists.iter().filter_map(|der| Some(CertificateRevocationList::from_der(der).ok()?.1)).collect::<Vec<_>>();
    authorities.iter().filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1)).any(|authority| {
        lists.iter().any(|list| {
            let signed = || match list.verify_signature(authority.public_key()) {
                Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
                Err(_) => false,
            };
            list.issuer().as_raw() == authority.subject().as_raw() && signed()
        })
    })
}

fn together(label: &str, ders: &[Vec<u8>]) -> String {
    ders.iter().map(|der| block(label, der)).collect()
}

#[cfg(test)]
mod tests;
