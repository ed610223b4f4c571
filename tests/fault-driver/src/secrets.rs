//! Secrets: what was told is remembered, and what names another is not deployed, as of a driver that needs them.

use ballast_abi::{DriverError, LoadBalancer, Secret};

use crate::{FaultDriver, config::Fault};

impl FaultDriver {
    /// For each secret that it names its digest, and how long the certificate and the key are that were told; `ID.secrets`
    /// has it, for tests. One without a digest is not known to anybody yet.
    pub(crate) fn told(&self, load_balancer: &LoadBalancer) -> Result<String, DriverError> {
        if self.config.has(Fault::SecretsUntold) {
            return Ok(String::new());
        }
        let known = load_balancer.secrets().map(|(_, secret)| secret).filter(|secret| !secret.digest.is_empty());
        let line = |secret: &Secret| {
            let content = self.secrets.of(&load_balancer.id, secret)?;
            Ok(format!("{} {} {}\n", secret.digest, content.pem.len(), content.private_key.len()))
        };
        known.map(line).collect()
    }
}
