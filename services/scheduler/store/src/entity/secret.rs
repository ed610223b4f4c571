//! Secrets that others keep, as they were read last.

use ballast_model::{certificate::Sealed, fault::Fault, time::Timestamp, tls::Purpose};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::{
    Secret,
    codec::{from_json, json, member_of, natural, number},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "secret")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub reference: String,
    pub purpose: String,
    pub version: i64,
    pub digest: String,
    pub pem: String,
    /// A list, as JSON.
    pub names: String,
    pub not_before: Option<i64>,
    pub not_after: Option<i64>,
    /// Of the key that sealed; empty: nothing is.
    pub key_id: String,
    pub sealed: Vec<u8>,
    pub read_at: i64,
    pub looked_at: i64,
    pub problem: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// One without its content.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub struct Listed {
    pub id: Uuid,
    pub reference: String,
    pub purpose: String,
    pub version: i64,
    pub digest: String,
    pub names: String,
    pub not_before: Option<i64>,
    pub not_after: Option<i64>,
    pub read_at: i64,
    pub looked_at: i64,
    pub problem: String,
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
    pub(crate) fn of(secret: &Secret, pem: &str, sealed: Option<&Sealed>) -> Result<Self, Fault> {
        Ok(Self {
            seq: NotSet,
            id: Set(secret.id.uuid()),
            reference: Set(secret.reference.clone()),
            purpose: Set(secret.purpose.as_str().to_owned()),
            version: Set(number(secret.version)),
            digest: Set(secret.digest.clone()),
            pem: Set(pem.to_owned()),
            names: Set(json(&secret.names)?),
            not_before: Set(secret.not_before.map(|time| time.0)),
            not_after: Set(secret.not_after.map(|time| time.0)),
            key_id: Set(sealed.map(|sealed| sealed.key_id.clone()).unwrap_or_default()),
            sealed: Set(sealed.map(|sealed| sealed.bytes.clone()).unwrap_or_default()),
            read_at: Set(secret.read_at.0),
            looked_at: Set(secret.looked_at.0),
            problem: Set(secret.problem.clone()),
        })
    }
}

impl Listed {
    pub(crate) fn into_secret(self) -> Result<Secret, Fault> {
        Ok(Secret {
            id: self.id.into(),
            reference: self.reference,
            purpose: member_of("purpose", &self.purpose, Purpose::parse)?,
            version: natural("version", self.version)?,
            digest: self.digest,
            names: from_json("names", &self.names)?,
            not_before: self.not_before.map(Timestamp),
            not_after: self.not_after.map(Timestamp),
            read_at: Timestamp(self.read_at),
            looked_at: Timestamp(self.looked_at),
            problem: self.problem,
        })
    }
}
