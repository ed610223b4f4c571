//! `ballast v1 pools`

use crate::noun::{Column, Kind, Noun, admin, all_fields, text};

pub(crate) const POOLS: Noun = Noun {
    kind: Kind::Pool,
    one: "pool",
    many: "pools",
    path: "lb/pools",
    wrapper: "pools",
    name: Some("name"),
    columns: &[
        Column { title: "ID", cell: |pool| text(&pool["id"]) },
        Column { title: "NAME", cell: |pool| text(&pool["name"]) },
        Column { title: "PROVIDER", cell: |pool| text(&pool["provider"]) },
        Column { title: "PROTOCOL", cell: |pool| text(&pool["protocol"]) },
        Column { title: "METHOD", cell: |pool| text(&pool["lb_method"]) },
        Column { title: "MEMBERS", cell: |pool| pool["members"].as_array().map_or(0, Vec::len).to_string() },
        Column { title: "ADMIN", cell: admin },
        Column { title: "STATUS", cell: |pool| text(&pool["status"]) },
    ],
    page: all_fields,
};
