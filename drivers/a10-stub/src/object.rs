//! Objects of the device: what kinds there are, where they are, and when two of them are the same.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(crate) type Fields = Map<String, Value>;
pub(crate) type Objects = BTreeMap<Key, Fields>;

/// In the order in which they are made: what is named comes before what names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Kind {
    Monitor,
    PortTemplate,
    Cookie,
    SourceIp,
    Server,
    ServerPort,
    Group,
    Member,
    VirtualServer,
    VirtualPort,
}

impl Kind {
    /// The top-level kinds, each with its list of children.
    pub(crate) const TOP: [(Self, Option<(&'static str, Self)>); 7] = [
        (Self::Monitor, None),
        (Self::PortTemplate, None),
        (Self::Cookie, None),
        (Self::SourceIp, None),
        (Self::Server, Some(("port-list", Self::ServerPort))),
        (Self::Group, Some(("member-list", Self::Member))),
        (Self::VirtualServer, Some(("port-list", Self::VirtualPort))),
    ];

    pub(crate) fn collection(self) -> &'static str {
        match self {
            Self::Monitor => "health/monitor",
            Self::PortTemplate => "slb/template/port",
            Self::Cookie => "slb/template/persist/cookie",
            Self::SourceIp => "slb/template/persist/source-ip",
            Self::Server | Self::ServerPort => "slb/server",
            Self::Group | Self::Member => "slb/service-group",
            Self::VirtualServer | Self::VirtualPort => "slb/virtual-server",
        }
    }

    /// The name around the object in a body.
    pub(crate) fn wrapper(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::PortTemplate | Self::ServerPort | Self::VirtualPort => "port",
            Self::Cookie => "cookie",
            Self::SourceIp => "source-ip",
            Self::Server => "server",
            Self::Group => "service-group",
            Self::Member => "member",
            Self::VirtualServer => "virtual-server",
        }
    }

    /// The fields that name it.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::ServerPort | Self::VirtualPort => &["port-number", "protocol"],
            Self::Member => &["name", "port"],
            _ => &["name"],
        }
    }

    /// Fields that the device does not let anybody change.
    pub(crate) fn fixed(self) -> &'static [&'static str] {
        match self {
            Self::VirtualServer => &["ip-address", "ipv6-address"],
            Self::Server => &["host", "server-ipv6-addr"],
            Self::Group => &["protocol"],
            _ => &[],
        }
    }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    /// Of the top-level object.
    pub(crate) name: String,
    /// Of the child in it, as in `80+tcp`.
    pub(crate) child: Option<String>,
}

impl Key {
    pub(crate) fn top(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), child: None }
    }

    pub(crate) fn child(kind: Kind, name: impl Into<String>, child: impl Into<String>) -> Self {
        Self { kind, name: name.into(), child: Some(child.into()) }
    }

    /// The collection to which it is added.
    pub(crate) fn collection(&self) -> String {
        match &self.child {
            None => self.kind.collection().to_owned(),
            Some(_) => format!("{}/{}/{}", self.kind.collection(), encoded(&self.name), self.kind.wrapper()),
        }
    }

    pub(crate) fn path(&self) -> String {
        let last = self.child.as_deref().unwrap_or(&self.name);
        format!("{}/{}", self.collection(), encoded(last))
    }
}

/// Percent-encoded for one segment of a path.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// The fields of an object literal.
pub(crate) fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// The fields in which the device differs from what is wanted. A wanted `null` is "not set".
pub(crate) fn difference(wanted: &Fields, found: &Fields) -> Fields {
    let differs = |(name, value): &(&String, &Value)| !same(name, value, found.get(*name));
    wanted.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn same(name: &str, wanted: &Value, found: Option<&Value>) -> bool {
    match (wanted, found) {
        (Value::Null, found) => found.is_none_or(|found| is_default(name, found)),
        (_, None) => false,
        (Value::Object(wanted), Some(Value::Object(found))) => {
            wanted.iter().all(|(name, value)| same(name, value, found.get(name)))
        }
        (Value::String(wanted), Some(Value::String(found))) => {
            wanted == found || matches!((address(wanted), address(found)), (Some(one), Some(other)) if one == other)
        }
        (wanted, Some(found)) => number(wanted) == number(found),
    }
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// A flag may be read as a truth value.
fn number(value: &Value) -> Value {
    value.as_bool().map_or_else(|| value.clone(), |on| json!(u8::from(on)))
}

/// What a device shows where nothing is set. Releases differ in how many connections are "no limit".
fn is_default(name: &str, found: &Value) -> bool {
    match name {
        "conn-limit" => [8_000_000, 64_000_000].iter().any(|limit| found.as_u64() == Some(*limit)),
        "lb-method" => found == "round-robin",
        "cookie-name" => found == "sto-id",
        _ => found.is_null() || found == "default" || number(found).as_u64() == Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_device_fills_in_is_no_difference() {
        let wanted = fields(json!({"conn-limit": null, "auto": 1, "ipv6-address": "fd00:0::1", "health-check": null}));
        let found = fields(json!({"conn-limit": 64_000_000, "auto": true, "ipv6-address": "fd00::1", "uuid": "x"}));
        assert_eq!(difference(&wanted, &found), Fields::new());
        let other = fields(json!({"conn-limit": 5, "auto": 0, "ipv6-address": "fd00::1", "health-check": "h"}));
        let differing: Vec<_> = difference(&wanted, &other).into_iter().map(|(name, _)| name).collect();
        assert_eq!(differing, ["auto", "conn-limit", "health-check"]);
    }

    #[test]
    fn a_path_is_encoded_by_segments() {
        let key = Key::child(Kind::ServerPort, "a b", "80+tcp");
        assert_eq!(key.path(), "slb/server/a%20b/port/80+tcp");
        assert_eq!(key.collection(), "slb/server/a%20b/port");
    }
}
