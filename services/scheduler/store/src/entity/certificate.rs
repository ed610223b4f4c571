//! Certificates, with private keys that are sealed.

use ballast_model::{
    certificate::{Acme, Certificate, Content, Sealed},
    fault::Fault,
    time::Timestamp,
    tls::Purpose,
};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::codec::{from_json, json, member_of, natural, number};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub version: i64,
    pub changed: i64,
    pub created_at: i64,
    pub updated_at: Option<i64>,
    pub subject: String,
    /// A list, as JSON.
    pub names: String,
    pub issuer: String,
    pub serial: String,
    pub not_before: i64,
    pub not_after: i64,
    pub fingerprint: String,
    pub key_type: String,
    pub chain: String,
    /// Of the key that sealed; empty: there is no private key.
    pub key_id: String,
    pub sealed: Vec<u8>,
    pub kind: String,
    /// A list, as JSON; none, as in the others: it is not issued by ACME.
    pub acme_domains: Option<String>,
    pub acme_failures: i64,
    pub acme_error: Option<String>,
    pub acme_next_at: Option<i64>,
    /// The scheduler that is at it.
    pub acme_worker: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What is shown of one in a list: neither its chain nor its private key is read.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub struct Listed {
    pub id: Uuid,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub version: i64,
    pub changed: i64,
    pub created_at: i64,
    pub updated_at: Option<i64>,
    pub subject: String,
    pub names: String,
    pub issuer: String,
    pub serial: String,
    pub not_before: i64,
    pub not_after: i64,
    pub fingerprint: String,
    pub key_type: String,
    pub kind: String,
    pub acme_domains: Option<String>,
    pub acme_failures: i64,
    pub acme_error: Option<String>,
    pub acme_next_at: Option<i64>,
    pub acme_worker: Option<Uuid>,
}

/// What is sealed, and what it is bound to.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub struct Kept {
    pub seq: i64,
    pub id: Uuid,
    pub version: i64,
    pub key_id: String,
    pub sealed: Vec<u8>,
}

impl ActiveModel {
    /// Without what is sealed.
    pub(crate) fn of(certificate: &Certificate) -> Result<Self, Fault> {
        let (content, acme) = (certificate.content.clone().unwrap_or_default(), certificate.acme.as_ref());
        Ok(Self {
            seq: NotSet,
            id: Set(certificate.id.uuid()),
            project_id: Set(certificate.project_id.clone()),
            name: Set(certificate.name.clone()),
            description: Set(certificate.description.clone()),
            version: Set(number(certificate.version)),
            changed: Set(number(certificate.changed)),
            created_at: Set(certificate.created_at.0),
            updated_at: Set(certificate.updated_at.map(|time| time.0)),
            subject: Set(content.subject),
            names: Set(json(&content.names)?),
            issuer: Set(content.issuer),
            serial: Set(content.serial),
            not_before: Set(content.not_before.0),
            not_after: Set(content.not_after.0),
            fingerprint: Set(content.fingerprint),
            key_type: Set(content.key_type),
            chain: Set(content.chain),
            key_id: NotSet,
            sealed: NotSet,
            kind: Set(certificate.kind.as_str().to_owned()),
            acme_domains: Set(acme.map(|acme| json(&acme.domains)).transpose()?),
            acme_failures: Set(acme.map_or(0, |acme| acme.failures.into())),
            acme_error: Set(acme.and_then(|acme| acme.last_error.clone())),
            acme_next_at: Set(acme.map(|acme| acme.next_at.0)),
            acme_worker: Set(acme.and_then(|acme| acme.worker).map(|id| id.uuid())),
        })
    }

    pub(crate) fn with(self, sealed: &Sealed) -> Self {
        Self { key_id: Set(sealed.key_id.clone()), sealed: Set(sealed.bytes.clone()), ..self }
    }
}

impl Listed {
    pub(crate) fn into_certificate(self) -> Result<Certificate, Fault> {
        let acme = match (self.acme_domains, self.acme_next_at) {
            (Some(domains), Some(next_at)) => Some(Acme {
                domains: from_json("acme_domains", &domains)?,
                failures: natural("acme_failures", self.acme_failures)?,
                last_error: self.acme_error,
                next_at: Timestamp(next_at),
                worker: self.acme_worker.map(Into::into),
            }),
            _ => None,
        };
        let content = Content {
            subject: self.subject,
            names: from_json("names", &self.names)?,
            issuer: self.issuer,
            serial: self.serial,
            not_before: Timestamp(self.not_before),
            not_after: Timestamp(self.not_after),
            fingerprint: self.fingerprint,
            key_type: self.key_type,
            chain: String::new(),
        };
        let version = natural("version", self.version)?;
        Ok(Certificate {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            description: self.description,
            kind: member_of("kind", &self.kind, Purpose::parse)?,
            acme,
            version,
            changed: natural("changed", self.changed)?,
            created_at: Timestamp(self.created_at),
            updated_at: self.updated_at.map(Timestamp),
            content: (version > 0).then_some(content),
        })
    }
}
