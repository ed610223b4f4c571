//! Flavors.

use ballast_model::flavor::Flavor;
use sea_orm::{NotSet, Set, entity::prelude::*};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "flavor")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub name: String,
    pub description: String,
    pub enabled: bool,
    pub profile_id: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(flavor: &Flavor) -> Self {
        Self {
            seq: NotSet,
            id: Set(flavor.id.uuid()),
            name: Set(flavor.name.clone()),
            description: Set(flavor.description.clone()),
            enabled: Set(flavor.enabled),
            profile_id: Set(flavor.profile_id.uuid()),
        }
    }
}

impl Model {
    pub(crate) fn into_flavor(self) -> Flavor {
        Flavor {
            id: self.id.into(),
            name: self.name,
            description: self.description,
            enabled: self.enabled,
            profile_id: self.profile_id.into(),
        }
    }
}
