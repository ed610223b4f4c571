//! Handshakes with the listeners at which TLS ends.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Instant,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, Stream,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::{PATIENCE, PAUSE, SOON, Wire, addresses, reach};
use crate::{
    LoadBalancer,
    conformance::{
        samples::secrets::{Kind, NAME},
        verdict::Stop,
    },
};

/// How handshakes went.
pub(in crate::conformance) enum Handshake {
    /// There is no way to the listeners.
    NoWay,
    /// With this certificate, and with an answer of a member.
    AsTold,
    Otherwise(String),
}

impl Wire {
    /// Asks at all listeners through TLS until they show this certificate, for a while.
    pub(in crate::conformance) fn handshake(&self, one: &LoadBalancer, pem: &str) -> Result<Handshake, Stop> {
        let addresses = addresses(one);
        if addresses.is_empty() || !reach() {
            return Ok(Handshake::NoWay);
        }
        let failed = |error: &dyn std::fmt::Display| Stop::failed(format!("the suite's own certificate: {error}"));
        let expected = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| failed(&error))?;
        let config = Arc::new(config().map_err(|error| failed(&error))?);
        let end = Instant::now() + SOON;
        loop {
            let wrong = addresses.iter().find_map(|address| ask(*address, &config, &expected).err());
            match wrong {
                None => return Ok(Handshake::AsTold),
                Some(wrong) if Instant::now() > end => return Ok(Handshake::Otherwise(wrong)),
                Some(_) => thread::sleep(PAUSE),
            }
        }
    }
}

/// Of a client that believes the suite's own authority.
fn config() -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(Kind::Ca.pem().as_bytes())?)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
}

/// Or what is wrong.
fn ask(address: SocketAddr, config: &Arc<ClientConfig>, expected: &CertificateDer<'_>) -> Result<(), String> {
    let words = |error: &dyn std::fmt::Display| format!("at port {}: {error}", address.port());
    let name = ServerName::try_from(NAME).map_err(|error| words(&error))?;
    let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(|error| words(&error))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| words(&error))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| words(&error))?;
    let mut tls = Stream::new(&mut connection, &mut stream);
    let request = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    tls.write_all(request.as_bytes()).map_err(|error| words(&error))?;
    let mut reply = [0; 12];
    tls.read_exact(&mut reply).map_err(|error| words(&error))?;
    if reply != *b"HTTP/1.1 200" {
        return Err(words(&String::from_utf8_lossy(&reply)));
    }
    match connection.peer_certificates().and_then(<[_]>::first) {
        Some(shown) if shown == expected => Ok(()),
        Some(_) => Err(words(&"it shows another certificate")),
        None => Err(words(&"it shows no certificate")),
    }
}
