//! What a request of REST asks for, asked of `lbaas.v1`: by the descriptors, so that no message is spelled out here.

use ballast_proto::DESCRIPTORS;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value as Put};
use serde_json::{Map, Value, json};

/// A method, as `Pools.Create`, and what it is called with.
pub(super) struct Call {
    pub(super) method: String,
    pub(super) request: DynamicMessage,
}

/// The name that a field of REST has in gRPC.
pub(super) fn named(field: &str) -> &str {
    match field {
        "ip_address" => "address",
        "nexthop" => "next_hop",
        "tenant_id" => "project_id",
        "binding:host_id" => "host_id",
        other => other.strip_prefix("provider:").unwrap_or(other),
    }
}

/// The call of an action, with the ids of its path and its body. What gRPC has no field for is the error.
pub(super) fn call(action: &str, ids: &[String], body: &Value) -> Result<Call, String> {
    let (wrapper, object) = body.as_object().and_then(|body| body.iter().next()).expect("an object in a wrapper");
    let (verb, kind) = action.split_once('_').expect("a verb and what it is done to");
    let (method, request) = match (verb, kind) {
        ("create", "pool_health_monitor") => {
            let mut pair = object.clone();
            let monitor = pair.as_object_mut().and_then(|pair| pair.remove("id"));
            pair["health_monitor_id"] = monitor.expect("a monitor");
            pair["pool_id"] = json!(ids[0]);
            ("Pools.AssociateHealthMonitor".to_owned(), pair)
        }
        ("create", _) => (method(kind, "Create"), json!({wrapper: object})),
        ("update", _) => {
            let paths: Vec<&str> = object.as_object().expect("fields").keys().map(|name| named(name)).collect();
            let mut object = object.clone();
            object["id"] = json!(ids[0]);
            (method(kind, "Update"), json!({wrapper: object, "update_mask": {"paths": paths}}))
        }
        other => panic!("{other:?} is no change"),
    };
    let (service, name) = method.split_once('.').expect("a service and its method");
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("our descriptors");
    let service = pool.get_service_by_name(&format!("lbaas.v1.{service}")).expect("a service");
    let input = service.methods().find(|method| method.name() == name).expect("a method").input();
    Ok(Call { request: message(&input, request.as_object().expect("fields"))?, method })
}

fn method(kind: &str, verb: &str) -> String {
    match kind {
        "network" => format!("Networks.{verb}Network"),
        "subnet" => format!("Networks.{verb}Subnet"),
        "health_monitor" => format!("HealthMonitors.{verb}"),
        other => format!("{}{}s.{verb}", other[..1].to_uppercase(), &other[1..]),
    }
}

fn message(of: &MessageDescriptor, fields: &Map<String, Value>) -> Result<DynamicMessage, String> {
    let mut message = DynamicMessage::new(of.clone());
    for (name, value) in fields {
        let name = named(name);
        let field = of.get_field_by_name(name).ok_or_else(|| format!("{}.{name}", of.name()))?;
        let value = match value {
            Value::Array(items) if field.is_list() => {
                Put::List(items.iter().map(|item| put(&field, item)).collect::<Result<_, _>>()?)
            }
            value => put(&field, value)?,
        };
        message.set_field(&field, value);
    }
    Ok(message)
}

fn put(field: &FieldDescriptor, value: &Value) -> Result<Put, String> {
    let number = || value.as_i64().unwrap_or_else(|| panic!("{} is no number: {value}", field.full_name()));
    Ok(match (field.kind(), value) {
        (Kind::String, Value::String(text)) => Put::String(text.clone()),
        (Kind::Bool, Value::Bool(flag)) => Put::Bool(*flag),
        (Kind::Int32, _) => Put::I32(number().try_into().expect("a small number")),
        (Kind::Uint32, _) => Put::U32(number().try_into().expect("a small number")),
        (Kind::Enum(values), Value::String(text)) => {
            let meant = values.values().find(|value| value.name().ends_with(&format!("_{text}")));
            Put::EnumNumber(meant.unwrap_or_else(|| panic!("what is {text} of {}?", field.full_name())).number())
        }
        (Kind::Message(inner), Value::Object(fields)) => Put::Message(message(&inner, fields)?),
        // A list that may be left out is in a message of its own.
        (Kind::Message(inner), Value::Array(_)) => {
            let list = Map::from_iter([(field.name().to_owned(), value.clone())]);
            Put::Message(message(&inner, &list)?)
        }
        (kind, value) => panic!("{value} is put into {}, a {kind:?}", field.full_name()),
    })
}
