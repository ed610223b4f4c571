//! Bundles of PKCS12 (RFC 7292), as `openssl pkcs12 -export`, Windows and Java write them: one private key, its certificate,
//! and those that lead to the root, in whatever order.
//!
//! Those that are written in BER, with lengths that are not said, are not read: `openssl pkcs12` makes DER of them.

use ballast_model::{
    certificate::MOST_BYTES,
    fault::{Certifying, Fault, Keying},
    time::Timestamp,
};
use cms::{content_info::ContentInfo, encrypted_data::EncryptedData};
use der::{
    Decode as _, Encode as _,
    asn1::{ContextSpecific, ObjectIdentifier, OctetString},
};
use hmac::{Mac as _, SimpleHmac, digest::core_api::BlockSizeUser};
use pkcs12::{
    PKCS_12_CERT_BAG_OID, PKCS_12_KEY_BAG_OID, PKCS_12_PKCS8_KEY_BAG_OID, PKCS_12_X509_CERT_OID,
    authenticated_safe::AuthenticatedSafe,
    cert_type::CertBag,
    kdf::Pkcs12KeyType,
    mac_data::MacData,
    pfx::Pfx,
    safe_bag::{SafeBag, SafeContents},
};
use zeroize::Zeroizing;

use crate::{
    Material, bundle, chain, key,
    locked::{self, Budget, Closed, Encrypted, Passphrase, Salted},
};

const FIELD: &str = "pkcs12";
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// Opens a bundle, and checks what is in it as [`read`](crate::read) does. An empty passphrase is one, too.
///
/// # Errors
/// [`Certifying`]
pub fn read_pkcs12(bundle: &[u8], passphrase: &str, now: Timestamp) -> Result<Material, Fault> {
    let opened = open(bundle, passphrase)?;
    chain::read(&opened.chain, &opened.private_key, now)
}

/// Whether this looks like a bundle and not like text.
#[must_use]
pub fn is_pkcs12(bytes: &[u8]) -> bool {
    // A SEQUENCE: no text begins so.
    bytes.first() == Some(&0x30) && std::str::from_utf8(bytes).map_or(true, |text| !text.contains("-----BEGIN "))
}

/// What was in a bundle, in PEM.
struct Opened {
    chain: String,
    private_key: Zeroizing<String>,
}

fn open(bundle: &[u8], passphrase: &str) -> Result<Opened, Fault> {
    if bundle.len() > MOST_BYTES {
        let most = u32::try_from(MOST_BYTES).unwrap_or(u32::MAX);
        return Err(Certifying::TooLarge { field: FIELD.to_owned(), most }.into());
    }
    let passphrase = Passphrase::new(passphrase).ok_or(Certifying::Pkcs12Passphrase)?;
    let mut found = Found::default();
    found.read(bundle, passphrase).map_err(refused)?;
    let private_key = match found.keys.as_slice() {
        [] => return Err(missing("private key")),
        [one] => key::encode(key::PKCS8, one),
        [..] => return Err(Keying::Several.into()),
    };
    let public = key::public(key::PKCS8, &found.keys[0])?;
    let chain =
        bundle::in_order(&found.certificates, &public).ok_or_else(|| missing("certificate of its private key"))?;
    Ok(Opened { chain, private_key })
}

fn missing(what: &str) -> Fault {
    Certifying::Pkcs12Incomplete { missing: what.to_owned() }.into()
}

fn refused(why: Closed) -> Fault {
    match why {
        Closed::Costly => Certifying::Pkcs12Costly { most: locked::MOST_ITERATIONS }.into(),
        Closed::Passphrase => Certifying::Pkcs12Passphrase.into(),
        Closed::Unreadable => Certifying::Pkcs12Unreadable.into(),
    }
}

/// What bags have shown so far.
#[derive(Default)]
struct Found {
    budget: Budget,
    keys: Vec<Zeroizing<Vec<u8>>>,
    certificates: Vec<Vec<u8>>,
}

impl Found {
    fn read(&mut self, bundle: &[u8], passphrase: Passphrase) -> Result<(), Closed> {
        let pfx = Pfx::from_der(bundle).map_err(|_| Closed::Unreadable)?;
        let safe = octets(&pfx.auth_safe)?;
        let passphrase = match &pfx.mac_data {
            Some(mac) => self.verified(mac, safe.as_bytes(), passphrase)?,
            None => passphrase,
        };
        let parts = AuthenticatedSafe::from_der(safe.as_bytes()).map_err(|_| Closed::Unreadable)?;
        for part in &parts {
            let contents = match part.content_type {
                DATA => Zeroizing::new(octets(part)?.as_bytes().to_vec()),
                ENCRYPTED_DATA => self.decrypted(part, &passphrase)?,
                _ => return Err(Closed::Unreadable),
            };
            // What does not parse was decrypted by a wrong key whose padding fits by chance, as one in 256 does.
            let bags = SafeContents::from_der(&contents).map_err(|_| Closed::Passphrase)?;
            bags.iter().try_for_each(|bag| self.bag(bag, &passphrase))?;
        }
        Ok(())
    }

    /// The form of the passphrase with which the code of the whole fits.
    fn verified(&mut self, mac: &MacData, safe: &[u8], passphrase: Passphrase) -> Result<Passphrase, Closed> {
        if self.fits(mac, safe, &passphrase)? {
            return Ok(passphrase);
        }
        let other = passphrase.without_end().ok_or(Closed::Passphrase)?;
        if self.fits(mac, safe, &other)? { Ok(other) } else { Err(Closed::Passphrase) }
    }

    fn fits(&mut self, mac: &MacData, safe: &[u8], passphrase: &Passphrase) -> Result<bool, Closed> {
        let all = Authenticated { mac, safe, passphrase };
        match mac.mac.algorithm.oid {
            SHA1 => all.fits::<sha1::Sha1>(&mut self.budget),
            SHA256 => all.fits::<sha2::Sha256>(&mut self.budget),
            SHA384 => all.fits::<sha2::Sha384>(&mut self.budget),
            SHA512 => all.fits::<sha2::Sha512>(&mut self.budget),
            _ => Err(Closed::Unreadable),
        }
    }

    fn decrypted(&mut self, part: &ContentInfo, passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, Closed> {
        let unreadable = |_| Closed::Unreadable;
        let data = EncryptedData::from_der(&part.content.to_der().map_err(unreadable)?).map_err(unreadable)?;
        let content = data.enc_content_info;
        let bytes = content.encrypted_content.ok_or(Closed::Unreadable)?;
        let algorithm = content.content_enc_alg;
        let parameters = &locked::parameters(algorithm.parameters.as_ref())?;
        Encrypted { algorithm: algorithm.oid, parameters, bytes: bytes.as_bytes() }.open(passphrase, &mut self.budget)
    }

    /// Bags of other kinds, as of revocation lists, are passed over.
    fn bag(&mut self, bag: &SafeBag, passphrase: &Passphrase) -> Result<(), Closed> {
        let value = &bag.bag_value;
        match bag.bag_id {
            PKCS_12_KEY_BAG_OID => self.keys.push(Zeroizing::new(inner(value)?)),
            PKCS_12_PKCS8_KEY_BAG_OID => self.keys.push(locked::key(&inner(value)?, passphrase, &mut self.budget)?),
            PKCS_12_CERT_BAG_OID => {
                let bag = CertBag::from_der(&inner(value)?).map_err(|_| Closed::Unreadable)?;
                if bag.cert_id == PKCS_12_X509_CERT_OID {
                    self.certificates.push(bag.cert_value.as_bytes().to_vec());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a code is of.
struct Authenticated<'a> {
    mac: &'a MacData,
    safe: &'a [u8],
    passphrase: &'a Passphrase,
}

impl Authenticated<'_> {
    fn fits<D>(&self, budget: &mut Budget) -> Result<bool, Closed>
    where
        D: sha1::Digest + hmac::digest::FixedOutputReset + BlockSizeUser,
    {
        let MacData { mac, mac_salt, iterations } = self.mac;
        let passphrase = self.passphrase.wide();
        let length = <D as sha1::Digest>::output_size();
        let from = Salted { passphrase, salt: mac_salt.as_bytes(), iterations: *iterations, length };
        let key = budget.derive::<D>(Pkcs12KeyType::Mac, &from)?;
        let mut hmac = SimpleHmac::<D>::new_from_slice(&key).map_err(|_| Closed::Unreadable)?;
        hmac.update(self.safe);
        Ok(hmac.verify_slice(mac.digest.as_bytes()).is_ok())
    }
}

fn octets(part: &ContentInfo) -> Result<OctetString, Closed> {
    if part.content_type != DATA {
        return Err(Closed::Unreadable);
    }
    part.content.decode_as().map_err(|_| Closed::Unreadable)
}

/// What a bag's value is in: `[0] EXPLICIT`.
fn inner(value: &[u8]) -> Result<Vec<u8>, Closed> {
    let any = ContextSpecific::<der::Any>::from_der(value).map_err(|_| Closed::Unreadable)?;
    any.value.to_der().map_err(|_| Closed::Unreadable)
}

#[cfg(test)]
mod tests;
