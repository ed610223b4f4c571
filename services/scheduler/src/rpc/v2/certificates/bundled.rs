//! Certificates that come as PKCS12: they are opened, and from then on are like those that came as PEM.

use std::{mem, sync::LazyLock};

use ballast_certificates::{Zeroizing, read_pkcs12};
use ballast_model::{
    fault::{Certifying, Fault},
    time::Timestamp,
};
use ballast_proto::v2::Certificate;
use prost_types::FieldMask;
use tokio::sync::Semaphore;

/// One is opened at once: up to a second of a core, which is its maker's choice.
static OPENING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(1));

/// Puts a chain and a private key in PEM in the place of a bundle.
///
/// # Errors
/// [`Certifying`], and that something is missing.
pub(super) async fn open(sent: &mut Certificate, now: Timestamp) -> Result<(), Fault> {
    let bundle = Zeroizing::new(mem::take(&mut sent.pkcs12));
    let passphrase = Zeroizing::new(mem::take(&mut sent.passphrase));
    if bundle.is_empty() {
        return if passphrase.is_empty() { Ok(()) } else { Err(Fault::missing_field("pkcs12")) };
    }
    if !sent.certificate_chain.is_empty() || !sent.private_key.is_empty() {
        return Err(Certifying::GivenTwice.into());
    }
    let permit = OPENING.acquire().await;
    let opening = tokio::task::spawn_blocking(move || read_pkcs12(&bundle, &passphrase, now));
    let material = opening.await.map_err(|error| Fault::internal(format_args!("a bundle: {error}")))??;
    drop(permit);
    sent.certificate_chain = material.content.chain;
    sent.private_key = material.private_key.to_string();
    Ok(())
}

/// A mask that names a bundle names what is in it.
pub(super) fn named(mask: Option<FieldMask>) -> Option<FieldMask> {
    let mut mask = mask?;
    let count = mask.paths.len();
    mask.paths.retain(|path| !["pkcs12", "passphrase"].contains(&path.as_str()));
    if mask.paths.len() < count {
        mask.paths.extend(["certificate_chain", "private_key"].map(str::to_owned));
    }
    Some(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bundle_comes_alone_and_a_passphrase_with_a_bundle() {
        let open = async |mut sent: Certificate| open(&mut sent, Timestamp(0)).await.map(|()| sent);
        let plain = Certificate { certificate_chain: "c".to_owned(), ..Certificate::default() };
        assert_eq!(open(plain.clone()).await.unwrap(), plain);
        let both = Certificate { pkcs12: b"0".to_vec(), ..plain };
        assert_eq!(open(both).await.unwrap_err(), Certifying::GivenTwice.into());
        let alone = Certificate { passphrase: "x".to_owned(), ..Certificate::default() };
        assert_eq!(open(alone).await.unwrap_err(), Fault::missing_field("pkcs12"));
        let none = Certificate { pkcs12: b"0".to_vec(), ..Certificate::default() };
        assert_eq!(open(none).await.unwrap_err(), Certifying::Pkcs12Unreadable.into());
    }

    #[test]
    fn a_mask_that_names_a_bundle_names_what_is_in_it() {
        let mask = |paths: &[&str]| Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
        assert_eq!(named(mask(&["name"])), mask(&["name"]));
        assert_eq!(named(mask(&["pkcs12", "name", "passphrase"])), mask(&["name", "certificate_chain", "private_key"]));
        assert_eq!(named(None), None);
    }
}
