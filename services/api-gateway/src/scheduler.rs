//! The scheduler as the endpoints see it: one client for each service of `lbaas.v1` and `lbaas.v2`, all to the same schedulers.

use std::time::Duration;

use ballast_proto::{
    v1::{
        agents_client::AgentsClient, health_monitors_client::HealthMonitorsClient, members_client::MembersClient,
        networks_client::NetworksClient, pools_client::PoolsClient, ports_client::PortsClient,
        quotas_client::QuotasClient, service_providers_client::ServiceProvidersClient, vips_client::VipsClient,
    },
    v2::{
        availability_zone_profiles_client::AvailabilityZoneProfilesClient,
        availability_zones_client::AvailabilityZonesClient, certificates_client::CertificatesClient,
        events_client::EventsClient, flavor_profiles_client::FlavorProfilesClient, flavors_client::FlavorsClient,
        health_monitors_client::HealthMonitorsClient as HealthMonitorsOfV2, history_client::HistoryClient,
        l7_policies_client::L7PoliciesClient, l7_rules_client::L7RulesClient, listeners_client::ListenersClient,
        load_balancers_client::LoadBalancersClient, members_client::MembersClient as MembersOfV2,
        overview_client::OverviewClient, pools_client::PoolsClient as PoolsOfV2, providers_client::ProvidersClient,
        quotas_client::QuotasClient as QuotasOfV2,
    },
};
use ballast_service::{config::Settings, grpc::MAX_MESSAGE, schedulers::Schedulers, tls, traces::Traced};

/// So much longer than a scheduler gives itself for a call it is waited for.
const LONGER: Duration = Duration::from_secs(5);

/// Connections that are made at the first call and again whenever they must.
#[derive(Clone)]
pub(crate) struct Scheduler(Traced<Schedulers>);

/// The clients are made for each call: one is no more than a clone of a handle.
macro_rules! clients {
    ($scheduler:ident: $($name:ident: $client:ident),+ $(,)?) => {
        impl $scheduler {
            $(pub(crate) fn $name(&self) -> $client<Traced<Schedulers>> {
                $client::new(Traced::clone(&self.0)).max_decoding_message_size(MAX_MESSAGE)
            })+
        }
    };
}

/// `lbaas.v2` of it.
pub(crate) struct Second(Traced<Schedulers>);

clients! {
    Scheduler:
    pools: PoolsClient,
    vips: VipsClient,
    members: MembersClient,
    health_monitors: HealthMonitorsClient,
    agents: AgentsClient,
    service_providers: ServiceProvidersClient,
    networks: NetworksClient,
    ports: PortsClient,
    quotas: QuotasClient,
}

clients! {
    Second:
    load_balancers: LoadBalancersClient,
    listeners: ListenersClient,
    pools: PoolsOfV2,
    members: MembersOfV2,
    health_monitors: HealthMonitorsOfV2,
    l7_policies: L7PoliciesClient,
    l7_rules: L7RulesClient,
    flavors: FlavorsClient,
    flavor_profiles: FlavorProfilesClient,
    availability_zones: AvailabilityZonesClient,
    availability_zone_profiles: AvailabilityZoneProfilesClient,
    providers: ProvidersClient,
    quotas: QuotasOfV2,
    events: EventsClient,
    overview: OverviewClient,
    history: HistoryClient,
    certificates: CertificatesClient,
}

impl Scheduler {
    /// The connections, for who makes clients of his own.
    pub(crate) fn channel(&self) -> Traced<Schedulers> {
        Traced::clone(&self.0)
    }

    pub(crate) fn v2(&self) -> Second {
        Second(Traced::clone(&self.0))
    }

    /// The schedulers that the configuration names; none of them needs to run yet.
    ///
    /// # Errors
    /// When an address is not one, or the certificates cannot be used.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let tls = tls::client_if_set(&settings.tls)?;
        let patience = Duration::from_millis(settings.scheduler.call_timeout_ms.into()) + LONGER;
        Schedulers::new(settings.gateway.all_schedulers(), tls.as_ref(), patience)
            .map(|schedulers| Self(Traced::new(schedulers)))
    }
}
