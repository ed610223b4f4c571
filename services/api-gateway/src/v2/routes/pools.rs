//! `/v2.0/lbaas/pools`

use axum::extract::State;
use ballast_proto::{
    driver::{LbMethod, PersistenceType, Protocol},
    v2::{GetRequest, Pool, PoolTls, SessionPersistence, Status},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{health_monitors, health_monitors::HEALTH_MONITOR, members, members::MEMBER, stats};
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        attributes::{Attribute, Attributes, Kind, Resource},
        refusal::Refusal,
        reply::{Entire, Keys, Reply, Shown, present},
        spelling::spell,
        table::{Does, Routes},
    },
    v2::{
        attributes::{self as common, NUMBER, ids, secret, texts},
        crud::{self, Noun, calls},
        place::Place,
        shown::{self, Ids, only, some},
        spelling::{LB_ALGORITHMS, PERSISTENCE_TYPES, POOL_PROTOCOLS},
        tls, values,
    },
};

const SESSION_PERSISTENCE: Resource = Resource {
    one: "session_persistence",
    many: "session_persistences",
    links: "session_persistences_links",
    attributes: &[
        // One that is there has it already.
        Attribute::optional("type", Kind::OneOf(PERSISTENCE_TYPES)),
        Attribute::optional("cookie_name", Kind::Shape(values::cookie_name)),
        Attribute::optional("persistence_timeout", NUMBER).within(common::NATURAL),
        Attribute::optional("persistence_granularity", Kind::Shape(values::granularity)),
    ],
};

pub(crate) const POOL: Resource = Resource {
    one: "pool",
    many: "pools",
    links: "pools_links",
    attributes: &[
        common::ID,
        common::NAME,
        common::DESCRIPTION,
        common::PROVISIONING_STATUS,
        common::OPERATING_STATUS,
        common::STATUS_DESCRIPTION,
        common::ADMIN_STATE_UP,
        // Within a load balancer a name alone is another pool of it.
        Attribute::required("protocol", Kind::OneOf(POOL_PROTOCOLS)).optional_within(),
        Attribute::required("lb_algorithm", Kind::OneOf(LB_ALGORITHMS)).optional_within().mutable(),
        Attribute::optional("session_persistence", Kind::Part(&SESSION_PERSISTENCE))
            .mutable()
            .or_null()
            .like(persistence_schema),
        common::PROJECT_ID,
        common::TENANT_ID,
        Attribute::optional("loadbalancer_id", Kind::Uuid).called("load_balancer_id").not_within().never_shown(),
        Attribute::optional("listener_id", Kind::Uuid).not_within().never_shown().no_filter(),
        ids("loadbalancers", "load_balancer_id"),
        ids("listeners", "listener_ids"),
        common::CREATED_AT,
        common::UPDATED_AT,
        Attribute::read_only("healthmonitor_id", Kind::Uuid).called("health_monitor_id").no_filter(),
        Attribute::optional("healthmonitor", Kind::Part(&HEALTH_MONITOR)).called("health_monitor").never_shown(),
        Attribute::optional("members", Kind::Parts(&MEMBER)).called("member_ids").never_null().like(common::ids_schema),
        common::TAGS,
        secret("tls_container_ref", "tls.tls_container_ref"),
        secret("ca_tls_container_ref", "tls.ca_tls_container_ref"),
        secret("crl_container_ref", "tls.crl_container_ref"),
        Attribute::optional("tls_enabled", Kind::Flag).called("tls.enabled").mutable().never_null(),
        Attribute::optional("tls_ciphers", Kind::Shape(values::ciphers)).called("tls.ciphers").mutable().or_null(),
        texts("tls_versions", "tls.versions"),
        texts("alpn_protocols", "tls.alpn_protocols"),
    ],
};

calls! {
    Pool = Pool: pools, CreatePoolRequest { pool, request_id }, UpdatePoolRequest, DeleteRequest { id; etag }, pools;
    CreatePool, UpdatePool, DeletePool
}

pub(crate) fn routes() -> Routes {
    const ALL: &str = "/v2.0/lbaas/pools";
    const ITEM: &str = "/v2.0/lbaas/pools/{id}";
    crud::routes::<Pool>(ALL, ITEM).serve(
        "/v2.0/lbaas/pools/{id}/stats",
        Does::Tell(stats::schema),
        "get_pool_stats",
        show_stats,
    )
}

async fn show_stats(State(gateway): State<Gateway>, caller: Caller, place: Place) -> Reply {
    let request = caller.request(GetRequest { id: place.id, ..GetRequest::default() });
    Ok(stats::reply(gateway.scheduler.v2().pools().stats(request).await?.get_ref()))
}

fn persistence_schema() -> Value {
    let (text, number) = (json!({ "type": ["string", "null"] }), json!({ "type": ["integer", "null"] }));
    json!({ "type": ["object", "null"], "properties": {
        "type": { "enum": PERSISTENCE_TYPES }, "cookie_name": text, "persistence_timeout": number,
        "persistence_granularity": text
    } })
}

fn persistence(mut attributes: Attributes) -> Option<SessionPersistence> {
    let persistence = SessionPersistence {
        r#type: attributes.spelled::<PersistenceType>("type"),
        cookie_name: attributes.text("cookie_name"),
        persistence_timeout: attributes.integer("persistence_timeout"),
        persistence_granularity: attributes.text("persistence_granularity"),
    };
    (persistence != SessionPersistence::default()).then_some(persistence)
}

fn read_tls(attributes: &mut Attributes) -> Result<Option<PoolTls>, Refusal> {
    let tls = PoolTls {
        enabled: attributes.flag("tls_enabled").unwrap_or_default(),
        tls_container_ref: attributes.text("tls_container_ref"),
        ca_tls_container_ref: attributes.text("ca_tls_container_ref"),
        crl_container_ref: attributes.text("crl_container_ref"),
        ciphers: tls::cipher_string(attributes)?,
        versions: tls::tls_versions(attributes)?,
        alpn_protocols: tls::alpn_protocols(attributes)?,
    };
    Ok((tls != PoolTls::default()).then_some(tls))
}

impl Noun for Pool {
    const RESOURCE: &'static Resource = &POOL;
    const ARGUMENT: &'static str = "pool_";

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        Ok(Self {
            load_balancer_id: attributes.text("loadbalancer_id"),
            listener_id: attributes.text("listener_id"),
            name: attributes.text("name"),
            description: attributes.text("description"),
            admin_state_up: attributes.flag("admin_state_up"),
            tags: attributes.texts("tags"),
            protocol: attributes.spelled::<Protocol>("protocol"),
            lb_algorithm: attributes.spelled::<LbMethod>("lb_algorithm"),
            session_persistence: attributes.part("session_persistence").and_then(persistence),
            tls: read_tls(&mut attributes)?,
            members: attributes.parts("members").into_iter().map(Noun::decode).collect::<Result<_, _>>()?,
            health_monitor: attributes.part("healthmonitor").map(Noun::decode).transpose()?,
            ..Self::default()
        })
    }

    fn at(self, place: Place, etag: String) -> Self {
        Self { id: place.id, status: shown::asking(etag), ..self }
    }

    fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }
}

#[derive(Serialize)]
struct Persistence<'a> {
    r#type: Option<&'static str>,
    cookie_name: Option<&'a str>,
    persistence_timeout: Option<i32>,
    persistence_granularity: Option<&'a str>,
}

impl<'a> From<&'a SessionPersistence> for Persistence<'a> {
    fn from(persistence: &'a SessionPersistence) -> Self {
        Self {
            r#type: spell::<PersistenceType>(persistence.r#type),
            cookie_name: present(&persistence.cookie_name),
            persistence_timeout: persistence.persistence_timeout,
            persistence_granularity: present(&persistence.persistence_granularity),
        }
    }
}

/// What a pool has that is not asked for any.
const NO_TLS: &PoolTls = &PoolTls {
    enabled: false,
    tls_container_ref: String::new(),
    ca_tls_container_ref: String::new(),
    crl_container_ref: String::new(),
    ciphers: String::new(),
    versions: Vec::new(),
    alpn_protocols: Vec::new(),
};

/// What it has wherever it is shown.
fn show_own<M: SerializeMap>(pool: &Pool, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
    keys.put("id", &pool.id)?;
    keys.put("name", &pool.name)?;
    keys.put("description", &pool.description)?;
    shown::status(keys, pool.status.as_ref())?;
    keys.put("admin_state_up", &pool.admin_state_up.unwrap_or_default())?;
    keys.put("protocol", &spell::<Protocol>(pool.protocol))?;
    keys.put("lb_algorithm", &spell::<LbMethod>(pool.lb_algorithm))?;
    keys.put("session_persistence", &pool.session_persistence.as_ref().map(Persistence::from))?;
    shown::project(keys, &pool.project_id)?;
    keys.put("listeners", &Ids(&pool.listener_ids))?;
    keys.put("tags", &pool.tags)?;
    let tls = pool.tls.as_ref().unwrap_or(NO_TLS);
    keys.put("tls_container_ref", &present(&tls.tls_container_ref))?;
    keys.put("ca_tls_container_ref", &present(&tls.ca_tls_container_ref))?;
    keys.put("crl_container_ref", &present(&tls.crl_container_ref))?;
    keys.put("tls_enabled", &tls.enabled)?;
    keys.put("tls_ciphers", &present(&tls.ciphers))?;
    keys.put("tls_versions", &some(&tls.versions))?;
    keys.put("alpn_protocols", &some(&tls.alpn_protocols))
}

impl Shown for Pool {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        show_own(self, keys)?;
        keys.put("loadbalancers", &only(&self.load_balancer_id))?;
        // Not even null without one.
        if let Some(id) = present(&self.health_monitor_id) {
            keys.put("healthmonitor_id", id)?;
        }
        keys.put("members", &Ids(&self.member_ids))
    }
}

/// Pools as their load balancer shows them that was made with them.
pub(super) struct Whole<'a>(pub(super) &'a [Pool]);

pub(super) struct Part<'a>(&'a Pool);

/// One of them.
pub(super) const fn one(pool: &Pool) -> Entire<Part<'_>> {
    Entire(Part(pool))
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(one))
    }
}

impl Shown for Part<'_> {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        show_own(self.0, keys)?;
        keys.put("healthmonitor", &self.0.health_monitor.as_ref().map(health_monitors::one))?;
        keys.put("members", &members::Whole(&self.0.members))
    }
}
