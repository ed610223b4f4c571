//! Admin partitions are made, changed, deleted and chosen; and their configuration is saved.

use serde_json::{Value, json};

use super::{
    DEFAULT, NetScaler, Who, bodies, done,
    error::{EXISTS, INVALID_ARGUMENT, MISSING, Refused},
    objects::only_in_default,
    validate::{self, Fields, text},
};
use crate::{Reply, Request};

impl NetScaler {
    /// Nothing but the name may be given. Without a session it is chosen, and left again, at once.
    pub(super) fn switch(&mut self, request: &Request, who: &Who) -> Result<Reply, Refused> {
        let body = bodies::single(request, "nspartition")?;
        if let Some(other) = body.keys().find(|name| *name != "partitionname") {
            return Err(Refused::about(INVALID_ARGUMENT, &[other]));
        }
        let name = text(&body, "partitionname").ok_or(Refused::about(MISSING, &["partitionName"]))?;
        if !self.running.has(name) {
            return Err(Refused::no("nspartition", name));
        }
        if let Some(token) = &who.token {
            self.sessions.choose(token, name);
        }
        Ok(Reply::html(200, ""))
    }

    pub(super) fn add_nspartition(&mut self, partition: &str, name: &str, fields: Fields) -> Result<(), Refused> {
        only_in_default(partition)?;
        if self.running.has(name) {
            return Err(Refused::about(EXISTS, &["partitionName", name]));
        }
        self.running.put(name, fields);
        Ok(())
    }

    pub(super) fn set_nspartition(&mut self, partition: &str, name: &str, sent: Fields) -> Result<(), Refused> {
        only_in_default(partition)?;
        let found = self.running.partition(name).filter(|_| name != DEFAULT);
        let mut fields = found.ok_or_else(|| Refused::no("nspartition", name))?.clone();
        fields.extend(sent);
        self.running.put(name, fields);
        Ok(())
    }

    /// With all that is in it; sessions that chose it end.
    pub(super) fn delete_nspartition(&mut self, partition: &str, name: &str) -> Result<Reply, Refused> {
        only_in_default(partition)?;
        if name == DEFAULT || !self.running.has(name) {
            return Err(Refused::no("nspartition", name));
        }
        self.running.remove(name);
        self.sessions.leave(name);
        self.leaving.retain(|(of, _), _| of != name);
        self.counters.retain(|(of, _), _| of != name);
        Ok(done())
    }

    pub(super) fn list_partitions(&self, current: &str) -> Vec<Fields> {
        let resource = &self.schema.resources["nspartition"];
        let shown = self.running.partitions().enumerate().map(|(position, (name, fields))| {
            let mut shown = validate::shown(resource, fields);
            shown.insert("partitionname".to_owned(), Value::from(name));
            shown.insert("partitionid".to_owned(), Value::from(position.to_string()));
            let of = match name {
                DEFAULT if current == DEFAULT => "Default Partition, Current Partition",
                DEFAULT => "Default Partition",
                name if name == current => "Current Partition",
                _ => "",
            };
            if !of.is_empty() {
                shown.insert("partitiontype".to_owned(), Value::from(of));
            }
            shown
        });
        shown.collect()
    }

    pub(super) fn save(&mut self, request: &Request, partition: &str) -> Result<Reply, Refused> {
        let body = bodies::single(request, "nsconfig")?;
        if let Some(other) = body.keys().find(|name| *name != "all") {
            return Err(Refused::about(INVALID_ARGUMENT, &[other]));
        }
        let all = body.get("all").and_then(Value::as_bool).unwrap_or(false);
        if all {
            only_in_default(partition)?;
        }
        let running = self.running.clone();
        let names = running.partitions().map(|(name, _)| name).filter(|name| all || *name == partition);
        for name in names {
            self.saved.save(&running, name);
        }
        Ok(Reply::html(200, ""))
    }

    /// Singletons come as an object, not as a list.
    pub(super) fn singleton(&self, partition: &str, name: &str) -> Option<Value> {
        Some(match name {
            "nsconfig" => {
                let changed = !self.running.agrees(&self.saved, partition);
                json!({"ipaddress": "192.0.2.1", "netmask": "255.255.255.0", "systemtype": "Stand-alone",
                    "configchanged": changed, "primaryip": "192.0.2.1", "timezone": "CoordinatedUniversalTime"})
            }
            "nsversion" => {
                json!({"version": "NetScaler NS14.1: Build 25.56.nc, Date: Jan 1 2026, 00:00:00", "mode": "1"})
            }
            "nshardware" => json!({
                "hwdescription": "NetScaler Virtual Appliance", "sysid": "450010", "manufactureday": 1,
                "manufacturemonth": 1, "manufactureyear": 2026, "cpufrequncy": 2400, "host": "simulated",
                "hostid": "0", "serialno": "SIMULATED", "encodedserialno": "SIMULATED"
            }),
            _ => return None,
        })
    }
}
