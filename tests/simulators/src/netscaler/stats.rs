//! Counters: set by a test, shown as the vendor does, totals as text and rates as numbers.

use serde_json::{Value, json};

use super::{
    NetScaler,
    configuration::{Objects, named},
    error::{EXCLUSIVE, MISSING, NOT_FOUND, Refused, UNKNOWN_RESOURCE},
    path::Path,
    reads::{listed, share},
    state::Look,
    validate::{Fields, text, text_of},
};
use crate::{Reply, World};

/// How long the device watches for a rate.
const SAMPLE_SECONDS: f64 = 7.0;

/// The counters of a virtual server or of a member of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub current: u64,
    pub hits: u64,
    pub requests: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
}

/// Counters now and at the sample before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sampled {
    before: Counters,
    pub(super) now: Counters,
}

impl Sampled {
    pub(super) fn then(self, now: Counters) -> Self {
        Self { before: self.now, now }
    }

    fn rate(self, of: impl Fn(Counters) -> u64) -> f64 {
        let grown = of(self.now).saturating_sub(of(self.before));
        u32::try_from(grown).map_or(f64::from(u32::MAX), f64::from) / SAMPLE_SECONDS
    }

    fn shown(self) -> Fields {
        let Counters { current, requests, request_bytes, response_bytes, .. } = self.now;
        let requests_rate = self.rate(|counters| counters.requests);
        object(json!({
            "totalrequests": requests.to_string(), "requestsrate": requests_rate,
            "totalresponses": requests.to_string(), "responsesrate": requests_rate,
            "totalrequestbytes": request_bytes.to_string(), "requestbytesrate": self.rate(|counters| counters.request_bytes),
            "totalresponsebytes": response_bytes.to_string(), "responsebytesrate": self.rate(|counters| counters.response_bytes),
            "curclntconnections": current.to_string(), "cursrvrconnections": current.to_string(), "surgecount": "0"
        }))
    }
}

impl NetScaler {
    pub(super) fn statistics(&self, partition: &str, path: &Path, world: &World<'_>) -> Result<Reply, Refused> {
        let nothing = Objects::new();
        let objects = self.running.objects(partition).unwrap_or(&nothing);
        let look = self.look(partition, objects, world);
        let name = path.resource.as_str();
        if name == "servicegroupmember" {
            return Ok(listed(name, vec![self.member_by_args(&look, path)?]));
        }
        if name == "hanode" {
            let state = if self.primary { "Primary" } else { "Secondary" };
            let pair = json!({"hacurstatus": "YES", "hacurstate": "UP", "hacurmasterstate": state,
                "haerrsyncfailure": "0", "haerrproptimeout": "0", "hatotpktrx": "0", "hatotpkttx": "0"});
            return Ok(Reply::json(200, &json!({"errorcode": 0, "message": "Done", "severity": "NONE", name: pair})));
        }
        if !["lbvserver", "servicegroup"].contains(&name) {
            return Err(Refused::about(UNKNOWN_RESOURCE, &[name]));
        }
        let inside = format!("{name}/");
        let wanted = named(objects, &inside).filter(|(found, _)| path.id.as_deref().is_none_or(|id| id == *found));
        let list: Vec<Fields> = wanted
            .map(|(found, fields)| match name {
                "lbvserver" => self.vserver_statistics(&look, found, fields),
                _ => self.group_statistics(&look, found, fields, path.says("statbindings")),
            })
            .collect();
        match &path.id {
            Some(id) if list.is_empty() => Err(Refused::no(name, id)),
            _ => Ok(listed(name, list)),
        }
    }

    fn counters(&self, partition: &str, path: &str) -> Sampled {
        self.counters.get(&(partition.to_owned(), path.to_owned())).copied().unwrap_or_default()
    }

    fn vserver_statistics(&self, look: &Look<'_>, name: &str, fields: &Fields) -> Fields {
        let (state, up, total) = look.vserver(name);
        let counters = self.counters(look.partition, &format!("lbvserver/{name}"));
        let mut shown = object(json!({
            "name": name, "primaryipaddress": text(fields, "ipv46").unwrap_or("0.0.0.0"),
            "primaryport": fields.get("port").and_then(Value::as_u64).unwrap_or(0),
            "type": text(fields, "servicetype"), "state": state, "vslbhealth": share(up, total).to_string(),
            "actsvcs": up.to_string(), "inactsvcs": (total - up).to_string(), "tothits": counters.now.hits.to_string(),
            "hitsrate": counters.rate(|counters| counters.hits), "totalpktsrecvd": "0", "totalpktssent": "0", "establishedconn": counters.now.current.to_string(),
            "vsvrsurgecount": "0"
        }));
        shown.extend(counters.shown());
        shown
    }

    fn group_statistics(&self, look: &Look<'_>, name: &str, fields: &Fields, members: bool) -> Fields {
        let mut shown = object(json!({
            "servicegroupname": name, "state": text(fields, "state").unwrap_or("ENABLED"),
            "servicetype": text(fields, "servicetype")
        }));
        if members {
            let all = look.members(name).into_iter();
            let all: Vec<Value> =
                all.map(|(path, ..)| Value::Object(self.member_statistics(look, name, path))).collect();
            shown.insert("servicegroupmember".to_owned(), Value::from(all));
        }
        shown
    }

    fn member_by_args(&self, look: &Look<'_>, path: &Path) -> Result<Fields, Refused> {
        let args = path.pairs("args", &["servicegroupname", "servername", "ip", "port"])?;
        let arg = |name: &str| args.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let required = |name: &str| arg(name).ok_or(Refused::about(MISSING, &[name]));
        let (group, port) = (required("servicegroupname")?, required("port")?);
        if !look.objects.contains_key(&format!("servicegroup/{group}")) {
            return Err(Refused::no("servicegroup", group));
        }
        let wanted = match (arg("servername"), arg("ip")) {
            (Some(_), Some(_)) => return Err(Refused::about(EXCLUSIVE, &["serverName", "ip"])),
            (None, None) => return Err(Refused::about(MISSING, &["serverName"])),
            (Some(server), None) => server,
            (None, Some(address)) => address,
        };
        let is = |(_, fields, _): &(&str, &Fields, &str)| {
            let server = text(fields, "servername").unwrap_or_default();
            let same = if arg("ip").is_some() { look.address(server) == wanted } else { server == wanted };
            same && fields.get("port").is_some_and(|found| text_of(found) == port)
        };
        let (path, ..) = look
            .members(group)
            .into_iter()
            .find(is)
            .ok_or_else(|| Refused::about(NOT_FOUND, &["serverName", wanted]))?;
        Ok(self.member_statistics(look, group, path))
    }

    fn member_statistics(&self, look: &Look<'_>, group: &str, path: &str) -> Fields {
        let fields = &look.objects[path];
        let server = text(fields, "servername").unwrap_or_default();
        let port = fields.get("port").and_then(Value::as_u64).unwrap_or(0);
        let service = look.objects.get(&format!("servicegroup/{group}")).and_then(|fields| text(fields, "servicetype"));
        let counters = self.counters(look.partition, path);
        let mut shown = object(json!({
            "servicegroupname": format!("{group}?{server}?{port}"), "primaryipaddress": look.address(server),
            "primaryport": port, "servicetype": service, "state": look.member(path, fields),
            "svrestablishedconn": counters.now.current.to_string(), "maxclients": "0"
        }));
        shown.extend(counters.shown());
        shown
    }
}

fn object(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}
