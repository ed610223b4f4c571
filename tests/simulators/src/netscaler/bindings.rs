//! Bindings between objects: made, changed, taken apart.

use serde_json::{Value, json};

use super::{
    NetScaler,
    configuration::{Objects, below, named},
    error::{
        ADDRESS_CONFLICT, EXCLUSIVE, EXISTS, MISSING, MONITOR_BOUND_ALREADY, MONITOR_NOT_BOUND, NO_GROUP, NO_SERVER,
        NO_VSERVER, NOT_FOUND, PREREQUISITE, Refused, TYPE_MISMATCH, WRONG_MONITOR,
    },
    monitors,
    rules::datagrams,
    schema::Resource,
    validate::{self, Fields, text},
};

const MEMBER: &str = "servicegroup_servicegroupmember_binding";
const MONITOR: &str = "servicegroup_lbmonitor_binding";
const GROUP: &str = "lbvserver_servicegroup_binding";

fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refused> {
    text(fields, name).ok_or(Refused::about(MISSING, &[name]))
}

/// Both sides of a binding must be there.
fn there(objects: &Objects, kind: &str, name: &str) -> Result<(), Refused> {
    if objects.contains_key(&format!("{kind}/{name}")) {
        return Ok(());
    }
    Err(match kind {
        "server" => Refused::about(NO_SERVER, &["serverName", name]),
        "servicegroup" => Refused::about(NO_GROUP, &["serviceGroupName", name]),
        _ => Refused::about(NO_VSERVER, &["name", name]),
    })
}

fn service_type<'a>(objects: &'a Objects, path: &str) -> &'a str {
    objects.get(path).and_then(|fields| text(fields, "servicetype")).unwrap_or_default()
}

impl NetScaler {
    pub(super) fn bind(
        &mut self,
        resource: &Resource,
        (kind, partition): (&str, &str),
        body: &Fields,
    ) -> Result<(), Refused> {
        let fields = validate::checked(resource, &resource.add, body)?;
        let owner = required(&fields, &resource.key)?.to_owned();
        let objects = self.running.objects_mut(partition);
        match kind {
            MEMBER => bind_member(objects, &owner, fields),
            MONITOR => bind_monitor(objects, &owner, fields),
            _ => bind_group(objects, &owner, fields),
        }
    }

    pub(super) fn unbind(
        &mut self,
        (kind, bound, owner_kind, _): (&str, &str, &str, &str),
        partition: &str,
        owner: &str,
        args: &[(String, String)],
    ) -> Result<(), Refused> {
        let arg = |name: &str| args.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let objects = self.running.objects_mut(partition);
        if !objects.contains_key(&format!("{owner_kind}/{owner}")) {
            return Err(Refused::no(owner_kind, owner));
        }
        let path = match kind {
            MEMBER => {
                let port = arg("port").ok_or(Refused::about(MISSING, &["port"]))?;
                let server = server_of(objects, arg("servername"), arg("ip"))?;
                format!("{MEMBER}/{owner}/{server}+{port}")
            }
            GROUP => {
                let group = arg("servicegroupname").or(arg("servicename"));
                format!("{GROUP}/{owner}/{}", group.ok_or(Refused::about(MISSING, &[bound]))?)
            }
            _ => format!("{kind}/{owner}/{}", arg(bound).ok_or(Refused::about(MISSING, &[bound]))?),
        };
        match objects.remove(&path) {
            Some(fields) => {
                if self.assumptions.made_servers_go {
                    remove_made_server(objects, text(&fields, "servername").unwrap_or_default());
                }
                self.leaving.remove(&(partition.to_owned(), path));
                Ok(())
            }
            None if kind == MONITOR => Err(Refused::new(MONITOR_NOT_BOUND)),
            None => Err(Refused::about(NOT_FOUND, &[bound, path.rsplit('/').next().unwrap_or_default()])),
        }
    }

    /// A member's weight and the like are changed through its group.
    pub(super) fn set_member(&mut self, partition: &str, group: &str, sent: &Fields) -> Result<(), Refused> {
        let server = required(sent, "servername")?;
        let port = sent.get("port").ok_or(Refused::about(MISSING, &["port"]))?;
        let others = ["weight", "hashid", "customserverid", "order"];
        let named = ["servicegroupname", "servername", "port"];
        if let Some(other) =
            sent.keys().find(|name| !others.contains(&name.as_str()) && !named.contains(&name.as_str()))
        {
            return Err(Refused::about(EXCLUSIVE, &["serverName", other]));
        }
        let objects = self.running.objects_mut(partition);
        there(objects, "servicegroup", group)?;
        let member = objects.get_mut(&format!("{MEMBER}/{group}/{server}+{port}"));
        let member = member.ok_or_else(|| Refused::about(NOT_FOUND, &["serverName", server]))?;
        member.extend(
            sent.iter().filter(|(name, _)| others.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())),
        );
        Ok(())
    }
}

/// One that is named by its address, and is no member any more.
fn remove_made_server(objects: &mut Objects, server: &str) {
    let path = format!("server/{server}");
    let made = objects.get(&path).is_some_and(|fields| text(fields, "ipaddress") == Some(server));
    let is_member = |(_, fields): (&str, &Fields)| text(fields, "servername") == Some(server);
    if made && !below(objects, &format!("{MEMBER}/")).any(is_member) {
        objects.remove(&path);
    }
}

/// The server that a name or an address means: exactly one of them is given.
fn server_of(objects: &Objects, name: Option<&str>, address: Option<&str>) -> Result<String, Refused> {
    match (name, address) {
        (Some(_), Some(_)) => Err(Refused::about(EXCLUSIVE, &["serverName", "ip"])),
        (Some(name), None) => Ok(name.to_owned()),
        (None, Some(address)) => {
            let found = below(objects, "server/").find(|(_, fields)| text(fields, "ipaddress") == Some(address));
            Ok(found.and_then(|(_, fields)| text(fields, "name")).unwrap_or(address).to_owned())
        }
        (None, None) => Err(Refused::about(MISSING, &["serverName"])),
    }
}

/// By address, it uses the server that has it, or makes one with that name.
fn bind_member(objects: &mut Objects, group: &str, mut fields: Fields) -> Result<(), Refused> {
    there(objects, "servicegroup", group)?;
    let address = text(&fields, "ip").map(str::to_owned);
    let server = server_of(objects, text(&fields, "servername"), address.as_deref())?;
    let port = fields.get("port").cloned().ok_or(Refused::about(MISSING, &["port"]))?;
    let path = format!("{MEMBER}/{group}/{server}+{port}");
    if objects.contains_key(&path) {
        return Err(Refused::about(EXISTS, &["serverName", &server]));
    }
    match address {
        None => there(objects, "server", &server)?,
        Some(address) => {
            if address.parse::<std::net::IpAddr>().is_err() {
                return Err(Refused::about(super::error::BAD_VALUE, &["ip", &address]));
            }
            let made = json!({"name": server, "ipaddress": address}).as_object().cloned().unwrap_or_default();
            objects.entry(format!("server/{server}")).or_insert(made);
        }
    }
    fields.remove("ip");
    fields.insert("servername".to_owned(), Value::from(server));
    objects.insert(path, fields);
    Ok(())
}

fn bind_monitor(objects: &mut Objects, group: &str, fields: Fields) -> Result<(), Refused> {
    there(objects, "servicegroup", group)?;
    let monitor = required(&fields, "monitor_name")?.to_owned();
    let of = monitors::type_of(objects, &monitor).ok_or_else(|| Refused::no("lbmonitor", &monitor))?;
    let path = format!("{MONITOR}/{group}/{monitor}");
    if objects.contains_key(&path) {
        return Err(Refused::new(MONITOR_BOUND_ALREADY));
    }
    let stream = of.starts_with("HTTP") || of.starts_with("TCP");
    if stream && datagrams(service_type(objects, &format!("servicegroup/{group}"))) {
        return Err(Refused::new(WRONG_MONITOR));
    }
    objects.insert(path, fields);
    Ok(())
}

/// A group may also be named as a service; only then it may have a weight.
fn bind_group(objects: &mut Objects, vserver: &str, mut fields: Fields) -> Result<(), Refused> {
    let service = fields.remove("servicename");
    match (&service, fields.contains_key("servicegroupname")) {
        (Some(_), true) => return Err(Refused::about(EXCLUSIVE, &["serviceName", "serviceGroupName"])),
        (None, true) if fields.contains_key("weight") => {
            return Err(Refused::about(PREREQUISITE, &["weight", "serviceName"]));
        }
        _ => {}
    }
    if let Some(service) = service {
        fields.insert("servicegroupname".to_owned(), service);
        fields.remove("weight");
    }
    let group = required(&fields, "servicegroupname")?.to_owned();
    there(objects, "lbvserver", vserver)?;
    there(objects, "servicegroup", &group)?;
    let path = format!("{GROUP}/{vserver}/{group}");
    if objects.contains_key(&path) {
        return Err(Refused::about(EXISTS, &["serviceGroupName", &group]));
    }
    let (front, back) = (
        service_type(objects, &format!("lbvserver/{vserver}")),
        service_type(objects, &format!("servicegroup/{group}")),
    );
    let fits = match front {
        "SSL" => ["SSL", "HTTP"].contains(&back),
        "SSL_TCP" => ["SSL_TCP", "TCP"].contains(&back),
        "HTTP" => ["HTTP", "SSL"].contains(&back),
        // The catalogue of errors has what excludes the second.
        "TCP" => ["TCP", "SSL_TCP"].contains(&back),
        other => other == back,
    };
    if !fits {
        return Err(Refused::new(TYPE_MISMATCH));
    }
    let members = |group: &str| {
        let inside = format!("{MEMBER}/{group}/");
        named(objects, &inside).map(|(member, _)| member).collect::<Vec<_>>()
    };
    let own = members(&group);
    let inside = format!("{GROUP}/{vserver}/");
    let shares = |(rival, _): (&str, &Fields)| members(rival).iter().any(|member| own.contains(member));
    if named(objects, &inside).any(shares) {
        return Err(Refused::new(ADDRESS_CONFLICT));
    }
    objects.insert(path, fields);
    Ok(())
}
