//! Certificates and a private key in PEM, in whatever order, as others keep them.

use ballast_model::{
    certificate::{MOST_BYTES, MOST_CHAIN},
    fault::{Certifying, Fault, Keying},
    time::Timestamp,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Material, blocks, chain, key};

/// Reads what is in a text, or in two: one private key, its certificate, and those that lead to the root, in any order. Others
/// are left out. It is checked as [`read`](crate::read) does.
///
/// # Errors
/// [`Certifying`]
pub fn read_bundle(text: &str, more: &str, now: Timestamp) -> Result<Material, Fault> {
    if text.len() > MOST_BYTES || more.len() > MOST_BYTES {
        let most = u32::try_from(MOST_BYTES).unwrap_or(u32::MAX);
        return Err(Certifying::TooLarge { field: chain::FIELD.to_owned(), most }.into());
    }
    let (mut ders, mut keys) = (Vec::new(), Zeroizing::new(String::new()));
    for text in [text, more].into_iter().filter(|text| !text.trim().is_empty()) {
        for block in blocks(text).ok_or(Certifying::Unreadable)? {
            if block.tag() == chain::LABEL {
                ders.push(block.into_contents());
            } else {
                keys.push_str(&Zeroizing::new(pem::encode_config(&block, chain::lines())));
                block.into_contents().zeroize();
            }
        }
    }
    if keys.is_empty() {
        return Err(Keying::Unreadable.into());
    }
    let public = key::public_of(&keys)?;
    // Without that of the key, who reads it says so of the first.
    let chain = in_order(&ders, &public);
    let chain = chain.unwrap_or_else(|| ders.iter().map(|der| chain::block(chain::LABEL, der)).collect());
    chain::read(&chain, &keys, now)
}

/// The certificate of this key and then each that issued the one before; others are left out.
pub(crate) fn in_order(ders: &[Vec<u8>], public: &[u8]) -> Option<String> {
    let parsed: Vec<_> =
        ders.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, one)| one).collect();
    let of_key = parsed.iter().find(|one| one.public_key().raw == public);
    let mut kept = vec![of_key?];
    while let Some(last) = kept.last().filter(|_| kept.len() <= MOST_CHAIN) {
        let is_next = |one: &&X509Certificate<'_>| chain::is_issuer(one, last) && !kept.contains(one);
        let Some(next) = parsed.iter().find(is_next) else { break };
        kept.push(next);
    }
    Some(kept.iter().map(|one| chain::block(chain::LABEL, one.as_raw())).collect())
}
