//! What flavors and availability zones say to providers.

use ballast_model::{
    fault::Fault,
    flavor::{Profile, ProfileKind},
};
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::codec::member_of;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "profile")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub kind: String,
    pub name: String,
    pub provider: String,
    pub data: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(profile: &Profile) -> Self {
        Self {
            seq: NotSet,
            id: Set(profile.id.uuid()),
            kind: Set(profile.kind.as_str().to_owned()),
            name: Set(profile.name.clone()),
            provider: Set(profile.provider.clone()),
            data: Set(profile.data.clone()),
        }
    }
}

impl Model {
    pub(crate) fn into_profile(self) -> Result<Profile, Fault> {
        Ok(Profile {
            id: self.id.into(),
            kind: member_of("kind", &self.kind, ProfileKind::parse)?,
            name: self.name,
            provider: self.provider,
            data: self.data,
        })
    }
}
