//! Certificates and what belongs to them, as a device keeps them: files.
//!
//! The name of a file says what is in it, by the digest of its secret: one that is there is not sent again, and what has changed
//! is another file. So a device that lost one gets it again, and one that has all is told nothing.
//!
//! What is in a file is in [`Files`] alone, from when it was told until it is sent: never in what is wanted, remembered, shown or
//! logged. [`Facts`] is what anybody may know of a secret.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use ballast_abi::{
    DriverError, LoadBalancer, Secret,
    secrets::{Content, Secrets},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer as _, X509Certificate},
};
use zeroize::Zeroizing;

use crate::Failure;

const CERTIFICATE: &str = "CERTIFICATE";

/// Enough to say what a device is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The DNS names that its first certificate is for.
    pub names: Vec<String>,
    pub common_name: Option<String>,
    /// A hash of each certificate in it, in order.
    pub certificates: Vec<String>,
}

impl Facts {
    /// Of what is not PEM there are none: the device will say so.
    #[must_use]
    pub fn of(pem: &str) -> Self {
        let blocks = certificates(pem);
        let hash = |block: &pem::Pem| hex::encode(Sha256::digest(block.contents()));
        let first = blocks.first().and_then(|block| X509Certificate::from_der(block.contents()).ok());
        let (names, common_name) = first.map(|(_, first)| names(&first)).unwrap_or_default();
        Self { names, common_name, certificates: blocks.iter().map(hash).collect() }
    }
}

fn names(certificate: &X509Certificate<'_>) -> (Vec<String>, Option<String>) {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let dns = names.filter_map(|name| match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        _ => None,
    });
    let common = certificate.subject().iter_common_name().next().and_then(|common| common.as_str().ok());
    (dns.collect(), common.map(str::to_owned))
}

fn certificates(text: &str) -> Vec<pem::Pem> {
    let blocks = pem::parse_many(text).unwrap_or_default();
    blocks.into_iter().filter(|block| block.tag() == CERTIFICATE).collect()
}

/// What is known of the secrets that a load balancer names.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// By digest.
    facts: BTreeMap<String, Facts>,
    told: BTreeMap<String, Arc<Content>>,
}

impl Known {
    /// All of it, as it was told.
    ///
    /// # Errors
    /// UNAVAILABLE: one was not told.
    pub(crate) fn told(load_balancer: &LoadBalancer, secrets: &Secrets) -> Result<Self, DriverError> {
        let mut known = Self::default();
        for (_, secret) in load_balancer.secrets() {
            known.take(secret, secrets.of(&load_balancer.id, secret)?);
        }
        Ok(known)
    }

    /// As far as it was told, or is remembered: who only asks tells no secrets.
    pub(crate) fn as_far(
        load_balancer: &LoadBalancer,
        secrets: &Secrets,
        remembered: &BTreeMap<String, Facts>,
    ) -> Self {
        let mut known = Self { facts: remembered.clone(), told: BTreeMap::new() };
        for (_, secret) in load_balancer.secrets() {
            if let Ok(content) = secrets.of(&load_balancer.id, secret) {
                known.take(secret, content);
            }
        }
        known
    }

    fn take(&mut self, secret: &Secret, content: Arc<Content>) {
        self.facts.insert(secret.digest.clone(), Facts::of(&content.pem));
        self.told.insert(secret.digest.clone(), content);
    }

    /// Nothing, where it is not known.
    #[must_use]
    pub fn facts(&self, secret: &Secret) -> Facts {
        self.facts.get(&secret.digest).cloned().unwrap_or_default()
    }

    pub(crate) fn into_facts(self) -> BTreeMap<String, Facts> {
        self.facts
    }

    /// What a file is to have; none where it is not known.
    pub(crate) fn piece(&self, secret: &Secret, piece: Piece) -> Option<Zeroizing<String>> {
        let content = self.told.get(&secret.digest)?;
        Some(match piece {
            Piece::Key => content.private_key.clone(),
            Piece::Whole => Zeroizing::new(content.pem.clone()),
            Piece::Certificate(at) => Zeroizing::new(text(certificates(&content.pem).get(at)?)),
            Piece::Issuers => Zeroizing::new(certificates(&content.pem).iter().skip(1).map(text).collect()),
        })
    }
}

fn text(block: &pem::Pem) -> String {
    pem::encode_config(block, pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF))
}

/// Which part of a secret is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// One of its certificates.
    Certificate(usize),
    /// All certificates but the first.
    Issuers,
    Key,
    Whole,
}

/// What is in the files that a device is to have, by their names.
#[derive(Clone, Default)]
pub struct Files(BTreeMap<String, Zeroizing<String>>);

impl Files {
    pub(crate) fn put(&mut self, name: &str, content: Zeroizing<String>) {
        self.0.insert(name.to_owned(), content);
    }

    /// No files.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: OnceLock<Files> = OnceLock::new();
        NONE.get_or_init(Self::default)
    }

    /// To be sent under this name.
    ///
    /// # Errors
    /// [`Failure::Untold`]
    pub fn upload(&self, name: &str, form: Form) -> Result<Upload, Failure> {
        let content = self.0.get(name).cloned().ok_or_else(|| Failure::Untold { what: name.to_owned() })?;
        Ok(Upload { name: name.to_owned(), content, form })
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How a file goes along with the JSON of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Beside it, in a form (multipart/form-data) of the parts `file` and `json`.
    Beside,
    /// In Base64, as this field of the only object in it.
    Inside(&'static str),
}

/// A file that goes along with a request; it may be a private key.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    pub name: String,
    content: Zeroizing<String>,
    form: Form,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("name", &self.name).field("form", &self.form).finish_non_exhaustive()
    }
}

/// No line of PEM has a full stop.
const BOUNDARY: &str = "two.parts.of.one.form";
/// A line of this length or longer says something of a key.
const TELLING: usize = 16;

impl Upload {
    /// The type and the text of a request's body.
    pub(crate) fn body(&self, json: &serde_json::Value) -> (String, Zeroizing<String>) {
        match self.form {
            Form::Beside => (format!("multipart/form-data; boundary={BOUNDARY}"), self.beside(json)),
            Form::Inside(field) => ("application/json".to_owned(), self.inside(json, field)),
        }
    }

    fn beside(&self, json: &serde_json::Value) -> Zeroizing<String> {
        let (name, content) = (&self.name, self.content.as_str());
        Zeroizing::new(format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{content}\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"json\"; filename=\"blob\"\r\n\
             Content-Type: application/json\r\n\r\n{json}\r\n--{BOUNDARY}--\r\n"
        ))
    }

    /// The field is put in as text: a value of JSON would leave copies of it.
    fn inside(&self, json: &serde_json::Value, field: &str) -> Zeroizing<String> {
        let text = json.to_string();
        let (before, after) = text.split_at(text.find(":{").map_or(0, |at| at + 2));
        Zeroizing::new(format!("{before}\"{field}\":\"{}\",{after}", self.in_base64().as_str()))
    }

    fn in_base64(&self) -> Zeroizing<String> {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        Zeroizing::new(BASE64_STANDARD.encode(self.content.as_bytes()))
    }

    /// What a device has said to it, unless something of the file is in that.
    pub(crate) fn hushed(&self, said: String) -> String {
        let encoded = self.in_base64();
        let lines =
            self.content.lines().chain(encoded.as_bytes().chunks(64).filter_map(|chunk| str::from_utf8(chunk).ok()));
        let tells = |line: &str| line.len() >= TELLING && !line.starts_with('-') && said.contains(line);
        let mut lines = lines.into_iter();
        if lines.any(tells) { "what it said has something of the file in it".to_owned() } else { said }
    }
}

#[cfg(test)]
mod tests;
