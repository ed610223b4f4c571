//! A new certificate with a new key in the place of one that ends, for the same names and as long again.

use std::{fs, path::Path};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    pem::parse_x509_pem,
    prelude::X509Certificate,
};

use super::{DAY, SLACK, authority_of, file, record, sign, validity};
use crate::failure::Failure;

/// What the command prints: the files.
pub(super) fn renew(dir: &Path, name: &str, days: Option<u32>) -> Result<String, Failure> {
    let issuer = authority_of(dir)?;
    let paths = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
    let pem = fs::read_to_string(&paths.0).map_err(|error| file(&paths.0, error))?;
    let unreadable = |why: String| Failure::Unreadable { path: paths.0.clone(), why };
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
    let old = pem.parse_x509().map_err(|error| unreadable(error.to_string()))?;
    let mut params = same(&old).map_err(unreadable)?;
    validity(&mut params, days.unwrap_or_else(|| days_of(&old)));
    let (certificate, key) = sign(&params, &issuer)?;
    record::keep(dir, name, &certificate)?;
    // Who follows the files waits until both are there.
    record::replace(&paths.1, &key, 0o600)?;
    record::replace(&paths.0, &certificate, 0o644)?;
    Ok(format!("{}\n{}\n", paths.0.display(), paths.1.display()))
}

/// How long it was made for.
fn days_of(old: &X509Certificate<'_>) -> u32 {
    let validity = old.validity();
    let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
    let days = u64::try_from(seconds).unwrap_or_default().saturating_sub(SLACK.as_secs()).div_ceil(DAY);
    u32::try_from(days).unwrap_or(u32::MAX).max(1)
}

/// Its name, its names, and what it is for.
fn same(old: &X509Certificate<'_>) -> Result<CertificateParams, String> {
    let mut params = CertificateParams::default();
    let name = old.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    params.distinguished_name.push(DnType::CommonName, name.ok_or("it has no name")?);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    for extension in old.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                params.subject_alt_names = names.general_names.iter().map(alternative).collect::<Result<_, _>>()?;
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let usages = [
                    (usage.server_auth, ExtendedKeyUsagePurpose::ServerAuth),
                    (usage.client_auth, ExtendedKeyUsagePurpose::ClientAuth),
                ];
                params.extended_key_usages =
                    usages.into_iter().filter(|(has, _)| *has).map(|(_, purpose)| purpose).collect();
            }
            _ => {}
        }
    }
    Ok(params)
}

fn alternative(name: &GeneralName<'_>) -> Result<SanType, String> {
    let text = |text: &str| text.try_into().map_err(|error: rcgen::Error| error.to_string());
    match name {
        GeneralName::DNSName(name) => Ok(SanType::DnsName(text(name)?)),
        GeneralName::URI(uri) => Ok(SanType::URI(text(uri)?)),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(Into::into);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(Into::into));
            address.map(SanType::IpAddress).map_err(|_| "one of its addresses is none".to_owned())
        }
        other => Err(format!("{other:?} is no name that is renewed")),
    }
}
