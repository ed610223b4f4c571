//! `/ballast/v1/certificates`: certificates that are kept here. A private key comes in, and no answer has it.

use ballast_proto::{
    status::fault::{Certifying, Fault},
    v2::{Acme, AcmeState, Certificate, CertificateKind, Validity},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, ser::SerializeMap};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Time;
use crate::{
    kit::{
        attributes::{Attribute, Attributes, INTEGER, Kind, Resource},
        refusal::Refusal,
        reply::{Keys, Shown},
        spelling::spell,
        table::Routes,
    },
    v2::{
        attributes as common,
        crud::{self, Noun, calls},
        place::Place,
        spelling::CERTIFICATE_KINDS as KINDS,
    },
};

const fn told(name: &'static str) -> Attribute {
    Attribute::read_only(name, Kind::Text)
}

const ACME: Resource = Resource {
    one: "acme",
    many: "acmes",
    links: "acmes_links",
    attributes: &[Attribute::required("domains", Kind::Texts)],
};

const CERTIFICATE: Resource = Resource {
    one: "certificate",
    many: "certificates",
    links: "certificates_links",
    attributes: &[
        common::ID,
        Attribute::optional("project_id", Kind::Text),
        common::NAME,
        common::DESCRIPTION,
        Attribute::optional("kind", Kind::OneOf(KINDS)),
        Attribute::optional("certificate_chain", Kind::Secret).mutable().no_filter(),
        Attribute::optional("private_key", Kind::Secret).mutable().never_shown().no_filter(),
        Attribute::optional("pkcs12", Kind::Secret).mutable().never_shown().no_filter(),
        Attribute::optional("passphrase", Kind::Secret).mutable().never_shown().no_filter(),
        Attribute::optional("acme", Kind::Part(&ACME)).mutable().or_null().never_null().like(acme_schema),
        Attribute::read_only("version", INTEGER).no_filter(),
        told("created_at").no_filter(),
        told("updated_at").or_null().no_filter(),
        told("reference").no_filter(),
        told("subject"),
        Attribute::read_only("names", Kind::Texts),
        told("issuer"),
        told("serial"),
        told("not_before").or_null().no_filter(),
        told("not_after").or_null(),
        told("fingerprint"),
        told("key_type"),
        told("validity").like(validities).no_filter(),
        Attribute::read_only("expires_in_days", INTEGER).or_null().no_filter(),
    ],
};

calls! {
    Certificate = Certificate: certificates, CreateCertificateRequest { certificate, request_id }, UpdateCertificateRequest,
    DeleteRequest { id; etag }, certificates
}

pub(super) fn routes() -> Routes {
    crud::routes::<Certificate>("/ballast/v1/certificates", "/ballast/v1/certificates/{id}")
}

impl Noun for Certificate {
    const RESOURCE: &'static Resource = &CERTIFICATE;
    const ARGUMENT: &'static str = "certificate_";

    fn decode(mut attributes: Attributes) -> Result<Self, Refusal> {
        // Before the others: what is refused leaves nothing of them.
        let pkcs12 = bytes(&Zeroizing::new(attributes.text("pkcs12")))?;
        Ok(Self {
            project_id: attributes.text("project_id"),
            name: attributes.text("name"),
            description: attributes.text("description"),
            kind: attributes.spelled::<CertificateKind>("kind"),
            acme: attributes.part("acme").map(|mut acme| Acme { domains: acme.texts("domains"), ..Acme::default() }),
            certificate_chain: attributes.text("certificate_chain"),
            private_key: attributes.text("private_key"),
            pkcs12,
            passphrase: attributes.text("passphrase"),
            ..Self::default()
        })
    }

    fn at(self, place: Place, etag: String) -> Self {
        Self { id: place.id, etag, ..self }
    }

    fn seen_at(self, origin: &str) -> Self {
        Self { reference: format!("{origin}{}", self.reference), ..self }
    }

    fn etag(&self) -> &str {
        &self.etag
    }
}

/// What is base64 in JSON; lines may be broken, as `base64` breaks them.
fn bytes(text: &str) -> Result<Vec<u8>, Refusal> {
    let mut whole = Zeroizing::new(String::with_capacity(text.len()));
    text.split_ascii_whitespace().for_each(|line| whole.push_str(line));
    STANDARD.decode(whole.as_bytes()).map_err(|_| Fault::from(Certifying::Pkcs12Unreadable).into())
}

impl Shown for Certificate {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("project_id", &self.project_id)?;
        keys.put("name", &self.name)?;
        keys.put("description", &self.description)?;
        keys.put("kind", &spell::<CertificateKind>(self.kind))?;
        keys.put("acme", &self.acme.as_ref().map(Issuing::of))?;
        keys.put("certificate_chain", &self.certificate_chain)?;
        keys.put("version", &self.version)?;
        keys.put("created_at", &self.created_at.as_ref().map(Time))?;
        keys.put("updated_at", &self.updated_at.as_ref().map(Time))?;
        keys.put("reference", &self.reference)?;
        keys.put("subject", &self.subject)?;
        keys.put("names", &self.names)?;
        keys.put("issuer", &self.issuer)?;
        keys.put("serial", &self.serial)?;
        keys.put("not_before", &self.not_before.as_ref().map(Time))?;
        keys.put("not_after", &self.not_after.as_ref().map(Time))?;
        keys.put("fingerprint", &self.fingerprint)?;
        keys.put("key_type", &self.key_type)?;
        keys.put("validity", validity(self.validity()))?;
        keys.put("expires_in_days", &self.not_after.as_ref().map(|_| self.expires_in_days))
    }
}

/// How far a certificate is that a CA issues.
#[derive(Serialize)]
struct Issuing<'a> {
    domains: &'a [String],
    state: Option<&'static str>,
    last_error: Option<&'a str>,
    next_attempt_at: Option<Time<'a>>,
    failures: u32,
}

impl<'a> Issuing<'a> {
    fn of(acme: &'a Acme) -> Self {
        Self {
            domains: &acme.domains,
            state: spell::<AcmeState>(acme.state),
            last_error: Some(acme.last_error.as_str()).filter(|text| !text.is_empty()),
            next_attempt_at: acme.next_attempt_at.as_ref().map(Time),
            failures: acme.failures,
        }
    }
}

fn acme_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({ "type": ["object", "null"], "required": ["domains"], "properties": {
        "domains": { "type": "array", "items": text },
        "state": { "enum": ["PENDING", "VALID", "RENEWING", "FAILED"], "readOnly": true },
        "last_error": { "type": ["string", "null"], "readOnly": true },
        "next_attempt_at": { "type": ["string", "null"], "readOnly": true },
        "failures": { "type": "integer", "readOnly": true }
    } })
}

pub(super) const fn validity(validity: Validity) -> &'static str {
    match validity {
        Validity::Valid => "VALID",
        Validity::NotYetValid => "NOT_YET_VALID",
        Validity::Expired => "EXPIRED",
        Validity::NotIssued => "NOT_ISSUED",
        Validity::Unspecified => "UNKNOWN",
    }
}

pub(super) fn validities() -> Value {
    json!({ "enum": ["VALID", "NOT_YET_VALID", "EXPIRED", "NOT_ISSUED", "UNKNOWN"] })
}
