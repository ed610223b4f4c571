//! `/v2.0/ports`
//!
//! There are no security groups, no allowed address pairs and one kind of network card: what a client sends to have none of
//! them is taken, and means nothing.

use axum::extract::State;
use ballast_limits as limits;
use ballast_proto::v1::{
    CreatePortRequest, DeleteRequest, Filter, FixedIp, FixedIps, GetRequest, Port, UpdatePortRequest,
};
use serde::{Serialize, ser::SerializeMap};
use serde_json::{Value, json};

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        at::At,
        attributes::{Attribute, Attributes, Kind, Resource},
        payload::Payload,
        query::Query,
        reply::{self, Fields, Keys, Reply, Shown},
        table::Routes,
    },
    v1::python,
};

const PORT: Resource = Resource {
    one: "port",
    many: "ports",
    links: "ports_links",
    attributes: &[
        Attribute::read_only("id", Kind::Uuid),
        Attribute::tenant(),
        Attribute::optional("name", Kind::Text).up_to(limits::TEXT).mutable(),
        Attribute::required("network_id", Kind::Uuid),
        Attribute::optional("mac_address", Kind::Text).mutable(),
        Attribute::optional("fixed_ips", Kind::Shape(fixed_ips)).mutable().like(fixed_ips_schema),
        Attribute::optional("device_id", Kind::Text).mutable(),
        Attribute::optional("device_owner", Kind::Text).mutable(),
        Attribute::optional("admin_state_up", Kind::Flag).mutable(),
        Attribute::read_only("status", Kind::OneOf(&["ACTIVE", "DOWN"])),
        Attribute::optional("binding:host_id", Kind::Text).called("host_id"),
        Attribute::optional("binding:vnic_type", Kind::OneOf(&["normal"])).ignored(),
        Attribute::read_only("binding:vif_type", Kind::OneOf(&["bridge", "unbound"])),
        Attribute::read_only("binding:vif_details", Kind::Shape(no_keys)).like(no_keys_schema),
        Attribute::optional("binding:profile", Kind::Shape(no_keys)).mutable().ignored().like(no_keys_schema),
        Attribute::optional("extra_dhcp_opts", Kind::Shape(none)).mutable().ignored().like(none_schema),
        Attribute::optional("security_groups", Kind::Shape(none)).mutable().ignored().never_shown().like(none_schema),
        Attribute::optional("allowed_address_pairs", Kind::Shape(none))
            .mutable()
            .ignored()
            .never_shown()
            .like(none_schema),
    ],
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/ports/{id}";
    Routes::new()
        .list("/v2.0/ports", &PORT, list)
        .create("/v2.0/ports", &PORT, create)
        .show(ITEM, &PORT, show)
        .update(ITEM, &PORT, update)
        .delete(ITEM, &PORT, delete)
}

async fn create(State(gateway): State<Gateway>, caller: Caller, body: Payload) -> Reply {
    let port = decode(PORT.post(body.post()?, caller.project())?);
    let request = caller.request(CreatePortRequest { port: Some(port) });
    let port = gateway.scheduler.ports().create(request).await?.into_inner();
    Ok(reply::created(&PORT, &PortShown::to(&caller)(port)))
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let mut list = query.list(&PORT)?;
    list.request.filters = list.request.filters.into_iter().flat_map(by_address).collect();
    let found = gateway.scheduler.ports().list(caller.request(list.request)).await?.into_inner();
    let ports: Vec<_> = found.ports.into_iter().map(PortShown::to(&caller)).collect();
    Ok(reply::many(&PORT, &ports, &list.view))
}

async fn show(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let port = gateway.scheduler.ports().get(caller.request(GetRequest { id })).await?.into_inner();
    Ok(reply::one(&PORT, &PortShown::to(&caller)(port), &query.fields()))
}

async fn update(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, body: Payload) -> Reply {
    let (attributes, mask) = PORT.put(body.put()?)?;
    let port = Port { id, ..decode(attributes) };
    let request = caller.request(UpdatePortRequest { port: Some(port), update_mask: Some(mask) });
    let port = gateway.scheduler.ports().update(request).await?.into_inner();
    Ok(reply::one(&PORT, &PortShown::to(&caller)(port), &Fields::default()))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    gateway.scheduler.ports().delete(caller.request(DeleteRequest { id })).await?;
    Ok(reply::gone())
}

/// `fixed_ips=ip_address=10.0.0.2` filters by an address, `fixed_ips=subnet_id=...` by a subnet.
fn by_address(filter: Filter) -> Vec<Filter> {
    if filter.field != "fixed_ips" {
        return vec![filter];
    }
    let keyed = |key: &str| {
        let values = filter.values.iter().filter_map(|value| value.strip_prefix(key)?.strip_prefix('='));
        Filter { field: key.to_owned(), values: values.map(str::to_owned).collect() }
    };
    [keyed("ip_address"), keyed("subnet_id")].into_iter().filter(|filter| !filter.values.is_empty()).collect()
}

/// A list of dictionaries with `subnet_id`, `ip_address` or both; null is as good as absent.
fn fixed_ips(value: &Value) -> Result<(), String> {
    let known = |item: &Value| {
        item.as_object().is_some_and(|map| {
            map.iter().all(|(key, value)| ["subnet_id", "ip_address"].contains(&key.as_str()) && value.is_string())
        })
    };
    let good = match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(known),
        _ => false,
    };
    good.then_some(()).ok_or_else(|| format!("Invalid data format for fixed IP: '{}'", python::text(value)))
}

fn none(value: &Value) -> Result<(), String> {
    let good = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    good.then_some(()).ok_or_else(|| format!("'{}' is not an empty list", python::text(value)))
}

fn no_keys(value: &Value) -> Result<(), String> {
    let good = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    good.then_some(()).ok_or_else(|| format!("'{}' is not an empty dictionary", python::text(value)))
}

fn no_keys_schema() -> Value {
    json!({ "type": "object", "maxProperties": 0 })
}

fn fixed_ips_schema() -> Value {
    let text = json!({ "type": "string" });
    let one = json!({
        "type": "object", "additionalProperties": false, "properties": { "subnet_id": text, "ip_address": text }
    });
    json!({ "type": "array", "items": one })
}

fn none_schema() -> Value {
    json!({ "type": "array", "maxItems": 0 })
}

fn decode(mut attributes: Attributes) -> Port {
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let fixed_ips = attributes.value("fixed_ips").and_then(Value::as_array).map(|items| {
        let one = |item| FixedIp { subnet_id: text(item, "subnet_id"), address: text(item, "ip_address") };
        FixedIps { fixed_ips: items.iter().map(one).collect() }
    });
    Port {
        fixed_ips,
        project_id: attributes.text("tenant_id"),
        name: attributes.text("name"),
        network_id: attributes.text("network_id"),
        mac_address: attributes.text("mac_address"),
        device_id: attributes.text("device_id"),
        device_owner: attributes.text("device_owner"),
        admin_state_up: attributes.flag("admin_state_up"),
        host_id: attributes.text("binding:host_id"),
        ..Port::default()
    }
}

#[derive(Serialize)]
struct FixedIpShown<'a> {
    subnet_id: &'a str,
    ip_address: &'a str,
}

/// A port as somebody sees it: where and how it is plugged in is for operators.
struct PortShown {
    port: Port,
    to_admin: bool,
}

impl PortShown {
    fn to(caller: &Caller) -> impl Fn(Port) -> Self {
        let to_admin = caller.is_admin();
        move |port| Self { port, to_admin }
    }

    /// What Neutron has of every port, and is the same for each here but where it is.
    fn show_binding<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        let host = &self.port.host_id;
        keys.put("binding:host_id", host)?;
        keys.put("binding:vnic_type", "normal")?;
        keys.put("binding:vif_type", if host.is_empty() { "unbound" } else { "bridge" })?;
        keys.make("binding:vif_details", || json!({}))?;
        keys.make("binding:profile", || json!({}))?;
        keys.make("extra_dhcp_opts", || json!([]))
    }
}

impl Shown for PortShown {
    fn id(&self) -> &str {
        &self.port.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        let port = &self.port;
        keys.put("id", &port.id)?;
        keys.put("tenant_id", &port.project_id)?;
        keys.put("name", &port.name)?;
        keys.put("network_id", &port.network_id)?;
        keys.put("mac_address", &port.mac_address)?;
        keys.make("fixed_ips", || {
            let all = port.fixed_ips.iter().flat_map(|ips| &ips.fixed_ips);
            all.map(|one| FixedIpShown { subnet_id: &one.subnet_id, ip_address: &one.address }).collect::<Vec<_>>()
        })?;
        keys.put("device_id", &port.device_id)?;
        keys.put("device_owner", &port.device_owner)?;
        keys.put("admin_state_up", &port.admin_state_up)?;
        let is_plugged = port.admin_state_up.unwrap_or_default() && !port.device_id.is_empty();
        keys.put("status", if is_plugged { "ACTIVE" } else { "DOWN" })?;
        if self.to_admin { self.show_binding(keys) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_ips_are_dictionaries_of_a_subnet_and_an_address() {
        for good in [json!(null), json!([]), json!([{ "subnet_id": "a" }, { "ip_address": "10.0.0.2" }])] {
            assert_eq!(fixed_ips(&good), Ok(()), "{good}");
        }
        for bad in [json!("x"), json!([1]), json!([{ "subnet": "a" }]), json!([{ "ip_address": 1 }])] {
            assert!(fixed_ips(&bad).unwrap_err().starts_with("Invalid data format for fixed IP: '"), "{bad}");
        }
        assert_eq!(none(&json!([])), Ok(()));
        assert!(none(&json!(["default"])).is_err());
    }

    #[test]
    fn a_filter_on_fixed_ips_is_one_on_addresses_or_subnets() {
        let filter = |field: &str, values: &[&str]| Filter {
            field: field.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let sent = filter("fixed_ips", &["ip_address=10.0.0.2", "subnet_id=a", "ip_address=10.0.0.3"]);
        assert_eq!(by_address(sent), [filter("ip_address", &["10.0.0.2", "10.0.0.3"]), filter("subnet_id", &["a"])]);
        assert_eq!(by_address(filter("name", &["n"])), [filter("name", &["n"])]);
    }
}
