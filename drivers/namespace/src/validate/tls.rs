//! TLS: where it ends at a listener, and where it goes on to members. Certificates are known by reference and digest here;
//! what they are nobody needs who decides.

use ballast_abi::{ClientAuthentication, DriverError, Protocol, Secret};

use super::{Faults, refuse};

/// Where TLS ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// The first is for names that none has. At least one.
    pub certificates: Vec<Secret>,
    /// `None`: nobody is asked for a certificate.
    pub clients: Option<ClientCertificates>,
    pub settings: Settings,
    pub hsts: Option<ballast_abi::Hsts>,
}

/// ClientCertificates that show certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    pub ca: Secret,
    pub crl: Option<Secret>,
    /// Those without one are refused.
    pub mandatory: bool,
}

/// TLS to members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolTls {
    /// What is shown to members.
    pub certificate: Option<Secret>,
    /// `None`: members' certificates are not verified.
    pub ca: Option<Secret>,
    pub crl: Option<Secret>,
    pub settings: Settings,
}

/// Both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Of TLS 1.2 and before, as OpenSSL names them, with colons; `None`: who serves has its own.
    pub ciphers: Option<String>,
    /// The same of TLS 1.3.
    pub suites: Option<String>,
    /// From the oldest; at least one.
    pub versions: Vec<Version>,
    /// As they are offered; empty: none was asked for, which is HTTP/1 or none at all.
    pub alpn: Vec<String>,
}

impl Settings {
    /// For who can say a range alone: the newest versions between which none is missing, and those that are older.
    #[must_use]
    pub fn range(&self) -> (&[Version], &[Version]) {
        let follows = |pair: &[Version]| pair[0] as u8 + 1 == pair[1] as u8;
        let at = self.versions.windows(2).rposition(|pair| !follows(pair)).map_or(0, |gap| gap + 1);
        let (older, newest) = self.versions.split_at(at);
        (newest, older)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
}

impl Version {
    const ALL: [(Self, &'static str); 4] =
        [(Self::V1_0, "TLSv1"), (Self::V1_1, "TLSv1.1"), (Self::V1_2, "TLSv1.2"), (Self::V1_3, "TLSv1.3")];

    /// As the API has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(version, _)| *version == self).map_or("", |(_, name)| name)
    }

    /// Of this name. `None`: nobody speaks it any more, as SSLv3 (RFC 7568), or it is not known.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, own)| *own == name).map(|(version, _)| version)
    }
}

/// Characters of a digest in hex, at most.
const DIGEST: usize = 128;
const OF_TLS_1_3: &str = "TLS_";

/// Of a listener of a protocol that can have it.
///
/// # Errors
/// It cannot be served.
pub(super) fn listener(
    asked: &ballast_abi::Listener,
    protocol: Protocol,
    faults: &mut Faults,
) -> Result<Option<ListenerTls>, DriverError> {
    let wrong = |field: &str, why: &str| refuse("listener", &asked.id, field, why);
    let tls = match (&asked.tls, protocol) {
        (Some(tls), Protocol::TerminatedHttps | Protocol::Prometheus) => tls,
        (None, Protocol::TerminatedHttps) => return Err(wrong("tls", "is missing: it has no certificate")),
        (Some(_) | None, _) => return Ok(None),
    };
    let all = tls.default_certificate.iter().chain(&tls.sni_certificates);
    let mut certificates = Vec::new();
    for (at, one) in all.enumerate() {
        match known(one, "certificate", &wrong) {
            Ok(known) => certificates.push(known),
            // Names that it has would be answered with another's.
            Err(error) if at > 0 => faults.add(&asked.id, error),
            Err(error) => return Err(error),
        }
    }
    if certificates.is_empty() {
        return Err(wrong("tls", "names no certificate"));
    }
    let ca = || tls.client_ca.as_ref().ok_or_else(|| wrong("tls.client_ca", "is missing: no client can be verified"));
    let clients = match ClientAuthentication::try_from(tls.client_authentication) {
        Ok(ClientAuthentication::None | ClientAuthentication::Unspecified) => None,
        Ok(asked) => Some(ClientCertificates {
            ca: known(ca()?, "client_ca", &wrong)?,
            crl: tls.client_crl.as_ref().map(|one| known(one, "client_crl", &wrong)).transpose()?,
            mandatory: asked == ClientAuthentication::Mandatory,
        }),
        Err(_) => return Err(wrong("tls.client_authentication", "is unknown")),
    };
    let settings = settings(&tls.ciphers, &tls.versions, &tls.alpn_protocols, &asked.id, (&wrong, faults))?;
    Ok(Some(ListenerTls { certificates, clients, settings, hsts: tls.hsts }))
}

/// Of a pool.
///
/// # Errors
/// Its members cannot be spoken to as they are to be.
pub(super) fn pool(asked: &ballast_abi::Pool, faults: &mut Faults) -> Result<Option<PoolTls>, DriverError> {
    let wrong = |field: &str, why: &str| refuse("pool", &asked.id, field, why);
    let Some(tls) = &asked.tls else { return Ok(None) };
    let optional = |one: &Option<Secret>, field| one.as_ref().map(|one| known(one, field, &wrong)).transpose();
    if tls.crl.is_some() && tls.ca.is_none() {
        return Err(wrong("tls.crl", "is there without a CA"));
    }
    Ok(Some(PoolTls {
        certificate: optional(&tls.client_certificate, "client_certificate")?,
        ca: optional(&tls.ca, "ca")?,
        crl: optional(&tls.crl, "crl")?,
        settings: settings(&tls.ciphers, &tls.versions, &tls.alpn_protocols, &asked.id, (&wrong, faults))?,
    }))
}

type Wrong<'a> = &'a dyn Fn(&str, &str) -> DriverError;

fn known(secret: &Secret, field: &str, wrong: Wrong<'_>) -> Result<Secret, DriverError> {
    let field = format!("tls.{field}");
    if secret.digest.is_empty() {
        let message = wrong(&field, &format!("is {}, which is not known yet", secret.reference)).message;
        return Err(DriverError::unavailable(message).with_retryable(true));
    }
    if secret.digest.len() > DIGEST || !secret.digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong(&field, "has a digest that is none"));
    }
    Ok(secret.clone())
}

fn settings(
    ciphers: &str,
    versions: &[String],
    alpn: &[String],
    id: &str,
    (wrong, faults): (Wrong<'_>, &mut Faults),
) -> Result<Settings, DriverError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-+!:@=_.".contains(&byte);
    if ciphers.len() > 2048 || !ciphers.bytes().all(plain) {
        return Err(wrong("tls.ciphers", "has characters that no name of a cipher has"));
    }
    let (suites, before): (Vec<&str>, Vec<&str>) =
        ciphers.split(':').filter(|one| !one.is_empty()).partition(|one| one.starts_with(OF_TLS_1_3));
    let together = |names: &[&str]| (!names.is_empty()).then(|| names.join(":"));
    let mut spoken: Vec<Version> = versions.iter().filter_map(|name| Version::named(name)).collect();
    spoken.sort_unstable();
    spoken.dedup();
    if let Some(odd) = versions.iter().find(|name| Version::named(name).is_none()) {
        let why = format!("has {odd:?}, which is not spoken");
        if spoken.is_empty() {
            return Err(wrong("tls.versions", &why));
        }
        faults.add(id, wrong("tls.versions", &why));
    }
    if spoken.is_empty() {
        spoken = vec![Version::V1_2, Version::V1_3];
    }
    if let Some(odd) = alpn.iter().find(|name| !ALPN.contains(&name.as_str())) {
        return Err(wrong("tls.alpn_protocols", &format!("has {odd:?}, which is not known")));
    }
    Ok(Settings { ciphers: together(&before), suites: together(&suites), versions: spoken, alpn: alpn.to_vec() })
}

const ALPN: [&str; 3] = ["h2", "http/1.1", "http/1.0"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::samples::load_balancer;

    fn secret(digest: &str) -> Secret {
        Secret { reference: "/v1/containers/1".to_owned(), digest: digest.to_owned() }
    }

    fn asked(tls: ballast_abi::ListenerTls) -> ballast_abi::Listener {
        let one = load_balancer(Protocol::TerminatedHttps).listeners.remove(0);
        ballast_abi::Listener { tls: Some(tls), ..one }
    }

    fn with(change: impl FnOnce(&mut ballast_abi::ListenerTls)) -> (Result<ListenerTls, DriverError>, Faults) {
        let mut tls = ballast_abi::ListenerTls { default_certificate: Some(secret("ab")), ..Default::default() };
        change(&mut tls);
        let mut faults = Faults::default();
        (listener(&asked(tls), Protocol::TerminatedHttps, &mut faults).map(Option::unwrap), faults)
    }

    #[test]
    fn suites_of_tls_1_3_are_told_from_other_ciphers_and_the_usual_versions_are_the_modern_ones() {
        let (made, faults) = with(|tls| tls.ciphers = "TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256".to_owned());
        let made = made.unwrap().settings;
        assert_eq!(made.ciphers.as_deref(), Some("ECDHE-RSA-AES128-GCM-SHA256"));
        assert_eq!(made.suites.as_deref(), Some("TLS_AES_128_GCM_SHA256"));
        assert_eq!(made.versions, [Version::V1_2, Version::V1_3]);
        assert_eq!(Vec::from(faults), []);
    }

    #[test]
    fn what_nobody_speaks_is_a_fault_and_alone_a_refusal() {
        let (made, faults) = with(|tls| tls.versions = vec!["TLSv1.3".into(), "SSLv3".into(), "TLSv1.1".into()]);
        assert_eq!(made.unwrap().settings.versions, [Version::V1_1, Version::V1_3]);
        assert!(Vec::from(faults)[0].fault.as_ref().unwrap().message.contains("SSLv3"));
        assert!(with(|tls| tls.versions = vec!["SSLv3".into()]).0.is_err());
        assert!(with(|tls| tls.alpn_protocols = vec!["h3".into()]).0.is_err());
        assert!(with(|tls| tls.ciphers = "A B".into()).0.is_err());
    }

    #[test]
    fn without_a_certificate_there_is_no_listener_and_without_one_of_names_the_others_are_served() {
        assert!(with(|tls| tls.default_certificate = None).0.is_err());
        let unknown = with(|tls| tls.default_certificate = Some(secret(""))).0.unwrap_err();
        assert!(unknown.retryable && unknown.message.contains("not known yet"), "{unknown:?}");
        let (made, faults) = with(|tls| tls.sni_certificates = vec![secret(""), secret("cd")]);
        assert_eq!(made.unwrap().certificates, [secret("ab"), secret("cd")]);
        assert_eq!(Vec::from(faults).len(), 1);
        let (only_names, _) = with(|tls| {
            tls.default_certificate = None;
            tls.sni_certificates = vec![secret("cd")];
        });
        assert_eq!(only_names.unwrap().certificates, [secret("cd")]);
        assert!(with(|tls| tls.default_certificate = Some(secret("ab\n"))).0.is_err());
    }

    #[test]
    fn nobody_is_verified_without_a_ca_and_a_listener_without_tls_has_none() {
        let optional = |tls: &mut ballast_abi::ListenerTls| {
            tls.client_authentication = ClientAuthentication::Optional.into();
        };
        assert!(with(optional).0.is_err());
        let (made, _) = with(|tls| {
            optional(tls);
            tls.client_ca = Some(secret("ca"));
        });
        assert_eq!(made.unwrap().clients, Some(ClientCertificates { ca: secret("ca"), crl: None, mandatory: false }));
        let mut faults = Faults::default();
        assert_eq!(listener(&asked(Default::default()), Protocol::Http, &mut faults), Ok(None));
    }
}
