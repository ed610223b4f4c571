//! `/v2.0/lbaas/listeners`

use axum::extract::State;
use ballast_limits::{self as limits, Bounds};
use ballast_proto::{
    driver::{ClientAuthentication, Protocol},
    v2::{GetRequest, Listener, ListenerTls, Status},
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{l7policies, l7policies::L7_POLICY, pools, pools::POOL, stats};
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
        headers,
        place::Place,
        shown::{self, Ids, only, some},
        spelling::{CLIENT_AUTHENTICATIONS, LISTENER_PROTOCOLS},
        tls, values,
    },
};

const TIMEOUT: Bounds = Bounds { least: 0, most: 2_073_600_000 };

pub(crate) const LISTENER: Resource = Resource {
    one: "listener",
    many: "listeners",
    links: "listeners_links",
    attributes: &[
        common::ID,
        common::NAME,
        common::DESCRIPTION,
        common::PROVISIONING_STATUS,
        common::OPERATING_STATUS,
        common::STATUS_DESCRIPTION,
        common::ADMIN_STATE_UP,
        Attribute::required("protocol", Kind::OneOf(LISTENER_PROTOCOLS)),
        Attribute::required("protocol_port", NUMBER).within(common::PORT),
        Attribute::optional("connection_limit", NUMBER).within(Bounds { least: -1, most: i32::MAX }).mutable(),
        secret("default_tls_container_ref", "tls.default_tls_container_ref"),
        Attribute::optional("sni_container_refs", Kind::Texts)
            .called("tls.sni_container_refs")
            .up_to(limits::TEXT)
            .mutable(),
        common::PROJECT_ID,
        common::TENANT_ID,
        Attribute::optional("default_pool_id", Kind::Uuid).mutable().or_null(),
        Attribute::optional("default_pool", Kind::Part(&POOL)).never_shown(),
        Attribute::optional("l7policies", Kind::Parts(&L7_POLICY)).called("l7policy_ids").like(common::ids_schema),
        Attribute::optional("insert_headers", Kind::Shape(values::texts_by_name))
            .mutable()
            .no_filter()
            .like(headers::schema),
        common::CREATED_AT,
        common::UPDATED_AT,
        Attribute::required("loadbalancer_id", Kind::Uuid).called("load_balancer_id").not_within().never_shown(),
        ids("loadbalancers", "load_balancer_id"),
        Attribute::optional("timeout_client_data", NUMBER).within(TIMEOUT).mutable(),
        Attribute::optional("timeout_member_connect", NUMBER).within(TIMEOUT).mutable(),
        Attribute::optional("timeout_member_data", NUMBER).within(TIMEOUT).mutable(),
        Attribute::optional("timeout_tcp_inspect", NUMBER).within(TIMEOUT).mutable(),
        common::TAGS,
        secret("client_ca_tls_container_ref", "tls.client_ca_tls_container_ref"),
        Attribute::optional("client_authentication", Kind::OneOf(CLIENT_AUTHENTICATIONS))
            .called("tls.client_authentication")
            .mutable(),
        secret("client_crl_container_ref", "tls.client_crl_container_ref"),
        Attribute::optional("allowed_cidrs", Kind::Shape(values::cidrs))
            .mutable()
            .or_null()
            .no_filter()
            .like(common::texts_schema),
        Attribute::optional("tls_ciphers", Kind::Shape(values::ciphers)).called("tls.ciphers").mutable().or_null(),
        texts("tls_versions", "tls.versions"),
        texts("alpn_protocols", "tls.alpn_protocols"),
        Attribute::optional("hsts_max_age", NUMBER)
            .called("tls.hsts_max_age")
            .within(common::NATURAL)
            .mutable()
            .or_null(),
        Attribute::optional("hsts_include_subdomains", Kind::Flag).called("tls.hsts_include_subdomains").mutable(),
        Attribute::optional("hsts_preload", Kind::Flag).called("tls.hsts_preload").mutable(),
    ],
};

calls! {
    Listener = Listener: listeners, CreateListenerRequest { listener, request_id }, UpdateListenerRequest,
    DeleteRequest { id; etag }, listeners;
    CreateListener, UpdateListener, DeleteListener
}

pub(crate) fn routes() -> Routes {
    const ALL: &str = "/v2.0/lbaas/listeners";
    const ITEM: &str = "/v2.0/lbaas/listeners/{id}";
    crud::routes::<Listener>(ALL, ITEM).serve(
        "/v2.0/lbaas/listeners/{id}/stats",
        Does::Tell(stats::schema),
        "get_listener_stats",
        show_stats,
    )
}

async fn show_stats(State(gateway): State<Gateway>, caller: Caller, place: Place) -> Reply {
    let request = caller.request(GetRequest { id: place.id, ..GetRequest::default() });
    Ok(stats::reply(gateway.scheduler.v2().listeners().stats(request).await?.get_ref()))
}

fn read_tls(attributes: &mut Attributes) -> Result<Option<ListenerTls>, Refusal> {
    let tls = ListenerTls {
        default_tls_container_ref: attributes.text("default_tls_container_ref"),
        sni_container_refs: attributes.texts("sni_container_refs"),
        client_authentication: attributes.spelled::<ClientAuthentication>("client_authentication"),
        client_ca_tls_container_ref: attributes.text("client_ca_tls_container_ref"),
        client_crl_container_ref: attributes.text("client_crl_container_ref"),
        ciphers: tls::cipher_string(attributes)?,
        versions: tls::tls_versions(attributes)?,
        alpn_protocols: tls::alpn_protocols(attributes)?,
        hsts_max_age: attributes.integer("hsts_max_age").map(i64::from),
        hsts_include_subdomains: attributes.flag("hsts_include_subdomains").unwrap_or_default(),
        hsts_preload: attributes.flag("hsts_preload").unwrap_or_default(),
    };
    Ok((tls != ListenerTls::default()).then_some(tls))
}

impl Noun for Listener {
    const RESOURCE: &'static Resource = &LISTENER;
    const ARGUMENT: &'static str = "listener_";

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        let default_pool = attributes.part("default_pool").map(Noun::decode).transpose()?;
        Ok(Self {
            load_balancer_id: attributes.text("loadbalancer_id"),
            name: attributes.text("name"),
            description: attributes.text("description"),
            admin_state_up: attributes.flag("admin_state_up"),
            tags: attributes.texts("tags"),
            protocol: attributes.spelled::<Protocol>("protocol"),
            protocol_port: attributes.integer("protocol_port"),
            connection_limit: attributes.integer("connection_limit"),
            default_pool_id: attributes.text("default_pool_id"),
            timeout_client_data: attributes.integer("timeout_client_data"),
            timeout_member_connect: attributes.integer("timeout_member_connect"),
            timeout_member_data: attributes.integer("timeout_member_data"),
            timeout_tcp_inspect: attributes.integer("timeout_tcp_inspect"),
            insert_headers: headers::decode(&attributes),
            allowed_cidrs: attributes.texts("allowed_cidrs"),
            tls: read_tls(&mut attributes)?,
            l7policies: attributes.parts("l7policies").into_iter().map(Noun::decode).collect::<Result<_, _>>()?,
            default_pool,
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

/// What a new or a changed listener is not asked for, but has.
const NO_TLS: &ListenerTls = &ListenerTls {
    default_tls_container_ref: String::new(),
    sni_container_refs: Vec::new(),
    client_authentication: 0,
    client_ca_tls_container_ref: String::new(),
    client_crl_container_ref: String::new(),
    ciphers: String::new(),
    versions: Vec::new(),
    alpn_protocols: Vec::new(),
    hsts_max_age: None,
    hsts_include_subdomains: false,
    hsts_preload: false,
};

fn show_tls<M: SerializeMap>(tls: &ListenerTls, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
    keys.put("default_tls_container_ref", &present(&tls.default_tls_container_ref))?;
    keys.put("sni_container_refs", &tls.sni_container_refs)?;
    keys.put("client_ca_tls_container_ref", &present(&tls.client_ca_tls_container_ref))?;
    let authentication = spell::<ClientAuthentication>(tls.client_authentication);
    keys.put("client_authentication", authentication.unwrap_or("NONE"))?;
    keys.put("client_crl_container_ref", &present(&tls.client_crl_container_ref))?;
    keys.put("tls_ciphers", &present(&tls.ciphers))?;
    keys.put("tls_versions", &some(&tls.versions))?;
    keys.put("alpn_protocols", &some(&tls.alpn_protocols))?;
    keys.put("hsts_max_age", &tls.hsts_max_age)?;
    keys.put("hsts_include_subdomains", &tls.hsts_include_subdomains)?;
    keys.put("hsts_preload", &tls.hsts_preload)
}

/// What it has wherever it is shown.
fn show_own<M: SerializeMap>(listener: &Listener, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
    keys.put("id", &listener.id)?;
    keys.put("name", &listener.name)?;
    keys.put("description", &listener.description)?;
    shown::status(keys, listener.status.as_ref())?;
    keys.put("admin_state_up", &listener.admin_state_up.unwrap_or_default())?;
    keys.put("protocol", &spell::<Protocol>(listener.protocol))?;
    keys.put("protocol_port", &listener.protocol_port)?;
    keys.put("connection_limit", &listener.connection_limit.unwrap_or(-1))?;
    shown::project(keys, &listener.project_id)?;
    keys.put("default_pool_id", &present(&listener.default_pool_id))?;
    keys.put("insert_headers", &listener.insert_headers)?;
    keys.put("timeout_client_data", &listener.timeout_client_data)?;
    keys.put("timeout_member_connect", &listener.timeout_member_connect)?;
    keys.put("timeout_member_data", &listener.timeout_member_data)?;
    keys.put("timeout_tcp_inspect", &listener.timeout_tcp_inspect)?;
    keys.put("tags", &listener.tags)?;
    keys.put("allowed_cidrs", &some(&listener.allowed_cidrs))?;
    show_tls(listener.tls.as_ref().unwrap_or(NO_TLS), keys)
}

impl Shown for Listener {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        show_own(self, keys)?;
        keys.put("l7policies", &Ids(&self.l7policy_ids))?;
        keys.put("loadbalancers", &only(&self.load_balancer_id))
    }
}

/// Listeners as their load balancer shows them that was made with them.
pub(super) struct Whole<'a>(pub(super) &'a [Listener]);

struct Part<'a>(&'a Listener);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|listener| Entire(Part(listener))))
    }
}

impl Shown for Part<'_> {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        show_own(self.0, keys)?;
        keys.put("l7policies", &l7policies::Whole(&self.0.l7policies))?;
        match &self.0.default_pool {
            Some(pool) => keys.put("default_pool", &pools::one(pool)),
            None => Ok(()),
        }
    }
}
