//! `ballast v1 vips`

use crate::noun::{Column, Kind, Noun, admin, all_fields, text};

pub(crate) const VIPS: Noun = Noun {
    kind: Kind::Vip,
    one: "vip",
    many: "vips",
    path: "lb/vips",
    wrapper: "vips",
    name: Some("name"),
    columns: &[
        Column { title: "ID", cell: |vip| text(&vip["id"]) },
        Column { title: "NAME", cell: |vip| text(&vip["name"]) },
        Column { title: "ADDRESS", cell: |vip| text(&vip["address"]) },
        Column { title: "PORT", cell: |vip| text(&vip["protocol_port"]) },
        Column { title: "PROTOCOL", cell: |vip| text(&vip["protocol"]) },
        Column { title: "POOL", cell: |vip| text(&vip["pool_id"]) },
        Column { title: "ADMIN", cell: admin },
        Column { title: "STATUS", cell: |vip| text(&vip["status"]) },
    ],
    page: all_fields,
};
