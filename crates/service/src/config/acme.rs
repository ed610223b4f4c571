//! `[acme]`: the CA that issues certificates by itself.

use std::path::PathBuf;

use serde::Deserialize;

use crate::list;

/// `[acme]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// The URL of its directory (RFC 8555, 7.1.1). Empty: there is none.
    pub directory: String,
    /// The file of a CA that is believed beside the machine's own, for the directory.
    pub ca: PathBuf,
    /// Mail addresses to which the CA writes.
    #[serde(deserialize_with = "list::texts")]
    pub contact: Vec<String>,
    /// Whether the operator has read the CA's terms of service, and agrees.
    pub terms_accepted: bool,
}

impl Acme {
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.directory.is_empty()
    }

    /// # Errors
    /// One line that names the key.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.is_set() {
            return Ok(());
        }
        let directory = self.directory.as_str();
        // RFC 8555, 6.1: it is spoken over TLS alone.
        if !directory.starts_with("https://") {
            return Err(format!("acme.directory = \"{directory}\" must begin with https://"));
        }
        if !self.terms_accepted {
            return Err("acme.terms_accepted must be true: read the terms of service of the CA first".to_owned());
        }
        match self.contact.iter().find(|contact| !contact.contains('@') || contact.contains(char::is_whitespace)) {
            Some(contact) => Err(format!("acme.contact has \"{contact}\", which is no mail address")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_is_spoken_to_over_tls_by_who_has_agreed() {
        let acme = |directory: &str, terms_accepted, contact: &str| {
            let contact = contact.split_terminator(',').map(str::to_owned).collect();
            Acme { directory: directory.to_owned(), terms_accepted, contact, ..Acme::default() }.check()
        };
        assert_eq!(acme("", false, ""), Ok(()));
        assert_eq!(acme("https://ca.example/directory", true, "ops@example,mailto:a@example"), Ok(()));
        for (bad, key) in [
            (acme("http://ca.example/directory", true, ""), "acme.directory"),
            (acme("https://ca.example/directory", false, ""), "acme.terms_accepted"),
            (acme("https://ca.example/directory", true, "ops"), "acme.contact"),
            (acme("https://ca.example/directory", true, "a@b c"), "acme.contact"),
        ] {
            assert!(bad.clone().unwrap_err().starts_with(key), "{bad:?}");
        }
    }
}
