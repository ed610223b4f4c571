//! Taking into service and out of it.

use std::time::Duration;

use serde_json::Value;

use super::{
    NetScaler,
    error::{MISSING, NOT_FOUND, PREREQUISITE, Refused},
    schema::Resource,
    validate::{Fields, text},
};

impl NetScaler {
    /// `out`: out of service, now or after a delay from now on.
    pub(super) fn switch_on(
        &mut self,
        resource: &Resource,
        (kind, partition): (&str, &str),
        sent: &Fields,
        out: Option<Duration>,
    ) -> Result<(), Refused> {
        let key = text(sent, &resource.key).ok_or(Refused::about(MISSING, &[&resource.key]))?;
        let (path, attribute) = match kind {
            "servicegroup" if sent.contains_key("servername") || sent.contains_key("port") => {
                let server = text(sent, "servername").ok_or(Refused::about(PREREQUISITE, &["port", "serverName"]))?;
                let port = sent.get("port").ok_or(Refused::about(PREREQUISITE, &["serverName", "port"]))?;
                (format!("servicegroup_servicegroupmember_binding/{key}/{server}+{port}"), "state")
            }
            "lbmonitor" => {
                let group = text(sent, "servicegroupname").ok_or(Refused::about(MISSING, &["serviceName"]))?;
                (format!("servicegroup_lbmonitor_binding/{group}/{key}"), "monstate")
            }
            _ => (format!("{kind}/{key}"), "state"),
        };
        let objects = self.running.objects_mut(partition);
        if kind == "servicegroup" && !objects.contains_key(&format!("servicegroup/{key}")) {
            return Err(Refused::no(kind, key));
        }
        let fields = objects.get_mut(&path).ok_or_else(|| match kind {
            "servicegroup" => Refused::about(NOT_FOUND, &["serverName", text(sent, "servername").unwrap_or_default()]),
            _ => Refused::no(kind, key),
        })?;
        let state = if out.is_some() { "DISABLED" } else { "ENABLED" };
        fields.insert(attribute.to_owned(), Value::from(state));
        fields.remove("graceful");
        fields.remove("delay");
        self.leaving.remove(&(partition.to_owned(), path.clone()));
        if let Some(now) = out {
            let delay = sent.get("delay").and_then(Value::as_u64);
            for name in ["graceful", "delay"] {
                if let Some(value) = sent.get(name) {
                    fields.insert(name.to_owned(), value.clone());
                }
            }
            if let Some(delay) = delay.filter(|delay| *delay > 0) {
                self.leaving.insert((partition.to_owned(), path), now + Duration::from_secs(delay));
            }
        }
        Ok(())
    }
}
