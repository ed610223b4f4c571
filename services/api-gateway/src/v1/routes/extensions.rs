//! `/v2.0/extensions`: what this API has beyond networks and subnets. Clients look for the aliases.

use axum::http::StatusCode;
use serde::ser::SerializeMap;
use serde_json::json;

use crate::kit::{
    at::At,
    attributes::{Attribute, Kind, Resource},
    query::{Query, View},
    refusal::Refusal,
    reply::{self, Keys, Reply, Shown},
    table::{Does, Routes},
};

const EXTENSION: Resource = Resource {
    one: "extension",
    many: "extensions",
    links: "extensions_links",
    attributes: &[
        Attribute::read_only("alias", Kind::Text),
        Attribute::read_only("name", Kind::Text),
        Attribute::read_only("description", Kind::Text),
        Attribute::read_only("namespace", Kind::Text),
        Attribute::read_only("updated", Kind::Text),
        Attribute::read_only("links", Kind::Text).like(|| json!({ "type": "array", "items": { "type": "object" } })),
    ],
};

struct Extension {
    alias: &'static str,
    name: &'static str,
    description: &'static str,
    namespace: &'static str,
    updated: &'static str,
}

/// An extension is listed when its paths are served.
const EXTENSIONS: &[Extension] = &[
    Extension {
        alias: "lbaas",
        name: "LoadBalancing service",
        description: "Extension for LoadBalancing service",
        namespace: "http://wiki.openstack.org/neutron/LBaaS/API_1.0",
        updated: "2012-10-07T10:00:00-00:00",
    },
    Extension {
        alias: "lbaas_agent_scheduler",
        name: "Loadbalancer Agent Scheduler",
        description: "Schedule pools among lbaas agents",
        namespace: "http://docs.openstack.org/ext/lbaas_agent_scheduler/api/v1.0",
        updated: "2013-02-07T10:00:00-00:00",
    },
    Extension {
        alias: "service-type",
        name: "Neutron Service Type Management",
        description: "API for retrieving service providers for Neutron advanced services",
        namespace: "http://docs.openstack.org/ext/neutron/service-type/api/v1.0",
        updated: "2013-01-20T00:00:00-00:00",
    },
    Extension {
        alias: "agent",
        name: "agent",
        description: "The agent management extension.",
        namespace: "http://docs.openstack.org/ext/agent/api/v2.0",
        updated: "2013-02-03T10:00:00-00:00",
    },
    Extension {
        alias: "quotas",
        name: "Quota management support",
        description: "Expose functions for quotas management per tenant",
        namespace: "http://docs.openstack.org/network/ext/quotas-sets/api/v2.0",
        updated: "2012-07-29T10:00:00-00:00",
    },
];

pub(crate) fn routes() -> Routes {
    Routes::new().serve("/v2.0/extensions", Does::ListAll(&EXTENSION), "get_extensions", list).show(
        "/v2.0/extensions/{alias}",
        &EXTENSION,
        show,
    )
}

async fn list(query: Query) -> Reply {
    let view = View { fields: query.fields(), page: None };
    Ok(reply::many(&EXTENSION, EXTENSIONS, &view))
}

async fn show(At(alias): At<String>, query: Query) -> Reply {
    match EXTENSIONS.iter().find(|extension| extension.alias == alias) {
        Some(extension) => Ok(reply::one(&EXTENSION, extension, &query.fields())),
        None => Err(Refusal::Http {
            status: StatusCode::NOT_FOUND,
            kind: "HTTPNotFound",
            message: format!("Extension with alias {alias} does not exist"),
        }),
    }
}

impl Shown for Extension {
    fn id(&self) -> &str {
        self.alias
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("alias", self.alias)?;
        keys.put("name", self.name)?;
        keys.put("description", self.description)?;
        keys.put("namespace", self.namespace)?;
        keys.put("updated", self.updated)?;
        keys.put::<[&str]>("links", &[])
    }
}
