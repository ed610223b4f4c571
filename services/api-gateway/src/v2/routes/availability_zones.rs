//! `/v2.0/lbaas/availabilityzones`: each is named by its name.

use ballast_limits as limits;
use ballast_proto::v2::AvailabilityZone;
use serde::ser::SerializeMap;

use crate::{
    kit::{
        attributes::{Attribute, Attributes, Kind, Resource},
        refusal::Refusal,
        reply::{Keys, Shown},
        table::Routes,
    },
    v2::{
        attributes as common,
        crud::{self, Noun, calls},
        place::Place,
    },
};

const AVAILABILITY_ZONE: Resource = Resource {
    one: "availability_zone",
    many: "availability_zones",
    links: "availability_zones_links",
    attributes: &[
        Attribute::required("name", Kind::Text).up_to(limits::TEXT),
        common::DESCRIPTION,
        Attribute::optional("enabled", Kind::Flag).mutable(),
        Attribute::required("availability_zone_profile_id", Kind::Uuid),
    ],
};

calls! {
    AvailabilityZone = AvailabilityZone: availability_zones, CreateAvailabilityZoneRequest { availability_zone },
    UpdateAvailabilityZoneRequest, DeleteRequest { id }, availability_zones
}

pub(crate) fn routes() -> Routes {
    const ALL: &str = "/v2.0/lbaas/availabilityzones";
    const ITEM: &str = "/v2.0/lbaas/availabilityzones/{id}";
    crud::routes::<AvailabilityZone>(ALL, ITEM)
}

impl Noun for AvailabilityZone {
    const RESOURCE: &'static Resource = &AVAILABILITY_ZONE;
    const ARGUMENT: &'static str = "availability_zone_";

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        Ok(Self {
            name: attributes.text("name"),
            description: attributes.text("description"),
            enabled: attributes.flag("enabled"),
            availability_zone_profile_id: attributes.text("availability_zone_profile_id"),
        })
    }

    fn at(self, place: Place, _: String) -> Self {
        if place.id.is_empty() { self } else { Self { name: place.id, ..self } }
    }
}

impl Shown for AvailabilityZone {
    fn id(&self) -> &str {
        &self.name
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("name", &self.name)?;
        keys.put("description", &self.description)?;
        keys.put("enabled", &self.enabled.unwrap_or_default())?;
        keys.put("availability_zone_profile_id", &self.availability_zone_profile_id)
    }
}
