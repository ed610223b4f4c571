//! `ballast networks` and `ballast subnets`: where addresses are from. They are read here; who makes them is an operator or
//! a Neutron.

use serde_json::Value;

use crate::{
    noun::text,
    v2::noun::{Collection, Column, Filter, Noun, Verb},
};

pub(super) const SUBNETS: Collection = Collection {
    path: "subnets",
    wrappers: ("subnet", "subnets"),
    key: "id",
    is_named: true,
    one: "subnet",
    many: "subnets",
};

pub(super) const NETWORKS: Collection = Collection {
    path: "networks",
    wrappers: ("network", "networks"),
    key: "id",
    is_named: true,
    one: "network",
    many: "networks",
};

pub(super) const SUBNET: Noun = Noun {
    command: "subnets",
    alias: Some("subnet"),
    about: "Subnets: where the addresses of load balancers are from",
    collection: &SUBNETS,
    parent: None,
    verbs: &[Verb::List, Verb::Show],
    fields: &[],
    filters: &[Filter { option: "network", key: "network_id", of: Some(&NETWORKS) }],
    columns: &[
        Column { title: "ID", cell: |subnet| text(&subnet["id"]) },
        Column { title: "NAME", cell: |subnet| text(&subnet["name"]) },
        Column { title: "CIDR", cell: |subnet| text(&subnet["cidr"]) },
        Column { title: "GATEWAY", cell: |subnet| text(&subnet["gateway_ip"]) },
        Column { title: "NETWORK", cell: |subnet| text(&subnet["network_id"]) },
    ],
    below: &[],
    is_deployed: false,
};

pub(super) const NETWORK: Noun = Noun {
    command: "networks",
    alias: Some("network"),
    about: "Networks: what subnets are of",
    collection: &NETWORKS,
    parent: None,
    verbs: &[Verb::List, Verb::Show],
    fields: &[],
    filters: &[],
    columns: &[
        Column { title: "ID", cell: |network| text(&network["id"]) },
        Column { title: "NAME", cell: |network| text(&network["name"]) },
        Column { title: "SHARED", cell: shared },
        Column { title: "SUBNETS", cell: |network| text(&network["subnets"]) },
    ],
    below: &[],
    is_deployed: false,
};

fn shared(network: &Value) -> String {
    let word = network["shared"].as_bool().map(|shared| if shared { "yes" } else { "no" });
    word.unwrap_or_default().to_owned()
}
