//! A certificate authority of a test: what it issues, takes back, and secrets as drivers are told them.

#![expect(clippy::unwrap_used, reason = "a tool of tests: what fails here fails the test")]

use ballast_abi::{Secret, SecretContent};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

/// Of a year in which no clock of a test is.
const BEGINS: i64 = 1_704_067_200;
const DAYS: i64 = 36_500;

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key, in PEM.
    #[must_use]
    pub fn issue(&self, common: &str, names: &[&str], serial: u64) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        (self.issue_for(&key, common, names, serial), key.serialize_pem())
    }

    /// The same for a key that is there, in PEM.
    #[must_use]
    pub fn issue_to(&self, key: &str, common: &str, names: &[&str], serial: u64) -> String {
        self.issue_for(&KeyPair::from_pem(key).unwrap(), common, names, serial)
    }

    fn issue_for(&self, key: &KeyPair, common: &str, names: &[&str], serial: u64) -> String {
        let mut params = params(common, names);
        params.serial_number = Some(SerialNumber::from(serial));
        params.signed_by(key, &self.0).unwrap().pem()
    }

    /// The list of those that are taken back.
    #[must_use]
    pub fn revoked(&self, serials: &[u64]) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: begins(),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: begins(),
            next_update: begins() + Duration::days(DAYS),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.0).and_then(|list| list.pem()).unwrap()
    }
}

/// What a driver is told of a secret, and how a load balancer names it. Which version it is makes its digest.
#[must_use]
pub fn secret(name: &str, version: u32, pem: &str, private_key: &str) -> (Secret, SecretContent) {
    let reference = format!("https://secrets.example/v1/containers/{name}");
    let digest = format!("{:032x}{version:032x}", name.bytes().fold(0_u128, |sum, byte| sum * 31 + u128::from(byte)));
    let named = Secret { reference: reference.clone(), digest: digest.clone() };
    (named, SecretContent { reference, digest, pem: pem.to_owned(), private_key: private_key.to_owned() })
}

fn params(common: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, common);
    (params.not_before, params.not_after) = (begins(), begins() + Duration::days(DAYS));
    params
}

fn begins() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(BEGINS).unwrap()
}
