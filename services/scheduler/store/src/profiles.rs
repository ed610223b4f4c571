//! What flavors and availability zones say to providers.

use ballast_model::{
    fault::{Fault, Kind, Taken},
    flavor::{Profile, ProfileKind},
    ids::ProfileId,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _};

use crate::{
    Tx,
    backend::{fault_of, is_reference},
    entity::{availability_zone, flavor, profile},
};

/// There is no profile of this kind and id.
#[must_use]
pub fn profile_not_found(kind: ProfileKind, id: ProfileId) -> Fault {
    let kind = match kind {
        ProfileKind::Flavor => Kind::FlavorProfile,
        ProfileKind::AvailabilityZone => Kind::AvailabilityZoneProfile,
    };
    Fault::not_found(kind, id)
}

impl Tx {
    /// The profile of this kind and id.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn profile(&self, kind: ProfileKind, id: ProfileId) -> Result<Option<Profile>, Fault> {
        let row = profile::Entity::find()
            .filter(profile::Column::Id.eq(id.uuid()))
            .filter(profile::Column::Kind.eq(kind.as_str()))
            .one(self.db());
        row.await.map_err(fault_of)?.map(profile::Model::into_profile).transpose()
    }

    /// All profiles of a kind, oldest first.
    ///
    /// # Errors
    /// As [`Self::profile`].
    pub async fn profiles(&self, kind: ProfileKind) -> Result<Vec<Profile>, Fault> {
        let rows = profile::Entity::find()
            .filter(profile::Column::Kind.eq(kind.as_str()))
            .order_by_asc(profile::Column::Seq)
            .all(self.db());
        rows.await.map_err(fault_of)?.into_iter().map(profile::Model::into_profile).collect()
    }

    /// Stores a new profile.
    ///
    /// # Errors
    /// As [`Self::profile`].
    pub async fn insert_profile(&self, profile: &Profile) -> Result<(), Fault> {
        let insert = profile::Entity::insert(profile::ActiveModel::of(profile)).exec_without_returning(self.db());
        insert.await.map(|_| ()).map_err(fault_of)
    }

    /// Stores what a profile is now.
    ///
    /// # Errors
    /// `Code::ProfileNotFound`, or as [`Self::profile`].
    pub async fn save_profile(&self, profile: &Profile) -> Result<(), Fault> {
        let saved = profile::Entity::update_many()
            .set(profile::ActiveModel::of(profile))
            .filter(profile::Column::Id.eq(profile.id.uuid()))
            .exec(self.db());
        match saved.await.map_err(fault_of)?.rows_affected {
            0 => Err(profile_not_found(profile.kind, profile.id)),
            _ => Ok(()),
        }
    }

    /// Deletes a profile that nothing has.
    ///
    /// # Errors
    /// `Code::ProfileNotFound`, [`Taken::FlavorProfile`], [`Taken::ZoneProfile`], or as [`Self::profile`].
    pub async fn delete_profile(&self, kind: ProfileKind, id: ProfileId) -> Result<(), Fault> {
        let gone = profile::Entity::delete_many()
            .filter(profile::Column::Id.eq(id.uuid()))
            .filter(profile::Column::Kind.eq(kind.as_str()))
            .exec(self.db());
        let gone = gone.await.map_err(|error| match is_reference(&error) {
            true => profile_in_use(kind, id),
            false => fault_of(error),
        });
        match gone?.rows_affected {
            0 => Err(profile_not_found(kind, id)),
            _ => Ok(()),
        }
    }

    /// Refuses to change what a flavor or a zone has.
    ///
    /// # Errors
    /// [`Taken::FlavorProfile`], [`Taken::ZoneProfile`], or as [`Self::profile`].
    pub async fn profile_must_be_unused(&self, kind: ProfileKind, id: ProfileId) -> Result<(), Fault> {
        let count = match kind {
            ProfileKind::Flavor => {
                flavor::Entity::find().filter(flavor::Column::ProfileId.eq(id.uuid())).count(self.db()).await
            }
            ProfileKind::AvailabilityZone => {
                let of_profile = availability_zone::Column::ProfileId.eq(id.uuid());
                availability_zone::Entity::find().filter(of_profile).count(self.db()).await
            }
        };
        match count.map_err(fault_of)? {
            0 => Ok(()),
            _ => Err(profile_in_use(kind, id)),
        }
    }
}

fn profile_in_use(kind: ProfileKind, id: ProfileId) -> Fault {
    let profile_id = id.to_string();
    match kind {
        ProfileKind::Flavor => Taken::FlavorProfile { profile_id }.into(),
        ProfileKind::AvailabilityZone => Taken::ZoneProfile { profile_id }.into(),
    }
}
