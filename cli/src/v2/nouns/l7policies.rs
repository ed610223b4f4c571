//! `ballast l7policies` and `ballast l7policies rules`

use super::{listeners, pools};
use crate::{
    noun::{admin, text},
    v2::{
        field::{ADMIN, DESCRIPTION, Field, Kind, NAME, TAG},
        noun::{Collection, Column, Filter, Noun, Verb},
    },
};

pub(in crate::v2) const COLLECTION: Collection = Collection {
    path: "lbaas/l7policies",
    wrappers: ("l7policy", "l7policies"),
    key: "id",
    is_named: true,
    one: "L7 policy",
    many: "L7 policies",
};

pub(in crate::v2) const RULE_COLLECTION: Collection = Collection {
    path: "rules",
    wrappers: ("rule", "rules"),
    key: "id",
    is_named: false,
    one: "L7 rule",
    many: "L7 rules",
};

pub(in crate::v2) const NOUN: Noun = Noun {
    command: "l7policies",
    alias: None,
    about: "L7 policies: which requests of a listener go elsewhere, by their rules",
    collection: &COLLECTION,
    parent: None,
    verbs: Verb::DESCRIBED,
    fields: &[
        Field::needed("listener", "listener_id", Kind::Reference(&listeners::COLLECTION), "Whose requests it looks at"),
        Field::needed_or_set(
            "action",
            "action",
            Kind::Text,
            "REJECT, REDIRECT_TO_POOL, REDIRECT_TO_URL or REDIRECT_PREFIX",
        ),
        NAME,
        DESCRIPTION,
        Field::always("position", "position", Kind::Number, "The how manyth it is, from 1; the last"),
        Field::always(
            "redirect-pool",
            "redirect_pool_id",
            Kind::Reference(&pools::COLLECTION),
            "For REDIRECT_TO_POOL: where they go",
        ),
        Field::always("redirect-url", "redirect_url", Kind::Text, "For REDIRECT_TO_URL: where they are sent"),
        Field::always("redirect-prefix", "redirect_prefix", Kind::Text, "For REDIRECT_PREFIX: the same, path kept"),
        Field::always("redirect-code", "redirect_http_code", Kind::Number, "301, 302, 303, 307 or 308; 302"),
        ADMIN,
        TAG,
    ],
    filters: &[
        Filter { option: "listener", key: "listener_id", of: Some(&listeners::COLLECTION) },
        Filter { option: "action", key: "action", of: None },
    ],
    columns: &[
        Column { title: "ID", cell: |policy| text(&policy["id"]) },
        Column { title: "NAME", cell: |policy| text(&policy["name"]) },
        Column { title: "LISTENER", cell: |policy| text(&policy["listener_id"]) },
        Column { title: "POSITION", cell: |policy| text(&policy["position"]) },
        Column { title: "ACTION", cell: |policy| text(&policy["action"]) },
        Column { title: "RULES", cell: |policy| policy["rules"].as_array().map_or(0, Vec::len).to_string() },
        Column { title: "ADMIN", cell: admin },
        Column { title: "PROVISIONING", cell: |policy| text(&policy["provisioning_status"]) },
    ],
    below: &[&RULES],
    is_deployed: true,
};

pub(in crate::v2) const RULES: Noun = Noun {
    command: "rules",
    alias: None,
    about: "L7 rules: what a request must be like for its policy to apply; all of them",
    collection: &RULE_COLLECTION,
    parent: Some(("POLICY", &COLLECTION)),
    verbs: Verb::USUAL,
    fields: &[
        Field::needed_or_set(
            "type",
            "type",
            Kind::Text,
            "HOST_NAME, PATH, FILE_TYPE, HEADER, COOKIE, SSL_CONN_HAS_CERT, SSL_VERIFY_RESULT or SSL_DN_FIELD",
        ),
        Field::needed_or_set(
            "compare",
            "compare_type",
            Kind::Text,
            "EQUAL_TO, STARTS_WITH, ENDS_WITH, CONTAINS or REGEX",
        ),
        Field::needed_or_set("value", "value", Kind::Text, "With what it is compared"),
        Field::always("of", "key", Kind::Text, "For HEADER, COOKIE and SSL_DN_FIELD: of which one"),
        Field::always("invert", "invert", Kind::Bool, "Whether it must not be like that"),
        ADMIN,
        TAG,
    ],
    filters: &[],
    columns: &[
        Column { title: "ID", cell: |rule| text(&rule["id"]) },
        Column { title: "TYPE", cell: |rule| text(&rule["type"]) },
        Column { title: "OF", cell: |rule| text(&rule["key"]) },
        Column { title: "COMPARE", cell: |rule| text(&rule["compare_type"]) },
        Column { title: "VALUE", cell: |rule| text(&rule["value"]) },
        Column { title: "INVERT", cell: |rule| text(&rule["invert"]) },
        Column { title: "ADMIN", cell: admin },
        Column { title: "PROVISIONING", cell: |rule| text(&rule["provisioning_status"]) },
    ],
    below: &[],
    is_deployed: true,
};
