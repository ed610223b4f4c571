//! `/v2.0/lbaas/flavorprofiles` and `/v2.0/lbaas/availabilityzoneprofiles`: what flavors and availability zones say to a
//! provider. They differ in the name of what they say.

use ballast_limits as limits;
use ballast_proto::v2::Profile;
use serde::ser::SerializeMap;
use serde_json::Value;

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

/// The longest document, in bytes.
const LONGEST: usize = 4096;

/// A profile: its noun, its map, the name of its document, of its body, and its client.
macro_rules! profiles {
    (
        $profile:ident: $map:ident { $one:literal, $many:literal, $links:literal }, $data:literal, $argument:literal,
        $client:ident
    ) => {
        const $map: Resource = Resource {
            one: $one,
            many: $many,
            links: $links,
            attributes: &[
                common::ID,
                Attribute::required("name", Kind::Text).up_to(limits::TEXT).mutable(),
                Attribute::required("provider_name", Kind::Text).up_to(limits::TEXT).mutable(),
                Attribute::required($data, Kind::Text).up_to(LONGEST).called("data").mutable(),
            ],
        };

        struct $profile(Profile);

        impl From<Profile> for $profile {
            fn from(profile: Profile) -> Self {
                Self(profile)
            }
        }

        impl From<$profile> for Profile {
            fn from(profile: $profile) -> Self {
                profile.0
            }
        }

        calls! {
            $profile = Profile: $client, CreateProfileRequest { profile }, UpdateProfileRequest, DeleteRequest { id },
            profiles
        }

        impl Noun for $profile {
            const RESOURCE: &'static Resource = &$map;
            const ARGUMENT: &'static str = $argument;

            fn decode(attributes: Attributes) -> Result<Self, Refusal> {
                decode(attributes, $data).map(Self)
            }

            fn at(self, place: Place, _: String) -> Self {
                Self(Profile { id: place.id, ..self.0 })
            }
        }

        impl Shown for $profile {
            fn id(&self) -> &str {
                &self.0.id
            }

            fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
                keys.put("id", &self.0.id)?;
                keys.put("name", &self.0.name)?;
                keys.put("provider_name", &self.0.provider_name)?;
                keys.put($data, &self.0.data)
            }
        }
    };
}

profiles! {
    FlavorProfile: FLAVOR_PROFILE { "flavorprofile", "flavorprofiles", "flavorprofile_links" }, "flavor_data",
    "flavor_profile_", flavor_profiles
}

profiles! {
    ZoneProfile: ZONE_PROFILE {
        "availability_zone_profile", "availability_zone_profiles", "availability_zone_profile_links"
    }, "availability_zone_data", "availability_zone_profile_", availability_zone_profiles
}

pub(crate) fn routes() -> Routes {
    const FLAVORS: &str = "/v2.0/lbaas/flavorprofiles";
    const FLAVOR: &str = "/v2.0/lbaas/flavorprofiles/{id}";
    const ZONES: &str = "/v2.0/lbaas/availabilityzoneprofiles";
    const ZONE: &str = "/v2.0/lbaas/availabilityzoneprofiles/{id}";
    let flavors = crud::routes::<FlavorProfile>(FLAVORS, FLAVOR);
    let zones = crud::routes::<ZoneProfile>(ZONES, ZONE);
    flavors.merge(zones)
}

/// What a profile says is one object of JSON, as a text.
fn decode(mut attributes: Attributes, data: &str) -> Result<Profile, Refusal> {
    let text = attributes.optional_text(data);
    if let Some(text) = &text
        && !matches!(serde_json::from_str(text), Ok(Value::Object(_)))
    {
        return Err(Refusal::faulty(format!("{text} is not a valid option for {data}")));
    }
    Ok(Profile {
        id: String::new(),
        name: attributes.text("name"),
        provider_name: attributes.text("provider_name"),
        data: text.unwrap_or_default(),
    })
}
