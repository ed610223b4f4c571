//! Secrets that load balancers of the suite name, and what drivers are told of them. Their private keys are for nothing else.

use sha2::{Digest, Sha256};

use crate::{LoadBalancer, Secret, SecretContent};

/// What one is: its PEM, and its private key if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conformance) enum Kind {
    First,
    /// In the place of the first.
    Second,
    Ca,
}

/// For whom both certificates are.
pub(in crate::conformance) const NAME: &str = "conformance.example";

impl Kind {
    const ALL: [Self; 3] = [Self::First, Self::Second, Self::Ca];

    pub(in crate::conformance) const fn pem(self) -> &'static str {
        match self {
            Self::First => include_str!("../../../fixtures/first.pem"),
            Self::Second => include_str!("../../../fixtures/second.pem"),
            Self::Ca => include_str!("../../../fixtures/ca.pem"),
        }
    }

    const fn private_key(self) -> &'static str {
        match self {
            Self::First => include_str!("../../../fixtures/first.key"),
            Self::Second => include_str!("../../../fixtures/second.key"),
            Self::Ca => "",
        }
    }

    fn digest(self) -> String {
        Sha256::digest(self.pem()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// As a load balancer names it.
pub(in crate::conformance) fn named(name: &str, kind: Kind) -> Secret {
    Secret { reference: format!("conformance/{name}"), digest: kind.digest() }
}

/// What those are that it names.
pub(in crate::conformance) fn told(load_balancer: &LoadBalancer) -> Vec<SecretContent> {
    let content = |secret: &Secret| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.digest() == secret.digest)?;
        Some(SecretContent {
            reference: secret.reference.clone(),
            digest: secret.digest.clone(),
            pem: kind.pem().to_owned(),
            private_key: kind.private_key().to_owned(),
        })
    };
    let mut told: Vec<SecretContent> = load_balancer.secrets().filter_map(|(_, secret)| content(secret)).collect();
    told.sort_by(|one, other| (&one.reference, &one.digest).cmp(&(&other.reference, &other.digest)));
    told.dedup();
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ListenerTls;

    #[test]
    fn all_that_is_named_is_told_once() {
        let mut one = LoadBalancer::default();
        assert_eq!(told(&one), []);
        let tls = ListenerTls {
            default_certificate: Some(named("certificate", Kind::First)),
            sni_certificates: vec![named("certificate", Kind::First)],
            client_ca: Some(named("ca", Kind::Ca)),
            ..ListenerTls::default()
        };
        one.listeners = vec![crate::Listener { tls: Some(tls), ..crate::Listener::default() }];
        let told = told(&one);
        let references: Vec<&str> = told.iter().map(|one| one.reference.as_str()).collect();
        assert_eq!(references, ["conformance/ca", "conformance/certificate"]);
        assert!(told[0].private_key.is_empty() && told[1].private_key.contains("PRIVATE KEY"));
    }
}
