//! Certificates that follow their files: what is read again takes effect with the next handshake, and ends connections
//! whose certificate is good no more. Whoever writes the files need not tell anybody.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::{
        ResolvesClientCert, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime, pem::PemObject as _},
    server::{
        ClientHello, ResolvesServerCert, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};
use tokio::time::{self, Instant};

use super::{chain, guests::Guests, key, provider, roots, validity::Validity};

/// How often the files are looked at. What has changed is read once it has stayed so for that long: certificate and key
/// are written one after the other.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is said that a certificate ends.
const REMINDER: Duration = Duration::from_secs(24 * 60 * 60);

/// What a side of a connection needs.
#[derive(Debug)]
pub(super) struct Files {
    /// Each with its key in the configuration.
    pub(super) cert: (&'static str, PathBuf),
    pub(super) key: (&'static str, PathBuf),
    /// Whose certificates are believed, and which are not any more; empty: nobody is asked for one.
    pub(super) ca: PathBuf,
    /// Empty: none is taken back.
    pub(super) crl: PathBuf,
}

#[derive(Debug)]
struct Material {
    own: Arc<CertifiedKey>,
    /// Of those who have a CA.
    trusted: Option<Trusted>,
    validity: Validity,
}

#[derive(Debug)]
struct Trusted {
    clients: Arc<dyn ClientCertVerifier>,
    servers: Arc<WebPkiServerVerifier>,
}

/// What changes when a file is written or replaced: seconds and nanoseconds of the change, inode, size.
type Stamp = Option<(i64, i64, u64, u64)>;

#[derive(Debug)]
pub(super) struct Live {
    files: Files,
    material: RwLock<Arc<Material>>,
    pub(super) guests: Guests,
}

impl Live {
    /// Reads the files, and follows them where there is a runtime.
    ///
    /// # Errors
    /// One line that names the key and the file.
    pub(super) fn open(files: Files) -> Result<Arc<Self>, String> {
        let stamps = files.stamps();
        let material = files.read()?;
        material.validity.say(&files.cert.1);
        let live = Arc::new(Self { files, material: RwLock::new(Arc::new(material)), guests: Guests::default() });
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(follow(Arc::downgrade(&live), stamps));
        }
        Ok(live)
    }

    fn material(&self) -> Arc<Material> {
        Arc::clone(&self.material.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_again(&self) {
        match self.files.read() {
            Ok(material) => {
                tracing::info!(cert = %self.files.cert.1.display(), "the certificates have changed");
                material.validity.say(&self.files.cert.1);
                *self.material.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(material);
                self.guests.check_again(|chain| self.check_client(chain));
            }
            Err(why) => tracing::error!("the certificates stay as they were: {why}"),
        }
    }

    /// Whether a client's certificate is good now.
    pub(super) fn check_client(&self, chain: &[CertificateDer<'_>]) -> Result<(), Error> {
        let Some((first, others)) = chain.split_first() else { return Ok(()) };
        match &self.material().trusted {
            Some(trusted) => trusted.clients.verify_client_cert(first, others, UnixTime::now()).map(drop),
            None => Ok(()),
        }
    }

    fn trusted<T>(&self, ask: impl FnOnce(&Trusted) -> Result<T, Error>) -> Result<T, Error> {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        self.material().trusted.as_ref().ok_or(unknown).and_then(ask)
    }
}

async fn follow(live: Weak<Live>, mut seen: Vec<Stamp>) {
    let mut changed = None;
    let mut said = Instant::now();
    loop {
        time::sleep(PAUSE).await;
        let Some(live) = live.upgrade() else { return };
        let now = live.files.stamps();
        if now == seen {
            changed = None;
        } else if changed.as_ref() == Some(&now) {
            seen = now;
            live.read_again();
        } else {
            changed = Some(now);
        }
        if said.elapsed() >= REMINDER {
            said = Instant::now();
            live.material().validity.say(&live.files.cert.1);
        }
    }
}

impl Files {
    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            Some((found.ctime(), found.ctime_nsec(), found.ino(), found.size()))
        };
        [&self.cert.1, &self.key.1, &self.ca, &self.crl].map(stamp).into()
    }

    fn read(&self) -> Result<Material, String> {
        let chain = chain(self.cert.0, &self.cert.1)?;
        let validity = Validity::of(&chain[0]).map_err(|why| format!("{}: {why}", self.cert.1.display()))?;
        let key = key(self.key.0, &self.key.1)?;
        let own = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| format!("{} = \"{}\" with {}: {error}", self.cert.0, self.cert.1.display(), self.key.0))?;
        let trusted = if self.ca.as_os_str().is_empty() { None } else { Some(self.trusted()?) };
        Ok(Material { own: Arc::new(own), trusted, validity })
    }

    fn trusted(&self) -> Result<Trusted, String> {
        let roots = Arc::new(roots("tls.ca", &self.ca)?);
        let crls = self.revoked()?;
        let refuse = |error: &dyn std::fmt::Display| format!("tls.ca = \"{}\": {error}", self.ca.display());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider())
            .with_crls(crls.clone())
            .only_check_end_entity_revocation()
            .allow_unauthenticated()
            .build()
            .map_err(|error| refuse(&error))?;
        let servers = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .with_crls(crls)
            .only_check_end_entity_revocation()
            .build()
            .map_err(|error| refuse(&error))?;
        Ok(Trusted { clients, servers })
    }

    fn revoked(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
        if self.crl.as_os_str().is_empty() {
            return Ok(Vec::new());
        }
        let refuse = |why: &dyn std::fmt::Display| format!("tls.crl = \"{}\": {why}", self.crl.display());
        let crls: Vec<_> = CertificateRevocationListDer::pem_file_iter(&self.crl)
            .and_then(Iterator::collect)
            .map_err(|error| refuse(&error))?;
        if crls.is_empty() { Err(refuse(&"there is no revocation list in it")) } else { Ok(crls) }
    }
}

impl ResolvesServerCert for Live {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.material().own))
    }
}

impl ResolvesClientCert for Live {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.material().own))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Live {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: a client has one certificate here, and shows it.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.trusted(|trusted| trusted.clients.verify_client_cert(certificate, intermediates, now))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trusted(|trusted| trusted.clients.verify_tls12_signature(message, certificate, signature))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trusted(|trusted| trusted.clients.verify_tls13_signature(message, certificate, signature))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for Live {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.trusted(|trusted| trusted.servers.verify_server_cert(certificate, intermediates, name, ocsp, now))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trusted(|trusted| trusted.servers.verify_tls12_signature(message, certificate, signature))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trusted(|trusted| trusted.servers.verify_tls13_signature(message, certificate, signature))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
