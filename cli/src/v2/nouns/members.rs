//! `ballast members`

use super::{networks::SUBNETS, pools};
use crate::{
    noun::{admin, text},
    v2::{
        field::{ADMIN, Field, Kind, NAME, TAG},
        noun::{Collection, Column, Noun, Verb},
    },
};

pub(in crate::v2) const COLLECTION: Collection = Collection {
    path: "members",
    wrappers: ("member", "members"),
    key: "id",
    is_named: true,
    one: "member",
    many: "members",
};

pub(in crate::v2) const NOUN: Noun = Noun {
    command: "members",
    alias: Some("member"),
    about: "Members: the servers behind a pool",
    collection: &COLLECTION,
    parent: Some(("POOL", &pools::COLLECTION)),
    verbs: &[
        Verb::List,
        Verb::Show,
        Verb::Describe,
        Verb::Create,
        Verb::Set,
        Verb::Delete,
        Verb::Stats,
        Verb::Drain,
        Verb::Enable,
        Verb::Disable,
    ],
    fields: &[
        Field::needed("address", "address", Kind::Text, "Where it is"),
        Field::needed("port", "protocol_port", Kind::Number, "Where it answers"),
        NAME,
        Field::always("weight", "weight", Kind::Number, "Its share; 0: no new clients"),
        Field::always("backup", "backup", Kind::Bool, "Whether it serves only when no other does"),
        Field::created("subnet", "subnet_id", Kind::Reference(&SUBNETS), "Through which subnet it is reached"),
        Field::always("monitor-address", "monitor_address", Kind::Text, "Where it is checked instead"),
        Field::always("monitor-port", "monitor_port", Kind::Number, "Where it is checked instead"),
        ADMIN,
        TAG,
    ],
    filters: &[],
    columns: &[
        Column { title: "ID", cell: |member| text(&member["id"]) },
        Column { title: "NAME", cell: |member| text(&member["name"]) },
        Column { title: "ADDRESS", cell: |member| text(&member["address"]) },
        Column { title: "PORT", cell: |member| text(&member["protocol_port"]) },
        Column { title: "WEIGHT", cell: |member| text(&member["weight"]) },
        Column { title: "ADMIN", cell: admin },
        Column { title: "PROVISIONING", cell: |member| text(&member["provisioning_status"]) },
        Column { title: "OPERATING", cell: |member| text(&member["operating_status"]) },
    ],
    below: &[],
    is_deployed: true,
};
