//! The objects of the device and the bindings between them: what kinds there are, and when two of them are the same.

use std::net::IpAddr;

use ballast_device::{Fields, Key, Marker, fields};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// A certificate, or a private key.
    File,
    CrlFile,
    /// A certificate, with its key when it is not an issuer's.
    CertKey,
    /// In a certificate: its issuer's.
    Link,
    Crl,
    Ciphers,
    /// In a group of ciphers: one of them.
    Cipher,
    Monitor,
    Server,
    Group,
    /// In a group: a server at a port.
    Member,
    /// In a group: a monitor.
    Check,
    /// In a group: what is shown to members.
    GroupCertificate,
    /// In a group: who has to have issued the certificates of members.
    GroupAuthority,
    /// In a group: a group of ciphers.
    GroupCiphers,
    VirtualServer,
    /// In a virtual server: a group.
    Backend,
    /// In a virtual server: the certificate for names that no other one is for.
    FrontCertificate,
    /// In a virtual server: one for the name that it has.
    FrontName,
    /// In a virtual server: who has to have issued the certificates of clients.
    FrontAuthority,
    /// In a virtual server: a group of ciphers.
    FrontCiphers,
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
            Self::File | Self::CrlFile => "systemfile",
            Self::CertKey | Self::Link => "sslcertkey",
            Self::Crl => "sslcrl",
            Self::Ciphers => "sslcipher",
            Self::Cipher => "sslcipher_sslciphersuite_binding",
            Self::GroupCertificate | Self::GroupAuthority => "sslservicegroup_sslcertkey_binding",
            Self::GroupCiphers => "sslservicegroup_sslcipher_binding",
            Self::FrontCertificate | Self::FrontName | Self::FrontAuthority => "sslvserver_sslcertkey_binding",
            Self::FrontCiphers => "sslvserver_sslcipher_binding",
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
            Self::File | Self::CrlFile => "filename",
            Self::CertKey | Self::Link => "certkey",
            Self::Crl => "crlname",
            Self::Ciphers | Self::Cipher => "ciphergroupname",
            Self::Monitor => "monitorname",
            Self::Server | Self::VirtualServer | Self::Backend => "name",
            Self::FrontCertificate | Self::FrontName | Self::FrontAuthority | Self::FrontCiphers => "vservername",
            Self::Group
            | Self::Member
            | Self::Check
            | Self::GroupCertificate
            | Self::GroupAuthority
            | Self::GroupCiphers => "servicegroupname",
        }
    }

    /// Where the settings of TLS are of something that may speak it, and what names it there.
    pub(crate) fn settings(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::VirtualServer => Some(("sslvserver", "vservername")),
            Self::Group => Some(("sslservicegroup", "servicegroupname")),
            _ => None,
        }
    }

    /// It binds two others, and is read with all of its kind.
    pub(crate) fn is_binding(self) -> bool {
        self.resource().ends_with("_binding")
    }
}

/// How the fields begin that are such settings.
pub(crate) const SETTING: &str = "ssl.";

impl ballast_device::Kind for Kind {
    const READ: &'static [Self] = &[
        Self::File,
        Self::CrlFile,
        Self::CertKey,
        Self::Crl,
        Self::Ciphers,
        Self::Cipher,
        Self::Monitor,
        Self::Server,
        Self::Group,
        Self::Member,
        Self::Check,
        Self::GroupCertificate,
        Self::GroupCiphers,
        Self::VirtualServer,
        Self::Backend,
        Self::FrontCertificate,
        Self::FrontCiphers,
    ];
    /// A service group without members: it exists by itself, serves nothing, and has a comment.
    const MARKER: Self = Self::Group;

    fn top(self) -> Self {
        match self {
            Self::Link => Self::CertKey,
            Self::Cipher => Self::Ciphers,
            Self::Member | Self::Check | Self::GroupCertificate | Self::GroupAuthority | Self::GroupCiphers => {
                Self::Group
            }
            Self::Backend | Self::FrontCertificate | Self::FrontName | Self::FrontAuthority | Self::FrontCiphers => {
                Self::VirtualServer
            }
            top => top,
        }
    }

    /// What TLS needs goes last: what takes its place is there by then.
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
            // Bindings are made again, and files have another name.
            Self::Crl => &["crlpath"],
            Self::FrontAuthority | Self::GroupAuthority => &["crlcheck"],
            Self::Cipher => &["cipherpriority"],
            _ => &[],
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
            Self::VirtualServer => &[
                &["persistencetype", "timeout", "rule", "resrule"],
                &["somethod", "sothreshold", "sobackupaction"],
                &["ssl.clientauth", "ssl.clientcert"],
                &["ssl.hsts", "ssl.maxage", "ssl.includesubdomains", "ssl.preload"],
            ],
            Self::CertKey => &[&["cert", "key"]],
            _ => &[],
        }
    }

    fn is_same(name: &str, wanted: &Value, found: Option<&Value>) -> bool {
        match (wanted, found) {
            // How a member is to go, not what it is.
            _ if name == "graceful" => true,
            (_, None) => false,
            (Value::String(wanted), Some(Value::String(found)))
                if name.starts_with(SETTING) || CHOICES.contains(&name) =>
            {
                wanted.eq_ignore_ascii_case(found)
            }
            // With the directory or without.
            (Value::String(wanted), Some(Value::String(found))) if ["cert", "key", "crlpath"].contains(&name) => {
                found.rsplit('/').next() == Some(wanted)
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
