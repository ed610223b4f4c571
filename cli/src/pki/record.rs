//! What a CA has issued and taken back: files in its folder, which a person can read and back up.
//!
//! `issued/NAME.SERIAL.pem` is a copy of each certificate, `revoked` has a line for each that was taken back, `crl.pem` is
//! made of them.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber};
use time::OffsetDateTime;
use x509_parser::pem::parse_x509_pem;

use super::{DAY, file, now};
use crate::failure::Failure;

/// A list is good until the next one: who reads it does not ask how old it is.
const LIST_DAYS: u64 = 3650;

/// Keeps a copy of a certificate.
pub(super) fn keep(dir: &Path, name: &str, pem: &str) -> Result<(), Failure> {
    let issued = dir.join("issued");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&issued).map_err(|error| file(&issued, error))?;
    let serial = serial(pem).map_err(|why| Failure::Unreadable { path: dir.join(name), why })?;
    replace(&issued.join(format!("{name}.{serial}.pem")), pem, 0o644)
}

/// The serial numbers of what is to be taken back: a certificate's file, or all that have a name.
pub(super) fn serials(dir: &Path, wanted: &str) -> Result<Vec<String>, Failure> {
    let mut files = vec![dir.join(format!("{wanted}.pem"))];
    if wanted.contains('/') {
        files = vec![PathBuf::from(wanted)];
    } else if let Ok(issued) = fs::read_dir(dir.join("issued")) {
        let of_name = |path: &PathBuf| {
            let stem = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".pem"));
            stem.and_then(|stem| stem.rsplit_once('.')).is_some_and(|(name, _)| name == wanted)
        };
        files.extend(issued.flatten().map(|entry| entry.path()).filter(of_name));
    }
    let mut found = Vec::new();
    for path in files.iter().filter(|path| path.exists() || wanted.contains('/')) {
        let pem = fs::read_to_string(path).map_err(|error| file(path, error))?;
        found.push(serial(&pem).map_err(|why| Failure::Unreadable { path: path.clone(), why })?);
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        return Err(Failure::Pki(format!("no certificate of the name {wanted} was issued in {}", dir.display())));
    }
    Ok(found)
}

/// Takes certificates back: how many of them had not been. Makes the list anew in any case.
pub(super) fn revoke(dir: &Path, issuer: &Issuer<'_, KeyPair>, serials: &[String]) -> Result<usize, Failure> {
    let path = dir.join("revoked");
    let mut revoked = read(&path)?;
    let before = revoked.len();
    for serial in serials {
        revoked.entry(serial.clone()).or_insert_with(|| now().unix_timestamp());
    }
    let lines: String = revoked.iter().map(|(serial, at)| format!("{serial} {at}\n")).collect();
    replace(&path, &lines, 0o600)?;
    let (this_update, count) = (now(), u64::try_from(revoked.len()).unwrap_or(u64::MAX));
    let params = CertificateRevocationListParams {
        this_update,
        next_update: this_update + Duration::from_secs(LIST_DAYS * DAY),
        crl_number: SerialNumber::from(count),
        issuing_distribution_point: None,
        revoked_certs: revoked.iter().map(entry).collect::<Result<_, _>>().map_err(Failure::Pki)?,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = params.signed_by(issuer).and_then(|list| list.pem()).map_err(Failure::Certificate)?;
    replace(&dir.join("crl.pem"), &list, 0o644)?;
    Ok(revoked.len() - before)
}

fn entry((serial, at): (&String, &i64)) -> Result<RevokedCertParams, String> {
    let unreadable = || format!("'{serial} {at}' in the file 'revoked' is no serial number and time");
    let byte = |at: usize| serial.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let bytes: Option<Vec<u8>> = (0..serial.len()).step_by(2).map(byte).collect();
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from(bytes.ok_or_else(unreadable)?),
        revocation_time: OffsetDateTime::from_unix_timestamp(*at).map_err(|_| unreadable())?,
        reason_code: None,
        invalidity_date: None,
    })
}

fn read(path: &Path) -> Result<BTreeMap<String, i64>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(file(path, error)),
    };
    let line = |line: &str| {
        let (serial, at) = line.split_once(' ')?;
        Some((serial.to_owned(), at.trim().parse().ok()?))
    };
    let lines = text.lines().map(|text| line(text).ok_or_else(|| format!("'{text}' is no serial number and time")));
    lines.collect::<Result<_, _>>().map_err(|why| Failure::Unreadable { path: path.to_owned(), why })
}

/// In hexadecimal digits, two for each byte.
fn serial(pem: &str) -> Result<String, String> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
    let certificate = pem.parse_x509().map_err(|error| error.to_string())?;
    let bytes = certificate.raw_serial().iter().skip_while(|byte| **byte == 0);
    Ok(bytes.map(|byte| format!("{byte:02x}")).collect())
}

/// A file in the place of another, in full or not at all.
pub(super) fn replace(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let beside = path.with_added_extension("new");
    let open = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside);
    let written = open.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&beside, path)).map_err(|error| file(path, error))
}
