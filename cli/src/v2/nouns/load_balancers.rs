//! `ballast load-balancers`

use super::{
    flavors,
    networks::{NETWORKS, SUBNETS},
};
use crate::{
    noun::{admin, text},
    v2::{
        field::{ADMIN, DESCRIPTION, Field, Kind, NAME, TAG},
        noun::{Collection, Column, Noun, Verb},
    },
};

pub(in crate::v2) const COLLECTION: Collection = Collection {
    path: "lbaas/loadbalancers",
    wrappers: ("loadbalancer", "loadbalancers"),
    key: "id",
    is_named: true,
    one: "load balancer",
    many: "load balancers",
};

pub(in crate::v2) const NOUN: Noun = Noun {
    command: "load-balancers",
    alias: Some("lb"),
    about: "Load balancers: an address with all that answers at it",
    collection: &COLLECTION,
    parent: None,
    verbs: &[
        Verb::List,
        Verb::Show,
        Verb::Describe,
        Verb::Create,
        Verb::Set,
        Verb::Delete,
        Verb::Stats,
        Verb::Status,
        Verb::Health,
        Verb::Failover,
        Verb::History,
        Verb::Rollback,
    ],
    fields: &[
        NAME,
        DESCRIPTION,
        Field::created("subnet", "vip_subnet_id", Kind::Reference(&SUBNETS), "Where its address is from"),
        Field::created("network", "vip_network_id", Kind::Reference(&NETWORKS), "Instead: any subnet of this network"),
        Field::created("vip-port", "vip_port_id", Kind::Text, "Instead: a port that is there already, by its id"),
        Field::created("address", "vip_address", Kind::Text, "Its address, instead of any that is free"),
        Field::created(
            "additional-vip",
            "additional_vips",
            Kind::Objects(
                "subnet=ID,address=IP",
                &[("subnet", "subnet_id"), ("address", "ip_address"), ("port", "port_id")],
            ),
            "One address more, by ids",
        ),
        Field::created("provider", "provider", Kind::Text, "Whose driver runs it"),
        Field::created("flavor", "flavor_id", Kind::Reference(&flavors::COLLECTION), "Of which flavor it is"),
        Field::created("zone", "availability_zone", Kind::Text, "The availability zone to put it in"),
        Field::always("security-group", "vip_sg_ids", Kind::Texts, "A security group of its port; again for each"),
        Field::always("qos-policy", "vip_qos_policy_id", Kind::Text, "A QoS policy of its port"),
        ADMIN,
        TAG,
    ],
    filters: &[],
    columns: &[
        Column { title: "ID", cell: |lb| text(&lb["id"]) },
        Column { title: "NAME", cell: |lb| text(&lb["name"]) },
        Column { title: "ADDRESS", cell: |lb| text(&lb["vip_address"]) },
        Column { title: "PROVIDER", cell: |lb| text(&lb["provider"]) },
        Column { title: "ADMIN", cell: admin },
        Column { title: "PROVISIONING", cell: |lb| text(&lb["provisioning_status"]) },
        Column { title: "OPERATING", cell: |lb| text(&lb["operating_status"]) },
    ],
    below: &[],
    is_deployed: true,
};
