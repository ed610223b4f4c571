//! Reads of the configuration: one, all, those that a query asks for; with what the device works out itself.

use serde_json::{Map, Value, json};

use super::{
    NetScaler,
    configuration::{Objects, below, named},
    error::{BAD_VALUE, MISSING, Refused, UNKNOWN_RESOURCE},
    monitors,
    objects::BINDINGS,
    path::Path,
    state::Look,
    tls,
    validate::{self, Fields, text, text_of},
};
use crate::{Reply, World};

/// A list in the vendor's envelope: without its key when it holds nothing.
pub(super) fn listed(name: &str, list: Vec<Fields>) -> Reply {
    let mut body = json!({"errorcode": 0, "message": "Done", "severity": "NONE"});
    if !list.is_empty() {
        body[name] = list.into_iter().map(Value::Object).collect();
    }
    Reply::json(200, &body)
}

impl NetScaler {
    pub(super) fn look<'a>(&'a self, partition: &'a str, objects: &'a Objects, world: &World<'a>) -> Look<'a> {
        Look {
            objects,
            partition,
            health: world.health,
            leaving: &self.leaving,
            now: world.now,
            partially_up: self.assumptions.partially_up,
        }
    }

    pub(super) fn read(&self, partition: &str, path: &Path, world: &World<'_>) -> Result<Reply, Refused> {
        let name = path.resource.as_str();
        if let (Some(object), None) = (self.singleton(partition, name), &path.id) {
            return Ok(Reply::json(200, &json!({"errorcode": 0, "message": "Done", "severity": "NONE", name: object})));
        }
        let nothing = Objects::new();
        let objects = self.running.objects(partition).unwrap_or(&nothing);
        let look = self.look(partition, objects, world);
        let id = path.id.as_deref();
        let list = match (name, id) {
            ("hanode", None | Some("0")) => vec![high_availability(self.primary)],
            ("nspartition", _) => {
                let mut all = self.list_partitions(partition);
                all.retain(|one| id.is_none_or(|id| one.get("partitionname") == Some(&Value::from(id))));
                if let (true, Some(id)) = (all.is_empty(), id) {
                    return Err(Refused::no(name, id));
                }
                all
            }
            ("servicegroup_binding" | "lbvserver_binding" | "server_binding", Some(id)) => {
                vec![self.all_bindings(&look, name, id)?]
            }
            ("server_servicegroup_binding", Some(id)) => self.bindings_of_server(&look, id)?,
            (_, _) if tls::is_of_tls(name) => self.read_tls(objects, path)?,
            (_, _) if BINDINGS.iter().any(|(binding, ..)| *binding == name) => self.bindings(&look, path)?,
            (_, _) => self.objects_of(&look, path)?,
        };
        let list = asked_for(path, list)?;
        if path.says("count") {
            let count = json!({"__count": list.len()});
            return Ok(listed(name, count.as_object().cloned().into_iter().collect()));
        }
        Ok(listed(name, list))
    }

    fn objects_of(&self, look: &Look<'_>, path: &Path) -> Result<Vec<Fields>, Refused> {
        let kind = path.resource.as_str();
        let resource = self.schema.resources.get(kind).ok_or(Refused::about(UNKNOWN_RESOURCE, &[kind]))?;
        let allowed: Vec<&str> = resource.get_args.iter().map(String::as_str).collect();
        let args = path.pairs("args", &allowed)?;
        let inside = format!("{kind}/");
        let named = named(look.objects, &inside).filter(|(name, _)| path.id.as_deref().is_none_or(|id| id == *name));
        let mut list: Vec<Fields> = named.map(|(name, fields)| self.object(look, kind, name, fields)).collect();
        if kind == "lbmonitor" && self.assumptions.shows_built_in_monitors {
            let built_in = monitors::built_in().into_iter();
            let named = built_in.filter(|(name, _)| path.id.as_deref().is_none_or(|id| id == *name));
            list.extend(named.map(|(name, fields)| self.object(look, kind, name, &fields)));
        }
        list.retain(|one| args.iter().all(|(name, value)| is(one, name, value)));
        match &path.id {
            Some(id) if list.is_empty() => Err(Refused::no(kind, id)),
            _ => Ok(list),
        }
    }

    fn object(&self, look: &Look<'_>, kind: &str, name: &str, fields: &Fields) -> Fields {
        let mut shown = validate::shown(&self.schema.resources[kind], fields);
        match kind {
            "lbvserver" => {
                let (state, up, total) = look.vserver(name);
                shown.extend(worked_out(json!({
                    "curstate": state, "effectivestate": state, "health": share(up, total).to_string(),
                    "activeservices": up.to_string(), "totalservices": total.to_string()
                })));
                let service = text(fields, "servicetype").unwrap_or_default();
                shown.entry("clttimeout").or_insert_with(|| Value::from(idle_time(service)));
            }
            "servicegroup" => {
                let state = look.group(name);
                shown.extend(worked_out(
                    json!({"servicegroupeffectivestate": state, "monstate": "ENABLED", "numofconnections": 0}),
                ));
                let service = text(fields, "servicetype").unwrap_or_default();
                shown.entry("clttimeout").or_insert_with(|| Value::from(idle_time(service)));
            }
            "lbmonitor" if self.assumptions.shows_minutes => {
                for (time, unit) in [("interval", "units3"), ("resptimeout", "units4"), ("downtime", "units2")] {
                    in_minutes(&mut shown, time, unit);
                }
            }
            _ => {}
        }
        shown
    }

    fn bindings(&self, look: &Look<'_>, path: &Path) -> Result<Vec<Fields>, Refused> {
        let name = path.resource.as_str();
        let resource = &self.schema.resources[name];
        let allowed: Vec<&str> = resource.get_args.iter().map(String::as_str).collect();
        let args = path.pairs("args", &allowed)?;
        let mut list = match &path.id {
            Some(owner) => self.bindings_of(look, name, owner)?,
            None if path.says("bulkbindings") => self.bindings_in(look, name, &format!("{name}/")),
            None => return Err(Refused::about(MISSING, &[&resource.key])),
        };
        if name == "servicegroup_lbmonitor_binding" && self.assumptions.shows_default_monitors {
            list.extend(monitors::default_bindings(look.objects, path.id.as_deref()));
        }
        list.retain(|one| args.iter().all(|(name, value)| is(one, name, value)));
        Ok(list)
    }

    fn bindings_of(&self, look: &Look<'_>, name: &str, owner: &str) -> Result<Vec<Fields>, Refused> {
        let kind = BINDINGS.iter().find(|(binding, ..)| *binding == name).map_or("", |(_, _, kind, _)| *kind);
        if !look.objects.contains_key(&format!("{kind}/{owner}")) {
            return Err(Refused::no(kind, owner));
        }
        Ok(self.bindings_in(look, name, &format!("{name}/{owner}/")))
    }

    fn bindings_in(&self, look: &Look<'_>, name: &str, inside: &str) -> Vec<Fields> {
        below(look.objects, inside).map(|(path, fields)| {
            let mut shown = validate::shown(&self.schema.resources[name], fields);
            if name == "servicegroup_servicegroupmember_binding" {
                let number = |name: &str| fields.get(name).and_then(Value::as_u64).unwrap_or(0);
                shown.entry("hashid").or_insert(Value::from("0"));
                shown.entry("customserverid").or_insert(Value::from("None"));
                shown.extend(worked_out(json!({
                    "ip": look.address(text(fields, "servername").unwrap_or_default()), "svrstate": look.member(path, fields),
                    "graceful": text(fields, "graceful").unwrap_or("NO"), "delay": number("delay"),
                    "statechangetimesec": "Thu Jan  1 00:00:00 2026", "tickssincelaststatechange": "100"
                })));
            }
            shown
        })
        .collect()
    }

    /// An object and all that is bound to it.
    fn all_bindings(&self, look: &Look<'_>, name: &str, id: &str) -> Result<Fields, Refused> {
        let kind = name.trim_end_matches("_binding");
        if !look.objects.contains_key(&format!("{kind}/{id}")) {
            return Err(Refused::no(kind, id));
        }
        let mut out = Fields::new();
        out.insert(self.schema.resources[kind].key.clone(), Value::from(id));
        for (binding, ..) in BINDINGS.iter().filter(|(_, _, owner, _)| *owner == kind) {
            let list = self.bindings_of(look, binding, id)?;
            if !list.is_empty() {
                out.insert((*binding).to_owned(), list.into_iter().map(Value::Object).collect());
            }
        }
        if kind == "server" {
            let list = self.bindings_of_server(look, id)?;
            if !list.is_empty() {
                out.insert("server_servicegroup_binding".to_owned(), list.into_iter().map(Value::Object).collect());
            }
        }
        Ok(out)
    }

    /// The groups that a server is a member of.
    fn bindings_of_server(&self, look: &Look<'_>, server: &str) -> Result<Vec<Fields>, Refused> {
        if !look.objects.contains_key(&format!("server/{server}")) {
            return Err(Refused::no("server", server));
        }
        let members = self.bindings_in(
            look,
            "servicegroup_servicegroupmember_binding",
            "servicegroup_servicegroupmember_binding/",
        );
        let own = members.into_iter().filter(|member| is(member, "servername", server));
        let shown = own.map(|member| {
            let take = |name: &str| member.get(name).cloned().unwrap_or_default();
            worked_out(json!({
                "name": server, "servicegroupname": take("servicegroupname"), "port": take("port"),
                "svrstate": take("svrstate"), "serviceipaddress": take("ip")
            }))
        });
        Ok(shown.collect())
    }
}

/// What `filter`, `attrs` and the pages of a query leave.
fn asked_for(path: &Path, mut list: Vec<Fields>) -> Result<Vec<Fields>, Refused> {
    let known: Vec<String> = list.iter().flat_map(Map::keys).cloned().collect();
    if !known.is_empty() {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let filter = path.pairs("filter", &known)?;
        list.retain(|one| filter.iter().all(|(name, value)| is(one, name, value)));
    }
    if let Some(attributes) = path.option("attrs") {
        let wanted: Vec<&str> = attributes.split(',').collect();
        for one in &mut list {
            one.retain(|name, _| wanted.contains(&name.as_str()));
        }
    }
    let number = |name: &str| {
        let bad = |text: &str| Refused::about(BAD_VALUE, &[name, text]);
        path.option(name).map(|text| text.parse::<usize>().map_err(|_| bad(text))).transpose()
    };
    if let Some(size) = number("pagesize")? {
        let page = number("pageno")?.unwrap_or(1).max(1);
        list = list.into_iter().skip((page - 1) * size).take(size).collect();
    }
    Ok(list)
}

fn is(one: &Fields, name: &str, value: &str) -> bool {
    one.get(name).is_some_and(|found| text_of(found) == value)
}

fn worked_out(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// In percent.
pub(super) fn share(up: usize, total: usize) -> usize {
    (up * 100).checked_div(total).unwrap_or(0)
}

/// The vendor's default depends on the service.
fn idle_time(service: &str) -> &'static str {
    match service {
        "HTTP" | "SSL" => "180",
        "UDP" | "DNS" => "120",
        _ => "9000",
    }
}

fn in_minutes(shown: &mut Fields, time: &str, unit: &str) {
    let seconds = shown.get(time).and_then(Value::as_u64).filter(|seconds| *seconds > 0 && seconds % 60 == 0);
    if let (Some(seconds), Some("SEC")) = (seconds, text(shown, unit)) {
        shown.insert(time.to_owned(), Value::from(seconds / 60));
        shown.insert(unit.to_owned(), Value::from("MIN"));
    }
}

fn high_availability(primary: bool) -> Fields {
    let state = if primary { "Primary" } else { "Secondary" };
    worked_out(json!({
        "id": "0", "ipaddress": "192.0.2.1", "hastatus": "UP", "state": state, "haprop": "ENABLED", "hasync": "ENABLED"
    }))
}
