//! The scheduler as pages see it.

use ballast_proto::{
    v1::{agents_client::AgentsClient, networks_client::NetworksClient, pools_client::PoolsClient as PoolsOfV1},
    v2::{
        certificates_client::CertificatesClient, events_client::EventsClient,
        health_monitors_client::HealthMonitorsClient, history_client::HistoryClient,
        l7_policies_client::L7PoliciesClient, l7_rules_client::L7RulesClient, listeners_client::ListenersClient,
        load_balancers_client::LoadBalancersClient, members_client::MembersClient, overview_client::OverviewClient,
        pools_client::PoolsClient, quotas_client::QuotasClient,
    },
};
use ballast_service::{grpc::MAX_MESSAGE, schedulers::Schedulers, traces::Traced};

/// The gateway's connections to it.
#[derive(Clone)]
pub(crate) struct Scheduler(Traced<Schedulers>);

macro_rules! clients {
    ($($name:ident: $client:ident),+ $(,)?) => {
        impl Scheduler {
            $(pub(crate) fn $name(&self) -> $client<Traced<Schedulers>> {
                $client::new(self.0.clone()).max_decoding_message_size(MAX_MESSAGE)
            })+
        }
    };
}

clients! {
    agents: AgentsClient,
    networks: NetworksClient,
    pools_of_v1: PoolsOfV1,
    load_balancers: LoadBalancersClient,
    listeners: ListenersClient,
    pools: PoolsClient,
    members: MembersClient,
    monitors: HealthMonitorsClient,
    policies: L7PoliciesClient,
    rules: L7RulesClient,
    quotas: QuotasClient,
    events: EventsClient,
    overview: OverviewClient,
    history: HistoryClient,
    certificates: CertificatesClient,
}

impl Scheduler {
    pub(crate) const fn new(channel: Traced<Schedulers>) -> Self {
        Self(channel)
    }
}
