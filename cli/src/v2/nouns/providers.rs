//! `ballast providers`

use crate::{
    noun::text,
    v2::noun::{Collection, Column, Noun, Verb},
};

const COLLECTION: Collection = Collection {
    path: "lbaas/providers",
    wrappers: ("provider", "providers"),
    key: "name",
    is_named: true,
    one: "provider",
    many: "providers",
};

pub(super) const NOUN: Noun = Noun {
    command: "providers",
    alias: None,
    about: "Providers: whose drivers can run load balancers",
    collection: &COLLECTION,
    parent: None,
    verbs: &[Verb::List],
    fields: &[],
    filters: &[],
    columns: &[
        Column { title: "NAME", cell: |provider| text(&provider["name"]) },
        Column { title: "DESCRIPTION", cell: |provider| text(&provider["description"]) },
    ],
    below: &[],
    is_deployed: false,
};
