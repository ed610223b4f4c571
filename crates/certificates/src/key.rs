//! Private keys as they come: one, in PEM, for a certificate.

use ballast_model::{
    certificate::MOST_BYTES,
    fault::{Certifying, Fault, Keying},
};
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    blocks,
    locked::{self, Budget, Closed, Passphrase},
};

pub(crate) const PKCS8: &str = "PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// What OpenSSL writes before a key of SEC1, which says it again.
const PARAMETERS: &str = "EC PARAMETERS";
/// Of a key that is encrypted as OpenSSL once did it.
const OLD_ENCRYPTION: &str = "Proc-Type";

/// The key as it is kept: one block of PEM. `public` is that of its certificate, in DER.
///
/// # Errors
/// [`Keying`], [`Certifying::TooLarge`]
pub(crate) fn read(text: &str, public: &[u8]) -> Result<Zeroizing<String>, Fault> {
    if text.len() > MOST_BYTES {
        let most = u32::try_from(MOST_BYTES).unwrap_or(u32::MAX);
        return Err(Certifying::TooLarge { field: "private_key".to_owned(), most }.into());
    }
    let (label, der) = only(text)?;
    if self::public(label, &der)? != public {
        return Err(Keying::OfOther.into());
    }
    Ok(encode(label, &der))
}

/// The public key of a private one, in DER.
///
/// # Errors
/// [`Keying::Malformed`]
pub(crate) fn public(label: &str, der: &[u8]) -> Result<Vec<u8>, Fault> {
    let malformed = || Fault::from(Keying::Malformed);
    let signing = any_supported_type(&typed(label, der)).map_err(|_| malformed())?;
    Ok(signing.public_key().ok_or_else(malformed)?.as_ref().to_vec())
}

/// The public key of the one private key in a text.
///
/// # Errors
/// [`Keying`]
pub(crate) fn public_of(text: &str) -> Result<Vec<u8>, Fault> {
    let (label, der) = only(text)?;
    public(label, &der)
}

/// A private key in PEM, opened by a passphrase if it is encrypted as PKCS#8 has it; else as it is.
///
/// # Errors
/// Why it stays closed, without anything of it.
pub fn unlocked(text: &str, passphrase: &str) -> Result<Zeroizing<String>, &'static str> {
    let block = blocks(text).filter(|_| text.len() <= MOST_BYTES).into_iter().flatten().next();
    let Some(block) = block.filter(|block| block.tag() == ENCRYPTED) else {
        return Ok(Zeroizing::new(text.to_owned()));
    };
    let passphrase = Passphrase::new(passphrase).ok_or("its passphrase is too long")?;
    let opened = locked::key(block.contents(), &passphrase, &mut Budget::default());
    opened.map(|der| encode(PKCS8, &der)).map_err(|closed| match closed {
        Closed::Costly => "its private key takes more iterations, or more memory, to open than there may be",
        Closed::Passphrase => "its passphrase does not open its private key",
        Closed::Unreadable => "its private key is encrypted in a way that is not known here",
    })
}

/// The label and the bytes of the one key that there is.
fn only(text: &str) -> Result<(&'static str, Zeroizing<Vec<u8>>), Fault> {
    let mut found = None;
    for block in blocks(text).ok_or_else(|| Fault::from(Keying::Unreadable))? {
        let is_encrypted = block.tag() == ENCRYPTED || block.headers().get(OLD_ENCRYPTION).is_some();
        let tag = block.tag().to_owned();
        let der = Zeroizing::new(block.into_contents());
        if is_encrypted {
            return Err(Keying::Encrypted.into());
        }
        if tag == PARAMETERS {
            continue;
        }
        let Some(label) = [PKCS8, PKCS1, SEC1].into_iter().find(|label| *label == tag) else {
            return Err(Keying::NoKey { label: tag.chars().take(100).collect() }.into());
        };
        if found.replace((label, der)).is_some() {
            return Err(Keying::Several.into());
        }
    }
    found.ok_or_else(|| Keying::Unreadable.into())
}

fn typed<'a>(label: &str, der: &'a [u8]) -> PrivateKeyDer<'a> {
    match label {
        PKCS1 => PrivatePkcs1KeyDer::from(der).into(),
        SEC1 => PrivateSec1KeyDer::from(der).into(),
        _ => PrivatePkcs8KeyDer::from(der).into(),
    }
}

pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let block = pem::Pem::new(label, der);
    let written = Zeroizing::new(pem::encode_config(&block, crate::chain::lines()));
    block.into_contents().zeroize();
    written
}
