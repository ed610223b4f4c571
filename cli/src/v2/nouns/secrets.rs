//! `ballast secrets`

use crate::{
    noun::text,
    v2::noun::{Collection, Column, Noun, Verb},
};

const COLLECTION: Collection = Collection {
    path: "/ballast/v1/secrets",
    wrappers: ("secret", "secrets"),
    key: "reference",
    is_named: false,
    one: "secret",
    many: "secrets that are used",
};

pub(super) const NOUN: Noun = Noun {
    command: "secrets",
    alias: None,
    about: "What listeners and pools use of certificates, wherever it is kept, when it ends and how it stands with it",
    collection: &COLLECTION,
    parent: None,
    verbs: &[Verb::List, Verb::Look],
    fields: &[],
    filters: &[],
    columns: &[
        Column { title: "REFERENCE", cell: |secret| text(&secret["reference"]) },
        Column { title: "NAMES", cell: |secret| text(&secret["names"]) },
        Column { title: "VALIDITY", cell: |secret| text(&secret["validity"]) },
        Column { title: "DAYS", cell: |secret| text(&secret["expires_in_days"]) },
        Column { title: "USERS", cell: |secret| secret["users"].as_array().map_or(0, Vec::len).to_string() },
        Column { title: "PROBLEM", cell: |secret| text(&secret["problem"]) },
    ],
    below: &[],
    is_deployed: false,
};
