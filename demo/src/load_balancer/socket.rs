//! Through the scheduler's Unix socket, by `lbaas.v1`.

use ballast_proto::{
    driver::{LbMethod, MonitorType, Protocol},
    v1::{
        AssociateRequest, CreateHealthMonitorRequest, CreateMemberRequest, CreatePoolRequest, CreateVipRequest,
        HealthMonitor, Member, Pool, Vip, health_monitors_client::HealthMonitorsClient, members_client::MembersClient,
        pools_client::PoolsClient, vips_client::VipsClient,
    },
};
use tonic::transport::Channel;

use super::{Api, MONITOR_DELAY, MONITOR_RETRIES, MONITOR_TIMEOUT, NAME, VIP_NAME};
use crate::{
    configuration::PROJECT,
    error::DemoError,
    scheduler::{Scheduler, refused},
    topology::PORT,
};

/// The scheduler, as its admin.
pub(super) struct Socket {
    channel: Channel,
}

impl Socket {
    pub(super) fn of(scheduler: &Scheduler) -> Self {
        Self { channel: scheduler.channel() }
    }
}

impl Api for Socket {
    const NAME: &'static str = "gRPC";

    async fn pool(&self, subnet_id: &str) -> Result<String, DemoError> {
        let pool = Pool {
            project_id: PROJECT.to_owned(),
            name: NAME.to_owned(),
            subnet_id: subnet_id.to_owned(),
            protocol: Protocol::Http.into(),
            lb_method: LbMethod::RoundRobin.into(),
            ..Pool::default()
        };
        let made = PoolsClient::new(self.channel.clone())
            .create(CreatePoolRequest { pool: Some(pool), ..Default::default() })
            .await;
        Ok(made.map_err(refused("making the pool"))?.into_inner().id)
    }

    async fn member(&self, pool_id: &str, address: &str) -> Result<(), DemoError> {
        let member = Member {
            project_id: PROJECT.to_owned(),
            pool_id: pool_id.to_owned(),
            address: address.to_owned(),
            protocol_port: Some(PORT.into()),
            ..Member::default()
        };
        let request = CreateMemberRequest { member: Some(member), ..Default::default() };
        let made = MembersClient::new(self.channel.clone()).create(request).await;
        made.map(drop).map_err(refused(format!("making the member {address}")))
    }

    async fn vip(&self, pool_id: &str, subnet_id: &str) -> Result<String, DemoError> {
        let vip = Vip {
            project_id: PROJECT.to_owned(),
            name: VIP_NAME.to_owned(),
            subnet_id: subnet_id.to_owned(),
            pool_id: pool_id.to_owned(),
            protocol: Protocol::Http.into(),
            protocol_port: Some(PORT.into()),
            ..Vip::default()
        };
        let made = VipsClient::new(self.channel.clone())
            .create(CreateVipRequest { vip: Some(vip), ..Default::default() })
            .await;
        Ok(made.map_err(refused("making the vip"))?.into_inner().address)
    }

    async fn monitor(&self) -> Result<String, DemoError> {
        let monitor = HealthMonitor {
            project_id: PROJECT.to_owned(),
            r#type: MonitorType::Http.into(),
            delay: Some(MONITOR_DELAY),
            timeout: Some(MONITOR_TIMEOUT),
            max_retries: Some(MONITOR_RETRIES),
            ..HealthMonitor::default()
        };
        let request = CreateHealthMonitorRequest { health_monitor: Some(monitor), ..Default::default() };
        let made = HealthMonitorsClient::new(self.channel.clone()).create(request).await;
        Ok(made.map_err(refused("making the health monitor"))?.into_inner().id)
    }

    async fn associate(&self, pool_id: &str, monitor_id: &str) -> Result<(), DemoError> {
        let request = AssociateRequest { pool_id: pool_id.to_owned(), health_monitor_id: monitor_id.to_owned() };
        let made = PoolsClient::new(self.channel.clone()).associate_health_monitor(request).await;
        made.map(drop).map_err(refused("associating the health monitor"))
    }
}
