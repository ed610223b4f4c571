//! Secrets: what was told is remembered, and what names another is not deployed, as of a driver that needs them.

use ballast_abi::{DriverError, LoadBalancer, Secret};

use crate::FaultDriver;

impl FaultDriver {
    /// For each secret that it names its digest, and how long the certificate and the key are that were told; `ID.secrets`
    /// has it, for tests. One without a digest is not known to anybody yet.
    pub(crate) fn told(&self, load_balancer: &LoadBalancer) -> Result<String, DriverError> {
        let known = named(load_balancer).into_iter().filter(|secret| !secret.digest.is_empty());
        let line = |secret: &Secret| {
            let content = self.secrets.of(&load_balancer.id, secret)?;
            Ok(format!("{} {} {}\n", secret.digest, content.pem.len(), content.private_key.len()))
        };
        known.map(line).collect()
    }
}

fn named(load_balancer: &LoadBalancer) -> Vec<&Secret> {
    let mut named = Vec::new();
    for tls in load_balancer.listeners.iter().filter_map(|listener| listener.tls.as_ref()) {
        let single = [&tls.default_certificate, &tls.client_ca, &tls.client_crl];
        named.extend(single.into_iter().flatten().chain(&tls.sni_certificates));
    }
    for tls in load_balancer.pools.iter().filter_map(|pool| pool.tls.as_ref()) {
        named.extend([&tls.client_certificate, &tls.ca, &tls.crl].into_iter().flatten());
    }
    named
}
