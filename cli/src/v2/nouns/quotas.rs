//! `ballast quotas`

use crate::{
    noun::text,
    v2::{
        field::{Field, Kind, When},
        noun::{Collection, Column, Noun, Verb},
    },
};

const COLLECTION: Collection = Collection {
    path: "lbaas/quotas",
    wrappers: ("quota", "quotas"),
    key: "project_id",
    is_named: false,
    one: "quota",
    many: "quotas",
};

const fn limit(option: &'static str, key: &'static str) -> Field {
    Field { option, key, kind: Kind::Number, when: When::Set, help: "So many at the most; -1: any number" }
}

pub(super) const NOUN: Noun = Noun {
    command: "quotas",
    alias: Some("quota"),
    about: "Quotas: how many objects a project may have",
    collection: &COLLECTION,
    parent: None,
    verbs: &[Verb::List, Verb::Show, Verb::Set, Verb::Delete, Verb::Defaults],
    fields: &[
        limit("load-balancers", "loadbalancer"),
        limit("listeners", "listener"),
        limit("pools", "pool"),
        limit("members", "member"),
        limit("monitors", "healthmonitor"),
        limit("l7policies", "l7policy"),
        limit("l7rules", "l7rule"),
    ],
    filters: &[],
    columns: &[
        Column { title: "PROJECT", cell: |quota| text(&quota["project_id"]) },
        Column { title: "LOAD-BALANCERS", cell: |quota| text(&quota["loadbalancer"]) },
        Column { title: "LISTENERS", cell: |quota| text(&quota["listener"]) },
        Column { title: "POOLS", cell: |quota| text(&quota["pool"]) },
        Column { title: "MEMBERS", cell: |quota| text(&quota["member"]) },
        Column { title: "MONITORS", cell: |quota| text(&quota["healthmonitor"]) },
        Column { title: "L7POLICIES", cell: |quota| text(&quota["l7policy"]) },
        Column { title: "L7RULES", cell: |quota| text(&quota["l7rule"]) },
    ],
    below: &[],
    is_deployed: false,
};
