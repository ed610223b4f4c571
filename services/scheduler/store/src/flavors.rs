//! Flavors and availability zones. There are few: lists of them are whole, and filtered by who shows them.

use ballast_model::{
    fault::{Fault, Kind, Taken},
    flavor::{AvailabilityZone, Flavor},
    ids::FlavorId,
};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, sea_query::Expr,
};

use crate::{
    Tx,
    backend::{fault_of, is_duplicate},
    entity::{availability_zone, flavor, load_balancer},
};

/// There is no flavor of this id.
#[must_use]
pub fn flavor_not_found(id: FlavorId) -> Fault {
    Fault::not_found(Kind::Flavor, id)
}

/// There is no availability zone of this name.
#[must_use]
pub fn zone_not_found(name: &str) -> Fault {
    Fault::not_found(Kind::AvailabilityZone, name)
}

impl Tx {
    /// The flavor of this id.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn flavor(&self, id: FlavorId) -> Result<Option<Flavor>, Fault> {
        let row = flavor::Entity::find().filter(flavor::Column::Id.eq(id.uuid())).one(self.db());
        Ok(row.await.map_err(fault_of)?.map(flavor::Model::into_flavor))
    }

    /// All flavors, oldest first.
    ///
    /// # Errors
    /// As [`Self::flavor`].
    pub async fn flavors(&self) -> Result<Vec<Flavor>, Fault> {
        let rows = flavor::Entity::find().order_by_asc(flavor::Column::Seq).all(self.db());
        Ok(rows.await.map_err(fault_of)?.into_iter().map(flavor::Model::into_flavor).collect())
    }

    /// Stores a new flavor.
    ///
    /// # Errors
    /// [`Taken::FlavorName`], or as [`Self::flavor`].
    pub async fn insert_flavor(&self, flavor: &Flavor) -> Result<(), Fault> {
        let insert = flavor::Entity::insert(flavor::ActiveModel::of(flavor)).exec_without_returning(self.db());
        insert.await.map(|_| ()).map_err(flavor_name_taken(flavor))
    }

    /// Stores what a flavor is now.
    ///
    /// # Errors
    /// `Code::FlavorNotFound`, or as [`Self::insert_flavor`].
    pub async fn save_flavor(&self, flavor: &Flavor) -> Result<(), Fault> {
        let saved = flavor::Entity::update_many()
            .set(flavor::ActiveModel::of(flavor))
            .filter(flavor::Column::Id.eq(flavor.id.uuid()))
            .exec(self.db());
        match saved.await.map_err(flavor_name_taken(flavor))?.rows_affected {
            0 => Err(flavor_not_found(flavor.id)),
            _ => Ok(()),
        }
    }

    /// Refuses a flavor that a load balancer has.
    ///
    /// # Errors
    /// [`Taken::Flavor`], or as [`Self::flavor`].
    pub async fn flavor_must_be_unused(&self, id: FlavorId) -> Result<(), Fault> {
        match self.any_has(load_balancer::Column::FlavorId.eq(id.uuid())).await? {
            true => Err(Taken::Flavor { flavor_id: id.to_string() }.into()),
            false => Ok(()),
        }
    }

    /// Deletes a flavor that no load balancer has.
    ///
    /// # Errors
    /// `Code::FlavorNotFound`, [`Taken::Flavor`], or as [`Self::flavor`].
    pub async fn delete_flavor(&self, id: FlavorId) -> Result<(), Fault> {
        self.flavor_must_be_unused(id).await?;
        let gone = flavor::Entity::delete_many().filter(flavor::Column::Id.eq(id.uuid())).exec(self.db());
        match gone.await.map_err(fault_of)?.rows_affected {
            0 => Err(flavor_not_found(id)),
            _ => Ok(()),
        }
    }

    /// The availability zone of this name.
    ///
    /// # Errors
    /// As [`Self::flavor`].
    pub async fn zone(&self, name: &str) -> Result<Option<AvailabilityZone>, Fault> {
        let row = availability_zone::Entity::find().filter(availability_zone::Column::Name.eq(name)).one(self.db());
        Ok(row.await.map_err(fault_of)?.map(availability_zone::Model::into_zone))
    }

    /// All availability zones, oldest first.
    ///
    /// # Errors
    /// As [`Self::flavor`].
    pub async fn zones(&self) -> Result<Vec<AvailabilityZone>, Fault> {
        let rows = availability_zone::Entity::find().order_by_asc(availability_zone::Column::Seq).all(self.db());
        Ok(rows.await.map_err(fault_of)?.into_iter().map(availability_zone::Model::into_zone).collect())
    }

    /// Stores a new availability zone.
    ///
    /// # Errors
    /// [`Taken::ZoneName`], or as [`Self::flavor`].
    pub async fn insert_zone(&self, zone: &AvailabilityZone) -> Result<(), Fault> {
        let row = availability_zone::ActiveModel::of(zone);
        let insert = availability_zone::Entity::insert(row).exec_without_returning(self.db());
        insert.await.map(|_| ()).map_err(|error| {
            if is_duplicate(&error) {
                return Fault::from(Taken::ZoneName { name: zone.name.clone() }).with_detail(error);
            }
            fault_of(error)
        })
    }

    /// Stores what an availability zone is now.
    ///
    /// # Errors
    /// `Code::AvailabilityZoneNotFound`, or as [`Self::flavor`].
    pub async fn save_zone(&self, zone: &AvailabilityZone) -> Result<(), Fault> {
        let saved = availability_zone::Entity::update_many()
            .set(availability_zone::ActiveModel::of(zone))
            .filter(availability_zone::Column::Name.eq(zone.name.as_str()))
            .exec(self.db());
        match saved.await.map_err(fault_of)?.rows_affected {
            0 => Err(zone_not_found(&zone.name)),
            _ => Ok(()),
        }
    }

    /// Refuses an availability zone that a load balancer is in.
    ///
    /// # Errors
    /// [`Taken::Zone`], or as [`Self::flavor`].
    pub async fn zone_must_be_unused(&self, name: &str) -> Result<(), Fault> {
        match self.any_has(load_balancer::Column::AvailabilityZone.eq(name)).await? {
            true => Err(Taken::Zone { name: name.to_owned() }.into()),
            false => Ok(()),
        }
    }

    /// Deletes an availability zone that no load balancer is in.
    ///
    /// # Errors
    /// `Code::AvailabilityZoneNotFound`, [`Taken::Zone`], or as [`Self::flavor`].
    pub async fn delete_zone(&self, name: &str) -> Result<(), Fault> {
        self.zone_must_be_unused(name).await?;
        let named = availability_zone::Column::Name.eq(name);
        let gone = availability_zone::Entity::delete_many().filter(named).exec(self.db());
        match gone.await.map_err(fault_of)?.rows_affected {
            0 => Err(zone_not_found(name)),
            _ => Ok(()),
        }
    }

    /// Whether there is a load balancer like this.
    async fn any_has(&self, this: Expr) -> Result<bool, Fault> {
        let one = load_balancer::Entity::find().select_only().column(load_balancer::Column::Seq).filter(this).limit(1);
        let found: Option<i64> = one.into_tuple().one(self.db()).await.map_err(fault_of)?;
        Ok(found.is_some())
    }
}

fn flavor_name_taken(flavor: &Flavor) -> impl Fn(DbErr) -> Fault + '_ {
    |error| {
        if is_duplicate(&error) {
            return Fault::from(Taken::FlavorName { name: flavor.name.clone() }).with_detail(error);
        }
        fault_of(error)
    }
}
