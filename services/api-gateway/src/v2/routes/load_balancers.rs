//! `/v2.0/lbaas/loadbalancers`

use axum::{extract::State, http::StatusCode};
use ballast_limits as limits;
use ballast_proto::v2::{DeleteLoadBalancerRequest, GetRequest, LoadBalancer, Status, Vip};
use serde::{Serialize, ser::SerializeMap};

use super::{listeners::LISTENER, pools::POOL};
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        attributes::{Attribute, Attributes, Kind, Resource},
        query::Query,
        refusal::Refusal,
        reply::{self, Keys, Reply, Shown, present},
        table::{Does, Routes},
    },
    v2::{
        attributes as common,
        crud::{self, Calls as _, Noun, calls},
        place::{Place, Terms},
        plan,
        routes::{health, listeners, pools, stats, statuses},
        shown::{self, Ids},
    },
};

const ADDITIONAL_VIP: Resource = Resource {
    one: "additional_vip",
    many: "additional_vips",
    links: "additional_vips_links",
    attributes: &[
        Attribute::required("subnet_id", Kind::Uuid),
        Attribute::optional("ip_address", Kind::Address),
        Attribute::optional("port_id", Kind::Uuid),
    ],
};

pub(crate) const LOAD_BALANCER: Resource = Resource {
    one: "loadbalancer",
    many: "loadbalancers",
    links: "loadbalancers_links",
    attributes: &[
        common::ID,
        common::NAME,
        common::DESCRIPTION,
        common::PROVISIONING_STATUS,
        common::OPERATING_STATUS,
        common::STATUS_DESCRIPTION,
        common::ADMIN_STATE_UP,
        Attribute::optional("project_id", Kind::Text).up_to(36),
        Attribute::optional("tenant_id", Kind::Text).called("project_id").up_to(36).no_filter(),
        common::CREATED_AT,
        common::UPDATED_AT,
        Attribute::optional("vip_address", Kind::Address).called("vip.address").or_null(),
        Attribute::optional("vip_port_id", Kind::Uuid).called("vip.port_id").or_null(),
        Attribute::optional("vip_subnet_id", Kind::Uuid).called("vip.subnet_id").or_null(),
        Attribute::optional("vip_network_id", Kind::Uuid).called("vip.network_id").or_null(),
        Attribute::optional("vip_qos_policy_id", Kind::Uuid).mutable().or_null(),
        Attribute::optional("vip_sg_ids", Kind::UuidList).mutable(),
        Attribute::read_only("vip_vnic_type", Kind::Constant("normal")).no_filter(),
        Attribute::optional("additional_vips", Kind::Parts(&ADDITIONAL_VIP)).never_null(),
        Attribute::optional("provider", Kind::Text).up_to(64),
        Attribute::optional("flavor_id", Kind::Uuid).or_null(),
        Attribute::optional("availability_zone", Kind::Text).up_to(limits::TEXT).or_null(),
        Attribute::optional("listeners", Kind::Parts(&LISTENER)).called("listener_ids"),
        Attribute::optional("pools", Kind::Parts(&POOL)).called("pool_ids"),
        common::TAGS,
    ],
};

calls! {
    LoadBalancer = LoadBalancer: load_balancers, CreateLoadBalancerRequest { load_balancer, request_id },
    UpdateLoadBalancerRequest, DeleteLoadBalancerRequest { id; etag }, load_balancers;
    CreateLoadBalancer, UpdateLoadBalancer, DeleteLoadBalancer
}

pub(crate) fn routes() -> Routes {
    const ALL: &str = "/v2.0/lbaas/loadbalancers";
    const ITEM: &str = "/v2.0/lbaas/loadbalancers/{id}";
    const FAILOVER: &str = "/v2.0/lbaas/loadbalancers/{id}/failover";
    crud::without_delete::<LoadBalancer>(ALL, ITEM)
        .delete(ITEM, &LOAD_BALANCER, delete)
        .serve("/v2.0/lbaas/loadbalancers/{id}/stats", Does::Tell(stats::schema), "get_loadbalancer_stats", show_stats)
        .serve("/v2.0/lbaas/loadbalancers/{id}/status", Does::Tell(statuses::schema), "get_loadbalancer_status", tree)
        .serve(
            "/v2.0/lbaas/loadbalancers/{id}/statuses",
            Does::Tell(statuses::schema),
            "get_loadbalancer_statuses",
            tree,
        )
        .serve(
            "/v2.0/lbaas/loadbalancers/{id}/health",
            Does::Tell(health::schema),
            "get_loadbalancer_health",
            show_health,
        )
        .serve(FAILOVER, Does::Act, "failover_loadbalancer", failover)
        .unlisted(FAILOVER, axum::routing::delete(crud::without_id))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, place: Place, terms: Terms, query: Query) -> Reply {
    let [cascade, validate_only] = query.only(["cascade", plan::NAME])?;
    let validate_only = plan::is_asked(validate_only)?;
    let cascade = cascade.is_some_and(|text| matches!(text, "true" | "True" | "1" | "yes" | "on"));
    let request = DeleteLoadBalancerRequest { id: place.id, cascade, etag: terms.etag, validate_only };
    let planned = LoadBalancer::planned_deletion(&request).filter(|_| validate_only);
    gateway.scheduler.v2().load_balancers().delete(caller.request(request)).await?;
    if validate_only {
        return plan::reply::<LoadBalancer>(&gateway, &caller, None, planned).await;
    }
    Ok(reply::gone())
}

async fn show_stats(State(gateway): State<Gateway>, caller: Caller, place: Place) -> Reply {
    let request = caller.request(GetRequest { id: place.id, ..GetRequest::default() });
    Ok(stats::reply(gateway.scheduler.v2().load_balancers().stats(request).await?.get_ref()))
}

async fn show_health(State(gateway): State<Gateway>, caller: Caller, place: Place) -> Reply {
    let request = caller.request(GetRequest { id: place.id, ..GetRequest::default() });
    Ok(health::reply(gateway.scheduler.v2().load_balancers().health(request).await?.get_ref()))
}

async fn tree(State(gateway): State<Gateway>, caller: Caller, place: Place) -> Reply {
    let request = caller.request(GetRequest { id: place.id, ..GetRequest::default() });
    let tree = gateway.scheduler.v2().load_balancers().statuses(request).await?.into_inner();
    Ok(statuses::reply(&tree))
}

/// 202 with nothing: it moves from now on.
async fn failover(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    // It cannot be only checked: whoever asks for that wants nothing moved.
    query.only([])?;
    let request = caller.request(GetRequest { id: place.id, ..GetRequest::default() });
    gateway.scheduler.v2().load_balancers().failover(request).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

fn vip(attributes: &mut Attributes) -> Option<Vip> {
    let vip = Vip {
        subnet_id: attributes.text("vip_subnet_id"),
        network_id: attributes.text("vip_network_id"),
        port_id: attributes.text("vip_port_id"),
        address: attributes.text("vip_address"),
    };
    (vip != Vip::default()).then_some(vip)
}

fn additional(mut attributes: Attributes) -> Vip {
    Vip {
        subnet_id: attributes.text("subnet_id"),
        port_id: attributes.text("port_id"),
        address: attributes.text("ip_address"),
        ..Vip::default()
    }
}

impl Noun for LoadBalancer {
    const RESOURCE: &'static Resource = &LOAD_BALANCER;
    const ARGUMENT: &'static str = "load_balancer";

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        let project = attributes.optional_text("project_id").filter(|project| !project.is_empty());
        Ok(Self {
            project_id: project.unwrap_or_else(|| attributes.text("tenant_id")),
            name: attributes.text("name"),
            description: attributes.text("description"),
            admin_state_up: attributes.flag("admin_state_up"),
            tags: attributes.texts("tags"),
            provider: attributes.text("provider"),
            flavor_id: attributes.text("flavor_id"),
            availability_zone: attributes.text("availability_zone"),
            vip: vip(&mut attributes),
            additional_vips: attributes.parts("additional_vips").into_iter().map(additional).collect(),
            vip_qos_policy_id: attributes.text("vip_qos_policy_id"),
            vip_sg_ids: attributes.texts("vip_sg_ids"),
            listeners: attributes.parts("listeners").into_iter().map(Noun::decode).collect::<Result<_, _>>()?,
            pools: attributes.parts("pools").into_iter().map(Noun::decode).collect::<Result<_, _>>()?,
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
struct Additional<'a> {
    subnet_id: Option<&'a str>,
    ip_address: Option<&'a str>,
    port_id: Option<&'a str>,
}

impl<'a> From<&'a Vip> for Additional<'a> {
    fn from(vip: &'a Vip) -> Self {
        Self { subnet_id: present(&vip.subnet_id), ip_address: present(&vip.address), port_id: present(&vip.port_id) }
    }
}

impl Shown for LoadBalancer {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        let vip = self.vip.as_ref();
        keys.put("id", &self.id)?;
        keys.put("name", &self.name)?;
        keys.put("description", &self.description)?;
        shown::status(keys, self.status.as_ref())?;
        keys.put("admin_state_up", &self.admin_state_up.unwrap_or_default())?;
        shown::project(keys, &self.project_id)?;
        keys.put("vip_address", &vip.and_then(|vip| present(&vip.address)))?;
        keys.put("vip_port_id", &vip.and_then(|vip| present(&vip.port_id)))?;
        keys.put("vip_subnet_id", &vip.and_then(|vip| present(&vip.subnet_id)))?;
        keys.put("vip_network_id", &vip.and_then(|vip| present(&vip.network_id)))?;
        keys.put("vip_qos_policy_id", &present(&self.vip_qos_policy_id))?;
        keys.put("vip_sg_ids", &self.vip_sg_ids)?;
        keys.put("vip_vnic_type", "normal")?;
        keys.make("additional_vips", || self.additional_vips.iter().map(Additional::from).collect::<Vec<_>>())?;
        // A load balancer that was made whole is shown whole.
        if self.listeners.is_empty() && self.pools.is_empty() {
            keys.put("listeners", &Ids(&self.listener_ids))?;
            keys.put("pools", &Ids(&self.pool_ids))?;
        } else {
            keys.put("listeners", &listeners::Whole(&self.listeners))?;
            keys.put("pools", &pools::Whole(&self.pools))?;
        }
        keys.put("provider", &self.provider)?;
        keys.put("flavor_id", &present(&self.flavor_id))?;
        keys.put("availability_zone", &present(&self.availability_zone))?;
        keys.put("tags", &self.tags)
    }
}
