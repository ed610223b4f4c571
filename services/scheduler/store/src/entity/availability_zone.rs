//! Availability zones.

use ballast_model::flavor::AvailabilityZone;
use sea_orm::{NotSet, Set, entity::prelude::*};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "availability_zone")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
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
    pub(crate) fn of(zone: &AvailabilityZone) -> Self {
        Self {
            seq: NotSet,
            name: Set(zone.name.clone()),
            description: Set(zone.description.clone()),
            enabled: Set(zone.enabled),
            profile_id: Set(zone.profile_id.uuid()),
        }
    }
}

impl Model {
    pub(crate) fn into_zone(self) -> AvailabilityZone {
        AvailabilityZone {
            name: self.name,
            description: self.description,
            enabled: self.enabled,
            profile_id: self.profile_id.into(),
        }
    }
}
