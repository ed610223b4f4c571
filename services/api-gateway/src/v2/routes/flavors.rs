//! `/v2.0/lbaas/flavors`

use ballast_limits as limits;
use ballast_proto::v2::Flavor;
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

const FLAVOR: Resource = Resource {
    one: "flavor",
    many: "flavors",
    links: "flavors_links",
    attributes: &[
        common::ID,
        Attribute::required("name", Kind::Text).up_to(limits::TEXT).mutable(),
        common::DESCRIPTION,
        Attribute::optional("enabled", Kind::Flag).mutable(),
        Attribute::required("flavor_profile_id", Kind::Uuid),
    ],
};

calls! {
    Flavor = Flavor: flavors, CreateFlavorRequest { flavor }, UpdateFlavorRequest, DeleteRequest { id }, flavors
}

pub(crate) fn routes() -> Routes {
    const ALL: &str = "/v2.0/lbaas/flavors";
    const ITEM: &str = "/v2.0/lbaas/flavors/{id}";
    crud::routes::<Flavor>(ALL, ITEM)
}

impl Noun for Flavor {
    const RESOURCE: &'static Resource = &FLAVOR;
    const ARGUMENT: &'static str = "flavor_";

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        Ok(Self {
            name: attributes.text("name"),
            description: attributes.text("description"),
            enabled: attributes.flag("enabled"),
            flavor_profile_id: attributes.text("flavor_profile_id"),
            ..Self::default()
        })
    }

    fn at(self, place: Place, _: String) -> Self {
        Self { id: place.id, ..self }
    }
}

impl Shown for Flavor {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("name", &self.name)?;
        keys.put("description", &self.description)?;
        keys.put("enabled", &self.enabled.unwrap_or_default())?;
        keys.put("flavor_profile_id", &self.flavor_profile_id)
    }
}
