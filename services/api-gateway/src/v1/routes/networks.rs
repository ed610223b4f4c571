//! `/v2.0/networks`

use axum::extract::State;
use ballast_limits as limits;
use ballast_proto::v1::{CreateNetworkRequest, DeleteRequest, GetRequest, Network, UpdateNetworkRequest};
use serde::ser::SerializeMap;

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
};

/// A network works as soon as it exists.
const STATUS: &str = "ACTIVE";

const NETWORK: Resource = Resource {
    one: "network",
    many: "networks",
    links: "networks_links",
    attributes: &[
        Attribute::read_only("id", Kind::Uuid),
        Attribute::tenant(),
        Attribute::optional("name", Kind::Text).up_to(limits::TEXT).mutable(),
        Attribute::optional("admin_state_up", Kind::Flag).mutable(),
        Attribute::optional("shared", Kind::Flag).mutable(),
        Attribute::optional("router:external", Kind::False),
        Attribute::optional("mtu", Kind::Integer { least: 0 }).mutable(),
        Attribute::optional("provider:network_type", Kind::Text).called("network_type").or_null(),
        Attribute::optional("provider:physical_network", Kind::Text).called("physical_network").or_null(),
        Attribute::optional("provider:segmentation_id", Kind::Integer { least: 0 }).called("segmentation_id").or_null(),
        Attribute::read_only("status", Kind::Constant(STATUS)),
        Attribute::read_only("subnets", Kind::UuidList),
    ],
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/networks/{id}";
    Routes::new()
        .list("/v2.0/networks", &NETWORK, list)
        .create("/v2.0/networks", &NETWORK, create)
        .show(ITEM, &NETWORK, show)
        .update(ITEM, &NETWORK, update)
        .delete(ITEM, &NETWORK, delete)
}

async fn create(State(gateway): State<Gateway>, caller: Caller, body: Payload) -> Reply {
    let network = decode(NETWORK.post(body.post()?, caller.project())?);
    let request = caller.request(CreateNetworkRequest { network: Some(network), ..Default::default() });
    Ok(reply::created(&NETWORK, gateway.scheduler.networks().create_network(request).await?.get_ref()))
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let list = query.list(&NETWORK)?;
    if list.nothing {
        return Ok(reply::many::<Network>(&NETWORK, &[], &list.view));
    }
    let found = gateway.scheduler.networks().list_networks(caller.request(list.request)).await?.into_inner();
    Ok(reply::many(&NETWORK, &found.networks, &list.view))
}

async fn show(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let network = gateway.scheduler.networks().get_network(caller.request(GetRequest { id })).await?.into_inner();
    Ok(reply::one(&NETWORK, &network, &query.fields()))
}

async fn update(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, body: Payload) -> Reply {
    let (attributes, mask) = NETWORK.put(body.put()?)?;
    let network = Network { id, ..decode(attributes) };
    let request = caller.request(UpdateNetworkRequest { network: Some(network), update_mask: Some(mask) });
    let changed = gateway.scheduler.networks().update_network(request).await?;
    Ok(reply::one(&NETWORK, changed.get_ref(), &Fields::default()))
}

async fn delete(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    gateway.scheduler.networks().delete_network(caller.request(DeleteRequest { id })).await?;
    Ok(reply::gone())
}

fn decode(mut attributes: Attributes) -> Network {
    Network {
        project_id: attributes.text("tenant_id"),
        name: attributes.text("name"),
        shared: attributes.flag("shared").unwrap_or_default(),
        admin_state_up: attributes.flag("admin_state_up"),
        network_type: attributes.text("provider:network_type"),
        physical_network: attributes.text("provider:physical_network"),
        segmentation_id: attributes.natural("provider:segmentation_id"),
        mtu: attributes.natural("mtu"),
        ..Network::default()
    }
}

impl Shown for Network {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("tenant_id", &self.project_id)?;
        keys.put("name", &self.name)?;
        keys.put("shared", &self.shared)?;
        keys.put("admin_state_up", &self.admin_state_up)?;
        keys.put("mtu", &self.mtu)?;
        keys.put("status", STATUS)?;
        keys.put("subnets", &self.subnet_ids)?;
        keys.put("router:external", &false)?;
        keys.put("provider:network_type", &present(&self.network_type))?;
        keys.put("provider:physical_network", &present(&self.physical_network))?;
        keys.put("provider:segmentation_id", &Some(self.segmentation_id).filter(|id| *id != 0))
    }
}
