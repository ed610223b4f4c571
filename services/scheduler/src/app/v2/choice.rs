//! What a load balancer gets of what operators offer: its provider, and what its flavor and its zone say to the driver.

use ballast_model::{
    fault::{Fault, Whole},
    flavor::{Profile, ProfileKind},
    load_balancer::LoadBalancer,
    side::Topology,
};
use ballast_store::Tx;
use serde_json::{Map, Value};

use super::{
    super::App,
    profiles::{TOPOLOGY, is_of_scheduler, object},
};

impl App {
    /// Gives it what its flavor and its zone say. One for which no provider was named is of theirs.
    ///
    /// # Errors
    /// [`Whole`]: there is no such flavor or zone, it is not offered any longer, or it is another provider's.
    pub(super) async fn choose(&self, tx: &Tx, made: &mut LoadBalancer, is_named: bool) -> Result<(), Fault> {
        let (flavor, zone) = (self.flavor_profile(tx, made).await?, self.zone_profile(tx, made).await?);
        if let Some(profile) = flavor.as_ref().or(zone.as_ref()).filter(|_| !is_named) {
            let (provider, alias) = self.provider_of(&profile.provider)?;
            (made.provider, made.provider_alias) = (provider.name.clone(), alias);
        }
        let is_other =
            |profile: &Profile| self.provider_of(&profile.provider).map_or(true, |(own, _)| own.name != made.provider);
        let provider = made.shown_provider().to_owned();
        if let (Some(id), true) = (made.flavor_id, flavor.as_ref().is_some_and(is_other)) {
            return Err(Whole::FlavorOfOtherProvider { flavor_id: id.to_string(), provider }.into());
        }
        if let (Some(name), true) = (&made.availability_zone, zone.as_ref().is_some_and(is_other)) {
            return Err(Whole::ZoneOfOtherProvider { availability_zone: name.clone(), provider }.into());
        }
        made.topology = topology_of(flavor.as_ref());
        made.flavor_data = said(flavor.iter().chain(&zone));
        Ok(())
    }

    async fn flavor_profile(&self, tx: &Tx, made: &LoadBalancer) -> Result<Option<Profile>, Fault> {
        let Some(id) = made.flavor_id else { return Ok(None) };
        let unknown = || Whole::FlavorUnknown { flavor_id: id.to_string() };
        let flavor = tx.flavor(id).await?.ok_or_else(unknown)?;
        if !flavor.enabled {
            return Err(Whole::FlavorDisabled { flavor_id: id.to_string() }.into());
        }
        Ok(Some(tx.profile(ProfileKind::Flavor, flavor.profile_id).await?.ok_or_else(unknown)?))
    }

    async fn zone_profile(&self, tx: &Tx, made: &LoadBalancer) -> Result<Option<Profile>, Fault> {
        let Some(name) = &made.availability_zone else { return Ok(None) };
        let unknown = || Whole::ZoneUnknown { availability_zone: name.clone() };
        let zone = tx.zone(name).await?.ok_or_else(unknown)?;
        if !zone.enabled {
            return Err(Whole::ZoneDisabled { availability_zone: name.clone() }.into());
        }
        Ok(Some(tx.profile(ProfileKind::AvailabilityZone, zone.profile_id).await?.ok_or_else(unknown)?))
    }
}

/// On how many agents a flavor has it.
fn topology_of(flavor: Option<&Profile>) -> Topology {
    let data = flavor.map(|profile| object(&profile.data)).unwrap_or_default();
    let said = data.get(TOPOLOGY).and_then(Value::as_str).and_then(Topology::parse);
    said.unwrap_or_default()
}

/// What the profiles say to the driver, in one object; the last one counts. Empty: nothing.
fn said<'a>(profiles: impl Iterator<Item = &'a Profile>) -> String {
    let mut all: Map<String, Value> = Map::new();
    for profile in profiles {
        all.extend(object(&profile.data).into_iter().filter(|(key, _)| !is_of_scheduler(profile.kind, key)));
    }
    if all.is_empty() {
        return String::new();
    }
    let mut all = Value::Object(all);
    // The same text for the same, however maps are kept.
    all.sort_all_objects();
    all.to_string()
}

#[cfg(test)]
mod tests {
    use ballast_model::ids::ProfileId;

    use super::*;

    #[test]
    fn what_is_the_schedulers_is_not_said_to_the_driver_and_the_zone_counts() {
        let profile = |kind, data: &str| Profile {
            id: ProfileId::from_u128(1),
            kind,
            name: String::new(),
            provider: String::new(),
            data: data.to_owned(),
        };
        let flavor = profile(ProfileKind::Flavor, r#"{"loadbalancer_topology": "SINGLE", "b": 1, "a": {"x": [2]}}"#);
        let zone = profile(ProfileKind::AvailabilityZone, r#"{"b": 3}"#);
        assert_eq!(said([&flavor, &zone].into_iter()), r#"{"a":{"x":[2]},"b":3}"#);
        assert_eq!(topology_of(Some(&flavor)), Topology::Single);
        assert_eq!(topology_of(None), Topology::Single);
        let two = profile(ProfileKind::Flavor, r#"{"loadbalancer_topology": "ACTIVE_STANDBY"}"#);
        assert_eq!((topology_of(Some(&two)), said([&two].into_iter())), (Topology::ActiveStandby, String::new()));
        let alone = profile(ProfileKind::Flavor, r#"{"loadbalancer_topology": "SINGLE"}"#);
        assert_eq!(said([&alone].into_iter()), "");
    }
}
