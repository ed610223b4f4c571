//! Certificates.

use std::fmt;

use ballast_model::{
    certificate::{Acme, AcmeState, Certificate, Content, Validity, reference},
    fault::Fault,
    time::Timestamp,
    tls::Purpose,
};

use crate::{
    convert::{enums::not_in, timestamp},
    v2,
};

const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// As it is at this time. There is no private key in it to be told.
#[must_use]
pub fn to_certificate(certificate: &Certificate, now: Timestamp) -> v2::Certificate {
    let of = certificate.content.as_ref();
    let content = of.cloned().unwrap_or_default();
    v2::Certificate {
        id: certificate.id.to_string(),
        project_id: certificate.project_id.clone(),
        name: certificate.name.clone(),
        description: certificate.description.clone(),
        certificate_chain: content.chain,
        private_key: String::new(),
        etag: certificate.changed.to_string(),
        version: certificate.version,
        created_at: Some(timestamp(certificate.created_at)),
        updated_at: certificate.updated_at.map(timestamp),
        reference: reference(certificate.id),
        subject: content.subject,
        names: content.names,
        issuer: content.issuer,
        serial: content.serial,
        not_before: of.map(|of| timestamp(of.not_before)),
        not_after: of.map(|of| timestamp(of.not_after)),
        fingerprint: content.fingerprint,
        key_type: content.key_type,
        validity: of.map_or(v2::Validity::NotIssued, |of| validity(of.validity(now))).into(),
        expires_in_days: of.map(|of| days_until(of.not_after, now)).unwrap_or_default(),
        kind: to_certificate_kind(certificate.kind).into(),
        acme: certificate.acme.as_ref().map(|acme| to_acme(acme, of)),
        pkcs12: Vec::new(),
        passphrase: String::new(),
    }
}

fn days_until(end: Timestamp, now: Timestamp) -> i32 {
    let days = end.0.saturating_sub(now.0).div_euclid(MICROS_PER_DAY);
    i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
}

fn to_acme(acme: &Acme, content: Option<&Content>) -> v2::Acme {
    let state = match acme.state(content) {
        AcmeState::Pending => v2::AcmeState::Pending,
        AcmeState::Valid => v2::AcmeState::Valid,
        AcmeState::Renewing => v2::AcmeState::Renewing,
        AcmeState::Failed => v2::AcmeState::Failed,
    };
    v2::Acme {
        domains: acme.domains.clone(),
        state: state.into(),
        last_error: acme.last_error.clone().unwrap_or_default(),
        next_attempt_at: Some(timestamp(acme.next_at)),
        failures: acme.failures,
    }
}

/// The kind on the wire.
#[must_use]
pub const fn to_certificate_kind(kind: Purpose) -> v2::CertificateKind {
    match kind {
        Purpose::Certificate => v2::CertificateKind::Certificate,
        Purpose::Ca => v2::CertificateKind::Ca,
        Purpose::Crl => v2::CertificateKind::Crl,
    }
}

/// The kind from the wire; none is the usual one.
///
/// # Errors
/// It is none that is known.
pub fn certificate_kind(value: i32) -> Result<Purpose, Fault> {
    match v2::CertificateKind::try_from(value) {
        Ok(v2::CertificateKind::Unspecified | v2::CertificateKind::Certificate) => Ok(Purpose::Certificate),
        Ok(v2::CertificateKind::Ca) => Ok(Purpose::Ca),
        Ok(v2::CertificateKind::Crl) => Ok(Purpose::Crl),
        Err(_) => Err(not_in("kind", value, &Purpose::ALL.map(Purpose::as_str))),
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
        let certificate = Some(v2::Certificate {
            private_key,
            pkcs12: b"s3cret".to_vec(),
            passphrase: "s3cret".to_owned(),
            ..Default::default()
        });
        let (mut create, mut update) =
            (v2::CreateCertificateRequest::default(), v2::UpdateCertificateRequest::default());
        create.certificate.clone_from(&certificate);
        update.certificate = certificate;
        let shown = format!("{create:?} {update:#?}");
        assert!(shown.contains("Certificate") && !shown.contains("s3cret") && !shown.contains("115, 51"), "{shown}");
    }
}
