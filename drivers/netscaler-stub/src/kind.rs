//! The objects of the device and the bindings between them: what kinds there are, and when two of them are the same.

use std::net::IpAddr;

use ballast_device::{Fields, Key, Marker, fields};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Monitor,
    Server,
    Group,
    /// In a group: a server at a port.
    Member,
    /// In a group: a monitor.
    Check,
    VirtualServer,
    /// In a virtual server: a group.
    Backend,
}

/// Fields whose values are in any case.
const CHOICES: [&str; 9] = [
    "state",
    "type",
    "secure",
    "servicetype",
    "healthmonitor",
    "lbmethod",
    "persistencetype",
    "somethod",
    "sobackupaction",
];

impl Kind {
    /// What the vendor calls it.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Self::Monitor => "lbmonitor",
            Self::Server => "server",
            Self::Group => "servicegroup",
            Self::Member => "servicegroup_servicegroupmember_binding",
            Self::Check => "servicegroup_lbmonitor_binding",
            Self::VirtualServer => "lbvserver",
            Self::Backend => "lbvserver_servicegroup_binding",
        }
    }

    /// The field that names it, or what it is in.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Monitor => "monitorname",
            Self::Server | Self::VirtualServer | Self::Backend => "name",
            Self::Group | Self::Member | Self::Check => "servicegroupname",
        }
    }
}

impl ballast_device::Kind for Kind {
    const READ: &'static [Self] =
        &[Self::Monitor, Self::Server, Self::Group, Self::Member, Self::Check, Self::VirtualServer, Self::Backend];
    /// A service group without members: it exists by itself, serves nothing, and has a comment.
    const MARKER: Self = Self::Group;

    fn top(self) -> Self {
        match self {
            Self::Member | Self::Check => Self::Group,
            Self::Backend => Self::VirtualServer,
            top => top,
        }
    }

    fn is_front(self) -> bool {
        matches!(self, Self::VirtualServer | Self::Backend)
    }

    fn is_shared(self) -> bool {
        self == Self::Server
    }

    fn fixed(self) -> &'static [&'static str] {
        match self {
            Self::Monitor => &["type"],
            Self::Server => &["ipaddress"],
            Self::Group => &["servicetype"],
            Self::VirtualServer => &["servicetype", "port"],
            Self::Member | Self::Check | Self::Backend => &[],
        }
    }

    fn together(self) -> &'static [&'static [&'static str]] {
        match self {
            // A change must name the type; times are checked against each other, and each number has its unit.
            Self::Monitor => &[&[
                "type",
                "secure",
                "httprequest",
                "respcode",
                "interval",
                "units3",
                "resptimeout",
                "units4",
                "downtime",
                "units2",
                "retries",
                "successretries",
            ]],
            Self::Member => &[&["state", "graceful"]],
            Self::VirtualServer => {
                &[&["persistencetype", "timeout", "rule", "resrule"], &["somethod", "sothreshold", "sobackupaction"]]
            }
            Self::Server | Self::Group | Self::Check | Self::Backend => &[],
        }
    }

    fn is_same(name: &str, wanted: &Value, found: Option<&Value>) -> bool {
        match (wanted, found) {
            // How a member is to go, not what it is.
            _ if name == "graceful" => true,
            (_, None) => false,
            (Value::String(wanted), Some(Value::String(found))) if CHOICES.contains(&name) => {
                wanted.eq_ignore_ascii_case(found)
            }
            (Value::String(wanted), Some(Value::String(found))) => {
                wanted == found || matches!((address(wanted), address(found)), (Some(one), Some(other)) if one == other)
            }
            (Value::Array(wanted), Some(Value::Array(found))) => sorted(wanted) == sorted(found),
            // Numbers are shown as text by some resources.
            (Value::Number(wanted), Some(found)) => wanted.as_u64() == number(found),
            (wanted, Some(found)) => wanted == found,
        }
    }

    fn uses(key: &Key<Self>, fields: &Fields) -> Vec<Key<Self>> {
        let server = fields.get("servername").and_then(Value::as_str).filter(|_| key.kind == Self::Member);
        server.map(|server| Key::top(Self::Server, server)).into_iter().collect()
    }

    fn address(key: &Key<Self>, fields: &Fields) -> Option<IpAddr> {
        let text = fields.get("ipaddress").filter(|_| key.kind == Self::Server)?;
        address(text.as_str()?)
    }

    fn mark(marker: &Marker, name: &str) -> Fields {
        fields(json!({
            "servicegroupname": name, "servicetype": "TCP", "healthmonitor": "NO", "comment": marker.text()
        }))
    }

    fn marked(fields: &Fields) -> Option<Marker> {
        Marker::read(fields.get("comment")?.as_str()?)
    }
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// A number, or a text that spells one.
pub(crate) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn sorted(list: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut list: Vec<String> = list.iter().map(text).collect();
    list.sort_unstable();
    list
}

#[cfg(test)]
mod tests {
    use ballast_device::Kind as _;

    use super::*;

    #[test]
    fn the_same_is_the_same_however_the_device_writes_it() {
        let same = |name: &str, wanted: Value, found: Value| Kind::is_same(name, &wanted, Some(&found));
        assert!(same("sothreshold", json!(5), json!("5")) && same("port", json!(80), json!(80)));
        assert!(same("lbmethod", json!("ROUNDROBIN"), json!("RoundRobin")));
        assert!(same("ipv46", json!("2001:db8:0::1"), json!("2001:db8::1")));
        assert!(same("respcode", json!(["200", "202-204"]), json!(["202-204", "200"])));
        assert!(!same("comment", json!("a"), json!("A")) && !same("respcode", json!(["200"]), json!(["201"])));
        assert!(!Kind::is_same("rule", &json!("x"), None) && Kind::is_same("graceful", &json!("YES"), None));
    }
}
