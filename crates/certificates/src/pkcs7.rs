//! Certificates that come together as PKCS7 (RFC 5652, a `SignedData` that nobody has signed), as `openssl crl2pkcs7 -nocrl`,
//! Windows and Java write them: in DER, or in PEM.

use ballast_model::{
    certificate::MOST_BYTES,
    fault::{Certifying, Fault},
};
use cms::content_info::ContentInfo;
use der::{
    Decode as _, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _,
    asn1::{AnyRef, ObjectIdentifier},
};

use crate::{blocks, chain};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// What is before one in PEM: OpenSSL's word, and both of RFC 7468.
const LABELS: [&str; 2] = ["PKCS7", "CMS"];
/// Of a certificate among what may be there in its place.
const SEQUENCE: u8 = 0x30;
const CERTIFICATES: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber::N0 };

/// Certificates in PEM, of a text in PEM in which some may be in PKCS7, or of PKCS7 in DER. What else the text has stays.
///
/// # Errors
/// [`Certifying::Unreadable`], [`Certifying::Pkcs7Unreadable`], [`Certifying::TooLarge`]
pub fn unbundled(bytes: &[u8]) -> Result<String, Fault> {
    if bytes.len() > MOST_BYTES {
        return Err(Certifying::TooLarge { field: chain::FIELD.to_owned(), most: chain::small(MOST_BYTES) }.into());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.first() != Some(&SEQUENCE) || text.contains("-----BEGIN ") => of_text(text),
        Ok(_) | Err(_) => of_der(bytes),
    }
}

fn of_text(text: &str) -> Result<String, Fault> {
    let mut all = String::new();
    for one in blocks(text).ok_or(Certifying::Unreadable)? {
        match LABELS.contains(&one.tag()) {
            true => all.push_str(&of_der(one.contents())?),
            false => all.push_str(&pem::encode_config(&one, chain::lines())),
        }
    }
    Ok(all)
}

fn of_der(bytes: &[u8]) -> Result<String, Fault> {
    let read = || -> der::Result<Option<Vec<Vec<u8>>>> {
        let info = ContentInfo::from_der(bytes)?;
        if info.content_type != SIGNED_DATA {
            return Ok(None);
        }
        certificates(&info.content.to_der()?).map(Some)
    };
    let found = read().ok().flatten().filter(|found| !found.is_empty()).ok_or(Certifying::Pkcs7Unreadable)?;
    Ok(found.iter().map(|der| chain::block(chain::LABEL, der)).collect())
}

/// As they are there, byte by byte: what is signed is nothing to be written anew.
fn certificates(signed: &[u8]) -> der::Result<Vec<Vec<u8>>> {
    let signed = AnyRef::from_der(signed)?;
    let mut fields = SliceReader::new(signed.value())?;
    let mut found = Vec::new();
    while !fields.is_finished() {
        let field = AnyRef::decode(&mut fields)?;
        if field.tag() != CERTIFICATES {
            continue;
        }
        let mut all = SliceReader::new(field.value())?;
        while !all.is_finished() {
            let one = all.tlv_bytes()?;
            if one.first() == Some(&SEQUENCE) {
                found.push(one.to_vec());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, process::Command};

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn openssl(folder: &Path, line: &str) -> Vec<u8> {
        let done = Command::new("openssl").args(line.split_whitespace()).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    fn certificate(name: &str) -> String {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn in_order(text: &str) -> Vec<Vec<u8>> {
        let mut all: Vec<_> = blocks(text).unwrap().into_iter().map(pem::Pem::into_contents).collect();
        all.sort();
        all
    }

    #[test]
    fn what_openssl_writes_is_read_in_der_and_in_pem_and_beside_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let (one, both) = (certificate("one.example"), [certificate("two.example"), certificate("x")].concat());
        std::fs::write(folder.path().join("both.pem"), &both).unwrap();
        let made = |form: &str| openssl(folder.path(), &format!("crl2pkcs7 -nocrl -certfile both.pem -outform {form}"));
        let text = String::from_utf8(made("PEM")).unwrap();
        assert!(text.contains("PKCS7"), "{text}");
        for bundle in [made("DER"), text.clone().into_bytes(), text.replace("PKCS7", "CMS").into_bytes()] {
            assert_eq!(in_order(&unbundled(&bundle).unwrap()), in_order(&both));
        }
        let mixed = unbundled(format!("{one}{text}").as_bytes()).unwrap();
        assert_eq!(in_order(&mixed), in_order(&format!("{one}{both}")));
        assert_eq!(in_order(&unbundled(one.as_bytes()).unwrap()), in_order(&one));
    }

    #[test]
    fn what_is_none_has_none_or_is_cut_off_is_refused_and_is_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("one.pem"), certificate("one.example")).unwrap();
        let whole = openssl(folder.path(), "crl2pkcs7 -nocrl -certfile one.pem -outform DER");
        let unreadable: Fault = Certifying::Pkcs7Unreadable.into();
        for end in 1..whole.len() {
            assert_eq!(unbundled(&whole[..end]).unwrap_err(), unreadable, "the first {end} bytes");
        }
        for at in 0..whole.len().min(120) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            drop(unbundled(&damaged));
        }
        let none = openssl(folder.path(), "crl2pkcs7 -nocrl -outform DER");
        assert_eq!(unbundled(&none).unwrap_err(), unreadable);
        for other in ["", "no certificate", "-----BEGIN PKCS7-----\nAAAA\n"] {
            assert_eq!(unbundled(other.as_bytes()).unwrap_err(), Certifying::Unreadable.into(), "{other}");
        }
        assert!(unbundled(&vec![SEQUENCE; MOST_BYTES + 1]).is_err());
    }
}
