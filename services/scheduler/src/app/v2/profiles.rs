//! What flavors and availability zones say: to a provider's driver, and to the scheduler itself.

use std::collections::BTreeMap;

use ballast_model::{
    check,
    fault::{Balancing, Fault},
    flavor::{Profile, ProfileKind},
    ids::ProfileId,
    side::Topology,
};
use ballast_store::profile_not_found;
use serde_json::{Map, Value};

use super::super::App;

/// What a flavor may say to the scheduler.
pub(super) const TOPOLOGY: &str = "loadbalancer_topology";
const TOPOLOGY_IS: &str = "SINGLE or ACTIVE_STANDBY. With SINGLE one agent runs the load balancer and another one gets it when that is \
    dead. With ACTIVE_STANDBY two agents run it and the one that stands by answers within a second when the other one does not.";

/// An object of a profile's data, which was checked.
pub(super) fn object(data: &str) -> Map<String, Value> {
    match serde_json::from_str(data) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// Whether the key is for the scheduler, and no driver's.
pub(super) fn is_of_scheduler(kind: ProfileKind, key: &str) -> bool {
    kind == ProfileKind::Flavor && key == TOPOLOGY
}

impl App {
    /// Makes a profile.
    ///
    /// # Errors
    /// A provider that is not known, and what the provider's drivers do not take.
    pub async fn create_profile(&self, profile: Profile, validate_only: bool) -> Result<Profile, Fault> {
        self.check_data(&profile)?;
        let new = &profile;
        if !validate_only {
            self.store.write(|tx, _| Box::pin(tx.insert_profile(new))).await?;
        }
        Ok(profile)
    }

    /// # Errors
    /// `Code::ProfileNotFound`
    pub async fn profile(&self, kind: ProfileKind, id: ProfileId) -> Result<Profile, Fault> {
        let found = self.store.glance(|tx, _| Box::pin(tx.profile(kind, id))).await?;
        found.ok_or_else(|| profile_not_found(kind, id))
    }

    /// All of a kind.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn profiles(&self, kind: ProfileKind) -> Result<Vec<Profile>, Fault> {
        self.store.glance(|tx, _| Box::pin(tx.profiles(kind))).await
    }

    /// Changes a profile; what it says only as long as nothing has it.
    ///
    /// # Errors
    /// `Code::ProfileNotFound`, `Taken::FlavorProfile`, `Taken::ZoneProfile`, or as [`Self::create_profile`].
    pub async fn update_profile<F>(
        &self,
        (kind, id): (ProfileKind, ProfileId),
        change: F,
        validate_only: bool,
    ) -> Result<Profile, Fault>
    where
        F: Fn(&mut Profile) + Send + Sync,
    {
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = tx.profile(kind, id).await?.ok_or_else(|| profile_not_found(kind, id))?;
                let mut after = before.clone();
                change(&mut after);
                if (&before.provider, &before.data) != (&after.provider, &after.data) {
                    tx.profile_must_be_unused(kind, id).await?;
                    self.check_data(&after)?;
                }
                if !validate_only {
                    tx.save_profile(&after).await?;
                }
                Ok(after)
            })
        });
        update.await
    }

    /// Deletes a profile that nothing has.
    ///
    /// # Errors
    /// `Code::ProfileNotFound`, `Taken::FlavorProfile`, `Taken::ZoneProfile`
    pub async fn delete_profile(&self, kind: ProfileKind, id: ProfileId, validate_only: bool) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                tx.profile_must_be_unused(kind, id).await?;
                if !validate_only {
                    return tx.delete_profile(kind, id).await;
                }
                tx.profile(kind, id).await?.ok_or_else(|| profile_not_found(kind, id)).map(drop)
            })
        });
        delete.await
    }

    /// What a profile of this provider may say, and what that is for.
    ///
    /// # Errors
    /// A provider that is not known.
    pub fn options(&self, kind: ProfileKind, provider: &str) -> Result<BTreeMap<String, String>, Fault> {
        let (provider, _) = self.provider_of(provider)?;
        let mut options = self.fleet.options(&provider.driver, kind);
        if kind == ProfileKind::Flavor {
            options.entry(TOPOLOGY.to_owned()).or_insert_with(|| TOPOLOGY_IS.to_owned());
        }
        Ok(options)
    }

    fn check_data(&self, profile: &Profile) -> Result<(), Fault> {
        let options = self.options(profile.kind, &profile.provider)?;
        let Ok(Value::Object(data)) = serde_json::from_str::<Value>(&profile.data) else {
            return Err(check::not_valid("data", &profile.data));
        };
        let word = match profile.kind {
            ProfileKind::Flavor => "flavor",
            ProfileKind::AvailabilityZone => "availability_zone",
        };
        let mut lacking: Vec<String> =
            data.keys().filter(|key| !options.contains_key(*key)).map(|key| format!("{word}:{key}")).collect();
        let asked = data.get(TOPOLOGY).filter(|_| profile.kind == ProfileKind::Flavor);
        if let Some(other) = asked.filter(|asked| asked.as_str().and_then(Topology::parse).is_none()) {
            lacking.push(format!("{word}:{TOPOLOGY}:{}", other.as_str().unwrap_or_default()));
        }
        if lacking.is_empty() {
            return Ok(());
        }
        Err(Balancing::Unsupported { provider: profile.provider.clone(), features: lacking.into_iter().collect() }
            .into())
    }
}
