//! `ballast pki`: a small CA for a deployment that has none, and the certificates of its processes.
//!
//! A certificate's URI says what its owner is, which is what Ballast's processes go by. Keys are ECDSA P-256, in files
//! that only their owner can read, and nothing that exists is overwritten but by `renew`.

mod arguments;
mod record;
mod renew;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

pub(crate) use arguments::{Issue, Pki, Role};
use ballast_service::secret;
use time::OffsetDateTime;

use crate::failure::Failure;

const DAY: u64 = 24 * 60 * 60;
/// Clocks differ: what is issued now is good from an hour ago.
const SLACK: Duration = Duration::from_secs(60 * 60);

/// What the command prints.
pub(crate) fn run(command: &Pki) -> Result<String, Failure> {
    match command {
        Pki::Init { dir, days } => init(dir, *days),
        Pki::Issue(issue) => certificate(issue),
        Pki::Renew { name, dir, days } => renew::renew(dir, name, *days),
        Pki::Revoke { names, dir } => revoke(dir, names),
    }
}

fn init(dir: &Path, days: u32) -> Result<String, Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| file(dir, error))?;
    let key = KeyPair::generate().map_err(Failure::Certificate)?;
    let mut params = authority(&key);
    validity(&mut params, days);
    let certificate = params.self_signed(&key).map_err(Failure::Certificate)?;
    let paths = (dir.join("ca.pem"), dir.join("ca.key"));
    write(&paths.1, &key.serialize_pem(), 0o600)?;
    write(&paths.0, &certificate.pem(), 0o644)?;
    record::revoke(dir, &Issuer::new(authority(&key), key), &[])?;
    Ok(format!(
        "{}\n{}\n{}\nKeep ca.key to yourself: whoever has it can be anyone. Every process needs ca.pem as tls.ca, and crl.pem \
         as tls.crl.\n",
        paths.0.display(),
        paths.1.display(),
        dir.join("crl.pem").display()
    ))
}

fn certificate(issue: &Issue) -> Result<String, Failure> {
    let issuer = authority_of(&issue.dir)?;
    let mut params = CertificateParams::default();
    let name = issue.name().map_err(Failure::Usage)?;
    params.distinguished_name.push(DnType::CommonName, name.as_str());
    params.subject_alt_names = names(issue)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = purposes(issue);
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, issue.days());
    let (certificate, key) = sign(&params, &issuer)?;
    let paths = (issue.dir.join(format!("{name}.pem")), issue.dir.join(format!("{name}.key")));
    write(&paths.1, &key, 0o600)?;
    write(&paths.0, &certificate, 0o644)?;
    record::keep(&issue.dir, &name, &certificate)?;
    Ok(format!("{}\n{}\n", paths.0.display(), paths.1.display()))
}

/// A gateway or an agent that has a name to be reached by serves its metrics, too.
fn purposes(issue: &Issue) -> Vec<ExtendedKeyUsagePurpose> {
    let serves = !issue.dns.is_empty() || !issue.ip.is_empty();
    match issue.role {
        Role::Scheduler | Role::Rest => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Role::Gateway | Role::Agent if serves => {
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth]
        }
        Role::Gateway | Role::Agent | Role::Client | Role::Metrics => vec![ExtendedKeyUsagePurpose::ClientAuth],
    }
}

fn revoke(dir: &Path, names: &[String]) -> Result<String, Failure> {
    let issuer = authority_of(dir)?;
    let mut serials = Vec::new();
    for name in names {
        serials.extend(record::serials(dir, name)?);
    }
    let count = record::revoke(dir, &issuer, &serials)?;
    let list = dir.join("crl.pem");
    Ok(format!(
        "{count} taken back.\n{}\nEvery process needs it as tls.crl, and reads it again when it changes.\n",
        list.display()
    ))
}

/// A new key, and what the CA says of it: certificate and key in PEM.
fn sign(params: &CertificateParams, issuer: &Issuer<'_, KeyPair>) -> Result<(String, String), Failure> {
    let key = KeyPair::generate().map_err(Failure::Certificate)?;
    let signed = params.clone().signed_by(&key, issuer).map_err(Failure::Certificate)?;
    Ok((signed.pem(), key.serialize_pem()))
}

/// The CA of a folder.
fn authority_of(dir: &Path) -> Result<Issuer<'static, KeyPair>, Failure> {
    let ca = dir.join("ca.key");
    let text = fs::read_to_string(&ca).map_err(|error| Failure::NoAuthority { path: ca.clone(), error })?;
    secret::check(&ca).map_err(|why| Failure::Unreadable { path: ca, why })?;
    let key = KeyPair::from_pem(&text).map_err(Failure::Certificate)?;
    Ok(Issuer::new(authority(&key), key))
}

/// The CA's own parameters. They follow from its key, so that the key alone is enough to issue, and two CAs never have
/// one name.
fn authority(key: &KeyPair) -> CertificateParams {
    let mark: String = key.public_key_raw().iter().skip(1).take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("Ballast CA {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn validity(params: &mut CertificateParams, days: u32) {
    params.not_before = now() - SLACK;
    params.not_after = now() + Duration::from_secs(u64::from(days) * DAY);
}

#[expect(clippy::disallowed_methods, reason = "a person's command: it is now when he asks")]
fn now() -> OffsetDateTime {
    SystemTime::now().into()
}

fn names(issue: &Issue) -> Result<Vec<SanType>, Failure> {
    let text = |text: &str| text.try_into().map_err(Failure::Certificate);
    let mut names = Vec::new();
    if let Some(uri) = issue.uri() {
        names.push(SanType::URI(text(&uri)?));
    }
    for dns in &issue.dns {
        names.push(SanType::DnsName(text(dns)?));
    }
    names.extend(issue.ip.iter().copied().map(SanType::IpAddress));
    let serves = matches!(issue.role, Role::Scheduler | Role::Rest);
    if serves && issue.dns.is_empty() && issue.ip.is_empty() {
        names.push(SanType::DnsName(text("localhost")?));
        names.extend([[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()].map(SanType::IpAddress));
    }
    Ok(names)
}

/// A new file.
pub(crate) fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let open = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    open.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| file(path, error))
}

fn file(path: &Path, error: std::io::Error) -> Failure {
    Failure::File { path: PathBuf::from(path), error }
}
