//! Accounts at CAs that issue by ACME, with keys that are sealed.

use ballast_model::certificate::Sealed;
use sea_orm::entity::prelude::*;

use crate::AcmeAccount;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "acme_account")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// The URL of the CA's directory.
    #[sea_orm(unique)]
    pub directory: String,
    /// By which the CA knows it.
    pub url: String,
    /// Of the key that sealed.
    pub key_id: String,
    pub sealed: Vec<u8>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(crate) fn into_account(self) -> AcmeAccount {
        let sealed = Sealed { key_id: self.key_id, bytes: self.sealed };
        AcmeAccount { directory: self.directory, url: self.url, sealed }
    }
}
