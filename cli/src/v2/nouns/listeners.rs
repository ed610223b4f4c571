//! `ballast listeners`

use super::{load_balancers, pools};
use crate::{
    noun::{admin, text},
    v2::{
        field::{ADMIN, DESCRIPTION, Field, Kind, NAME, TAG},
        noun::{Collection, Column, Filter, Noun, Verb},
    },
};

pub(in crate::v2) const COLLECTION: Collection = Collection {
    path: "lbaas/listeners",
    wrappers: ("listener", "listeners"),
    key: "id",
    is_named: true,
    one: "listener",
    many: "listeners",
};

pub(in crate::v2) const NOUN: Noun = Noun {
    command: "listeners",
    alias: None,
    about: "Listeners: the ports at which a load balancer answers",
    collection: &COLLECTION,
    parent: None,
    verbs: &[Verb::List, Verb::Show, Verb::Describe, Verb::Create, Verb::Set, Verb::Delete, Verb::Stats],
    fields: &[
        Field::needed(
            "load-balancer",
            "loadbalancer_id",
            Kind::Reference(&load_balancers::COLLECTION),
            "Whose listener it is",
        ),
        Field::needed(
            "protocol",
            "protocol",
            Kind::Text,
            "HTTP, TCP, HTTPS, TERMINATED_HTTPS, PROMETHEUS, UDP or SCTP, as far as its provider can",
        ),
        Field::needed("port", "protocol_port", Kind::Number, "Where it answers"),
        NAME,
        DESCRIPTION,
        Field::always(
            "default-pool",
            "default_pool_id",
            Kind::Reference(&pools::COLLECTION),
            "Who gets what no policy sends elsewhere",
        ),
        Field::always("connection-limit", "connection_limit", Kind::Number, "Connections at once; -1: any number"),
        Field::always(
            "insert-header",
            "insert_headers",
            Kind::Map,
            "A header for members, as X-Forwarded-For=true; again for each",
        ),
        Field::always("allowed-cidr", "allowed_cidrs", Kind::Texts, "Who may connect, as 192.0.2.0/24; again for each"),
        Field::always("timeout-client-data", "timeout_client_data", Kind::Number, "Milliseconds of a client's silence"),
        Field::always("timeout-member-data", "timeout_member_data", Kind::Number, "Milliseconds of a member's silence"),
        Field::always("timeout-member-connect", "timeout_member_connect", Kind::Number, "Milliseconds to connect"),
        Field::always("timeout-tcp-inspect", "timeout_tcp_inspect", Kind::Number, "Milliseconds to wait for content"),
        Field::always(
            "tls-container",
            "default_tls_container_ref",
            Kind::Text,
            "The certificate and its key, by their reference",
        ),
        Field::always("sni-container", "sni_container_refs", Kind::Texts, "The same for other names; again for each"),
        Field::always("tls-ciphers", "tls_ciphers", Kind::Text, "Ciphers, with colons between them"),
        Field::always("tls-version", "tls_versions", Kind::Texts, "As TLSv1.3; again for each"),
        Field::always("alpn", "alpn_protocols", Kind::Texts, "As h2 or http/1.1; again for each"),
        Field::always(
            "client-authentication",
            "client_authentication",
            Kind::Text,
            "Whether clients show certificates: NONE, OPTIONAL or MANDATORY",
        ),
        Field::always("client-ca", "client_ca_tls_container_ref", Kind::Text, "Whose certificates of clients are good"),
        Field::always("client-crl", "client_crl_container_ref", Kind::Text, "Which of them no longer"),
        Field::always("hsts-max-age", "hsts_max_age", Kind::Number, "Seconds for which browsers shall insist on TLS"),
        Field::always(
            "hsts-include-subdomains",
            "hsts_include_subdomains",
            Kind::Bool,
            "For names below this one, too",
        ),
        Field::always("hsts-preload", "hsts_preload", Kind::Bool, "Whether browsers may know it beforehand"),
        ADMIN,
        TAG,
    ],
    filters: &[
        Filter { option: "load-balancer", key: "loadbalancer_id", of: Some(&load_balancers::COLLECTION) },
        Filter { option: "protocol", key: "protocol", of: None },
    ],
    columns: &[
        Column { title: "ID", cell: |listener| text(&listener["id"]) },
        Column { title: "NAME", cell: |listener| text(&listener["name"]) },
        Column { title: "PROTOCOL", cell: |listener| text(&listener["protocol"]) },
        Column { title: "PORT", cell: |listener| text(&listener["protocol_port"]) },
        Column { title: "DEFAULT-POOL", cell: |listener| text(&listener["default_pool_id"]) },
        Column { title: "ADMIN", cell: admin },
        Column { title: "PROVISIONING", cell: |listener| text(&listener["provisioning_status"]) },
        Column { title: "OPERATING", cell: |listener| text(&listener["operating_status"]) },
    ],
    below: &[],
    is_deployed: true,
};
