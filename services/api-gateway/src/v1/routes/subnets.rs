//! `/v2.0/subnets`

use axum::extract::State;
use ballast_limits as limits;
use ballast_proto::v1::{
    AllocationPool, CreateSubnetRequest, DeleteRequest, GetRequest, HostRoute, Subnet, UpdateSubnetRequest,
};
use serde::{Serialize, ser::SerializeMap};
use serde_json::Value;

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        at::At,
        attributes::{Attribute, Attributes, Kind, Resource},
        payload::Payload,
        query::Query,
        reply::{self, Fields, Keys, Reply, Shown, present},
        table::Routes,
    },
    v1::python,
};

const IPV6_MODES: &[&str] = &["dhcpv6-stateful", "dhcpv6-stateless", "slaac"];

const SUBNET: Resource = Resource {
    one: "subnet",
    many: "subnets",
    links: "subnets_links",
    attributes: &[
        Attribute::read_only("id", Kind::Uuid),
        Attribute::tenant(),
        Attribute::optional("name", Kind::Text).up_to(limits::TEXT).mutable(),
        Attribute::optional("ip_version", Kind::IntegerOneOf(&[4, 6])),
        Attribute::required("network_id", Kind::Uuid),
        Attribute::required("cidr", Kind::Text),
        Attribute::optional("gateway_ip", Kind::AddressOrNone).or_null().mutable(),
        Attribute::optional("allocation_pools", Kind::Shape(allocation_pools)).mutable(),
        Attribute::optional("dns_nameservers", Kind::Shape(dns_nameservers)).mutable(),
        Attribute::optional("host_routes", Kind::Shape(host_routes)).mutable(),
        Attribute::optional("enable_dhcp", Kind::Flag).mutable(),
        Attribute::optional("ipv6_ra_mode", Kind::OneOf(IPV6_MODES)).or_null(),
        Attribute::optional("ipv6_address_mode", Kind::OneOf(IPV6_MODES)).or_null(),
    ],
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/subnets/{id}";
    Routes::new()
        .list("/v2.0/subnets", &SUBNET, list)
        .create("/v2.0/subnets", &SUBNET, create)
        .show(ITEM, &SUBNET, show)
        .update(ITEM, &SUBNET, update)
        .delete(ITEM, &SUBNET, delete)
}

async fn create(State(gateway): State<Gateway>, caller: Caller, body: Payload) -> Reply {
    let subnet = decode(SUBNET.post(body.post()?, caller.project())?);
    let request = caller.request(CreateSubnetRequest { subnet: Some(subnet), ..Default::default() });
    Ok(reply::created(&SUBNET, gateway.scheduler.networks().create_subnet(request).await?.get_ref()))
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let list = query.list(&SUBNET)?;
    let found = gateway.scheduler.networks().list_subnets(caller.request(list.request)).await?.into_inner();
    Ok(reply::many(&SUBNET, &found.subnets, &list.view))
}

async fn show(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let subnet = gateway.scheduler.networks().get_subnet(caller.request(GetRequest { id })).await?.into_inner();
    Ok(reply::one(&SUBNET, &subnet, &query.fields()))
}

async fn update(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, body: Payload) -> Reply {
    let (attributes, mask) = SUBNET.put(body.put()?)?;
    let subnet = Subnet { id, ..decode(attributes) };
    let request = caller.request(UpdateSubnetRequest { subnet: Some(subnet), update_mask: Some(mask) });
    let changed = gateway.scheduler.networks().update_subnet(request).await?;
    Ok(reply::one(&SUBNET, changed.get_ref(), &Fields::default()))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    gateway.scheduler.networks().delete_subnet(caller.request(DeleteRequest { id })).await?;
    Ok(reply::gone())
}

/// A list of dictionaries whose two keys are texts, as pairs; none when it is another thing.
fn pairs(value: &Value, keys: [&str; 2]) -> Option<Vec<(String, String)>> {
    let pair = |item: &Value| {
        let text = |key: &str| item.get(key)?.as_str().map(str::to_owned);
        let whole = item.as_object().is_some_and(|map| map.len() == keys.len());
        Some((text(keys[0])?, text(keys[1])?)).filter(|_| whole)
    };
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => items.iter().map(pair).collect(),
        _ => None,
    }
}

const POOL_KEYS: [&str; 2] = ["start", "end"];
const ROUTE_KEYS: [&str; 2] = ["destination", "nexthop"];

fn allocation_pools(value: &Value) -> Result<(), String> {
    let refusal = || format!("Invalid data format for IP pool: '{}'", python::text(value));
    pairs(value, POOL_KEYS).map(|_| ()).ok_or_else(refusal)
}

fn host_routes(value: &Value) -> Result<(), String> {
    let refusal = || format!("Invalid data format for hostroute: '{}'", python::text(value));
    pairs(value, ROUTE_KEYS).map(|_| ()).ok_or_else(refusal)
}

fn dns_nameservers(value: &Value) -> Result<(), String> {
    let good = match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(Value::is_string),
        _ => false,
    };
    good.then_some(()).ok_or_else(|| format!("Invalid data format for nameserver: '{}'", python::text(value)))
}

fn decode(mut attributes: Attributes) -> Subnet {
    let listed = |name: &str, keys| attributes.value(name).and_then(|value| pairs(value, keys)).unwrap_or_default();
    let pools = listed("allocation_pools", POOL_KEYS).into_iter();
    let routes = listed("host_routes", ROUTE_KEYS).into_iter();
    let nameservers = attributes.value("dns_nameservers").and_then(Value::as_array).map(Vec::as_slice);
    Subnet {
        allocation_pools: pools.map(|(start, end)| AllocationPool { start, end }).collect(),
        host_routes: routes.map(|(destination, next_hop)| HostRoute { destination, next_hop }).collect(),
        dns_nameservers: texts(nameservers.unwrap_or_default()),
        // Null is no gateway, for which the wire has the empty text; left out, the scheduler chooses one.
        gateway_ip: attributes.value("gateway_ip").map(|value| value.as_str().unwrap_or_default().to_owned()),
        ip_version: attributes.natural("ip_version"),
        enable_dhcp: attributes.flag("enable_dhcp"),
        ipv6_ra_mode: attributes.text("ipv6_ra_mode"),
        ipv6_address_mode: attributes.text("ipv6_address_mode"),
        project_id: attributes.text("tenant_id"),
        name: attributes.text("name"),
        network_id: attributes.text("network_id"),
        cidr: attributes.text("cidr"),
        ..Subnet::default()
    }
}

fn texts(items: &[Value]) -> Vec<String> {
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Shown for Subnet {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("tenant_id", &self.project_id)?;
        keys.put("name", &self.name)?;
        keys.put("network_id", &self.network_id)?;
        keys.put("ip_version", &self.ip_version)?;
        keys.put("cidr", &self.cidr)?;
        keys.put("gateway_ip", &self.gateway_ip.as_deref().and_then(present))?;
        keys.make("allocation_pools", || {
            self.allocation_pools
                .iter()
                .map(|pool| PoolShown { start: &pool.start, end: &pool.end })
                .collect::<Vec<_>>()
        })?;
        keys.make("host_routes", || {
            let shown = |route| RouteShown::from(route);
            self.host_routes.iter().map(shown).collect::<Vec<_>>()
        })?;
        keys.put("dns_nameservers", &self.dns_nameservers)?;
        keys.put("enable_dhcp", &self.enable_dhcp)?;
        keys.put("ipv6_ra_mode", &present(&self.ipv6_ra_mode))?;
        keys.put("ipv6_address_mode", &present(&self.ipv6_address_mode))
    }
}

#[derive(Serialize)]
struct PoolShown<'a> {
    start: &'a str,
    end: &'a str,
}

#[derive(Serialize)]
struct RouteShown<'a> {
    destination: &'a str,
    nexthop: &'a str,
}

impl<'a> From<&'a HostRoute> for RouteShown<'a> {
    fn from(route: &'a HostRoute) -> Self {
        Self { destination: &route.destination, nexthop: &route.next_hop }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_another_shape_are_refused() {
        assert_eq!(allocation_pools(&json!([{ "start": "10.0.0.2", "end": "10.0.0.9" }])), Ok(()));
        assert_eq!(
            allocation_pools(&json!([{ "start": "10.0.0.2" }])),
            Err("Invalid data format for IP pool: '[{u'start': u'10.0.0.2'}]'".to_owned())
        );
        assert_eq!(host_routes(&json!([{ "destination": "10.0.0.0/8", "nexthop": "10.0.0.1" }])), Ok(()));
        assert!(host_routes(&json!("x")).is_err());
        assert!(host_routes(&json!([{ "destination": "a", "nexthop": "b", "more": 1 }])).is_err());
        assert_eq!(dns_nameservers(&json!(["8.8.8.8"])), Ok(()));
        assert!(dns_nameservers(&json!([8])).is_err());
    }

    #[test]
    fn a_null_gateway_is_none_and_a_missing_one_is_chosen() {
        let subnet = |extra: Value| {
            let mut body = json!({ "network_id": "6a6f4de5-4d2f-4c5a-9d0b-4c7c7d6b8f10", "cidr": "10.0.0.0/24" });
            for (key, value) in extra.as_object().unwrap() {
                body[key] = value.clone();
            }
            decode(SUBNET.post(json!({ "subnet": body }), Some("p")).unwrap()).gateway_ip
        };
        assert_eq!(subnet(json!({ "gateway_ip": null })), Some(String::new()));
        assert_eq!(subnet(json!({ "gateway_ip": "10.0.0.1" })), Some("10.0.0.1".to_owned()));
        assert_eq!(subnet(json!({})), None);
    }
}
