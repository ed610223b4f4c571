//! What the schema does not say: addresses that cannot be taken twice, ports that exclude each other, and such.

use serde_json::{Map, Value};

use super::{configuration::Objects, error::Refused, objects::children, validate::Fields};

/// Checks an object that is about to be put at this path, and is not among the objects.
pub(super) fn rules(kind: &str, path: &str, fields: &Fields, objects: &Objects) -> Result<(), Refused> {
    let same = |collection: &str, names: &[&str]| {
        names.iter().filter_map(|name| fields.get(*name).map(|value| (*name, value))).find_map(|(name, value)| {
            children(objects, collection).find(|(_, other)| other.get(name) == Some(value)).map(|(path, _)| path)
        })
    };
    match kind {
        "slb/server" => {
            if !["host", "server-ipv6-addr", "fqdn-name"].iter().any(|name| fields.contains_key(*name)) {
                return Err(Refused::value("a server needs an address"));
            }
            same("slb/server", &["host", "server-ipv6-addr"]).map_or(Ok(()), |_| Err(Refused::exists("server address")))
        }
        "slb/virtual-server" => {
            if !["ip-address", "ipv6-address", "use-if-ip"].iter().any(|name| fields.contains_key(*name)) {
                return Err(Refused::value("a virtual server needs an address"));
            }
            let twice = same("slb/virtual-server", &["ip-address", "ipv6-address"]);
            twice.map_or(Ok(()), |_| Err(Refused::exists("virtual-server address")))
        }
        "slb/virtual-server/port" => {
            let collection = path.rsplit_once('/').map_or("", |(collection, _)| collection);
            if same(collection, &["port-number"]).is_some() {
                return Err(Refused::exists("port"));
            }
            let encrypted = ["https", "ssl-proxy", "sips", "spdys"].iter().any(|tls| fields["protocol"] == *tls);
            if fields.contains_key("template-client-ssl") && !encrypted {
                return Err(Refused::unsupported("a client-ssl template needs a port that speaks TLS"));
            }
            let http = ["http", "https", "fast-http"].iter().any(|http| fields["protocol"] == *http);
            if fields.contains_key("template-persist-cookie") && !http {
                return Err(Refused::unsupported("a cookie needs an HTTP port"));
            }
            Ok(())
        }
        "health/monitor" => {
            let seconds = |name: &str| fields.get(name).and_then(Value::as_u64).unwrap_or(5);
            if seconds("timeout") > seconds("interval") {
                return Err(Refused::value("timeout is longer than interval"));
            }
            let methods = fields.get("method").and_then(Value::as_object).map_or(0, Map::len);
            if methods > 1 { Err(Refused::value("a monitor has one method")) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}
