//! How private keys are kept: sealed by AES-256-GCM, bound to the certificate and its version.
//!
//! The key that comes first seals; all open. What is sealed says which key did it, by a hash of that key.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, OsRng, Payload, rand_core::RngCore as _},
};
use ballast_model::{certificate::Sealed, ids::CertificateId};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// How long a key is.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// How much of a key's hash is its id.
const ID_BYTES: usize = 8;
const DOMAIN: &[u8] = b"ballast secrets key";
const SEALED: &[u8] = b"ballast certificate";

/// What a sealed key is bound to: it opens for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    pub id: CertificateId,
    pub version: u64,
}

impl Bound {
    /// An account at a CA: no certificate has this version.
    pub const ACCOUNT: Self = Self { id: CertificateId::from_u128(0), version: 0 };
}

/// Why something sealed cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOpened {
    /// Nobody has the key of this id here.
    KeyMissing { key_id: String },
    /// It is not what was sealed, or not for this.
    Damaged,
}

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyMissing { key_id } => write!(f, "no file of secrets.key_files has the key {key_id}"),
            Self::Damaged => f.write_str("what is stored is not what was sealed for it"),
        }
    }
}

/// Keys, the one that seals first. Without any nothing can be kept.
#[derive(Default)]
pub struct Keyring(Vec<Key>);

struct Key {
    id: String,
    secret: Zeroizing<[u8; KEY_BYTES]>,
}

/// The ids alone.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl Keyring {
    /// Adds the key of a file's text, in hex or base64, behind the others; its id.
    ///
    /// # Errors
    /// What is wrong with it, without any of it.
    pub fn add(&mut self, text: &str) -> Result<String, String> {
        let secret = decode(text.trim()).ok_or_else(|| {
            format!(
                "it has no key of {KEY_BYTES} bytes in hex or base64: make one with ballast-scheduler secrets new-key"
            )
        })?;
        if secret.iter().all(|byte| *byte == secret[0]) {
            return Err("its key is one byte again and again, which anybody finds".to_owned());
        }
        let id = key_id(&secret);
        if self.has(&id) {
            return Err(format!("its key {id} is another file's too"));
        }
        self.0.push(Key { id: id.clone(), secret });
        Ok(id)
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn sealing(&self) -> Option<&str> {
        self.0.first().map(|key| key.id.as_str())
    }

    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// Seals, by a nonce that the system draws; none: there is no key.
    #[must_use]
    pub fn seal(&self, secret: &[u8], bound: Bound) -> Option<Sealed> {
        let key = self.0.first()?;
        let mut nonce = [0; NONCE_BYTES];
        OsRng.fill_bytes(&mut nonce);
        let aad = associated(bound);
        let sealed = cipher(key).encrypt(&Nonce::from(nonce), Payload { msg: secret, aad: &aad }).ok()?;
        Some(Sealed { key_id: key.id.clone(), bytes: [&nonce[..], &sealed].concat() })
    }

    /// Opens what was sealed for this.
    ///
    /// # Errors
    /// [`NotOpened`]
    pub fn open(&self, sealed: &Sealed, bound: Bound) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let key = self.0.iter().find(|key| key.id == sealed.key_id);
        let key = key.ok_or_else(|| NotOpened::KeyMissing { key_id: sealed.key_id.clone() })?;
        let (nonce, msg) = sealed.bytes.split_first_chunk::<NONCE_BYTES>().ok_or(NotOpened::Damaged)?;
        let aad = associated(bound);
        let opened = cipher(key).decrypt(&Nonce::from(*nonce), Payload { msg, aad: &aad });
        opened.map(Zeroizing::new).map_err(|_| NotOpened::Damaged)
    }
}

/// A new key, as a file has it: hex, drawn by the system.
#[must_use]
pub fn new_key() -> Zeroizing<String> {
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    OsRng.fill_bytes(secret.as_mut_slice());
    Zeroizing::new(hex::encode(secret.as_slice()))
}

fn cipher(key: &Key) -> Aes256Gcm {
    Aes256Gcm::new(key.secret.as_slice().into())
}

fn associated(Bound { id, version }: Bound) -> Vec<u8> {
    [SEALED, id.uuid().as_bytes(), &version.to_be_bytes()].concat()
}

fn decode(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let bytes = Zeroizing::new(hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok())?);
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    (bytes.len() == KEY_BYTES).then(|| secret.copy_from_slice(&bytes))?;
    Some(secret)
}

/// Says nothing of the key but which it is.
fn key_id(secret: &[u8; KEY_BYTES]) -> String {
    let hash = Sha256::new().chain_update(DOMAIN).chain_update(secret).finalize();
    hex::encode(&hash[..ID_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Bound = Bound { id: CertificateId::from_u128(1), version: 1 };

    fn keyring(texts: &[&str]) -> Keyring {
        let mut keyring = Keyring::default();
        texts.iter().for_each(|text| drop(keyring.add(text).unwrap()));
        keyring
    }

    #[test]
    fn the_first_key_seals_and_all_open_and_what_is_sealed_opens_for_nothing_else() {
        let (old, new) = (new_key(), new_key());
        let sealed = keyring(&[&old]).seal(b"secret", BOUND).unwrap();
        let both = keyring(&[&new, &old]);
        assert_eq!(both.open(&sealed, BOUND).unwrap().as_slice(), b"secret");
        let again = both.seal(b"secret", BOUND).unwrap();
        assert_eq!(Some(again.key_id.as_str()), both.sealing());
        assert_ne!(again.key_id, sealed.key_id);
        let missing = NotOpened::KeyMissing { key_id: again.key_id.clone() };
        assert_eq!(keyring(&[&old]).open(&again, BOUND), Err(missing));
        let others = [Bound { version: 2, ..BOUND }, Bound { id: CertificateId::from_u128(2), ..BOUND }];
        for other in others {
            assert_eq!(both.open(&sealed, other), Err(NotOpened::Damaged));
        }
        for at in 0..sealed.bytes.len() {
            let mut damaged = sealed.clone();
            damaged.bytes[at] ^= 1;
            assert_eq!(both.open(&damaged, BOUND), Err(NotOpened::Damaged), "{at}");
            damaged.bytes.truncate(at);
            assert_eq!(both.open(&damaged, BOUND), Err(NotOpened::Damaged), "{at}");
        }
    }

    #[test]
    fn the_same_is_never_sealed_the_same_and_shows_nothing_of_itself() {
        let keyring = keyring(&[&new_key()]);
        let seal = || keyring.seal(b"the same secret text", BOUND).unwrap().bytes;
        let (one, other) = (seal(), seal());
        assert_ne!(one, other);
        assert!(!one.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_key_is_32_bytes_in_hex_or_base64_and_nothing_shows_it() {
        let hex = new_key();
        let bytes = hex::decode(hex.as_str()).unwrap();
        let base64 = STANDARD.encode(&bytes);
        let keyring = keyring(&[&format!("{base64}\n")]);
        assert_eq!(keyring.sealing(), Some(key_id(&bytes.clone().try_into().unwrap()).as_str()));
        let shown = format!("{keyring:?}");
        assert!(shown.contains(keyring.sealing().unwrap()) && !shown.contains(hex.as_str()), "{shown}");
        for bad in ["", "x", &hex[2..], &format!("{}00", hex.as_str()), &"0".repeat(64), "not a key at all"] {
            let why = Keyring::default().add(bad).unwrap_err();
            assert!(bad.is_empty() || bad == "x" || !why.contains(bad), "{why}");
        }
        let mut twice = Keyring::default();
        twice.add(&hex).unwrap();
        assert!(twice.add(&base64).unwrap_err().contains("another file's"));
        assert_eq!(Keyring::default().seal(b"x", BOUND), None);
    }
}
