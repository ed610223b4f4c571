//! `ballast certificates`

use crate::{
    noun::text,
    v2::{
        field::{DESCRIPTION, Field, Kind, NAME},
        noun::{Collection, Column, Noun, Verb},
    },
};

const COLLECTION: Collection = Collection {
    path: "/ballast/v1/certificates",
    wrappers: ("certificate", "certificates"),
    key: "id",
    is_named: true,
    one: "certificate",
    many: "certificates",
};

pub(super) const NOUN: Noun = Noun {
    command: "certificates",
    alias: None,
    about: "Certificates with their private keys, by which listeners and pools speak TLS; those of CAs, and revocation lists",
    collection: &COLLECTION,
    parent: None,
    verbs: Verb::USUAL,
    fields: &[
        NAME,
        DESCRIPTION,
        Field::created(
            "kind",
            "kind",
            Kind::Text,
            "CERTIFICATE, which is the usual one; CA, certificates that verify others; CRL, revocation lists of such",
        ),
        Field::always(
            "chain",
            "certificate_chain",
            Kind::File,
            "A file in PEM: the certificate, then each that issued the one before; or those of CAs; or revocation lists; - \
             for standard input",
        ),
        Field::always("private-key", "private_key", Kind::File, "A file in PEM: its private key, not encrypted"),
        Field::always(
            "pkcs12",
            "pkcs12",
            Kind::Binary,
            "A bundle of PKCS12 (.p12, .pfx) instead of both: private key, certificate, and those that issued it",
        ),
        Field::always(
            "passphrase-file",
            "passphrase",
            Kind::Line,
            "A file with the passphrase of --pkcs12 in one line",
        ),
        Field::always(
            "domain",
            "acme.domains",
            Kind::Texts,
            "A DNS name for which a CA issues it by ACME, in the place of a file; again for each. They replace all others, and \
             it is issued at once",
        ),
        Field::created("project", "project_id", Kind::Text, "Whose it is; for admins"),
    ],
    filters: &[],
    columns: &[
        Column { title: "ID", cell: |certificate| text(&certificate["id"]) },
        Column { title: "NAME", cell: |certificate| text(&certificate["name"]) },
        Column { title: "NAMES", cell: |certificate| text(&certificate["names"]) },
        Column { title: "KIND", cell: |certificate| text(&certificate["kind"]) },
        Column { title: "KEY", cell: |certificate| text(&certificate["key_type"]) },
        Column { title: "ACME", cell: |certificate| text(&certificate["acme"]["state"]) },
        Column { title: "VALIDITY", cell: |certificate| text(&certificate["validity"]) },
        Column { title: "DAYS", cell: |certificate| text(&certificate["expires_in_days"]) },
    ],
    below: &[],
    is_deployed: false,
};
