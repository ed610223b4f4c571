//! TLS, for a driver: secrets by their references.

use ballast_model::tls::{ClientAuthentication, ListenerTls, PoolTls};

use crate::driver;

fn to_secret(reference: &str) -> driver::Secret {
    driver::Secret { reference: reference.to_owned(), digest: String::new() }
}

/// The client authentication on the wire.
#[must_use]
pub const fn to_client_authentication(value: ClientAuthentication) -> driver::ClientAuthentication {
    match value {
        ClientAuthentication::None => driver::ClientAuthentication::None,
        ClientAuthentication::Optional => driver::ClientAuthentication::Optional,
        ClientAuthentication::Mandatory => driver::ClientAuthentication::Mandatory,
    }
}

pub(super) fn to_listener_tls(tls: &ListenerTls) -> driver::ListenerTls {
    let secret = |reference: &Option<String>| reference.as_deref().map(to_secret);
    driver::ListenerTls {
        default_certificate: secret(&tls.default_certificate),
        sni_certificates: tls.sni_certificates.iter().map(|reference| to_secret(reference)).collect(),
        client_authentication: to_client_authentication(tls.client_authentication).into(),
        client_ca: secret(&tls.client_ca),
        client_crl: secret(&tls.client_crl),
        ciphers: tls.ciphers.clone().unwrap_or_default(),
        versions: tls.versions.clone(),
        alpn_protocols: tls.alpn_protocols.clone(),
        hsts: tls.hsts_max_age.map(|max_age| driver::Hsts {
            max_age,
            include_subdomains: tls.hsts_include_subdomains,
            preload: tls.hsts_preload,
        }),
    }
}

pub(super) fn to_pool_tls(tls: &PoolTls) -> driver::PoolTls {
    let secret = |reference: &Option<String>| reference.as_deref().map(to_secret);
    driver::PoolTls {
        client_certificate: secret(&tls.certificate),
        ca: secret(&tls.ca),
        crl: secret(&tls.crl),
        ciphers: tls.ciphers.clone().unwrap_or_default(),
        versions: tls.versions.clone(),
        alpn_protocols: tls.alpn_protocols.clone(),
    }
}
