//! Certificates, keys and revocation lists for what speaks TLS, made once by each process.

use std::sync::OnceLock;

use ballast_abi::{LoadBalancer, Secret, SecretContent};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use sha2::{Digest, Sha256};

/// A secret by its name here. One that ends in `-renewed` is what becomes of the other one.
#[must_use]
pub fn named(name: &str) -> Secret {
    Secret { reference: reference(name), digest: content(name).digest }
}

/// What is told of those that a load balancer names.
#[must_use]
pub fn of(load_balancer: &LoadBalancer) -> Vec<SecretContent> {
    let digests: Vec<&String> = load_balancer.secrets().map(|(_, secret)| &secret.digest).collect();
    let told = |one: &SecretContent| digests.contains(&&one.digest);
    all().iter().map(|(_, content)| content).filter(|one| told(one)).cloned().collect()
}

#[must_use]
pub fn content(name: &str) -> SecretContent {
    let found = all().iter().find(|(of, _)| *of == name);
    found.unwrap_or_else(|| panic!("there is no secret {name}")).1.clone()
}

/// All private keys.
#[must_use]
pub fn keys() -> Vec<String> {
    all().iter().map(|(_, content)| content.private_key.clone()).filter(|key| !key.is_empty()).collect()
}

fn reference(name: &str) -> String {
    format!("/v1/containers/{}", name.trim_end_matches("-renewed"))
}

fn all() -> &'static [(&'static str, SecretContent)] {
    static ALL: OnceLock<Vec<(&str, SecretContent)>> = OnceLock::new();
    ALL.get_or_init(made)
}

fn made() -> Vec<(&'static str, SecretContent)> {
    let root = authority("root", None);
    let issuer = authority("issuer", Some(&root));
    let second = authority("second", None);
    let chained = |names: &[&str]| {
        let (certificate, key) = certificate(names, &issuer);
        (format!("{certificate}{}", issuer.pem), key)
    };
    let single = |names: &[&str]| certificate(names, &root);
    let nothing = String::new;
    let all = [
        ("web", chained(&["www.example.org", "example.org"])),
        ("web-renewed", chained(&["www.example.org", "example.org"])),
        ("api", single(&["api.example.org"])),
        ("api-too", single(&["api.example.org"])),
        ("client", single(&["balancer.example.org"])),
        ("authorities", (format!("{}{}", root.pem, second.pem), nothing())),
        ("authority", (root.pem.clone(), nothing())),
        ("revoked", (revoked(&root), nothing())),
    ];
    let told = |(name, (pem, private_key)): (&'static str, (String, String))| {
        let digest = hex::encode(Sha256::digest(pem.as_bytes()));
        (name, SecretContent { reference: reference(name), digest, pem, private_key })
    };
    all.into_iter().map(told).collect()
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str, of: Option<&Authority>) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = match of {
        Some(Authority { issuer, .. }) => params.signed_by(&key, issuer),
        None => params.self_signed(&key),
    };
    Authority { pem: certificate.unwrap().pem(), issuer: Issuer::new(params, key) }
}

fn certificate(names: &[&str], authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, names[0]);
    (params.signed_by(&key, &authority.issuer).unwrap().pem(), key.serialize_pem())
}

fn revoked(authority: &Authority) -> String {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2036, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&authority.issuer).unwrap().pem().unwrap()
}
