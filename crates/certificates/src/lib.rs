//! Certificates: what a project may keep of them, with their private keys ([`read`]) and without ([`read_authorities`],
//! [`read_lists`]), and how private keys are kept ([`Keyring`]).
//!
//! Pure: nothing here reads files, clocks or the database. Private material is in [`Zeroizing`] as far as parsers let it; what
//! they copy on their way is theirs. What PKCS12 and encrypted keys cost to open, in time and memory, is their maker's choice:
//! [`read_pkcs12`] and [`unlocked`] refuse what is beyond a bound before they begin.

mod bundle;
mod chain;
mod key;
mod kind;
mod locked;
mod pkcs12;
mod pkcs7;
mod seal;
mod together;

use ballast_model::{
    fault::{Certifying, Fault},
    time::Timestamp,
    tls::Purpose,
};
pub use bundle::read_bundle;
pub use chain::{Material, read};
pub use key::unlocked;
pub use locked::MOST_ITERATIONS;
pub use pkcs7::unbundled;
pub use pkcs12::{is_pkcs12, read_pkcs12};
pub use seal::{Bound, KEY_BYTES, Keyring, NotOpened, new_key};
pub use together::{are_of, read_authorities, read_lists};
pub use zeroize::Zeroizing;

/// Reads what is kept of this kind. What has no private key has none that is empty.
///
/// # Errors
/// Those of [`read`], [`read_authorities`] and [`read_lists`]; [`Certifying::KeySuperfluous`].
pub fn read_as(kind: Purpose, chain: &str, private_key: &str, now: Timestamp) -> Result<Material, Fault> {
    if kind != Purpose::Certificate && !private_key.is_empty() {
        return Err(Certifying::KeySuperfluous { kind: kind.as_str().to_owned() }.into());
    }
    let content = match kind {
        Purpose::Certificate => return read(chain, private_key, now),
        Purpose::Ca => read_authorities(chain, now)?,
        Purpose::Crl => read_lists(chain, now)?,
    };
    Ok(Material { content, private_key: Zeroizing::default() })
}

/// The blocks of a PEM text. None: something in it is none, or is cut off.
fn blocks(text: &str) -> Option<Vec<pem::Pem>> {
    let blocks = pem::parse_many(text).ok()?;
    // The parser passes over what has no end.
    (!blocks.is_empty() && text.matches("-----BEGIN ").count() == blocks.len()).then_some(blocks)
}
