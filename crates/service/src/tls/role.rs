//! What a certificate says that its owner is: one URI among its names.

use std::{fmt, str::FromStr};

use rustls::pki_types::CertificateDer;

const DOMAIN: &str = "spiffe://ballast/";

/// The owner of a certificate. Written `spiffe://ballast/gateway`, `/scheduler`, `/agent/HOST`, `/client`,
/// `/client/PROJECT` or `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Authenticates callers itself, and says who they are.
    Gateway,
    Scheduler,
    /// The agent of one host.
    Agent {
        host: String,
    },
    /// A caller of the API: admin, or a member of one project.
    Client {
        project: Option<String>,
    },
    /// Who reads metrics, and calls nothing.
    Metrics,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => f.write_str("a gateway"),
            Self::Scheduler => f.write_str("a scheduler"),
            Self::Agent { host } => write!(f, "the agent of {host}"),
            Self::Client { project: None } => f.write_str("a client"),
            Self::Client { project: Some(project) } => write!(f, "a client of project {project}"),
            Self::Metrics => f.write_str("a reader of metrics"),
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(uri: &str) -> Result<Self, String> {
        let unknown = || format!("its certificate's name {uri} is no role of Ballast's");
        let path = uri.strip_prefix(DOMAIN).ok_or_else(unknown)?;
        let (role, name) = match path.split_once('/') {
            Some((role, name)) if !name.is_empty() && !name.contains('/') => (role, Some(name.to_owned())),
            Some(_) => return Err(unknown()),
            None => (path, None),
        };
        match (role, name) {
            ("gateway", None) => Ok(Self::Gateway),
            ("scheduler", None) => Ok(Self::Scheduler),
            ("agent", Some(host)) => Ok(Self::Agent { host }),
            ("agent", None) => Err("an agent's certificate must name its host".to_owned()),
            ("client", project) => Ok(Self::Client { project }),
            ("metrics", None) => Ok(Self::Metrics),
            _ => Err(unknown()),
        }
    }
}

/// The role in a certificate whose chain has been verified.
///
/// # Errors
/// When it has none, or more than one: why, as a clause.
pub(crate) fn role_of(certificate: &CertificateDer<'_>) -> Result<Role, String> {
    let certificate = webpki::EndEntityCert::try_from(certificate)
        .map_err(|error| format!("its certificate cannot be read: {error}"))?;
    let mut roles = certificate.valid_uri_names();
    match (roles.next(), roles.next()) {
        (Some(uri), None) => uri.parse(),
        (None, _) => Err("its certificate names no role".to_owned()),
        (Some(_), Some(_)) => Err("its certificate names more than one role".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uri_says_the_role() {
        let role = |path: &str| format!("{DOMAIN}{path}").parse::<Role>();
        assert_eq!(role("gateway"), Ok(Role::Gateway));
        assert_eq!(role("scheduler"), Ok(Role::Scheduler));
        assert_eq!(role("agent/host-1"), Ok(Role::Agent { host: "host-1".to_owned() }));
        assert_eq!(role("client"), Ok(Role::Client { project: None }));
        assert_eq!(role("client/p"), Ok(Role::Client { project: Some("p".to_owned()) }));
        assert_eq!(role("metrics"), Ok(Role::Metrics));
        assert_eq!(role("agent"), Err("an agent's certificate must name its host".to_owned()));
        for other in ["", "root", "gateway/x", "metrics/x", "agent/", "agent/a/b", "client/a/b"] {
            assert!(role(other).is_err(), "{other}");
        }
        assert!("https://ballast/gateway".parse::<Role>().is_err());
    }
}
