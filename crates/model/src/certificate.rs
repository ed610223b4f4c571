//! Certificates that projects keep here: what everybody may know of one. The private key beside it is sealed, and no type of
//! the model has it.

mod acme;

pub use acme::{Acme, AcmeState, MOST_DOMAINS, check_domains, renew_at, retry_at};

use crate::{ids::CertificateId, time::Timestamp, tls::Purpose};

/// The largest text of a certificate with its chain, and of a private key, in bytes.
pub const MOST_BYTES: usize = 65_536;
/// How many certificates a chain may have.
pub const MOST_CHAIN: usize = 10;
/// How many CA certificates, and how many revocation lists, may be kept together.
pub const MOST_TOGETHER: usize = 100;
/// The paths by which load balancers name a certificate, behind whatever address a client knows.
const PATHS: [&str; 2] = ["/v1/containers/", "/v1/secrets/"];

/// A certificate of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub id: CertificateId,
    pub project_id: String,
    pub name: String,
    pub description: String,
    /// For what it can be named.
    pub kind: Purpose,
    /// A CA issues it by itself; none: who keeps it brings its content.
    pub acme: Option<Acme>,
    /// Grows with each new content. 0: it has none yet.
    pub version: u64,
    /// Grows with each change.
    pub changed: u64,
    pub created_at: Timestamp,
    /// None: not changed since.
    pub updated_at: Option<Timestamp>,
    /// None: it is not issued yet.
    pub content: Option<Content>,
}

/// What a certificate says of itself; where several are kept together, the first that expires does. A revocation list has no
/// names and no key: its issuer is its subject too, and it is good until the next one is due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    pub subject: String,
    /// DNS names and addresses, and the common name if it is none of them.
    pub names: Vec<String>,
    pub issuer: String,
    pub serial: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// SHA-256 of the certificate or the list, in hex.
    pub fingerprint: String,
    /// `RSA 2048`, `ECDSA P-256`; empty: it has none.
    pub key_type: String,
    /// The certificate and then who issued it, in PEM, without the root; or all CA certificates; or all lists. Lists of
    /// certificates leave it empty.
    pub chain: String,
}

/// A private key as it is kept: nobody can read it without the key that sealed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key sealed it.
    pub key_id: String,
    /// The nonce, and then what is sealed.
    pub bytes: Vec<u8>,
}

/// Whether a certificate can be used at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    Valid,
    NotYetValid,
    Expired,
}

impl Content {
    #[must_use]
    pub fn validity(&self, now: Timestamp) -> Validity {
        if now > self.not_after {
            Validity::Expired
        } else if now < self.not_before {
            Validity::NotYetValid
        } else {
            Validity::Valid
        }
    }
}

/// What load balancers name it by, behind the address of this service.
#[must_use]
pub fn reference(id: CertificateId) -> String {
    format!("{}{id}", PATHS[0])
}

/// The certificate of ours that a reference names, if it is one of ours: another service's may look alike.
#[must_use]
pub fn of_reference(reference: &str) -> Option<CertificateId> {
    let id = PATHS.iter().find_map(|path| Some(reference.rsplit_once(path)?.1))?;
    // As it is told, so that a certificate that is named is found by its text.
    id.parse().ok().filter(|parsed: &CertificateId| parsed.to_string() == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_certificate_behind_any_address() {
        let id = CertificateId::from_u128(0xab);
        for address in ["", "http://10.0.0.1:9696", "https://secrets.example/key-manager"] {
            for path in PATHS {
                assert_eq!(of_reference(&format!("{address}{path}{id}")), Some(id));
            }
        }
        assert_eq!(of_reference(&reference(id)), Some(id));
        let upper = format!("/v1/secrets/{}", id.to_string().to_uppercase());
        for other in ["", "x", &format!("/v1/orders/{id}"), &format!("/v1/containers/{id}/"), &upper, &id.to_string()] {
            assert_eq!(of_reference(other), None, "{other}");
        }
    }

    #[test]
    fn a_certificate_is_valid_from_its_first_to_its_last_moment() {
        let content = Content { not_before: Timestamp(10), not_after: Timestamp(20), ..Content::default() };
        let at = |time| content.validity(Timestamp(time));
        assert_eq!(
            [at(9), at(10), at(20), at(21)],
            [Validity::NotYetValid, Validity::Valid, Validity::Valid, Validity::Expired]
        );
    }
}
