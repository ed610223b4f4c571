//! Certificates.

use std::fmt;

use ballast_model::{
    certificate::{Certificate, Validity, reference},
    time::Timestamp,
};

use crate::{convert::timestamp, v2};

const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// As it is at this time. There is no private key in it to be told.
#[must_use]
pub fn to_certificate(certificate: &Certificate, now: Timestamp) -> v2::Certificate {
    let content = &certificate.content;
    let days = content.not_after.0.saturating_sub(now.0).div_euclid(MICROS_PER_DAY);
    v2::Certificate {
        id: certificate.id.to_string(),
        project_id: certificate.project_id.clone(),
        name: certificate.name.clone(),
        description: certificate.description.clone(),
        certificate_chain: content.chain.clone(),
        private_key: String::new(),
        etag: certificate.changed.to_string(),
        version: certificate.version,
        created_at: Some(timestamp(certificate.created_at)),
        updated_at: certificate.updated_at.map(timestamp),
        reference: reference(certificate.id),
        subject: content.subject.clone(),
        names: content.names.clone(),
        issuer: content.issuer.clone(),
        serial: content.serial.clone(),
        not_before: Some(timestamp(content.not_before)),
        not_after: Some(timestamp(content.not_after)),
        fingerprint: content.fingerprint.clone(),
        key_type: content.key_type.clone(),
        validity: validity(content.validity(now)).into(),
        expires_in_days: i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }),
    }
}

const fn validity(validity: Validity) -> v2::Validity {
    match validity {
        Validity::Valid => v2::Validity::Valid,
        Validity::NotYetValid => v2::Validity::NotYetValid,
        Validity::Expired => v2::Validity::Expired,
    }
}

/// Requests have a private key in it, which no log is to show.
impl fmt::Debug for v2::Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_not_shown_for_debugging_in_whatever_request_it_is() {
        let private_key = "-----BEGIN PRIVATE KEY-----s3cret".to_owned();
        let certificate = Some(v2::Certificate { private_key, ..Default::default() });
        let create = v2::CreateCertificateRequest { certificate: certificate.clone(), ..Default::default() };
        let update = v2::UpdateCertificateRequest { certificate, ..Default::default() };
        let shown = format!("{create:?} {update:#?}");
        assert!(shown.contains("Certificate") && !shown.contains("s3cret"), "{shown}");
    }
}
