//! `/ballast/v1/certificates`: certificates that are kept here. A private key comes in, and no answer has it.

use ballast_proto::v2::{Certificate, Validity};
use serde::ser::SerializeMap;
use serde_json::{Value, json};

use super::Time;
use crate::{
    kit::{
        attributes::{Attribute, Attributes, INTEGER, Kind, Resource},
        refusal::Refusal,
        reply::{Keys, Shown},
        table::Routes,
    },
    v2::{
        attributes as common,
        crud::{self, Noun, calls},
        place::Place,
    },
};

const fn told(name: &'static str) -> Attribute {
    Attribute::read_only(name, Kind::Text)
}

const CERTIFICATE: Resource = Resource {
    one: "certificate",
    many: "certificates",
    links: "certificates_links",
    attributes: &[
        common::ID,
        Attribute::optional("project_id", Kind::Text),
        common::NAME,
        common::DESCRIPTION,
        Attribute::required("certificate_chain", Kind::Secret).mutable().no_filter(),
        Attribute::required("private_key", Kind::Secret).mutable().never_shown().no_filter(),
        Attribute::read_only("version", INTEGER).no_filter(),
        told("created_at").no_filter(),
        told("updated_at").or_null().no_filter(),
        told("reference").no_filter(),
        told("subject"),
        Attribute::read_only("names", Kind::Texts),
        told("issuer"),
        told("serial"),
        told("not_before").no_filter(),
        told("not_after"),
        told("fingerprint"),
        told("key_type"),
        told("validity").like(validities).no_filter(),
        Attribute::read_only("expires_in_days", INTEGER).no_filter(),
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
        Ok(Self {
            project_id: attributes.text("project_id"),
            name: attributes.text("name"),
            description: attributes.text("description"),
            certificate_chain: attributes.text("certificate_chain"),
            private_key: attributes.text("private_key"),
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

impl Shown for Certificate {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("project_id", &self.project_id)?;
        keys.put("name", &self.name)?;
        keys.put("description", &self.description)?;
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
        keys.put("expires_in_days", &self.expires_in_days)
    }
}

pub(super) const fn validity(validity: Validity) -> &'static str {
    match validity {
        Validity::Valid => "VALID",
        Validity::NotYetValid => "NOT_YET_VALID",
        Validity::Expired => "EXPIRED",
        Validity::Unspecified => "UNKNOWN",
    }
}

pub(super) fn validities() -> Value {
    json!({ "enum": ["VALID", "NOT_YET_VALID", "EXPIRED", "UNKNOWN"] })
}
