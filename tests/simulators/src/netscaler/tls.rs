//! TLS: files, certificates with their keys, revocation lists, groups of ciphers, and what binds them to virtual servers and
//! groups.
//!
//! A file is on the disk as soon as it is there, saved or not. Of each the size and a hash are kept, to tell one from another.
//! What is assumed, as no real device was seen to do it: where the files of a partition are, that a certificate can be linked
//! once, and that a binding of a group of ciphers shows its name in both fields.

mod bindings;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    DEFAULT, NetScaler,
    configuration::{Objects, below, named},
    done,
    error::{
        BAD_ACTION, BAD_VALUE, CERTIFICATE_NOT_BOUND, EXISTS, MISSING, NO_CERTIFICATE, NO_CERTIFICATE_FILE, NO_CIPHER,
        NO_CRL, NO_ISSUER_OF_CRL, NO_KEY_FILE, NOT_FOUND, NOT_LINKED, NOT_OF_SSL, NOTHING_TO_SET, PREREQUISITE,
        Refused, UNKNOWN_RESOURCE,
    },
    path::Path,
    schema::Resource,
    validate::{self, Fields, text},
};
use crate::{Reply, Request};
use bindings::{bind, unused};

pub(super) use bindings::{born, gone};

const FILE: &str = "systemfile";
const CERTIFICATE: &str = "sslcertkey";
const CRL: &str = "sslcrl";
const CIPHERS: &str = "sslcipher";
const CIPHER: &str = "sslcipher_sslciphersuite_binding";
/// What is bound to virtual servers and to groups: the kind of the owner, and where its settings are.
const BINDINGS: [(&str, &str); 4] = [
    ("sslvserver_sslcertkey_binding", "sslvserver"),
    ("sslvserver_sslcipher_binding", "sslvserver"),
    ("sslservicegroup_sslcertkey_binding", "sslservicegroup"),
    ("sslservicegroup_sslcipher_binding", "sslservicegroup"),
];
/// The settings of a virtual server or a group, and the group of ciphers that is bound to a new one.
const SETTINGS: [(&str, &str, &str, &str); 2] = [
    ("lbvserver", "sslvserver", "vservername", "DEFAULT"),
    ("servicegroup", "sslservicegroup", "servicegroupname", "DEFAULT_BACKEND"),
];
/// How the ciphers of this device begin.
const CIPHER_NAMES: [&str; 4] = ["TLS1.3-", "TLS1.2-", "TLS1-", "SSL3-"];

pub(super) fn is_of_tls(name: &str) -> bool {
    name == FILE || name.starts_with("ssl")
}

/// Where the files of a partition are: those of certificates and keys, and those of revocation lists.
fn directories(partition: &str) -> [String; 2] {
    match partition {
        DEFAULT => ["/nsconfig/ssl".to_owned(), "/var/netscaler/ssl".to_owned()],
        name => [format!("/nsconfig/partitions/{name}/ssl"), format!("/var/partitions/{name}/netscaler/ssl")],
    }
}

fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refused> {
    text(fields, name).ok_or(Refused::about(MISSING, &[name]))
}

impl NetScaler {
    pub(super) fn write_tls(
        &mut self,
        request: &Request,
        path: &Path,
        resource: &Resource,
        partition: &str,
    ) -> Result<Reply, Refused> {
        let name = path.resource.as_str();
        let action = path.option("action");
        let settings = SETTINGS.iter().any(|(_, settings, ..)| *settings == name);
        match (request.method.as_str(), action) {
            ("POST", None) if !settings => self.each(request, (name, partition, 201), |device, body| {
                device.add_tls(resource, (name, partition), body)
            }),
            ("PUT", None) if name == CIPHER || BINDINGS.iter().any(|(binding, _)| *binding == name) => {
                self.each(request, (name, partition, 201), |device, body| {
                    device.add_tls(resource, (name, partition), body)
                })
            }
            ("PUT", None) => self.each(request, (name, partition, 200), |device, body| {
                device.set_tls(resource, (name, partition), body)
            }),
            ("POST", Some(action)) if name == CERTIFICATE => {
                self.each(request, (name, partition, 200), |device, body| {
                    device.act_on(resource, (action, partition), body)
                })
            }
            (_, Some(action)) => Err(Refused::about(BAD_ACTION, &[action])),
            _ => Err(Refused::about(UNKNOWN_RESOURCE, &[name])),
        }
    }

    fn add_tls(&mut self, resource: &Resource, (kind, partition): (&str, &str), body: &Fields) -> Result<(), Refused> {
        let mut fields = validate::checked(resource, &resource.add, body)?;
        let key = required(&fields, &resource.key)?.to_owned();
        if kind == FILE {
            return self.add_file(partition, &key, fields);
        }
        let objects = self.running.objects_mut(partition);
        let [certificates, lists] = directories(partition);
        let path = match kind {
            CERTIFICATE => files_are_there(objects, &certificates, &fields).map(|()| format!("{kind}/{key}"))?,
            CRL => {
                let file = file_path(&lists, required(&fields, "crlpath")?);
                objects.get(&file).ok_or(Refused::about(NO_CERTIFICATE_FILE, &[&file]))?;
                let is_authority = |(_, one): (&str, &Fields)| !one.contains_key("key");
                let issuer = below(objects, "sslcertkey/").any(is_authority);
                if !issuer {
                    return Err(Refused::new(NO_ISSUER_OF_CRL));
                }
                format!("{kind}/{key}")
            }
            CIPHERS => format!("{kind}/{key}"),
            CIPHER => {
                let cipher = required(&fields, "ciphername")?;
                if !objects.contains_key(&format!("{CIPHERS}/{key}"))
                    || !CIPHER_NAMES.iter().any(|of| cipher.starts_with(of))
                {
                    return Err(Refused::about(NO_CIPHER, &[cipher]));
                }
                format!("{kind}/{key}/{cipher}")
            }
            _ => return bind(objects, kind, &key, fields),
        };
        if objects.contains_key(&path) {
            return Err(Refused::about(EXISTS, &[&resource.key, &key]));
        }
        fields.remove("passplain");
        objects.insert(path, fields);
        Ok(())
    }

    fn add_file(&mut self, partition: &str, name: &str, mut fields: Fields) -> Result<(), Refused> {
        let location = required(&fields, "filelocation")?.trim_end_matches('/').to_owned();
        if !directories(partition).contains(&location) {
            return Err(Refused::about(BAD_VALUE, &["filelocation", &location]));
        }
        let content = required(&fields, "filecontent")?.to_owned();
        if !content.starts_with("LS0tLS1CRUdJTi") || content.len() % 4 != 0 {
            return Err(Refused::about(BAD_VALUE, &["filecontent", name]));
        }
        let digest: String = Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        fields.remove("filecontent");
        fields.insert("filelocation".to_owned(), Value::from(location.as_str()));
        fields.insert("digest".to_owned(), Value::from(digest));
        let path = file_path(&location, name);
        if self.running.objects_mut(partition).contains_key(&path) {
            return Err(Refused::about(EXISTS, &["fileName", name]));
        }
        for configuration in [&mut self.running, &mut self.saved] {
            configuration.objects_mut(partition).insert(path.clone(), fields.clone());
        }
        Ok(())
    }

    fn set_tls(&mut self, resource: &Resource, (kind, partition): (&str, &str), body: &Fields) -> Result<(), Refused> {
        let sent = validate::checked(resource, &resource.set, body)?;
        let key = required(&sent, &resource.key)?.to_owned();
        if sent.len() < 2 {
            return Err(Refused::new(NOTHING_TO_SET));
        }
        let objects = self.running.objects_mut(partition);
        let fields = objects.get_mut(&format!("{kind}/{key}")).ok_or_else(|| match kind {
            CERTIFICATE => Refused::new(NO_CERTIFICATE),
            CRL => Refused::new(NO_CRL),
            _ => Refused::new(NOT_OF_SSL),
        })?;
        let mut new = fields.clone();
        new.extend(sent.clone());
        for (name, needs) in
            [("clientcert", "clientauth"), ("maxage", "hsts"), ("includesubdomains", "hsts"), ("preload", "hsts")]
        {
            let on = text(&new, needs) == Some("ENABLED");
            if sent.contains_key(name) && !on {
                return Err(Refused::about(PREREQUISITE, &[name, needs]));
            }
            if !on {
                new.remove(name);
            }
        }
        *fields = new;
        Ok(())
    }

    fn act_on(&mut self, resource: &Resource, (action, partition): (&str, &str), body: &Fields) -> Result<(), Refused> {
        let allowed = match action {
            // What the reference calls "change".
            "update" => &resource.change,
            "link" => &resource.link,
            "unlink" => &resource.unlink,
            other => return Err(Refused::about(BAD_ACTION, &[other])),
        };
        let sent = validate::checked(resource, allowed, body)?;
        let path = format!("{CERTIFICATE}/{}", required(&sent, "certkey")?);
        let objects = self.running.objects_mut(partition);
        if !objects.contains_key(&path) {
            return Err(Refused::new(NO_CERTIFICATE));
        }
        match action {
            "update" => files_are_there(objects, &directories(partition)[0], &sent)?,
            "link" if !objects.contains_key(&format!("{CERTIFICATE}/{}", required(&sent, "linkcertkeyname")?)) => {
                return Err(Refused::new(NO_CERTIFICATE));
            }
            "link" if objects[&path].contains_key("linkcertkeyname") => {
                return Err(Refused::about(EXISTS, &["linkCertKeyName"]));
            }
            "unlink" if !objects[&path].contains_key("linkcertkeyname") => return Err(Refused::new(NOT_LINKED)),
            _ => {}
        }
        let Some(fields) = objects.get_mut(&path) else { return Ok(()) };
        match action {
            "unlink" => drop(fields.remove("linkcertkeyname")),
            _ => {
                let set = ["cert", "key", "linkcertkeyname"].into_iter();
                fields.extend(set.filter_map(|name| Some((name.to_owned(), sent.get(name)?.clone()))));
            }
        }
        Ok(())
    }

    pub(super) fn delete_tls(
        &mut self,
        (kind, partition): (&str, &str),
        id: &str,
        args: &[(String, String)],
    ) -> Result<Reply, Refused> {
        let arg = |name: &str| args.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let needed = |name: &str| arg(name).ok_or(Refused::about(MISSING, &[name]));
        let objects = self.running.objects_mut(partition);
        let (path, absent) = match kind {
            FILE => (file_path(needed("filelocation")?, id), Refused::about(NOT_FOUND, &["fileName", id])),
            CIPHER => (format!("{kind}/{id}/{}", needed("ciphername")?), Refused::new(NO_CIPHER)),
            CERTIFICATE => (format!("{kind}/{id}"), Refused::new(NO_CERTIFICATE)),
            CRL => (format!("{kind}/{id}"), Refused::new(NO_CRL)),
            CIPHERS => (format!("{kind}/{id}"), Refused::new(NO_CIPHER)),
            _ if kind.ends_with("cipher_binding") => {
                (format!("{kind}/{id}/{}", needed("ciphername")?), Refused::about(NO_CIPHER, &[needed("ciphername")?]))
            }
            _ if kind.ends_with("certkey_binding") => {
                let of = if arg("ca") == Some("true") {
                    "+ca"
                } else if arg("snicert") == Some("true") {
                    "+sni"
                } else {
                    ""
                };
                (format!("{kind}/{id}/{}{of}", needed("certkeyname")?), Refused::new(CERTIFICATE_NOT_BOUND))
            }
            _ => return Err(Refused::about(UNKNOWN_RESOURCE, &[kind])),
        };
        if !objects.contains_key(&path) {
            return Err(absent);
        }
        unused(objects, kind, id)?;
        objects.remove(&path);
        match kind {
            FILE => drop(self.saved.objects_mut(partition).remove(&path)),
            CIPHERS => objects.retain(|path, _| !path.starts_with(&format!("{CIPHER}/{id}/"))),
            _ => {}
        }
        Ok(done())
    }

    pub(super) fn read_tls(&self, objects: &Objects, path: &Path) -> Result<Vec<Fields>, Refused> {
        let kind = path.resource.as_str();
        let resource = self.schema.resources.get(kind).ok_or(Refused::about(UNKNOWN_RESOURCE, &[kind]))?;
        let allowed: Vec<&str> = resource.get_args.iter().map(String::as_str).collect();
        let args = path.pairs("args", &allowed)?;
        let binding = kind == CIPHER || BINDINGS.iter().any(|(binding, _)| *binding == kind);
        if (kind == FILE && args.is_empty()) || (binding && path.id.is_none() && !path.says("bulkbindings")) {
            return Err(Refused::about(MISSING, &[if kind == FILE { "fileLocation" } else { &resource.key }]));
        }
        let inside = format!("{kind}/");
        let id = path.id.as_deref();
        let of = |name: &str, one: &Fields| id.is_none_or(|id| name == id || text(one, &resource.key) == Some(id));
        let found = named(objects, &inside).filter(|(name, one)| of(name, one));
        let matches = |one: &Fields| args.iter().all(|(name, value)| text(one, name) == Some(value));
        let list: Vec<Fields> =
            found.filter(|(_, one)| matches(one)).map(|(_, one)| validate::shown(resource, one)).collect();
        match id {
            Some(id) if list.is_empty() && !binding => Err(Refused::no(kind, id)),
            _ => Ok(list),
        }
    }
}

fn file_path(location: &str, name: &str) -> String {
    format!("{FILE}/{}/{name}", location.trim_matches('/'))
}

fn files_are_there(objects: &Objects, location: &str, fields: &Fields) -> Result<(), Refused> {
    let cert = required(fields, "cert")?;
    if !objects.contains_key(&file_path(location, cert)) {
        return Err(Refused::about(NO_CERTIFICATE_FILE, &[cert]));
    }
    match text(fields, "key") {
        Some(key) if !objects.contains_key(&file_path(location, key)) => Err(Refused::about(NO_KEY_FILE, &[key])),
        _ => Ok(()),
    }
}
