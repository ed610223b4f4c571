//! Availability zones: as flavors, and known by their names.

use ballast_model::{
    fault::{Fault, Taken},
    flavor::{AvailabilityZone, ProfileKind},
};
use ballast_store::{profile_not_found, zone_not_found};

use super::super::App;

impl App {
    /// Offers a zone.
    ///
    /// # Errors
    /// [`Taken::ZoneName`], `Code::ProfileNotFound`
    pub async fn create_zone(&self, zone: AvailabilityZone, validate_only: bool) -> Result<AvailabilityZone, Fault> {
        let new = &zone;
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                let kind = ProfileKind::AvailabilityZone;
                if tx.profile(kind, new.profile_id).await?.is_none() {
                    return Err(profile_not_found(kind, new.profile_id));
                }
                if tx.zone(&new.name).await?.is_some() {
                    return Err(Taken::ZoneName { name: new.name.clone() }.into());
                }
                if validate_only { Ok(()) } else { tx.insert_zone(new).await }
            })
        });
        create.await?;
        Ok(zone)
    }

    /// # Errors
    /// `Code::AvailabilityZoneNotFound`
    pub async fn zone(&self, name: &str) -> Result<AvailabilityZone, Fault> {
        let found = self.store.glance(|tx, _| Box::pin(tx.zone(name))).await?;
        found.ok_or_else(|| zone_not_found(name))
    }

    /// All of them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn zones(&self) -> Result<Vec<AvailabilityZone>, Fault> {
        self.store.glance(|tx, _| Box::pin(tx.zones())).await
    }

    /// Changes a zone.
    ///
    /// # Errors
    /// `Code::AvailabilityZoneNotFound`
    pub async fn update_zone<F>(&self, name: &str, change: F, validate_only: bool) -> Result<AvailabilityZone, Fault>
    where
        F: Fn(&mut AvailabilityZone) + Send + Sync,
    {
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut zone = tx.zone(name).await?.ok_or_else(|| zone_not_found(name))?;
                change(&mut zone);
                if !validate_only {
                    tx.save_zone(&zone).await?;
                }
                Ok(zone)
            })
        });
        update.await
    }

    /// Offers it no longer.
    ///
    /// # Errors
    /// `Code::AvailabilityZoneNotFound`, [`Taken::Zone`]
    pub async fn delete_zone(&self, name: &str, validate_only: bool) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                if !validate_only {
                    return tx.delete_zone(name).await;
                }
                tx.zone(name).await?.ok_or_else(|| zone_not_found(name))?;
                tx.zone_must_be_unused(name).await
            })
        });
        delete.await
    }
}
