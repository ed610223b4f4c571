//! Partitions are made, unloaded, deleted and listed; and their configuration is saved.

use serde_json::{Value, json};

use super::{A10, SHARED, error::Refused, ok, path::as_object, validate};
use crate::{Reply, http::decoded};

impl A10 {
    pub(super) fn manage_partitions(
        &mut self,
        method: &str,
        segments: &[&str],
        body: &Value,
        partition: &str,
    ) -> Result<Reply, Refused> {
        match (method, segments) {
            ("GET", ["partition-all", "oper"]) => Ok(self.all_partitions()),
            ("GET", ["partition-available-id", "oper"]) => Ok(self.available_ids()),
            ("GET", ["partition", name]) => {
                let name = decoded(name);
                let found = self.running.get(&name).filter(|_| name != SHARED);
                let found = found.ok_or_else(|| Refused::not_found("partition"))?;
                Ok(Reply::json(200, &json!({"partition": {"partition-name": name, "id": found.id}})))
            }
            ("GET", _) => Err(Refused::not_found("partition")),
            (_, _) if partition != SHARED => Err(Refused::privilege()),
            ("POST", ["partition"]) => self.make_partition(body),
            ("DELETE", ["partition", name]) => {
                let name = decoded(name);
                if name == SHARED || !self.running.is_active(&name) {
                    return Err(Refused::not_found("partition"));
                }
                self.running.set_active(&name, false);
                self.sessions.leave(&name);
                Ok(ok())
            }
            ("POST", ["delete", "partition"]) => self.delete_partition(body),
            (_, _) => Err(Refused::unsupported(format!("{method} is not supported"))),
        }
    }

    fn make_partition(&mut self, body: &Value) -> Result<Reply, Refused> {
        let kind = &self.schema.objects["partition"];
        let fields = validate::checked(&kind.fields, as_object(body, "partition")?, false)?;
        let name = fields.get("partition-name").and_then(Value::as_str).ok_or_else(Refused::body)?.to_owned();
        let id = fields.get("id").and_then(Value::as_u64).and_then(|id| u16::try_from(id).ok());
        let id = id.ok_or_else(|| Refused::value("partition id is missing"))?;
        match self.running.get(&name) {
            Some(found) if found.active || found.id != id => return Err(Refused::partition_exists()),
            Some(_) => {}
            None if self.running.has_id(id) => return Err(Refused::partition_id_exists()),
            None => {}
        }
        self.running.add(&name, id);
        Ok(Reply::json(200, &json!({"partition": {"partition-name": name, "id": id}})))
    }

    fn delete_partition(&mut self, body: &Value) -> Result<Reply, Refused> {
        let fields = as_object(body, "partition")?;
        let name = fields.get("partition-name").and_then(Value::as_str).unwrap_or_default();
        let found = self.running.get(name).filter(|found| Some(u64::from(found.id)) == fields["id"].as_u64());
        match found {
            None => Err(Refused::not_found("partition")),
            Some(found) if found.active => Err(Refused::in_use("an active partition")),
            Some(_) => {
                self.running.remove(name);
                Ok(ok())
            }
        }
    }

    fn all_partitions(&self) -> Reply {
        let names = self.running.names().filter(|name| *name != SHARED);
        let list = names.filter_map(|name| {
            let partition = self.running.get(name)?;
            Some(json!({
                "partition-name": name, "partition-id": partition.id, "app-Type": "ADC", "admin-Count": 0,
                "status": if partition.active { "Active" } else { "Not-Active" }
            }))
        });
        let list: Vec<Value> = list.collect();
        Reply::json(
            200,
            &json!({"partition-all": {"oper": {"partition-list": list}, "a10-url": "/axapi/v3/partition-all/oper"}}),
        )
    }

    fn available_ids(&self) -> Reply {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for id in (1..=1023).filter(|id| !self.running.has_id(*id)) {
            match ranges.last_mut() {
                Some((_, end)) if *end + 1 == id => *end = id,
                _ => ranges.push((id, id)),
            }
        }
        let ranges = ranges.iter().map(|(start, end)| json!({"start": start.to_string(), "end": end.to_string()}));
        let ranges: Vec<Value> = ranges.collect();
        Reply::json(200, &json!({"partition-available-id": {"oper": {"range-list": ranges}}}))
    }

    pub(super) fn write_memory(&mut self, body: &Value, partition: &str) -> Result<Reply, Refused> {
        let memory = if body.is_null() { &Value::Null } else { body.get("memory").ok_or_else(Refused::body)? };
        let which = memory["partition"].as_str();
        let names: Vec<String> = match (which, memory["specified-partition"].as_str()) {
            (Some("all"), _) => self.running.names().map(str::to_owned).collect(),
            (Some("shared"), _) => vec![SHARED.to_owned()],
            (Some("specified"), Some(name)) => vec![name.to_owned()],
            (None, _) => vec![partition.to_owned()],
            (Some(other), _) => return Err(Refused::value(format!("partition: {other:?} is not a valid value"))),
        };
        let everything = which == Some("all");
        if partition != SHARED && !everything && names.iter().any(|name| name != partition) {
            return Err(Refused::privilege());
        }
        for name in names {
            if !self.running.is_active(&name) {
                return Err(Refused::not_found("partition"));
            }
            let running = self.running.clone();
            self.saved.save(&running, &name);
        }
        if self.assumptions.saves_silently {
            return Ok(Reply::empty(204));
        }
        Ok(ok())
    }
}
