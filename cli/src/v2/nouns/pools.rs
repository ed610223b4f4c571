//! `ballast pools`

use serde_json::Value;

use super::{listeners, load_balancers};
use crate::{
    noun::{admin, text},
    v2::{
        field::{ADMIN, DESCRIPTION, Field, Kind, NAME, TAG},
        noun::{Collection, Column, Filter, Noun, Verb},
    },
};

pub(in crate::v2) const COLLECTION: Collection = Collection {
    path: "lbaas/pools",
    wrappers: ("pool", "pools"),
    key: "id",
    is_named: true,
    one: "pool",
    many: "pools",
};

pub(in crate::v2) const NOUN: Noun = Noun {
    command: "pools",
    alias: None,
    about: "Pools: what is balanced, and how",
    collection: &COLLECTION,
    parent: None,
    verbs: &[Verb::List, Verb::Show, Verb::Describe, Verb::Create, Verb::Set, Verb::Delete, Verb::Stats],
    fields: &[
        Field::created(
            "load-balancer",
            "loadbalancer_id",
            Kind::Reference(&load_balancers::COLLECTION),
            "Whose pool it is, if it is no listener's yet",
        ),
        Field::created(
            "listener",
            "listener_id",
            Kind::Reference(&listeners::COLLECTION),
            "Instead: whose default pool it is",
        ),
        Field::needed(
            "protocol",
            "protocol",
            Kind::Text,
            "HTTP, TCP, HTTPS, PROXY, PROXYV2, UDP or SCTP, as far as its provider can",
        ),
        Field::needed_or_set(
            "algorithm",
            "lb_algorithm",
            Kind::Text,
            "ROUND_ROBIN, LEAST_CONNECTIONS, SOURCE_IP or SOURCE_IP_PORT",
        ),
        NAME,
        DESCRIPTION,
        Field::always(
            "persistence",
            "session_persistence.type",
            Kind::Text,
            "How clients stay with a member: SOURCE_IP, HTTP_COOKIE or APP_COOKIE",
        ),
        Field::always("cookie-name", "session_persistence.cookie_name", Kind::Text, "For APP_COOKIE: which cookie"),
        Field::always(
            "persistence-timeout",
            "session_persistence.persistence_timeout",
            Kind::Number,
            "For UDP and SCTP: seconds",
        ),
        Field::always(
            "persistence-granularity",
            "session_persistence.persistence_granularity",
            Kind::Text,
            "For UDP and SCTP: a netmask; who is alike by it is one client",
        ),
        Field::always("tls", "tls_enabled", Kind::Bool, "Whether TLS is spoken with members"),
        Field::always("tls-container", "tls_container_ref", Kind::Text, "Its own certificate there, by its reference"),
        Field::always("ca", "ca_tls_container_ref", Kind::Text, "Whose certificates of members are good"),
        Field::always("crl", "crl_container_ref", Kind::Text, "Which of them no longer"),
        Field::always("tls-ciphers", "tls_ciphers", Kind::Text, "Ciphers, with colons between them"),
        Field::always("tls-version", "tls_versions", Kind::Texts, "As TLSv1.3; again for each"),
        Field::always("alpn", "alpn_protocols", Kind::Texts, "As http/1.1; again for each"),
        ADMIN,
        TAG,
    ],
    filters: &[
        Filter { option: "load-balancer", key: "loadbalancer_id", of: Some(&load_balancers::COLLECTION) },
        Filter { option: "protocol", key: "protocol", of: None },
    ],
    columns: &[
        Column { title: "ID", cell: |pool| text(&pool["id"]) },
        Column { title: "NAME", cell: |pool| text(&pool["name"]) },
        Column { title: "PROTOCOL", cell: |pool| text(&pool["protocol"]) },
        Column { title: "ALGORITHM", cell: |pool| text(&pool["lb_algorithm"]) },
        Column { title: "MEMBERS", cell: members },
        Column { title: "ADMIN", cell: admin },
        Column { title: "PROVISIONING", cell: |pool| text(&pool["provisioning_status"]) },
        Column { title: "OPERATING", cell: |pool| text(&pool["operating_status"]) },
    ],
    below: &[],
    is_deployed: true,
};

fn members(pool: &Value) -> String {
    pool["members"].as_array().map_or(0, Vec::len).to_string()
}
