//! TLS between Ballast's processes: each shows a certificate of the deployment's CA whose URI says what it is.
//!
//! Who has which role is decided here, once, when a connection is made. What a role may do is not.

mod accept;
mod dial;
mod guests;
mod live;
pub(crate) mod person;
mod role;
mod server;
mod stream;
mod validity;

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::NoServerSessionStorage,
};

pub use accept::{Handshakes, handshakes};
pub use dial::connect;
pub use person::{Files, rest_client, scheduler_client};
pub use role::Role;
pub(crate) use role::role_of;
pub use rustls::ClientConfig;
pub use server::Server;
pub use stream::{Peer, Stream};

use crate::{config::Tls, secret};
use live::Live;

/// HTTP/2, as gRPC wants it, and browsers that show many pages at once.
pub(crate) const H2: &[u8] = b"h2";
/// HTTP/1.1, which every client of REST speaks.
const HTTP1: &[u8] = b"http/1.1";

/// The one implementation of cryptography, named wherever it is needed: none is installed for the whole process.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn live(tls: &Tls) -> Result<Arc<Live>, String> {
    Live::open(live::Files {
        cert: ("tls.cert", tls.cert.clone()),
        key: ("tls.key", tls.key.clone()),
        ca: tls.ca.clone(),
        crl: tls.crl.clone(),
    })
}

/// Serves gRPC: certificates of the CA are asked for; who has none must have a token.
///
/// # Errors
/// One line that names the key and the file.
pub fn server(tls: &Tls) -> Result<Server, String> {
    mutual(tls, H2)
}

/// Serves metrics: as gRPC, over HTTP/1.1.
///
/// # Errors
/// As [`server`].
pub fn metrics_server(tls: &Tls) -> Result<Server, String> {
    mutual(tls, HTTP1)
}

fn mutual(tls: &Tls, protocol: &[u8]) -> Result<Server, String> {
    let live = live(tls)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(Arc::clone(&live) as _)
        .with_cert_resolver(Arc::clone(&live) as _);
    config.alpn_protocols = vec![protocol.to_vec()];
    // A session that goes on would show no certificate again, and so outlive its revocation.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Server::new(config, live))
}

/// The server's side of `[tls]`, if it is configured.
///
/// # Errors
/// As [`server`].
pub fn server_if_set(tls: &Tls) -> Result<Option<Server>, String> {
    if tls.is_set() { server(tls).map(Some) } else { Ok(None) }
}

/// Serves REST, over HTTP/2 where the client knows it: nobody is asked for a certificate.
///
/// # Errors
/// As [`server`].
pub fn rest_server(cert: &Path, key_file: &Path) -> Result<Server, String> {
    let live = Live::open(live::Files {
        cert: ("gateway.tls_cert", cert.to_owned()),
        key: ("gateway.tls_key", key_file.to_owned()),
        ca: std::path::PathBuf::new(),
        crl: std::path::PathBuf::new(),
    })?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&live) as _);
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    Ok(Server::new(config, live))
}

/// Calls a scheduler over gRPC, and nobody else.
///
/// # Errors
/// As [`server`].
pub fn client(tls: &Tls) -> Result<Arc<ClientConfig>, String> {
    let live = live(tls)?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(SchedulerOnly { by_chain: Arc::clone(&live) as _ }))
        .with_client_cert_resolver(live);
    config.alpn_protocols = vec![H2.to_vec()];
    // As at the server: what has changed is looked at with each connection.
    config.resumption = Resumption::disabled();
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
    by_chain: Arc<dyn ServerCertVerifier>,
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
