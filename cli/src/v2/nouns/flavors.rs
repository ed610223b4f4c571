//! `ballast flavors` and `ballast flavors profiles`

use crate::{
    noun::text,
    v2::{
        field::{DESCRIPTION, Field, Kind},
        noun::{Collection, Column, Noun, Verb},
    },
};

pub(super) const COLLECTION: Collection = Collection {
    path: "lbaas/flavors",
    wrappers: ("flavor", "flavors"),
    key: "id",
    is_named: true,
    one: "flavor",
    many: "flavors",
};

const PROFILE_COLLECTION: Collection = Collection {
    path: "lbaas/flavorprofiles",
    wrappers: ("flavorprofile", "flavorprofiles"),
    key: "id",
    is_named: true,
    one: "flavor profile",
    many: "flavor profiles",
};

pub(super) const NOUN: Noun = Noun {
    command: "flavors",
    alias: None,
    about: "Flavors: the kinds of load balancers that an operator offers",
    collection: &COLLECTION,
    parent: None,
    verbs: Verb::USUAL,
    fields: &[
        Field::needed_or_set("name", "name", Kind::Text, "By which tenants know it"),
        Field::needed(
            "profile",
            "flavor_profile_id",
            Kind::Reference(&PROFILE_COLLECTION),
            "What load balancers of this flavor are like",
        ),
        DESCRIPTION,
        Field::always("enabled", "enabled", Kind::Bool, "Whether new load balancers may be of it"),
    ],
    filters: &[],
    columns: &[
        Column { title: "ID", cell: |flavor| text(&flavor["id"]) },
        Column { title: "NAME", cell: |flavor| text(&flavor["name"]) },
        Column { title: "PROFILE", cell: |flavor| text(&flavor["flavor_profile_id"]) },
        Column { title: "ENABLED", cell: |flavor| text(&flavor["enabled"]) },
        Column { title: "DESCRIPTION", cell: |flavor| text(&flavor["description"]) },
    ],
    below: &[&PROFILES],
    is_deployed: false,
};

const PROFILES: Noun = Noun {
    command: "profiles",
    alias: None,
    about: "Flavor profiles: what an operator's flavors mean to a provider",
    collection: &PROFILE_COLLECTION,
    parent: None,
    verbs: Verb::USUAL,
    fields: &[
        Field::needed_or_set("name", "name", Kind::Text, "By which operators know it"),
        Field::needed_or_set("provider", "provider_name", Kind::Text, "Whose it is"),
        Field::needed_or_set("data", "flavor_data", Kind::Text, "An object in JSON"),
    ],
    filters: &[],
    columns: &[
        Column { title: "ID", cell: |profile| text(&profile["id"]) },
        Column { title: "NAME", cell: |profile| text(&profile["name"]) },
        Column { title: "PROVIDER", cell: |profile| text(&profile["provider_name"]) },
        Column { title: "DATA", cell: |profile| text(&profile["flavor_data"]) },
    ],
    below: &[],
    is_deployed: false,
};
