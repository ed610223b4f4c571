//! TLS: where it ends at a listener, and where it goes on to members. Secrets are named by references.

use crate::{
    fault::{Fault, Tls},
    listener::Protocol,
};

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
pub enum ClientAuthentication {
    #[default]
    None,
    Optional,
    Mandatory,
}

impl ClientAuthentication {
    pub const ALL: [Self; 3] = [Self::None, Self::Optional, Self::Mandatory];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Optional => "OPTIONAL",
            Self::Mandatory => "MANDATORY",
        }
    }
}

/// What a secret is named for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Purpose {
    /// A certificate with its private key.
    Certificate,
    /// Certificates of authorities.
    Ca,
    /// A certificate revocation list.
    Crl,
}

impl Purpose {
    pub const ALL: [Self; 3] = [Self::Certificate, Self::Ca, Self::Crl];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::Ca => "CA",
            Self::Crl => "CRL",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Of a listener. On one at which TLS does not end it has no effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ListenerTls {
    pub default_certificate: Option<String>,
    pub sni_certificates: Vec<String>,
    pub client_authentication: ClientAuthentication,
    pub client_ca: Option<String>,
    pub client_crl: Option<String>,
    pub ciphers: Option<String>,
    pub versions: Vec<String>,
    pub alpn_protocols: Vec<String>,
    /// Seconds.
    pub hsts_max_age: Option<u32>,
    pub hsts_include_subdomains: bool,
    pub hsts_preload: bool,
}

impl ListenerTls {
    /// What it names, and for what: other certificates before the default one, as Octavia tells them.
    pub fn references(&self) -> impl Iterator<Item = (&str, Purpose)> {
        let single = [
            (&self.default_certificate, Purpose::Certificate),
            (&self.client_ca, Purpose::Ca),
            (&self.client_crl, Purpose::Crl),
        ];
        let sni = self.sni_certificates.iter().map(|reference| (reference.as_str(), Purpose::Certificate));
        sni.chain(single.into_iter().filter_map(|(one, purpose)| Some((one.as_deref()?, purpose))))
    }

    /// Whether TLS ends at a listener of this protocol with these settings.
    #[must_use]
    pub fn ends_at(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::TerminatedHttps => true,
            Protocol::Prometheus => self.default_certificate.is_some() || !self.sni_certificates.is_empty(),
            _ => false,
        }
    }

    /// A CA and the list that it has to be of.
    pub(crate) fn revoking(&self) -> Option<(&str, &str)> {
        self.client_ca.as_deref().zip(self.client_crl.as_deref())
    }

    /// What its settings do not allow each other on a listener of this protocol.
    pub(crate) fn check(&self, protocol: Protocol) -> Result<(), Fault> {
        let terminated = protocol == Protocol::TerminatedHttps;
        let has_certificate = self.default_certificate.is_some() || !self.sni_certificates.is_empty();
        if has_certificate && !matches!(protocol, Protocol::TerminatedHttps | Protocol::Prometheus) {
            return Err(Tls::CertificateSuperfluous { protocol }.into());
        }
        if self.client_crl.is_some() && self.client_ca.is_none() {
            return Err(Tls::ClientCrlWithoutCa.into());
        }
        if self.client_authentication != ClientAuthentication::None && self.client_ca.is_none() {
            let client_authentication = self.client_authentication.as_str().to_owned();
            return Err(Tls::ClientCaMissing { client_authentication }.into());
        }
        if self.hsts_max_age.is_some() && !terminated {
            return Err(Tls::HstsWithoutTls.into());
        }
        if self.hsts_max_age.is_none() && (self.hsts_include_subdomains || self.hsts_preload) {
            return Err(Tls::HstsWithoutMaxAge.into());
        }
        Ok(())
    }
}

/// Of a pool. Where it is not enabled it has no effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct PoolTls {
    pub enabled: bool,
    /// What the load balancer shows to members.
    pub certificate: Option<String>,
    /// None: members' certificates are not verified.
    pub ca: Option<String>,
    pub crl: Option<String>,
    pub ciphers: Option<String>,
    pub versions: Vec<String>,
    pub alpn_protocols: Vec<String>,
}

impl PoolTls {
    /// What it names, and for what.
    pub fn references(&self) -> impl Iterator<Item = (&str, Purpose)> {
        let all = [(&self.certificate, Purpose::Certificate), (&self.ca, Purpose::Ca), (&self.crl, Purpose::Crl)];
        all.into_iter().filter_map(|(one, purpose)| Some((one.as_deref()?, purpose)))
    }

    /// A CA and the list that it has to be of.
    pub(crate) fn revoking(&self) -> Option<(&str, &str)> {
        self.ca.as_deref().zip(self.crl.as_deref())
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.crl.is_some() && self.ca.is_none() {
            return Err(Tls::CrlWithoutCa.into());
        }
        Ok(())
    }
}

/// From certificates and keys to HTTP, as OpenSSL names them, with a colon between two.
#[must_use]
pub fn ciphers_are_well_formed(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+!:@=_.".contains(&byte))
}

/// The versions that can be asked for, from the oldest to the newest.
pub const VERSIONS: [&str; 5] = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
/// What ALPN can offer.
pub const ALPN_PROTOCOLS: [&str; 3] = ["h2", "http/1.1", "http/1.0"];
/// What is offered where nothing is asked for.
pub const DEFAULT_VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];
