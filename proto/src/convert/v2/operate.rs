//! What operators set.

use ballast_model::{
    flavor::{AvailabilityZone, Flavor, Profile},
    quota::{Limits, Resource},
};

use crate::v2;

#[must_use]
pub fn to_flavor(flavor: &Flavor) -> v2::Flavor {
    v2::Flavor {
        id: flavor.id.to_string(),
        name: flavor.name.clone(),
        description: flavor.description.clone(),
        enabled: Some(flavor.enabled),
        flavor_profile_id: flavor.profile_id.to_string(),
    }
}

#[must_use]
pub fn to_availability_zone(zone: &AvailabilityZone) -> v2::AvailabilityZone {
    v2::AvailabilityZone {
        name: zone.name.clone(),
        description: zone.description.clone(),
        enabled: Some(zone.enabled),
        availability_zone_profile_id: zone.profile_id.to_string(),
    }
}

#[must_use]
pub fn to_profile(profile: &Profile) -> v2::Profile {
    v2::Profile {
        id: profile.id.to_string(),
        name: profile.name.clone(),
        provider_name: profile.provider.clone(),
        data: profile.data.clone(),
    }
}

/// What a project may have.
#[must_use]
pub fn to_v2_quota(project_id: &str, limits: &Limits) -> v2::Quota {
    let of = |resource| Some(limits.of(resource).get());
    v2::Quota {
        project_id: project_id.to_owned(),
        load_balancer: of(Resource::LoadBalancer),
        listener: of(Resource::Listener),
        pool: of(Resource::Pool),
        member: of(Resource::Member),
        health_monitor: of(Resource::HealthMonitor),
        l7policy: of(Resource::L7Policy),
        l7rule: of(Resource::L7Rule),
    }
}
