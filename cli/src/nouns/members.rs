//! `ballast v1 members`

use crate::noun::{Column, Kind, Noun, admin, all_fields, text};

pub(crate) const MEMBERS: Noun = Noun {
    kind: Kind::Member,
    one: "member",
    many: "members",
    path: "lb/members",
    wrapper: "members",
    name: None,
    columns: &[
        Column { title: "ID", cell: |member| text(&member["id"]) },
        Column { title: "ADDRESS", cell: |member| text(&member["address"]) },
        Column { title: "PORT", cell: |member| text(&member["protocol_port"]) },
        Column { title: "WEIGHT", cell: |member| text(&member["weight"]) },
        Column { title: "POOL", cell: |member| text(&member["pool_id"]) },
        Column { title: "ADMIN", cell: admin },
        Column { title: "STATUS", cell: |member| text(&member["status"]) },
    ],
    page: all_fields,
};
