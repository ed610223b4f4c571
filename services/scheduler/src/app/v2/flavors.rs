//! Flavors: what operators offer. Who may set them was looked at when the call was admitted.

use ballast_model::{
    fault::{Fault, Taken},
    flavor::{Flavor, ProfileKind},
    ids::FlavorId,
};
use ballast_store::{Tx, flavor_not_found, profile_not_found};

use super::super::App;

impl App {
    /// Offers a flavor.
    ///
    /// # Errors
    /// [`Taken::FlavorName`], `Code::ProfileNotFound`
    pub async fn create_flavor(&self, flavor: Flavor, validate_only: bool) -> Result<Flavor, Fault> {
        let new = &flavor;
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                let kind = ProfileKind::Flavor;
                if tx.profile(kind, new.profile_id).await?.is_none() {
                    return Err(profile_not_found(kind, new.profile_id));
                }
                must_be_free(tx, new).await?;
                if validate_only { Ok(()) } else { tx.insert_flavor(new).await }
            })
        });
        create.await?;
        Ok(flavor)
    }

    /// # Errors
    /// `Code::FlavorNotFound`
    pub async fn flavor(&self, id: FlavorId) -> Result<Flavor, Fault> {
        let found = self.store.glance(|tx, _| Box::pin(tx.flavor(id))).await?;
        found.ok_or_else(|| flavor_not_found(id))
    }

    /// All of them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn flavors(&self) -> Result<Vec<Flavor>, Fault> {
        self.store.glance(|tx, _| Box::pin(tx.flavors())).await
    }

    /// Changes a flavor: those that load balancers have as well.
    ///
    /// # Errors
    /// `Code::FlavorNotFound`, [`Taken::FlavorName`]
    pub async fn update_flavor<F>(&self, id: FlavorId, change: F, validate_only: bool) -> Result<Flavor, Fault>
    where
        F: Fn(&mut Flavor) + Send + Sync,
    {
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut flavor = tx.flavor(id).await?.ok_or_else(|| flavor_not_found(id))?;
                change(&mut flavor);
                must_be_free(tx, &flavor).await?;
                if !validate_only {
                    tx.save_flavor(&flavor).await?;
                }
                Ok(flavor)
            })
        });
        update.await
    }

    /// Offers it no longer.
    ///
    /// # Errors
    /// `Code::FlavorNotFound`, [`Taken::Flavor`]
    pub async fn delete_flavor(&self, id: FlavorId, validate_only: bool) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                if !validate_only {
                    return tx.delete_flavor(id).await;
                }
                tx.flavor(id).await?.ok_or_else(|| flavor_not_found(id))?;
                tx.flavor_must_be_unused(id).await
            })
        });
        delete.await
    }
}

/// Refuses a name that another one has.
async fn must_be_free(tx: &Tx, flavor: &Flavor) -> Result<(), Fault> {
    let others = tx.flavors().await?;
    if others.iter().any(|other| other.id != flavor.id && other.name == flavor.name) {
        return Err(Taken::FlavorName { name: flavor.name.clone() }.into());
    }
    Ok(())
}
