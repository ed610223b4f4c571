//! Files of TLS: certificates, authorities, keys and revocation lists. They are on the disk as soon as they are there, saved or
//! not; what is in them nobody is shown. Of each the size and a hash are kept, to tell one from another.
//!
//! They are sent as the vendor's clients do (`acos-client`, the Ansible collection `a10.acos_axapi`): a form of two parts,
//! `file` and `json`, listed by `oper`, and deleted by `pki/delete`.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{A10, error::Refused, objects::children, ok, path::as_object, references};
use crate::{Reply, Request};

/// What kinds there are, what the first block of PEM in each says, and by which name one is deleted.
const KINDS: [(&str, &str, &str); 4] = [
    ("ssl-cert", "CERTIFICATE", "cert-name"),
    ("ca-cert", "CERTIFICATE", "ca"),
    ("ssl-key", "PRIVATE KEY", "private-key"),
    ("ssl-crl", "X509 CRL", "crl"),
];
/// What the JSON of an upload may say.
const FIELDS: [&str; 5] = ["file", "file-handle", "certificate-type", "action", "secured"];
/// Of a name that is to be deleted.
const LONGEST: usize = 63;

impl A10 {
    /// One that is there under this name gets this content.
    pub(super) fn upload(&mut self, partition: &str, kind: &str, request: &Request) -> Result<Reply, Refused> {
        let (_, label, _) = *known(kind)?;
        let (body, content) = request.form().ok_or_else(Refused::body)?;
        let said = as_object(&body, kind)?;
        if let Some(unknown) = said.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            return Err(Refused::unknown_field(unknown));
        }
        let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
        let (name, handle) = (text("file"), text("file-handle"));
        if name.is_empty() || name.len() > LONGEST || name.contains('/') || handle != name {
            return Err(Refused::value(format!("file: {name:?} is not a valid value")));
        }
        let typed = ["ssl-cert", "ca-cert"].contains(&kind);
        if text("action") != "import" || (typed && text("certificate-type") != "pem") {
            return Err(Refused::value("only a file of PEM can be imported"));
        }
        let begins = |line: &str| line.starts_with("-----BEGIN ") && line.ends_with(&format!("{label}-----"));
        if !content.lines().next().is_some_and(begins) {
            return Err(Refused::value(format!("{name}: there is no {label} in it")));
        }
        let digest: String = Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let kept = json!({"file": name, "size": content.len(), "digest": digest}).as_object().cloned();
        for configuration in [&mut self.running, &mut self.saved] {
            if let (Some(objects), Some(kept)) = (configuration.objects_mut(partition), &kept) {
                objects.insert(format!("file/{kind}/{name}"), kept.clone());
            }
        }
        Ok(Reply::empty(204))
    }

    pub(super) fn list_files(&self, partition: &str, kind: &str) -> Result<Reply, Refused> {
        known(kind)?;
        let objects = self.running.objects(partition).ok_or_else(|| Refused::not_found("partition"))?;
        let files =
            children(objects, &format!("file/{kind}")).filter_map(|(_, file)| Some(json!({"file": file.get("file")?})));
        let list: Vec<Value> = files.collect();
        let oper = if list.is_empty() { json!({}) } else { json!({"file-list": list}) };
        Ok(Reply::json(200, &json!({ kind: {"oper": oper, "a10-url": format!("/axapi/v3/file/{kind}/oper")} })))
    }

    /// That there is one, and no more of it.
    pub(super) fn file(&self, partition: &str, kind: &str, name: &str) -> Result<Reply, Refused> {
        known(kind)?;
        let objects = self.running.objects(partition).ok_or_else(|| Refused::not_found("partition"))?;
        let found = objects.get(&format!("file/{kind}/{name}")).ok_or_else(|| Refused::not_found(kind))?;
        Ok(Reply::json(200, &json!({ kind: {"file": name, "size": found.get("size")} })))
    }

    /// One of each kind may be named; without a name is none.
    pub(super) fn delete_files(&mut self, partition: &str, body: &Value) -> Result<Reply, Refused> {
        let said = as_object(body, "delete")?;
        for (name, value) in said.iter().filter(|(_, value)| *value != "") {
            let kind = KINDS.iter().find(|(.., of)| of == name).ok_or_else(|| Refused::unknown_field(name))?.0;
            let file =
                value.as_str().filter(|file| file.len() <= LONGEST).ok_or_else(|| Refused::value(name.clone()))?;
            let objects = self.running.objects(partition).ok_or_else(|| Refused::not_found("partition"))?;
            let path = format!("file/{kind}/{file}");
            if !objects.contains_key(&path) {
                return Err(Refused::not_found(kind));
            }
            if let Some(user) = references::user_of(&self.schema, &format!("file/{kind}"), file, objects) {
                return Err(Refused::in_use(&user));
            }
            for configuration in [&mut self.running, &mut self.saved] {
                configuration.objects_mut(partition).and_then(|objects| objects.remove(&path));
            }
        }
        Ok(ok())
    }
}

fn known(kind: &str) -> Result<&'static (&'static str, &'static str, &'static str), Refused> {
    KINDS.iter().find(|(known, ..)| *known == kind).ok_or_else(|| Refused::not_found(kind))
}
