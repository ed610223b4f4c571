//! What a person's command calls others with: it may have a certificate, and need not know a CA.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore,
    client::{WantsClientCert, WebPkiServerVerifier},
};

use super::{H2, HTTP1, SchedulerOnly, chain, key, provider, roots};

/// The files that options name.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// `--cacert`; none: those that the machine believes.
    pub ca: Option<PathBuf>,
    /// `--cert` and `--key`, both or none.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

impl Files {
    #[must_use]
    pub fn are_given(&self) -> bool {
        self.ca.is_some() || self.cert.is_some() || self.key.is_some()
    }

    fn trusted(&self) -> Result<RootCertStore, String> {
        if let Some(ca) = &self.ca {
            return roots("--cacert", ca);
        }
        let trusted = native_roots();
        if trusted.is_empty() {
            Err("this machine trusts no CA: name one with --cacert".to_owned())
        } else {
            Ok(trusted)
        }
    }

    fn finish(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
        protocol: &[u8],
    ) -> Result<Arc<ClientConfig>, String> {
        let mut config = match (&self.cert, &self.key) {
            (Some(cert), Some(file)) => builder
                .with_client_auth_cert(chain("--cert", cert)?, key("--key", file)?)
                .map_err(|error| format!("--cert {} with --key: {error}", cert.display()))?,
            (None, None) => builder.with_no_client_auth(),
            _ => return Err("--cert and --key belong together: give both".to_owned()),
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Arc::new(config))
    }
}

/// The CAs that this machine believes.
pub(crate) fn native_roots() -> RootCertStore {
    let mut trusted = RootCertStore::empty();
    let (_, _) = trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    trusted
}

/// Calls a gateway over REST.
///
/// # Errors
/// One line that names the option and the file.
pub fn rest_client(files: &Files) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(files.trusted()?);
    files.finish(builder, HTTP1)
}

/// Calls a scheduler over gRPC, and nobody else.
///
/// # Errors
/// As [`rest_client`].
pub fn scheduler_client(files: &Files) -> Result<Arc<ClientConfig>, String> {
    let by_chain = WebPkiServerVerifier::builder_with_provider(Arc::new(files.trusted()?), provider())
        .build()
        .map_err(|error| format!("--cacert: {error}"))?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(SchedulerOnly { by_chain }));
    files.finish(builder, H2)
}
