//! The sentences of what certificates and their keys do not allow: what, where, and what to do.

use ballast_model::fault::{Certifying, Issuing, Keying, Revoking};

use super::values::quoted;

#[expect(clippy::too_many_lines, reason = "a sentence for each fact")]
pub(super) fn certifying(fact: &Certifying) -> String {
    match fact {
        Certifying::Unreadable => "certificate_chain has nothing that can be read: send PEM, from -----BEGIN \
                                   CERTIFICATE----- to -----END CERTIFICATE-----, the certificate first."
            .to_owned(),
        Certifying::NoCertificate { label } => format!(
            "certificate_chain has {} in it: send certificates alone, and the key as private_key.",
            quoted(label)
        ),
        Certifying::Malformed { position } => {
            format!("The certificate {position} of certificate_chain is none, or is damaged: send it anew.")
        }
        Certifying::TooLarge { field, most } => format!("{field} has more than {most} bytes: send less."),
        Certifying::ChainTooLong { most } => {
            format!("certificate_chain has more than {most} certificates: send those that lead to the root.")
        }
        Certifying::ChainOutOfOrder { position, subject } => format!(
            "The certificate {position} of certificate_chain, {}, did not issue the one before it: send the certificate \
             first, and then each that issued the one before.",
            quoted(subject)
        ),
        Certifying::Expired { position, subject, not_after } => format!(
            "The certificate {position} of certificate_chain, {}, expired at {not_after}: send a new one.",
            quoted(subject)
        ),
        Certifying::KeyTypeRefused { position, key_type } => format!(
            "The certificate {position} of certificate_chain has a key of the kind {}, and may have RSA of 2048 to 4096 \
             bits, ECDSA P-256 or P-384, or Ed25519: have it issued for such a key.",
            quoted(key_type)
        ),
        Certifying::SignatureTooWeak { position, algorithm } => format!(
            "The certificate {position} of certificate_chain is signed by {}, which clients refuse: have it issued with \
             SHA-256 or better.",
            quoted(algorithm)
        ),
        Certifying::Nameless => "The certificate is for no name: have it issued for the DNS names or addresses that \
                                 clients ask for."
            .to_owned(),
        Certifying::NameMalformed { name } => {
            format!("The certificate is for {}, which is no name: have it issued without it.", quoted(name))
        }
        Certifying::Pkcs7Unreadable => {
            "The PKCS7 bundle cannot be read, or has no certificate: it has to be DER, or PEM, as openssl crl2pkcs7 makes it."
                .to_owned()
        }
        Certifying::Pkcs12Unreadable => {
            "pkcs12 is no PKCS12 bundle that can be read: send one in DER, as openssl pkcs12 \
                                         -export writes it."
                .to_owned()
        }
        Certifying::Pkcs12Passphrase => {
            "pkcs12 does not open with this passphrase, or is damaged: send the one by which it \
                                         was made."
                .to_owned()
        }
        Certifying::Pkcs12Costly { most } => format!(
            "pkcs12 takes more than {most} iterations, or more than 32 MiB, to open: make it anew with fewer, as openssl \
             pkcs12 -export -iter 10000 does."
        ),
        Certifying::Pkcs12Incomplete { missing } => {
            format!("pkcs12 has no {missing}: send one with a private key, its certificate, and those that issued it.")
        }
        Certifying::GivenTwice => {
            "pkcs12 and certificate_chain with private_key are two forms of the same: send one of \
                                   them."
                .to_owned()
        }
        Certifying::NoSecretsKey => "No key is configured by which private keys are kept: an operator sets \
                                     secrets.key_files of the scheduler."
            .to_owned(),
        Certifying::InUse { certificate_id, user } => {
            format!("The {user} names the certificate {certificate_id}: give it another one first.")
        }
        Certifying::TooMany { most } => {
            format!("The project has {most} certificates, and may have no more: delete one first.")
        }
        Certifying::NoCa { position, subject } => format!(
            "The certificate {position} of certificate_chain, {}, is no CA's: send those of the CAs that issue others.",
            quoted(subject)
        ),
        Certifying::KeySuperfluous { kind } => {
            format!("{} comes without a private key: send certificate_chain alone.", quoted(kind))
        }
        Certifying::Keying(fact) => keying(fact),
        Certifying::Revoking(fact) => revoking(fact),
        Certifying::Issuing(fact) => issuing(fact),
    }
}

fn revoking(fact: &Revoking) -> String {
    match fact {
        Revoking::NoList { label } => format!(
            "certificate_chain has {} in it: send revocation lists alone, from -----BEGIN X509 CRL----- to \
             -----END X509 CRL-----.",
            quoted(label)
        ),
        Revoking::Malformed { position } => {
            format!("The revocation list {position} of certificate_chain is none, or is damaged: send it anew.")
        }
        Revoking::Endless { position, issuer } => format!(
            "The revocation list {position} of certificate_chain, by {}, does not say when the next one is due: have it \
             made with nextUpdate.",
            quoted(issuer)
        ),
        Revoking::Expired { position, issuer, next_update } => format!(
            "The revocation list {position} of certificate_chain, by {}, was good until {next_update}: send the next one.",
            quoted(issuer)
        ),
        Revoking::TooMany { most } => {
            format!("certificate_chain has more than {most} revocation lists: send fewer.")
        }
    }
}

fn issuing(fact: &Issuing) -> String {
    match fact {
        Issuing::DomainRefused { domain } => format!(
            "{} is no name for which ACME issues a certificate over HTTP: name DNS names, without * and no addresses.",
            quoted(domain)
        ),
        Issuing::TooManyDomains { most } => {
            format!("acme.domains has more than {most} names: make several certificates.")
        }
        Issuing::Brought => {
            "A certificate that ACME issues comes with its chain and its key from there: send neither of \
                             them, nor another kind, or leave acme out."
                .to_owned()
        }
        Issuing::Otherwise => {
            "The certificate was made without acme, which stays so: make another one with it.".to_owned()
        }
        Issuing::NotConfigured => "No CA is configured that issues certificates by ACME: an operator sets \
                                   acme.directory and acme.terms_accepted of the scheduler."
            .to_owned(),
    }
}

fn keying(fact: &Keying) -> String {
    match fact {
        Keying::Unreadable => {
            "private_key has nothing that can be read: send PEM, from -----BEGIN PRIVATE KEY----- to \
                               -----END PRIVATE KEY-----."
                .to_owned()
        }
        Keying::NoKey { label } => {
            format!(
                "private_key has {} in it: send the key alone, and certificates as certificate_chain.",
                quoted(label)
            )
        }
        Keying::Encrypted => {
            "private_key is encrypted: send it without a passphrase, as openssl pkey -in FILE writes it.".to_owned()
        }
        Keying::Several => "private_key has several keys: send that of the certificate alone.".to_owned(),
        Keying::Malformed => {
            "private_key is damaged, or of a kind that is not taken: it may be RSA of 2048 to 4096 bits, \
                              ECDSA P-256 or P-384, or Ed25519."
                .to_owned()
        }
        Keying::OfOther => {
            "private_key does not fit the first certificate of certificate_chain: send the key for which it \
                            was issued."
                .to_owned()
        }
        Keying::Alone { missing } => {
            format!("{missing} is missing: a certificate and its private key come together.")
        }
    }
}
