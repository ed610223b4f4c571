//! `/v2.0/service-providers`

use axum::extract::State;
use ballast_proto::v1::ServiceProvider;
use serde::ser::SerializeMap;

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        attributes::{Attribute, Kind, Resource},
        payload::Payload,
        query::Query,
        refusal::Refusal,
        reply::{self, Keys, Reply, Shown},
        table::{Does, Routes},
    },
};

pub(crate) const SERVICE_PROVIDER: Resource = Resource {
    one: "service_provider",
    many: "service_providers",
    links: "service_providers_links",
    attributes: &[
        Attribute::read_only("service_type", Kind::Text),
        Attribute::read_only("name", Kind::Text),
        Attribute::read_only("default", Kind::Flag),
    ],
};

pub(crate) fn routes() -> Routes {
    const PATH: &str = "/v2.0/service-providers";
    Routes::new().serve(PATH, Does::ListWhole(&SERVICE_PROVIDER), "get_service_providers", list).serve(
        PATH,
        Does::Refuse(&SERVICE_PROVIDER),
        "create_service_provider",
        create,
    )
}

/// Providers are configuration. The map has no `tenant_id`, so every body is refused, as Neutron refuses it.
async fn create(caller: Caller, body: Payload) -> Reply {
    SERVICE_PROVIDER.post(body.post()?, caller.project())?;
    Err(Refusal::Unrouted)
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let list = query.list_whole(&SERVICE_PROVIDER)?;
    let found = gateway.scheduler.service_providers().list(caller.request(list.request)).await?.into_inner();
    Ok(reply::many(&SERVICE_PROVIDER, &found.service_providers, &list.view))
}

impl Shown for ServiceProvider {
    fn id(&self) -> &str {
        &self.name
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("service_type", &self.service_type)?;
        keys.put("name", &self.name)?;
        keys.put("default", &self.default)
    }
}
