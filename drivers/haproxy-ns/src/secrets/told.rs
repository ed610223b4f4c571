//! What a load balancer's secrets are, while it is deployed. In memory, and never shown.

use std::{collections::BTreeMap, fmt, sync::Arc};

use ballast_abi::{
    DriverError,
    secrets::{Content, Secrets},
};
use zeroize::Zeroizing;

use super::{Kind, Named};

/// By file. None: a secret that is to stay as it is.
#[derive(Default)]
pub(crate) struct Told(BTreeMap<String, (Kind, Arc<Content>)>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Told {
    /// # Errors
    /// UNAVAILABLE: one was not told.
    pub(crate) fn of<'a>(
        secrets: &Secrets,
        id: &str,
        named: impl Iterator<Item = &'a Named>,
    ) -> Result<Self, DriverError> {
        let told = named.map(|one| Ok((one.file.clone(), (one.kind, secrets.of(id, &one.secret())?))));
        told.collect::<Result<_, DriverError>>().map(Self)
    }

    /// Each file, and what is to be in it.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Zeroizing<String>)> {
        self.0.iter().map(|(file, (kind, content))| (file.as_str(), text(*kind, content)))
    }
}

/// Certificates come with their key. An empty line would end what haproxy is told.
fn text(kind: Kind, content: &Content) -> Zeroizing<String> {
    let key = match kind {
        Kind::Certificate => content.private_key.as_str(),
        Kind::Ca | Kind::Crl => "",
    };
    let mut text = Zeroizing::new(String::with_capacity(content.pem.len() + key.len() + 2));
    for line in content.pem.lines().chain(key.lines()).map(str::trim_end).filter(|line| !line.is_empty()) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use ballast_abi::{Secret, SecretContent};

    use super::*;

    #[test]
    fn a_key_is_with_its_certificate_alone_and_is_not_shown() {
        let secrets = Secrets::default();
        let (reference, digest) = ("r".to_owned(), "d".to_owned());
        let one = Secret { reference: reference.clone(), digest: digest.clone() };
        let (pem, private_key) = ("a\r\n\nb\n".to_owned(), "s3cret\n".to_owned());
        secrets.take("lb", vec![SecretContent { reference, digest, pem, private_key }]);
        for (kind, expected) in [(Kind::Certificate, "a\nb\ns3cret\n"), (Kind::Ca, "a\nb\n"), (Kind::Crl, "a\nb\n")] {
            let named = [Named::of(kind, &one, "/run")];
            let told = Told::of(&secrets, "lb", named.iter()).unwrap();
            let files: Vec<_> = told.files().map(|(file, text)| (file.to_owned(), text.to_string())).collect();
            assert_eq!(files, [(named[0].file.clone(), expected.to_owned())]);
            assert!(!format!("{told:?}").contains("s3cret"));
        }
        let other = Secret { digest: "e".to_owned(), ..one };
        assert!(Told::of(&secrets, "lb", [Named::of(Kind::Ca, &other, "/run")].iter()).unwrap_err().retryable);
    }
}
