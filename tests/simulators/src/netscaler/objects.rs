//! The objects of a partition: made, changed, deleted.

use std::time::Duration;

use serde_json::Value;

use super::{
    DEFAULT, NetScaler,
    configuration::{Objects, below},
    done,
    error::{BAD_ACTION, EXISTS, IN_USE, MISSING, MONITOR_BOUND, NOT_FOUND, NOTHING_TO_SET, Refused, UNKNOWN_RESOURCE},
    monitors,
    path::Path,
    rules,
    schema::Resource,
    tls,
    validate::{self, Fields, text},
};
use crate::{Reply, Request};

/// The bindings that this device knows: the attribute of what is bound, and the kinds on both sides.
pub(super) const BINDINGS: [(&str, &str, &str, &str); 3] = [
    ("servicegroup_servicegroupmember_binding", "servername", "servicegroup", "server"),
    ("servicegroup_lbmonitor_binding", "monitor_name", "servicegroup", "lbmonitor"),
    ("lbvserver_servicegroup_binding", "servicegroupname", "lbvserver", "servicegroup"),
];

impl NetScaler {
    pub(super) fn write(
        &mut self,
        request: &Request,
        path: &Path,
        partition: &str,
        now: Duration,
    ) -> Result<Reply, Refused> {
        let name = path.resource.as_str();
        let resource = self.schema.resources.get(name).ok_or(Refused::about(UNKNOWN_RESOURCE, &[name]))?.clone();
        let what = (name, partition);
        if tls::is_of_tls(name) {
            return self.write_tls(request, path, &resource, partition);
        }
        let binding = BINDINGS.iter().any(|(binding, ..)| *binding == name);
        match (request.method.as_str(), path.option("action")) {
            ("POST" | "PUT", None) if binding => {
                self.each(request, (name, partition, 201), |device, body| device.bind(&resource, what, body))
            }
            ("POST", None) if path.id.is_none() => {
                let idempotent = path.says("idempotent") && self.assumptions.repeats_are_fine;
                self.each(request, (name, partition, 201), |device, body| device.add(&resource, what, body, idempotent))
            }
            ("PUT", None) => self.each(request, (name, partition, 200), |device, body| {
                let id = path.id.as_deref();
                device.set(&resource, what, id, body)
            }),
            ("POST", Some(action)) => self
                .each(request, (name, partition, 200), |device, body| device.act(&resource, what, (action, now), body)),
            _ => Err(Refused::about(UNKNOWN_RESOURCE, &[name])),
        }
    }

    fn add(
        &mut self,
        resource: &Resource,
        (kind, partition): (&str, &str),
        body: &Fields,
        idempotent: bool,
    ) -> Result<(), Refused> {
        let mut fields = validate::checked(resource, &resource.add, body)?;
        let key = text(&fields, &resource.key).ok_or(Refused::about(MISSING, &[&resource.key]))?.to_owned();
        rules::name(kind, &key, &fields)?;
        monitors::is_ours(kind, &key, true)?;
        if kind == "nspartition" {
            return self.add_nspartition(partition, &key, fields);
        }
        let objects = self.running.objects_mut(partition);
        let path = format!("{kind}/{key}");
        if let Some(found) = objects.get(&path) {
            let same = fields.iter().all(|(name, value)| found.get(name) == Some(value));
            return if idempotent && same { Ok(()) } else { Err(Refused::about(EXISTS, &[&resource.key, &key])) };
        }
        rules::checked(kind, &path, &fields.clone(), &mut fields, objects)?;
        tls::born(objects, kind, (&key, text(&fields, "servicetype").unwrap_or_default()));
        objects.insert(path, fields);
        Ok(())
    }

    fn set(
        &mut self,
        resource: &Resource,
        (kind, partition): (&str, &str),
        id: Option<&str>,
        body: &Fields,
    ) -> Result<(), Refused> {
        let sent = validate::checked(resource, &resource.set, body)?;
        let named = text(&sent, &resource.key);
        if let (Some(id), Some(named)) = (id, named)
            && id != named
        {
            return Err(Refused::about(super::error::BAD_VALUE, &[&resource.key, named]));
        }
        let key = named.or(id).ok_or(Refused::about(MISSING, &[&resource.key]))?.to_owned();
        monitors::is_ours(kind, &key, false)?;
        if kind == "nspartition" {
            return self.set_nspartition(partition, &key, sent);
        }
        if kind == "servicegroup" && sent.contains_key("servername") {
            return self.set_member(partition, &key, &sent);
        }
        if sent.keys().all(|name| *name == resource.key) {
            return Err(Refused::new(NOTHING_TO_SET));
        }
        let objects = self.running.objects_mut(partition);
        let path = format!("{kind}/{key}");
        let old = objects.get(&path).ok_or_else(|| Refused::no(kind, &key))?.clone();
        rules::unchanged(kind, &old, &sent)?;
        let mut fields = old.clone();
        fields.extend(sent.clone());
        objects.remove(&path);
        let sound = rules::checked(kind, &path, &sent, &mut fields, objects);
        objects.insert(path, if sound.is_ok() { fields } else { old });
        sound
    }

    fn act(
        &mut self,
        resource: &Resource,
        (kind, partition): (&str, &str),
        (action, now): (&str, Duration),
        body: &Fields,
    ) -> Result<(), Refused> {
        match action {
            "unset" => self.unset(resource, (kind, partition), body),
            "enable" if !resource.enable.is_empty() => {
                let sent = validate::checked(resource, &resource.enable, body)?;
                self.switch_on(resource, (kind, partition), &sent, None)
            }
            "disable" if !resource.disable.is_empty() => {
                let sent = validate::checked(resource, &resource.disable, body)?;
                self.switch_on(resource, (kind, partition), &sent, Some(now))
            }
            other => Err(Refused::about(BAD_ACTION, &[other])),
        }
    }

    /// Sets attributes back to their defaults: their values in the body say nothing.
    fn unset(&mut self, resource: &Resource, (kind, partition): (&str, &str), body: &Fields) -> Result<(), Refused> {
        if let Some(unknown) = body.keys().find(|name| **name != resource.key && !resource.unset.contains(name)) {
            return Err(Refused::about(super::error::INVALID_ARGUMENT, &[unknown]));
        }
        let key = text(body, &resource.key).ok_or(Refused::about(MISSING, &[&resource.key]))?;
        let found = self.running.objects_mut(partition).get_mut(&format!("{kind}/{key}"));
        let fields = found.ok_or_else(|| Refused::no(kind, key))?;
        for name in body.keys().filter(|name| **name != resource.key && *name != "type") {
            fields.remove(name);
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, path: &Path, partition: &str) -> Result<Reply, Refused> {
        let kind = path.resource.as_str();
        let resource = self.schema.resources.get(kind).ok_or(Refused::about(UNKNOWN_RESOURCE, &[kind]))?;
        let id = path.id.as_deref().ok_or(Refused::about(MISSING, &[&resource.key]))?.to_owned();
        let mut allowed: Vec<&str> = resource.delete_args.iter().map(String::as_str).collect();
        allowed.push(&resource.key);
        let args = path.pairs("args", &allowed)?;
        if tls::is_of_tls(kind) {
            return self.delete_tls((kind, partition), &id, &args);
        }
        monitors::is_ours(kind, &id, false)?;
        if kind == "nspartition" {
            return self.delete_nspartition(partition, &id);
        }
        if let Some(binding) = BINDINGS.iter().find(|(binding, ..)| *binding == kind) {
            self.unbind(*binding, partition, &id, &args)?;
            return Ok(done());
        }
        let objects = self.running.objects_mut(partition);
        let path = format!("{kind}/{id}");
        if !objects.contains_key(&path) {
            return Err(Refused::no(kind, &id));
        }
        can_go(kind, &id, &args, objects)?;
        objects.remove(&path);
        tls::gone(objects, kind, &id);
        for (binding, bound, owner, target) in BINDINGS {
            let inside = format!("{binding}/{id}/");
            objects.retain(|path, fields| {
                let owned = owner == kind && path.starts_with(&inside);
                let names = target == kind
                    && path.starts_with(&format!("{binding}/"))
                    && text(fields, bound) == Some(id.as_str());
                !owned && !names
            });
        }
        Ok(done())
    }
}

/// Whether nothing holds an object that is to be deleted.
fn can_go(kind: &str, id: &str, args: &[(String, String)], objects: &Objects) -> Result<(), Refused> {
    match kind {
        "lbmonitor" => {
            let given = args.iter().find(|(name, _)| name == "type").ok_or(Refused::about(MISSING, &["type"]))?;
            let of = text(&objects[&format!("lbmonitor/{id}")], "type").unwrap_or_default();
            if !of.eq_ignore_ascii_case(&given.1) {
                return Err(Refused::about(NOT_FOUND, &["monitorName", id]));
            }
            let bound = below(objects, "servicegroup_lbmonitor_binding/")
                .any(|(_, fields)| text(fields, "monitor_name") == Some(id));
            if bound { Err(Refused::new(MONITOR_BOUND)) } else { Ok(()) }
        }
        "lbvserver" => {
            let backs = objects.iter().any(|(_, fields)| fields.get("backupvserver") == Some(&Value::from(id)));
            if backs { Err(Refused::about(IN_USE, &["name", id])) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

/// Whether partitions may be managed from here.
pub(super) fn only_in_default(partition: &str) -> Result<(), Refused> {
    if partition == DEFAULT { Ok(()) } else { Err(Refused::new(super::error::NOT_PERMITTED)) }
}
