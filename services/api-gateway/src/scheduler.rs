//! The scheduler as the endpoints see it: one client for each service of `lbaas.v1`, all over one channel.

use std::sync::Arc;

use ballast_proto::v1::{
    agents_client::AgentsClient, health_monitors_client::HealthMonitorsClient, members_client::MembersClient,
    networks_client::NetworksClient, pools_client::PoolsClient, ports_client::PortsClient, quotas_client::QuotasClient,
    service_providers_client::ServiceProvidersClient, vips_client::VipsClient,
};
use ballast_service::{
    config::Settings,
    grpc::{self, MAX_MESSAGE},
    tls,
};
use tonic::transport::Channel;

/// A connection that is made at the first call and again whenever it must. Each layer of a request clones what all have at
/// hand, and a clone of a channel costs more than one of this.
#[derive(Clone)]
pub(crate) struct Scheduler(Arc<Channel>);

/// The clients are made for each call: one is no more than a clone of the channel.
macro_rules! clients {
    ($($name:ident: $client:ident),+ $(,)?) => {
        impl Scheduler {
            $(pub(crate) fn $name(&self) -> $client<Channel> {
                $client::new(Channel::clone(&self.0)).max_decoding_message_size(MAX_MESSAGE)
            })+
        }
    };
}

clients! {
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

impl Scheduler {
    /// The scheduler that the configuration names; it need not run yet.
    ///
    /// # Errors
    /// When the address is not one, or the certificates cannot be used.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        grpc::channel_over(&settings.gateway.scheduler, tls::client_if_set(&settings.tls)?)
            .map(|channel| Self(Arc::new(channel)))
    }
}
