//! `/v2.0/lb/vips`

use axum::extract::State;
use ballast_limits as limits;
use ballast_proto::{
    driver::{PersistenceType, Protocol, SessionPersistence},
    v1::{CreateVipRequest, DeleteRequest, GetRequest, Status, UpdateVipRequest, Vip},
};
use serde::{Serialize, ser::SerializeMap};
use serde_json::{Map, Value, json};

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        at::At,
        attributes::{Attribute, Attributes, INTEGER, Kind, Resource},
        pages,
        payload::Payload,
        query::Query,
        refusal::Refusal,
        reply::{self, Fields, Keys, Reply, Shown, present},
        spelling::{self, spell},
        table::Routes,
    },
    v1::{
        python,
        spelling::{PERSISTENCE_TYPES, PROTOCOLS},
        values,
    },
};

const VIP: Resource = Resource {
    one: "vip",
    many: "vips",
    links: "vips_links",
    attributes: &[
        Attribute::read_only("id", Kind::Uuid),
        Attribute::tenant(),
        Attribute::optional("name", Kind::Text).up_to(limits::TEXT).mutable(),
        Attribute::optional("description", Kind::Text).up_to(limits::TEXT).mutable(),
        Attribute::required("subnet_id", Kind::Uuid),
        Attribute::optional("address", Kind::AddressOrNone).or_null(),
        Attribute::read_only("port_id", Kind::Uuid).or_null(),
        Attribute::required("protocol_port", INTEGER).within(limits::PORT),
        Attribute::required("protocol", Kind::OneOf(PROTOCOLS)),
        Attribute::required("pool_id", Kind::Uuid).mutable(),
        Attribute::optional("session_persistence", Kind::Shape(session_persistence)).like(persistence_schema).mutable(),
        Attribute::optional("connection_limit", INTEGER).mutable(),
        Attribute::optional("admin_state_up", Kind::Flag).mutable(),
        Attribute::read_only("status", Kind::Text),
        Attribute::read_only("status_description", Kind::Text).or_null(),
    ],
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/lb/vips/{id}";
    Routes::new()
        .list("/v2.0/lb/vips", &VIP, list)
        .create("/v2.0/lb/vips", &VIP, create)
        .show(ITEM, &VIP, show)
        .update(ITEM, &VIP, update)
        .delete(ITEM, &VIP, delete)
}

async fn create(State(gateway): State<Gateway>, caller: Caller, body: Payload) -> Reply {
    let vip = decode(VIP.post(body.post()?, caller.project())?)?;
    let request = caller.request(CreateVipRequest { vip: Some(vip), ..Default::default() });
    let made = gateway.scheduler.vips().create(request).await.map_err(Refusal::of_vip)?;
    Ok(reply::created(&VIP, made.get_ref()))
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let fetch = move |request| {
        let (mut vips, request) = (gateway.scheduler.vips(), caller.request(request));
        async move {
            let found = vips.list(request).await?.into_inner();
            Ok((found.vips, found.next_page_token))
        }
    };
    pages::reply(&VIP, query.list(&VIP)?, fetch).await
}

async fn show(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let vip = gateway.scheduler.vips().get(caller.request(GetRequest { id })).await?.into_inner();
    Ok(reply::one(&VIP, &vip, &query.fields()))
}

/// `session_persistence` that is left out stays; null or `{}` takes it away, by the mask.
async fn update(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, body: Payload) -> Reply {
    let (attributes, mask) = VIP.put(body.put()?)?;
    let vip = Vip { id, ..decode(attributes)? };
    let request = caller.request(UpdateVipRequest { vip: Some(vip), update_mask: Some(mask) });
    Ok(reply::one(&VIP, gateway.scheduler.vips().update(request).await?.get_ref(), &Fields::default()))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    gateway.scheduler.vips().delete(caller.request(DeleteRequest { id })).await?;
    Ok(reply::gone())
}

fn decode(mut attributes: Attributes) -> Result<Vip, Refusal> {
    Ok(Vip {
        project_id: attributes.text("tenant_id"),
        name: attributes.text("name"),
        description: attributes.text("description"),
        subnet_id: attributes.text("subnet_id"),
        address: attributes.text("address"),
        protocol_port: attributes.integer("protocol_port"),
        protocol: attributes.spelled::<Protocol>("protocol"),
        pool_id: attributes.text("pool_id"),
        session_persistence: persistence(&attributes)?,
        connection_limit: attributes.integer("connection_limit"),
        admin_state_up: attributes.flag("admin_state_up"),
        ..Vip::default()
    })
}

/// A dictionary with `type`, and `cookie_name` as text. Null and `{}` are none; other keys are ignored.
fn session_persistence(value: &Value) -> Result<(), String> {
    let map = match value {
        Value::Null => return Ok(()),
        Value::Object(map) if map.is_empty() => return Ok(()),
        Value::Object(map) => map,
        _ => return Err(format!("'{}' is not a dictionary", python::text(value))),
    };
    let Some(kind) = map.get("type") else { return Err(keys_failed(map)) };
    values::check(Kind::OneOf(PERSISTENCE_TYPES), kind)?;
    map.get("cookie_name").map_or(Ok(()), |name| values::check(Kind::Text, name))
}

fn persistence_schema() -> Value {
    json!({
        "type": ["object", "null"],
        "properties": { "type": { "type": "string", "enum": PERSISTENCE_TYPES }, "cookie_name": { "type": "string" } }
    })
}

fn keys_failed(map: &Map<String, Value>) -> String {
    let provided = python::list(map.keys().map(|key| python::unicode(key)));
    format!("Validation of dictionary's keys failed.Expected keys: set(['type']) Provided keys: set({provided})")
}

fn persistence(attributes: &Attributes) -> Result<Option<SessionPersistence>, Refusal> {
    let Some(Value::Object(map)) = attributes.value("session_persistence") else { return Ok(None) };
    let Some(kind) = map.get("type").and_then(Value::as_str) else { return Ok(None) };
    let r#type = spelling::parse::<PersistenceType>(kind);
    let cookie_name = map.get("cookie_name").and_then(Value::as_str);
    // On the wire an empty name is no name, so a type that takes none would be let pass with one.
    if cookie_name == Some("") && r#type != i32::from(PersistenceType::AppCookie) {
        let reason = "'cookie_name' is not allowed for this type of session persistence";
        return Err(Refusal::invalid("session_persistence", reason));
    }
    let cookie_name = cookie_name.unwrap_or_default().to_owned();
    Ok(Some(SessionPersistence { r#type, cookie_name, ..SessionPersistence::default() }))
}

impl Shown for Vip {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("tenant_id", &self.project_id)?;
        keys.put("name", &self.name)?;
        keys.put("description", &self.description)?;
        keys.put("subnet_id", &self.subnet_id)?;
        keys.put("address", &present(&self.address))?;
        keys.put("port_id", &present(&self.port_id))?;
        keys.put("protocol_port", &self.protocol_port)?;
        keys.put("protocol", &spell::<Protocol>(self.protocol))?;
        keys.put("pool_id", &self.pool_id)?;
        keys.make("session_persistence", || self.session_persistence.as_ref().map(PersistenceShown::from))?;
        keys.put("connection_limit", &self.connection_limit)?;
        keys.put("admin_state_up", &self.admin_state_up)?;
        keys.put("status", &spell::<Status>(self.status))?;
        keys.put("status_description", &present(&self.status_description))
    }
}

#[derive(Serialize)]
struct PersistenceShown<'a> {
    r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie_name: Option<&'a str>,
}

impl<'a> From<&'a SessionPersistence> for PersistenceShown<'a> {
    fn from(persistence: &'a SessionPersistence) -> Self {
        let r#type = spell::<PersistenceType>(persistence.r#type);
        Self { r#type, cookie_name: present(&persistence.cookie_name) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn persistence_is_null_empty_or_a_dictionary_with_a_type() {
        for good in [
            json!(null),
            json!({}),
            json!({ "type": "SOURCE_IP" }),
            json!({ "type": "APP_COOKIE", "cookie_name": "c", "more": 1 }),
        ] {
            assert_eq!(session_persistence(&good), Ok(()), "{good}");
        }
        for (bad, reason) in [
            (json!("SOURCE_IP"), "'SOURCE_IP' is not a dictionary"),
            (
                json!({ "cookie_name": "c" }),
                "Validation of dictionary's keys failed.Expected keys: set(['type']) Provided keys: \
                 set([u'cookie_name'])",
            ),
            (json!({ "type": "IP" }), "'IP' is not in ['APP_COOKIE', 'HTTP_COOKIE', 'SOURCE_IP']"),
            (json!({ "type": "APP_COOKIE", "cookie_name": 5 }), "'5' is not a valid string"),
        ] {
            assert_eq!(session_persistence(&bad), Err(reason.to_owned()));
        }
    }
}
