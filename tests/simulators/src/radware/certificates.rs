//! Certificates and keys: sent as text, staged like the rest, and shown without the key.

use serde_json::{Value, json};

use super::{
    Alteon,
    access::decoded,
    configuration::Row,
    error::Refused,
    path::{Path, is_name},
};
use crate::{Reply, Request};

const TABLE: &str = "SlbNewSslCfgCertsTable";
const TEXT: &str = "_text";
/// What is sent, and as which types it is kept.
const KINDS: [(&str, i64); 4] = [("key", 1), ("cert", 3), ("clca", 4), ("inca", 5)];
const SHOWN: [(&str, i64); 4] = [("key", 1), ("srvcrt", 3), ("trstca", 4), ("inca", 5)];
const KEY: i64 = 1;
const GENERATED: i64 = 5;

impl Alteon {
    pub(super) fn import(&mut self, path: &Path, request: &Request) -> Result<Reply, Refused> {
        let refused = |what: &str| Refused::value("sslcertimport", what);
        let id = path.option("id").filter(|id| is_name(id) && id.len() <= 128).ok_or_else(|| refused("id"))?;
        let kind = path.option("type").and_then(|kind| KINDS.iter().find(|(name, _)| *name == kind));
        let kind = kind.ok_or_else(|| refused("type"))?.1;
        let text = std::str::from_utf8(&request.body).map_err(|_| refused("src"))?;
        let mut row = if kind == KEY { key(text, path.option("passphrase")) } else { certificate(text) }
            .ok_or_else(|| refused("src"))?;
        row.insert(TEXT.to_owned(), Value::from(text));
        for (name, number) in [("Status", 1), ("Generate", GENERATED)] {
            row.insert(name.to_owned(), json!(number));
        }
        let place = format!("{TABLE}/{id}/{kind}");
        if self.unit.staged.has(&place) && path.option("renew") != Some("1") {
            return Err(Refused::other("The entry exists"));
        }
        if !self.assumptions.certificates_are_staged {
            self.unit.applied.rows.insert(place.clone(), row.clone());
            self.unit.flash.rows.insert(place.clone(), row.clone());
        }
        self.unit.staged.rows.insert(place, row);
        Ok(super::done())
    }

    /// A key is shown to nobody.
    pub(super) fn certificate_text(&self, path: &Path) -> Result<Reply, Refused> {
        let kind = path.option("type").and_then(|kind| SHOWN.iter().find(|(name, _)| *name == kind));
        let kind = kind.map(|(_, kind)| *kind).filter(|kind| *kind != KEY).ok_or(Refused::Unknown)?;
        let id = path.option("id").unwrap_or_default();
        let row = self.unit.staged.rows.get(&format!("{TABLE}/{id}/{kind}"));
        let text = row.and_then(|row| row.get(TEXT)).and_then(Value::as_str);
        Ok(Reply::text(text.ok_or_else(|| Refused::Missing(TABLE.to_owned()))?))
    }
}

fn key(text: &str, passphrase: Option<&str>) -> Option<Row> {
    let (label, der) = pem(text)?;
    let opened = !label.contains("ENCRYPTED") || passphrase.is_some_and(|passphrase| !passphrase.is_empty());
    (label.ends_with("PRIVATE KEY") && der.len() > 16 && opened).then(Row::new)
}

/// What is shown of a certificate: its number, and when it ends.
fn certificate(text: &str) -> Option<Row> {
    let (label, der) = pem(text)?;
    if label != "CERTIFICATE" {
        return None;
    }
    // Certificate, and in it what is signed: version, number, algorithm, issuer, times.
    let (_, signed, _) = element(&der)?;
    let (_, mut rest, _) = element(signed)?;
    let mut next = || {
        let (tag, content, after) = element(rest)?;
        rest = after;
        Some((tag, content))
    };
    let (mut tag, mut number) = next()?;
    if tag == 0xa0 {
        (tag, number) = next()?;
    }
    let (_algorithm, _issuer, (_, times)) = (next()?, next()?, next()?);
    let (_, _, after) = element(times)?;
    let (_, ends, _) = element(after)?;
    let hex: String = number.iter().map(|byte| format!("{byte:02X}")).collect();
    let ends = Value::from(String::from_utf8_lossy(ends));
    // Older and newer releases spell it differently.
    let row = [("Serial", Value::from(hex)), ("Expiry", ends.clone()), ("Expirty", ends)];
    (tag == 0x02).then(|| row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The first block's label and what it holds.
fn pem(text: &str) -> Option<(String, Vec<u8>)> {
    let (label, rest) = text.split_once("-----BEGIN ")?.1.split_once("-----")?;
    let body = rest.split_once("-----END ")?.0;
    let body = body.split_once("\n\n").map_or(body, |(_, body)| body);
    Some((label.to_owned(), decoded(body)?))
}

/// The first element of DER: its tag, its content, and what comes after it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}
