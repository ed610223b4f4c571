//! `lbaas.v2`: decode, one call of `app`, encode. No rules here.

mod apply;
mod causes;
mod certificates;
mod enums;
mod events;
mod few;
mod flavors;
mod graph;
mod health_monitors;
mod history;
mod items;
mod l7policies;
mod l7rules;
mod listeners;
mod load_balancers;
mod members;
mod overview;
mod pools;
mod preview;
mod profiles;
mod providers;
mod query;
mod quotas;
mod sides;
mod zones;

use ballast_model::{
    fault::{Balancing, Fault},
    status::Progress,
};
use ballast_proto::v2;
use tonic::service::Routes;

use super::{Api, watch::Watches};

/// Adds the services.
pub(super) fn add(routes: Routes, api: &Api, watches: Watches) -> Routes {
    routes
        .add_service(v2::load_balancers_server::LoadBalancersServer::new(api.clone()))
        .add_service(v2::listeners_server::ListenersServer::new(api.clone()))
        .add_service(v2::pools_server::PoolsServer::new(api.clone()))
        .add_service(v2::members_server::MembersServer::new(api.clone()))
        .add_service(v2::health_monitors_server::HealthMonitorsServer::new(api.clone()))
        .add_service(v2::l7_policies_server::L7PoliciesServer::new(api.clone()))
        .add_service(v2::l7_rules_server::L7RulesServer::new(api.clone()))
        .add_service(v2::flavors_server::FlavorsServer::new(api.clone()))
        .add_service(v2::flavor_profiles_server::FlavorProfilesServer::new(api.clone()))
        .add_service(v2::availability_zones_server::AvailabilityZonesServer::new(api.clone()))
        .add_service(v2::availability_zone_profiles_server::AvailabilityZoneProfilesServer::new(api.clone()))
        .add_service(v2::providers_server::ProvidersServer::new(api.clone()))
        .add_service(v2::quotas_server::QuotasServer::new(api.clone()))
        .add_service(v2::overview_server::OverviewServer::new(api.clone()))
        .add_service(v2::history_server::HistoryServer::new(api.clone()))
        .add_service(v2::certificates_server::CertificatesServer::new(api.clone()))
        .add_service(v2::events_server::EventsServer::new(watches))
}

/// What the health service knows by name.
pub(super) const SERVICES: [&str; 17] = [
    v2::load_balancers_server::SERVICE_NAME,
    v2::listeners_server::SERVICE_NAME,
    v2::pools_server::SERVICE_NAME,
    v2::members_server::SERVICE_NAME,
    v2::health_monitors_server::SERVICE_NAME,
    v2::l7_policies_server::SERVICE_NAME,
    v2::l7_rules_server::SERVICE_NAME,
    v2::flavors_server::SERVICE_NAME,
    v2::flavor_profiles_server::SERVICE_NAME,
    v2::availability_zones_server::SERVICE_NAME,
    v2::availability_zone_profiles_server::SERVICE_NAME,
    v2::providers_server::SERVICE_NAME,
    v2::quotas_server::SERVICE_NAME,
    v2::overview_server::SERVICE_NAME,
    v2::history_server::SERVICE_NAME,
    v2::certificates_server::SERVICE_NAME,
    v2::events_server::SERVICE_NAME,
];

/// Refuses a write whose etag is not the object's; an empty one is not asked for.
fn check_etag(sent: &str, progress: &Progress, id: impl std::fmt::Display) -> Result<(), Fault> {
    if sent.is_empty() || progress.changed.to_string() == sent {
        return Ok(());
    }
    Err(Balancing::EtagMismatch { id: id.to_string() }.into())
}

/// The etag that an update sends.
fn etag(status: Option<&v2::Status>) -> &str {
    status.map_or("", |status| status.etag.as_str())
}
