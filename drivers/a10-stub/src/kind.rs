//! The objects of the device: what kinds there are, where they are, and when two of them are the same.

use std::net::IpAddr;

use ballast_device::{Child, Fields, Key, Marker, fields};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// A file, as the next three: a certificate, or those that issued it.
    CertFile,
    /// A certificate of an authority.
    CaFile,
    KeyFile,
    CrlFile,
    Ciphers,
    Monitor,
    PortTemplate,
    HttpTemplate,
    ServerSsl,
    ClientSsl,
    /// In a template of how clients are answered: a certificate with its key.
    Certificate,
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
    /// The kind of the children, and the list that they are in.
    pub(crate) fn children(self) -> Option<(&'static str, Self)> {
        match self {
            Self::ClientSsl => Some(("certificate-list", Self::Certificate)),
            Self::Server => Some(("port-list", Self::ServerPort)),
            Self::Group => Some(("member-list", Self::Member)),
            Self::VirtualServer => Some(("port-list", Self::VirtualPort)),
            _ => None,
        }
    }

    pub(crate) fn collection(self) -> &'static str {
        match self {
            Self::CertFile => "file/ssl-cert",
            Self::CaFile => "file/ca-cert",
            Self::KeyFile => "file/ssl-key",
            Self::CrlFile => "file/ssl-crl",
            Self::Ciphers => "slb/template/cipher",
            Self::HttpTemplate => "slb/template/http",
            Self::ServerSsl => "slb/template/server-ssl",
            Self::ClientSsl | Self::Certificate => "slb/template/client-ssl",
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
            Self::CertFile => "ssl-cert",
            Self::CaFile => "ca-cert",
            Self::KeyFile => "ssl-key",
            Self::CrlFile => "ssl-crl",
            Self::Ciphers => "cipher",
            Self::HttpTemplate => "http",
            Self::ServerSsl => "server-ssl",
            Self::ClientSsl => "client-ssl",
            Self::Certificate => "certificate",
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

    /// The fields that name a child; none: it is none, and has a name.
    pub(crate) fn child_fields(self) -> Option<ChildFields> {
        match self {
            Self::ServerPort | Self::VirtualPort => Some(ChildFields { name: "protocol", port: Some("port-number") }),
            Self::Member => Some(ChildFields { name: "name", port: Some("port") }),
            Self::Certificate => Some(ChildFields { name: "cert", port: None }),
            _ => None,
        }
    }

    /// What `pki/delete` calls a file of this kind; none: it is no file.
    pub(crate) fn file(self) -> Option<&'static str> {
        match self {
            Self::CertFile => Some("cert-name"),
            Self::CaFile => Some("ca"),
            Self::KeyFile => Some("private-key"),
            Self::CrlFile => Some("crl"),
            _ => None,
        }
    }
}

/// Where a child has what names it.
pub(crate) struct ChildFields {
    pub(crate) name: &'static str,
    pub(crate) port: Option<&'static str>,
}

impl ballast_device::Kind for Kind {
    const READ: &'static [Self] = &[
        Self::CertFile,
        Self::CaFile,
        Self::KeyFile,
        Self::CrlFile,
        Self::Ciphers,
        Self::Monitor,
        Self::PortTemplate,
        Self::HttpTemplate,
        Self::ServerSsl,
        Self::ClientSsl,
        Self::Cookie,
        Self::SourceIp,
        Self::Server,
        Self::Group,
        Self::VirtualServer,
    ];
    /// A health monitor that nothing is checked with: the only object of this device that exists by itself and has room
    /// for a text.
    const MARKER: Self = Self::Monitor;

    fn top(self) -> Self {
        match self {
            Self::Certificate => Self::ClientSsl,
            Self::ServerPort => Self::Server,
            Self::Member => Self::Group,
            Self::VirtualPort => Self::VirtualServer,
            top => top,
        }
    }

    fn is_front(self) -> bool {
        matches!(self, Self::VirtualServer | Self::VirtualPort)
    }

    fn is_shared(self) -> bool {
        matches!(self, Self::Server | Self::ServerPort)
    }

    fn fixed(self) -> &'static [&'static str] {
        match self {
            Self::VirtualServer => &["ip-address", "ipv6-address"],
            Self::Server => &["host", "server-ipv6-addr"],
            Self::Group => &["protocol"],
            Self::VirtualPort => &["alternate-port"],
            _ => &[],
        }
    }

    /// As the vendor's schema says, also of what is never set here: an administrator may have.
    fn exclusive(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Monitor => &[
                &["ip", "ipv6"],
                &["port-halfopen", "port-send"],
                &["http-response-code", "http-text"],
                &["https-response-code", "https-text"],
            ],
            Self::Cookie | Self::SourceIp => &[&["server", "service-group"]],
            Self::Server => &[&["health-check", "health-check-disable"]],
            Self::ServerPort => &[&["health-check", "health-check-disable", "health-check-follow-port"]],
            Self::Group => {
                &[&["lb-method", "lc-method", "stateless-lb-method"], &["health-check", "health-check-disable"]]
            }
            Self::VirtualServer => &[&["ip-address", "ipv6-address", "use-if-ip"]],
            Self::VirtualPort => &[&["alternate-port", "range"]],
            _ => &[],
        }
    }

    fn is_same(name: &str, wanted: &Value, found: Option<&Value>) -> bool {
        match (wanted, found) {
            (Value::Null, found) => found.is_none_or(|found| is_default(name, found)),
            (_, None) => false,
            (Value::Object(wanted), Some(Value::Object(found))) => {
                wanted.iter().all(|(name, value)| Self::is_same(name, value, found.get(name)))
            }
            // Of what is in a list the device may show more.
            (Value::Array(wanted), Some(Value::Array(found))) => {
                let is_there = |one: &Value| found.iter().any(|other| Self::is_same(name, one, Some(other)));
                wanted.len() == found.len() && wanted.iter().all(is_there)
            }
            (Value::String(wanted), Some(Value::String(found))) => {
                wanted == found || matches!((address(wanted), address(found)), (Some(one), Some(other)) if one == other)
            }
            (wanted, Some(found)) => number(wanted) == number(found),
        }
    }

    fn uses(key: &Key<Self>, fields: &Fields) -> Vec<Key<Self>> {
        let name = fields.get("name").and_then(Value::as_str);
        let port = fields.get("port").and_then(Value::as_u64);
        match (key.kind, name, port) {
            (Self::Member, Some(name), Some(port)) => {
                let port = Child::at("tcp", u32::try_from(port).unwrap_or_default());
                vec![Key::top(Self::Server, name), Key::child(Self::ServerPort, name, port)]
            }
            _ => Vec::new(),
        }
    }

    fn address(key: &Key<Self>, fields: &Fields) -> Option<IpAddr> {
        let text = ["host", "server-ipv6-addr"].iter().find_map(|name| fields.get(*name)?.as_str())?;
        if key.kind == Self::Server { address(text) } else { None }
    }

    /// Its path says it.
    fn mark(marker: &Marker, name: &str) -> Fields {
        let http = json!({"http": 1, "http-url": 1, "url-type": "GET", "url-path": marker.text()});
        fields(json!({"name": name, "method": {"http": http}}))
    }

    fn marked(fields: &Fields) -> Option<Marker> {
        Marker::read(fields.get("method")?["http"]["url-path"].as_str()?)
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
        "member-priority" => found.as_u64() == Some(1),
        "cookie-name" => found == "sto-id",
        "client-certificate" => found == "Ignore",
        _ => found.is_null() || found == "default" || number(found).as_u64() == Some(0),
    }
}

#[cfg(test)]
mod tests {
    use ballast_device::Kind as _;

    use super::*;

    #[test]
    fn what_the_device_fills_in_is_no_difference() {
        let same = |wanted: &Value, found: &Value| {
            let fields: Vec<(&String, &Value)> = wanted.as_object().unwrap().iter().collect();
            fields.into_iter().filter(|(name, value)| !Kind::is_same(name, value, found.get(*name))).count() == 0
        };
        let wanted = json!({"conn-limit": null, "auto": 1, "ipv6-address": "fd00:0::1", "health-check": null});
        assert!(same(
            &wanted,
            &json!({"conn-limit": 64_000_000, "auto": true, "ipv6-address": "fd00::1", "uuid": "x"})
        ));
        for found in [json!({"conn-limit": 5}), json!({"auto": 0}), json!({"health-check": "h"})] {
            assert!(!same(&wanted, &found), "{found}");
        }
    }
}
