//! What certificates and their keys do not allow.

use super::{code::Code, fact::facts};
use crate::ids::CertificateId;

facts! {
    /// Why a certificate is refused, and what else cannot be done with one. `position` counts in the chain, from 1 on.
    pub enum Certifying of Keying, Revoking, Issuing {
        /// Nothing in it can be read.
        Unreadable = "CERTIFICATE_UNREADABLE",
        /// Something that is no certificate is beside it.
        NoCertificate = "NO_CERTIFICATE" { label: String },
        /// What stands in such a block is none.
        Malformed = "CERTIFICATE_MALFORMED" { position: u32 },
        /// In bytes, of a field.
        TooLarge = "CERTIFICATE_TOO_LARGE" { field: String, most: u32 },
        ChainTooLong = "CHAIN_TOO_LONG" { most: u32 },
        /// The certificate at this place did not issue the one before.
        ChainOutOfOrder = "CHAIN_OUT_OF_ORDER" { position: u32, subject: String },
        Expired = "CERTIFICATE_EXPIRED" { position: u32, subject: String, not_after: String },
        /// A key of this kind or length is nothing that all who speak TLS take.
        KeyTypeRefused = "CERTIFICATE_KEY_TYPE_REFUSED" { position: u32, key_type: String },
        /// Signed by a hash that clients refuse.
        SignatureTooWeak = "CERTIFICATE_SIGNATURE_TOO_WEAK" { position: u32, algorithm: String },
        /// It is for no name.
        Nameless = "CERTIFICATE_WITHOUT_NAME",
        NameMalformed = "CERTIFICATE_NAME_MALFORMED" { name: String },
        /// It is no PKCS12 bundle, is damaged, or was made in a way that is not known here.
        Pkcs12Unreadable = "PKCS12_UNREADABLE",
        Pkcs12Passphrase = "PKCS12_PASSPHRASE_WRONG",
        /// In iterations, of all its parts together.
        Pkcs12Costly = "PKCS12_TOO_COSTLY" { most: u32 },
        /// What comes as PKCS7 is none, is damaged, or has no certificate.
        Pkcs7Unreadable = "PKCS7_UNREADABLE",
        Pkcs12Incomplete = "PKCS12_INCOMPLETE" { missing: String },
        /// As PEM and as PKCS12.
        GivenTwice = "CERTIFICATE_GIVEN_TWICE",
        /// The scheduler has no key to keep private keys by.
        NoSecretsKey = "SECRETS_KEY_MISSING",
        InUse = "CERTIFICATE_IN_USE" { certificate_id: CertificateId, user: String },
        /// Of one project.
        TooMany = "TOO_MANY_CERTIFICATES" { most: u32 },
        /// Among CA certificates, and not one that issues others.
        NoCa = "CERTIFICATE_OF_NO_CA" { position: u32, subject: String },
        /// What comes with CA certificates and revocation lists is no secret.
        KeySuperfluous = "PRIVATE_KEY_SUPERFLUOUS" { kind: String },
    }
}

facts! {
    /// Why a private key is refused.
    pub enum Keying {
        Unreadable = "PRIVATE_KEY_UNREADABLE",
        NoKey = "NO_PRIVATE_KEY" { label: String },
        Encrypted = "PRIVATE_KEY_ENCRYPTED",
        Several = "SEVERAL_PRIVATE_KEYS",
        /// It is no key of a kind that is taken, or is damaged.
        Malformed = "PRIVATE_KEY_MALFORMED",
        OfOther = "PRIVATE_KEY_OF_OTHER_CERTIFICATE",
        /// A certificate cannot be changed without its key, nor the key without it.
        Alone = "CERTIFICATE_OR_KEY_ALONE" { missing: String },
    }
}

facts! {
    /// Why a revocation list is refused. `position` counts from 1 on.
    pub enum Revoking {
        /// Something that is none is beside it.
        NoList = "NO_REVOCATION_LIST" { label: String },
        /// What stands in such a block is none.
        Malformed = "REVOCATION_LIST_MALFORMED" { position: u32 },
        /// It does not say when the next one is due.
        Endless = "REVOCATION_LIST_WITHOUT_END" { position: u32, issuer: String },
        Expired = "REVOCATION_LIST_EXPIRED" { position: u32, issuer: String, next_update: String },
        TooMany = "TOO_MANY_REVOCATION_LISTS" { most: u32 },
    }
}

facts! {
    /// Why a certificate cannot be issued by ACME.
    pub enum Issuing {
        DomainRefused = "ACME_DOMAIN_REFUSED" { domain: String },
        TooManyDomains = "TOO_MANY_ACME_DOMAINS" { most: u32 },
        /// What the CA issues is not brought.
        Brought = "ACME_AND_CONTENT",
        /// It was made without, which stays so.
        Otherwise = "CERTIFICATE_WITHOUT_ACME",
        /// No CA is configured.
        NotConfigured = "ACME_NOT_CONFIGURED",
    }
}

impl Certifying {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::NoSecretsKey => Code::SecretsKeyMissing,
            Self::InUse { .. } => Code::CertificateInUse,
            Self::TooMany { .. } => Code::OverQuota,
            Self::Keying(Keying::Alone { .. }) => Code::MissingField,
            Self::Issuing(Issuing::NotConfigured) => Code::AcmeNotConfigured,
            _ => Code::InvalidField,
        }
    }

    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::NoSecretsKey | Self::InUse { .. } | Self::TooMany { .. } => None,
            Self::Issuing(Issuing::NotConfigured) => None,
            Self::TooLarge { field, .. } => Some(field),
            Self::Pkcs12Passphrase => Some("passphrase"),
            Self::Pkcs12Unreadable | Self::Pkcs12Costly { .. } | Self::Pkcs12Incomplete { .. } | Self::GivenTwice => {
                Some("pkcs12")
            }
            Self::Keying(Keying::Alone { missing }) => Some(missing),
            Self::Keying(_) | Self::KeySuperfluous { .. } => Some("private_key"),
            Self::Issuing(Issuing::DomainRefused { .. } | Issuing::TooManyDomains { .. }) => Some("acme.domains"),
            Self::Issuing(Issuing::Brought | Issuing::Otherwise) => Some("acme"),
            _ => Some("certificate_chain"),
        }
    }
}
