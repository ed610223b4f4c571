//! What a partition holds now, and what it shows of traffic and health.

use ballast_abi::Health;
use ballast_device::{Child, Failure, Fields, Key, Listed, Objects, Reading, Session, Totals, fields, names};
use serde_json::{Value, json};

use crate::{
    kind::{Kind, SETTING, number},
    request::{argument, directory},
    wire::Nitro,
};

/// The objects of one kind.
pub(crate) fn read(session: &Session<'_, Nitro>, kind: Kind) -> Result<Objects<Kind>, Failure> {
    let resource = kind.resource();
    let query = match kind {
        Kind::File | Kind::CrlFile => format!("?args=filelocation:{}", argument(&directory(kind, session.partition()))),
        kind if kind.is_binding() => "?bulkbindings=yes".to_owned(),
        _ => String::new(),
    };
    let found = match list(session, &format!("config/{resource}{query}"), resource) {
        // The directory is made with its first file.
        Err(failure) if failure.is_not_found() && matches!(kind, Kind::File | Kind::CrlFile) => Vec::new(),
        found => found?,
    };
    let mut objects: Objects<Kind> = found
        .into_iter()
        .flat_map(|object| of_one(kind, &object).map(|kind| (kind, object.clone())).collect::<Vec<_>>())
        .filter_map(|(kind, object)| Some((key(kind, &object)?, plain(kind, object))))
        .collect();
    if let Some((settings, name)) = kind.settings() {
        for mut found in list(session, &format!("config/{settings}"), settings)? {
            let of = found.remove(name).and_then(|name| Some(Key::top(kind, name.as_str()?)));
            if let Some(object) = of.and_then(|key| objects.get_mut(&key)) {
                object.extend(found.into_iter().map(|(name, value)| (format!("{SETTING}{name}"), value)));
            }
        }
    }
    Ok(objects)
}

/// What is read as one of this kind, and what it is besides.
fn of_one(kind: Kind, object: &Fields) -> impl Iterator<Item = Kind> + use<> {
    let is = |name: &str| object.get(name).is_some_and(|value| value == true || value == "true");
    let kind_of = |plain, by_name, authority| {
        if is("ca") {
            authority
        } else if is("snicert") {
            by_name
        } else {
            plain
        }
    };
    let (first, second) = match kind {
        Kind::FrontCertificate => (kind_of(kind, Kind::FrontName, Kind::FrontAuthority), None),
        Kind::GroupCertificate => (kind_of(kind, kind, Kind::GroupAuthority), None),
        Kind::CertKey => (kind, object.contains_key("linkcertkeyname").then_some(Kind::Link)),
        kind => (kind, None),
    };
    std::iter::once(first).chain(second)
}

/// A list; without its name in the reply it is empty. A reply without a body is no reply to that: nobody may take it for
/// an empty partition.
fn list(session: &Session<'_, Nitro>, path: &str, resource: &str) -> Result<Vec<Fields>, Failure> {
    let reply = session.read(path)?;
    if !reply.is_object() {
        return Err(Failure::Lost { what: format!("GET {path}"), why: "it has no body".to_owned() });
    }
    Ok(reply[resource].as_array().cloned().unwrap_or_default().into_iter().map(fields).collect())
}

/// None: it is of no use to us, as a monitor that the device itself or an administrator has bound to a group.
fn key(kind: Kind, object: &Fields) -> Option<Key<Kind>> {
    let text = |name: &str| object.get(name)?.as_str();
    let name = text(kind.key())?;
    let child = match kind {
        Kind::Monitor
        | Kind::Server
        | Kind::Group
        | Kind::VirtualServer
        | Kind::File
        | Kind::CrlFile
        | Kind::CertKey
        | Kind::Crl
        | Kind::Ciphers => return Some(Key::top(kind, name)),
        Kind::Link => Child::named(text("linkcertkeyname")?),
        Kind::Cipher => Child::named(text("ciphername")?),
        Kind::GroupCiphers | Kind::FrontCiphers => {
            Child::named(text("cipheraliasname").or_else(|| text("ciphername"))?)
        }
        Kind::GroupCertificate
        | Kind::GroupAuthority
        | Kind::FrontCertificate
        | Kind::FrontName
        | Kind::FrontAuthority => Child::named(text("certkeyname")?),
        Kind::Member => {
            let port = number(object.get("port")?).and_then(|port| u32::try_from(port).ok())?;
            Child::at(text("servername")?, port)
        }
        Kind::Check => Child::named(text("monitor_name").filter(|monitor| monitor.starts_with(names::PREFIX))?),
        Kind::Backend => Child::named(text("servicegroupname")?),
    };
    Some(Key::child(kind, name, child))
}

/// Times of monitors in one unit: the device shows whole minutes as such.
fn plain(kind: Kind, mut object: Fields) -> Fields {
    let times = [("interval", "units3"), ("resptimeout", "units4"), ("downtime", "units2")];
    for (time, unit) in times.into_iter().filter(|_| kind == Kind::Monitor) {
        let minutes = object.get(unit).and_then(Value::as_str).is_some_and(|unit| unit.eq_ignore_ascii_case("MIN"));
        if let (Some(found), true) = (object.get(time).and_then(number), minutes) {
            object.insert(time.to_owned(), json!(found * 60));
            object.insert(unit.to_owned(), json!("SEC"));
        }
    }
    object
}

/// What one look at a partition shows: the members of all groups, and the figures of all virtual servers.
pub struct View {
    members: Vec<Fields>,
    figures: Vec<Fields>,
}

impl View {
    pub(crate) fn of(session: &Session<'_, Nitro>) -> Result<Self, Failure> {
        let members = Kind::Member.resource();
        Ok(Self {
            members: list(session, &format!("config/{members}?bulkbindings=yes"), members)?,
            figures: list(session, "stat/lbvserver", "lbvserver")?,
        })
    }

    /// All virtual servers of an owner together.
    pub(crate) fn reading(&self, owner: &str) -> Reading {
        let is_ours = |figures: &&Fields| {
            figures.get("name").and_then(Value::as_str).is_some_and(|name| names::is_of(owner, name))
        };
        let sum =
            |name: &str| self.figures.iter().filter(is_ours).filter_map(|figures| number(figures.get(name)?)).sum();
        Reading {
            totals: Totals {
                bytes_in: sum("totalrequestbytes"),
                bytes_out: sum("totalresponsebytes"),
                connections: sum("tothits"),
            },
            active: sum("curclntconnections"),
        }
    }

    pub(crate) fn health(&self, listed: &Listed) -> Option<Health> {
        let of_member = |member: &&Fields| {
            let is = |name: &str, text: &str| member.get(name).and_then(Value::as_str) == Some(text);
            is("servicegroupname", &listed.group)
                && is("servername", &listed.server)
                && member.get("port").and_then(number) == Some(listed.port.into())
        };
        match self.members.iter().find(of_member)?.get("svrstate")?.as_str()? {
            "UP" => Some(Health::Up),
            "DOWN" => Some(Health::Down),
            // Out of service, or on its way there: not checked.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ballast_rehearsal::samples::listed;

    use super::*;

    #[test]
    fn the_virtual_servers_of_an_owner_are_added_whether_numbers_are_text_or_not() {
        let figures = |name: &str, hits: Value| fields(json!({"name": name, "tothits": hits, "curclntconnections": 1}));
        let view = View {
            members: Vec::new(),
            figures: vec![figures("bl_a_v1", json!("3")), figures("bl_a_v2", json!(4)), figures("bl_b_v1", json!(9))],
        };
        let reading = view.reading("bl_a");
        assert_eq!((reading.totals.connections, reading.active), (7, 2));
        assert_eq!(view.reading("bl_c"), Reading::default());
    }

    #[test]
    fn a_member_is_found_by_its_server_and_port() {
        let member = |port: u16, state: &str| {
            fields(json!({"servicegroupname": "g", "servername": "s", "port": port, "svrstate": state}))
        };
        let health =
            |state| View { members: vec![member(81, "UP"), member(80, state)], figures: Vec::new() }.health(&listed());
        assert_eq!((health("UP"), health("DOWN")), (Some(Health::Up), Some(Health::Down)));
        assert_eq!((health("OUT OF SERVICE"), health("GOING OUT OF SERVICE")), (None, None));
    }

    #[test]
    fn minutes_are_seconds_and_monitors_of_others_are_not_ours_to_unbind() {
        let object = fields(json!({"interval": 1, "units3": "MIN", "resptimeout": 900, "units4": "MSEC"}));
        let plain = plain(Kind::Monitor, object);
        assert_eq!(
            (&plain["interval"], &plain["units3"], &plain["units4"]),
            (&json!(60), &json!("SEC"), &json!("MSEC"))
        );
        let bound =
            |monitor: &str| key(Kind::Check, &fields(json!({"servicegroupname": "g", "monitor_name": monitor})));
        assert!(bound("tcp-default").is_none() && bound("bl_x_h1").is_some());
    }
}
