//! Certificates, with private keys that are sealed.

use ballast_model::{
    certificate::{Certificate, Content, Sealed},
    fault::Fault,
    time::Timestamp,
};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::codec::{from_json, json, natural, number};

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
    /// Of the key that sealed.
    pub key_id: String,
    pub sealed: Vec<u8>,
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
        let content = &certificate.content;
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
            subject: Set(content.subject.clone()),
            names: Set(json(&content.names)?),
            issuer: Set(content.issuer.clone()),
            serial: Set(content.serial.clone()),
            not_before: Set(content.not_before.0),
            not_after: Set(content.not_after.0),
            fingerprint: Set(content.fingerprint.clone()),
            key_type: Set(content.key_type.clone()),
            chain: Set(content.chain.clone()),
            key_id: NotSet,
            sealed: NotSet,
        })
    }

    pub(crate) fn with(self, sealed: &Sealed) -> Self {
        Self { key_id: Set(sealed.key_id.clone()), sealed: Set(sealed.bytes.clone()), ..self }
    }
}

impl Listed {
    pub(crate) fn into_certificate(self) -> Result<Certificate, Fault> {
        Ok(Certificate {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            description: self.description,
            version: natural("version", self.version)?,
            changed: natural("changed", self.changed)?,
            created_at: Timestamp(self.created_at),
            updated_at: self.updated_at.map(Timestamp),
            content: Content {
                subject: self.subject,
                names: from_json("names", &self.names)?,
                issuer: self.issuer,
                serial: self.serial,
                not_before: Timestamp(self.not_before),
                not_after: Timestamp(self.not_after),
                fingerprint: self.fingerprint,
                key_type: self.key_type,
                chain: String::new(),
            },
        })
    }
}
