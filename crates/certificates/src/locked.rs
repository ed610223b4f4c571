//! What is encrypted by a passphrase, as PKCS12 and PKCS#8 have it, at a cost that is bounded before the work begins.
//!
//! How much a passphrase costs to try is chosen by who encrypted: iterations, and memory with scrypt. All parts of one bundle
//! draw from one [`Budget`].

use cbc::cipher::block_padding::Pkcs7;
use der::{Decode as _, Encode as _, asn1::ObjectIdentifier};
use pkcs5::pbes2;
use pkcs12::{
    PKCS_12_PBE_WITH_SHAAND3_KEY_TRIPLE_DES_CBC as TRIPLE_DES, PKCS_12_PBEWITH_SHAAND40_BIT_RC2_CBC as RC2_40,
    kdf::{Pkcs12KeyType, derive_key},
    pbe_params::{EncryptedPrivateKeyInfo, Pkcs12PbeParams},
};
use sha1::Sha1;
use zeroize::Zeroizing;

/// How many iterations one bundle may take, all parts together. OpenSSL writes 2,048 for each part, Java 10,000; OWASP asks for
/// 600,000 where passwords are kept, and a bundle has three parts.
pub const MOST_ITERATIONS: u32 = 2_000_000;
/// Memory that scrypt may take, in bytes: twice what `openssl pkcs8 -scrypt` asks for.
const MOST_MEMORY: u64 = 32 << 20;
/// The longest passphrase, in bytes.
const LONGEST: usize = 1_024;

/// Why something stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It would take more than there is.
    Costly,
    /// Not with this passphrase; or it is damaged.
    Passphrase,
    /// It is not what it should be, or in a way that is not known here.
    Unreadable,
}

/// A passphrase in both its forms.
pub(crate) struct Passphrase {
    text: Zeroizing<String>,
    /// UTF-16 with a zero at its end, as PKCS12's own derivation takes it (RFC 7292, appendix B.1).
    wide: Zeroizing<Vec<u8>>,
}

impl Passphrase {
    /// None: it is too long.
    pub(crate) fn new(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let wide = text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
        Some(Self { text: Zeroizing::new(text.to_owned()), wide: Zeroizing::new(wide) })
    }

    /// Some programs take an empty passphrase for none at all, and write it without the zero at its end.
    pub(crate) fn without_end(&self) -> Option<Self> {
        let wide = Zeroizing::default();
        self.text.is_empty().then(|| Self { text: self.text.clone(), wide })
    }

    pub(crate) fn wide(&self) -> &[u8] {
        &self.wide
    }
}

/// What may still be spent.
pub(crate) struct Budget(u32);

impl Default for Budget {
    fn default() -> Self {
        Self(MOST_ITERATIONS)
    }
}

impl Budget {
    pub(crate) fn take(&mut self, iterations: u64) -> Result<(), Closed> {
        let iterations = u32::try_from(iterations).map_err(|_| Closed::Costly)?;
        if iterations == 0 {
            return Err(Closed::Unreadable);
        }
        self.0 = self.0.checked_sub(iterations).ok_or(Closed::Costly)?;
        Ok(())
    }

    fn take_signed(&mut self, iterations: i32) -> Result<i32, Closed> {
        self.take(u64::try_from(iterations).map_err(|_| Closed::Unreadable)?)?;
        Ok(iterations)
    }

    /// Derives a key as PKCS12 does.
    pub(crate) fn derive<D>(&mut self, use_of: Pkcs12KeyType, from: &Salted<'_>) -> Result<Zeroizing<Vec<u8>>, Closed>
    where
        D: sha1::Digest + hmac::digest::FixedOutputReset + hmac::digest::core_api::BlockSizeUser,
    {
        let Salted { passphrase, salt, iterations, length } = *from;
        let iterations = self.take_signed(iterations)?;
        Ok(Zeroizing::new(derive_key::<D>(passphrase, salt, use_of, iterations, length)))
    }
}

/// What a key is derived from, and how long it is.
#[derive(Clone, Copy)]
pub(crate) struct Salted<'a> {
    pub(crate) passphrase: &'a [u8],
    pub(crate) salt: &'a [u8],
    pub(crate) iterations: i32,
    pub(crate) length: usize,
}

/// How something is encrypted, and what.
pub(crate) struct Encrypted<'a> {
    pub(crate) algorithm: ObjectIdentifier,
    /// DER of its parameters.
    pub(crate) parameters: &'a [u8],
    pub(crate) bytes: &'a [u8],
}

impl Encrypted<'_> {
    /// What is in it.
    pub(crate) fn open(&self, with: &Passphrase, budget: &mut Budget) -> Result<Zeroizing<Vec<u8>>, Closed> {
        match self.algorithm {
            pbes2::PBES2_OID => self.modern(with, budget),
            TRIPLE_DES => self.former::<cbc::Decryptor<des::TdesEde3>>(24, with, budget),
            RC2_40 => self.former::<cbc::Decryptor<rc2::Rc2>>(5, with, budget),
            _ => Err(Closed::Unreadable),
        }
    }

    /// PBES2 (RFC 8018, section 6.2).
    fn modern(&self, with: &Passphrase, budget: &mut Budget) -> Result<Zeroizing<Vec<u8>>, Closed> {
        let parameters = pbes2::Parameters::from_der(self.parameters).map_err(|_| Closed::Unreadable)?;
        match &parameters.kdf {
            pbes2::Kdf::Pbkdf2(pbkdf2) => budget.take(pbkdf2.iteration_count.into())?,
            pbes2::Kdf::Scrypt(scrypt) => {
                let blocks = scrypt.cost_parameter.saturating_mul(scrypt.block_size.into());
                if blocks.saturating_mul(128) > MOST_MEMORY {
                    return Err(Closed::Costly);
                }
                budget.take(blocks.saturating_mul(scrypt.parallelization.into()))?;
            }
            _ => return Err(Closed::Unreadable),
        }
        let opened = parameters.decrypt(with.text.as_bytes(), self.bytes);
        opened.map(Zeroizing::new).map_err(|error| match error {
            // The one is what this crate says, the other what it means.
            pkcs5::Error::EncryptFailed | pkcs5::Error::DecryptFailed => Closed::Passphrase,
            _ => Closed::Unreadable,
        })
    }

    /// PKCS12's own (RFC 7292, appendix C), which Windows and older programs write.
    fn former<C>(&self, length: usize, with: &Passphrase, budget: &mut Budget) -> Result<Zeroizing<Vec<u8>>, Closed>
    where
        C: cbc::cipher::KeyIvInit + cbc::cipher::BlockDecryptMut,
    {
        let parameters = Pkcs12PbeParams::from_der(self.parameters).map_err(|_| Closed::Unreadable)?;
        let (salt, iterations) = (parameters.salt.as_bytes(), parameters.iterations);
        let from = Salted { passphrase: with.wide(), salt, iterations, length };
        let key = budget.derive::<Sha1>(Pkcs12KeyType::EncryptionKey, &from)?;
        let iv = budget.derive::<Sha1>(Pkcs12KeyType::Iv, &Salted { length: 8, ..from })?;
        let cipher = C::new_from_slices(&key, &iv).map_err(|_| Closed::Unreadable)?;
        let opened = cipher.decrypt_padded_vec_mut::<Pkcs7>(self.bytes);
        opened.map(Zeroizing::new).map_err(|_| Closed::Passphrase)
    }
}

/// The private key, in DER of PKCS#8, of what PKCS#8 calls `EncryptedPrivateKeyInfo`.
pub(crate) fn key(der: &[u8], with: &Passphrase, budget: &mut Budget) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let found = EncryptedPrivateKeyInfo::from_der(der).map_err(|_| Closed::Unreadable)?;
    let algorithm = &found.encryption_algorithm;
    let parameters = parameters(algorithm.parameters.as_ref())?;
    let bytes = found.encrypted_data.as_bytes();
    Encrypted { algorithm: algorithm.oid, parameters: &parameters, bytes }.open(with, budget)
}

/// The DER of an algorithm's parameters.
pub(crate) fn parameters(any: Option<&der::Any>) -> Result<Vec<u8>, Closed> {
    any.and_then(|any| any.to_der().ok()).ok_or(Closed::Unreadable)
}
