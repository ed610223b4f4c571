//! `ballast zones` and `ballast zones profiles`

use crate::{
    noun::text,
    v2::{
        field::{DESCRIPTION, Field, Kind},
        noun::{Collection, Column, Noun, Verb},
    },
};

/// A zone has no id: it is its name.
const COLLECTION: Collection = Collection {
    path: "lbaas/availabilityzones",
    wrappers: ("availability_zone", "availability_zones"),
    key: "name",
    is_named: true,
    one: "availability zone",
    many: "availability zones",
};

const PROFILE_COLLECTION: Collection = Collection {
    path: "lbaas/availabilityzoneprofiles",
    wrappers: ("availability_zone_profile", "availability_zone_profiles"),
    key: "id",
    is_named: true,
    one: "availability zone profile",
    many: "availability zone profiles",
};

pub(super) const NOUN: Noun = Noun {
    command: "zones",
    alias: None,
    about: "Availability zones: where a load balancer can be put",
    collection: &COLLECTION,
    parent: None,
    verbs: Verb::USUAL,
    fields: &[
        Field::needed("name", "name", Kind::Text, "By which it is known, for good"),
        Field::needed(
            "profile",
            "availability_zone_profile_id",
            Kind::Reference(&PROFILE_COLLECTION),
            "Which agents are in it",
        ),
        DESCRIPTION,
        Field::always("enabled", "enabled", Kind::Bool, "Whether new load balancers may be put there"),
    ],
    filters: &[],
    columns: &[
        Column { title: "NAME", cell: |zone| text(&zone["name"]) },
        Column { title: "PROFILE", cell: |zone| text(&zone["availability_zone_profile_id"]) },
        Column { title: "ENABLED", cell: |zone| text(&zone["enabled"]) },
        Column { title: "DESCRIPTION", cell: |zone| text(&zone["description"]) },
    ],
    below: &[&PROFILES],
    is_deployed: false,
};

const PROFILES: Noun = Noun {
    command: "profiles",
    alias: None,
    about: "Availability zone profiles: what an operator's zones mean to a provider",
    collection: &PROFILE_COLLECTION,
    parent: None,
    verbs: Verb::USUAL,
    fields: &[
        Field::needed_or_set("name", "name", Kind::Text, "By which operators know it"),
        Field::needed_or_set("provider", "provider_name", Kind::Text, "Whose it is"),
        Field::needed_or_set("data", "availability_zone_data", Kind::Text, "An object in JSON"),
    ],
    filters: &[],
    columns: &[
        Column { title: "ID", cell: |profile| text(&profile["id"]) },
        Column { title: "NAME", cell: |profile| text(&profile["name"]) },
        Column { title: "PROVIDER", cell: |profile| text(&profile["provider_name"]) },
        Column { title: "DATA", cell: |profile| text(&profile["availability_zone_data"]) },
    ],
    below: &[],
    is_deployed: false,
};
