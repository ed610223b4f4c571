//! Certificates: what a project may keep of them, with their private keys ([`read`]) and without ([`read_authorities`],
//! [`read_lists`]), and how private keys are kept ([`Keyring`]).
//!
//! Pure: nothing here reads files, clocks or the database. Private material is in [`Zeroizing`] as far as parsers let it; what
//! they copy on their way is theirs. Encrypted keys and PKCS12 are not opened here: what that costs, in time and memory, is
//! their sender's choice. Who has them opens them: the command does.

mod chain;
mod key;
mod kind;
mod seal;
mod together;

pub use chain::{Material, read};
pub use seal::{Bound, KEY_BYTES, Keyring, NotOpened, new_key};
pub use together::{read_authorities, read_lists};
pub use zeroize::Zeroizing;

/// The blocks of a PEM text. None: something in it is none, or is cut off.
fn blocks(text: &str) -> Option<Vec<pem::Pem>> {
    let blocks = pem::parse_many(text).ok()?;
    // The parser passes over what has no end.
    (!blocks.is_empty() && text.matches("-----BEGIN ").count() == blocks.len()).then_some(blocks)
}
