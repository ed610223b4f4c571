//! `/v2.0/lbaas/providers`: which there are, and what profiles may say to them.

use axum::{extract::State, response::Response};
use ballast_proto::v2::{CapabilitiesRequest, Capability, ListRequest, Provider};
use serde::ser::SerializeMap;

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        attributes::{Attribute, Kind, Resource},
        query::{Query, View},
        reply::{self, Keys, Reply, Shown},
        table::{Does, Routes},
    },
    v2::place::Place,
};

const PROVIDER: Resource = Resource {
    one: "provider",
    many: "providers",
    links: "providers_links",
    attributes: &[Attribute::read_only("name", Kind::Text), Attribute::read_only("description", Kind::Text)],
};

const FLAVOR_CAPABILITY: Resource = Resource {
    one: "flavor_capability",
    many: "flavor_capabilities",
    links: "flavor_capabilities_links",
    attributes: PROVIDER.attributes,
};

const ZONE_CAPABILITY: Resource = Resource {
    one: "availability_zone_capability",
    many: "availability_zone_capabilities",
    links: "availability_zone_capabilities_links",
    attributes: PROVIDER.attributes,
};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .serve("/v2.0/lbaas/providers", Does::ListAll(&PROVIDER), "get_providers", list)
        .serve(
            "/v2.0/lbaas/providers/{id}/flavor_capabilities",
            Does::ListAll(&FLAVOR_CAPABILITY),
            "get_flavor_capabilities",
            of_flavors,
        )
        .serve(
            "/v2.0/lbaas/providers/{id}/availability_zone_capabilities",
            Does::ListAll(&ZONE_CAPABILITY),
            "get_availability_zone_capabilities",
            of_zones,
        )
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let found = gateway.scheduler.v2().providers().list(caller.request(ListRequest::default())).await?.into_inner();
    Ok(reply::many(&PROVIDER, &found.providers, &View { fields: query.shown(), page: None }))
}

async fn of_flavors(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    let request = caller.request(CapabilitiesRequest { provider: place.id });
    let found = gateway.scheduler.v2().providers().flavor_capabilities(request).await?.into_inner();
    Ok(capabilities(&FLAVOR_CAPABILITY, found.capabilities, &query))
}

async fn of_zones(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    let request = caller.request(CapabilitiesRequest { provider: place.id });
    let found = gateway.scheduler.v2().providers().availability_zone_capabilities(request).await?.into_inner();
    Ok(capabilities(&ZONE_CAPABILITY, found.capabilities, &query))
}

fn capabilities(resource: &Resource, mut all: Vec<Capability>, query: &Query) -> Response {
    if let Some(name) = query.last("name") {
        all.retain(|capability| capability.name == name);
    }
    if let Some(description) = query.last("description") {
        all.retain(|capability| capability.description == description);
    }
    reply::many(resource, &all, &View { fields: query.shown(), page: None })
}

impl Shown for Provider {
    fn id(&self) -> &str {
        &self.name
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("name", &self.name)?;
        keys.put("description", &self.description)
    }
}

impl Shown for Capability {
    fn id(&self) -> &str {
        &self.name
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("name", &self.name)?;
        keys.put("description", &self.description)
    }
}
