//! TLS between Ballast's processes: each shows a certificate of the deployment's CA whose URI says what it is.
//!
//! Who has which role is decided here, once, when a connection is made. What a role may do is not.

mod accept;
mod dial;
#[cfg(feature = "native-certs")]
pub(crate) mod person;
mod role;
mod stream;

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::WebPkiClientVerifier,
};

pub use accept::{Handshakes, handshakes};
pub use dial::connect;
#[cfg(feature = "native-certs")]
pub use person::{Files, rest_client, scheduler_client};
pub use role::Role;
pub(crate) use role::role_of;
pub use rustls::ClientConfig;
pub use stream::{Peer, Stream};

use crate::{config::Tls, secret};

/// HTTP/2, as gRPC wants it.
const H2: &[u8] = b"h2";
/// HTTP/1.1, which REST speaks.
const HTTP1: &[u8] = b"http/1.1";

/// The one implementation of cryptography, named wherever it is needed: none is installed for the whole process.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Serves gRPC: certificates of the CA are asked for; who has none must have a token.
///
/// # Errors
/// One line that names the key and the file.
pub fn server(tls: &Tls) -> Result<Arc<ServerConfig>, String> {
    let roots = Arc::new(roots("tls.ca", &tls.ca)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .allow_unauthenticated()
        .build()
        .map_err(|error| format!("tls.ca = \"{}\": {error}", tls.ca.display()))?;
    let (chain, key) = (chain("tls.cert", &tls.cert)?, key("tls.key", &tls.key)?);
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| format!("tls.cert = \"{}\" with tls.key: {error}", tls.cert.display()))?;
    config.alpn_protocols = vec![H2.to_vec()];
    Ok(Arc::new(config))
}

/// The server's side of `[tls]`, if it is configured.
///
/// # Errors
/// As [`server`].
pub fn server_if_set(tls: &Tls) -> Result<Option<Arc<ServerConfig>>, String> {
    if tls.is_set() { server(tls).map(Some) } else { Ok(None) }
}

/// Serves REST: nobody is asked for a certificate.
///
/// # Errors
/// As [`server`].
pub fn rest_server(cert: &Path, key_file: &Path) -> Result<Arc<ServerConfig>, String> {
    let (chain, key) = (chain("gateway.tls_cert", cert)?, key("gateway.tls_key", key_file)?);
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("gateway.tls_cert = \"{}\" with gateway.tls_key: {error}", cert.display()))?;
    config.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(Arc::new(config))
}

/// Calls a scheduler over gRPC, and nobody else.
///
/// # Errors
/// As [`server`].
pub fn client(tls: &Tls) -> Result<Arc<ClientConfig>, String> {
    let roots = Arc::new(roots("tls.ca", &tls.ca)?);
    let by_chain = WebPkiServerVerifier::builder_with_provider(roots, provider())
        .build()
        .map_err(|error| format!("tls.ca = \"{}\": {error}", tls.ca.display()))?;
    let (chain, key) = (chain("tls.cert", &tls.cert)?, key("tls.key", &tls.key)?);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(SchedulerOnly { by_chain }))
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("tls.cert = \"{}\" with tls.key: {error}", tls.cert.display()))?;
    config.alpn_protocols = vec![H2.to_vec()];
    Ok(Arc::new(config))
}

/// The client's side of `[tls]`, if it is configured.
///
/// # Errors
/// As [`client`].
pub fn client_if_set(tls: &Tls) -> Result<Option<Arc<ClientConfig>>, String> {
    if tls.is_set() { client(tls).map(Some) } else { Ok(None) }
}

fn chain(name: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let refuse = |why: &dyn std::fmt::Display| format!("{name} = \"{}\": {why}", path.display());
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| refuse(&error))?;
    if chain.is_empty() { Err(refuse(&"there is no certificate in it")) } else { Ok(chain) }
}

fn key(name: &str, path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let refuse = |why: &dyn std::fmt::Display| format!("{name} = \"{}\": {why}", path.display());
    secret::check(path).map_err(|why| refuse(&why))?;
    PrivateKeyDer::from_pem_file(path).map_err(|error| refuse(&error))
}

pub(crate) fn roots(name: &str, path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(name, path)? {
        roots.add(certificate).map_err(|error| format!("{name} = \"{}\": {error}", path.display()))?;
    }
    Ok(roots)
}

/// Believes a server that has the right name, and whose certificate says that it is a scheduler: an agent's host that
/// was broken into must not be able to stand in for one.
#[derive(Debug)]
struct SchedulerOnly {
    by_chain: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for SchedulerOnly {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.by_chain.verify_server_cert(certificate, intermediates, name, ocsp, now)?;
        match role_of(certificate) {
            Ok(Role::Scheduler) => Ok(verified),
            Ok(other) => Err(rustls::Error::General(format!("its certificate is of {other}, not of a scheduler"))),
            Err(why) => Err(rustls::Error::General(why)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.by_chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.by_chain.supported_verify_schemes()
    }
}
