//! The scheduler as the endpoints see it: one client for each service of `lbaas.v1` and `lbaas.v2`, all over one channel.

use std::sync::Arc;

use ballast_proto::{
    v1::{
        agents_client::AgentsClient, health_monitors_client::HealthMonitorsClient, members_client::MembersClient,
        networks_client::NetworksClient, pools_client::PoolsClient, ports_client::PortsClient,
        quotas_client::QuotasClient, service_providers_client::ServiceProvidersClient, vips_client::VipsClient,
    },
    v2::{
        availability_zone_profiles_client::AvailabilityZoneProfilesClient,
        availability_zones_client::AvailabilityZonesClient, events_client::EventsClient,
        flavor_profiles_client::FlavorProfilesClient, flavors_client::FlavorsClient,
        health_monitors_client::HealthMonitorsClient as HealthMonitorsOfV2, history_client::HistoryClient,
        l7_policies_client::L7PoliciesClient, l7_rules_client::L7RulesClient, listeners_client::ListenersClient,
        load_balancers_client::LoadBalancersClient, members_client::MembersClient as MembersOfV2,
        overview_client::OverviewClient, pools_client::PoolsClient as PoolsOfV2, providers_client::ProvidersClient,
        quotas_client::QuotasClient as QuotasOfV2,
    },
};
use ballast_service::{
    config::Settings,
    grpc::{self, MAX_MESSAGE},
    tls,
    traces::Traced,
};
use tonic::transport::Channel;

/// A connection that is made at the first call and again whenever it must. Each layer of a request clones what all have at
/// hand, and a clone of a channel costs more than one of this.
#[derive(Clone)]
pub(crate) struct Scheduler(Arc<Traced<Channel>>);

/// The clients are made for each call: one is no more than a clone of the channel.
macro_rules! clients {
    ($scheduler:ident: $($name:ident: $client:ident),+ $(,)?) => {
        impl $scheduler {
            $(pub(crate) fn $name(&self) -> $client<Traced<Channel>> {
                $client::new(Traced::clone(&self.0)).max_decoding_message_size(MAX_MESSAGE)
            })+
        }
    };
}

/// `lbaas.v2` of it.
pub(crate) struct Second(Arc<Traced<Channel>>);

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
}

impl Scheduler {
    /// The connection, for who makes clients of his own.
    pub(crate) fn channel(&self) -> Traced<Channel> {
        Traced::clone(&self.0)
    }

    pub(crate) fn v2(&self) -> Second {
        Second(Arc::clone(&self.0))
    }

    /// The scheduler that the configuration names; it need not run yet.
    ///
    /// # Errors
    /// When the address is not one, or the certificates cannot be used.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        grpc::channel_over(&settings.gateway.scheduler, tls::client_if_set(&settings.tls)?)
            .map(|channel| Self(Arc::new(Traced::new(channel))))
    }
}
