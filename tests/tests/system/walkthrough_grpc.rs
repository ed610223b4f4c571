//! The main job over gRPC alone: from `Pools.Create` to traffic through the VIP, and back to nothing.

use std::future::Future;

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_proto::{
    driver::{LbMethod, MonitorType, Protocol},
    v1::{
        AssociateRequest, CreateHealthMonitorRequest, CreateMemberRequest, CreatePoolRequest, CreateVipRequest,
        DeleteRequest, GetRequest, HealthMonitor, ListRequest, Liveness, Member, Pool, Status, Vip,
        agents_client::AgentsClient, health_monitors_client::HealthMonitorsClient, members_client::MembersClient,
        pools_client::PoolsClient, vips_client::VipsClient,
    },
};
use ballast_service::grpc;
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use tokio::runtime::Runtime;
use tonic::{Code, Response, transport::Channel};

use crate::walkthrough::{a_dead_member_rests_and_returns, turns_are_fair};

/// gRPC for a test that waits.
struct Client {
    runtime: Runtime,
    channel: Channel,
}

impl Client {
    fn new(site: &Site) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let address = format!("unix:{}", site.socket().display()).parse().expect("an address");
        let channel = {
            let _entered = runtime.enter();
            grpc::channel(&address).expect("a channel")
        };
        Self { runtime, channel }
    }

    /// What the call answers.
    #[track_caller]
    fn call<T>(&self, call: impl Future<Output = Result<Response<T>, tonic::Status>>) -> T {
        self.runtime.block_on(call).expect("an answer").into_inner()
    }

    fn pools(&self) -> PoolsClient<Channel> {
        PoolsClient::new(self.channel.clone())
    }

    fn member_at(&self, address: &str) -> Member {
        let members = self.call(MembersClient::new(self.channel.clone()).list(ListRequest::default())).members;
        members.into_iter().find(|member| member.address == address).expect("the member")
    }

    fn make_pool(&self, subnet_id: &str) -> Pool {
        let pool = Pool {
            project_id: "demo".to_owned(),
            name: "web".to_owned(),
            subnet_id: subnet_id.to_owned(),
            protocol: Protocol::Http.into(),
            lb_method: LbMethod::RoundRobin.into(),
            ..Pool::default()
        };
        let made = self.call(self.pools().create(CreatePoolRequest { pool: Some(pool), ..Default::default() }));
        assert_eq!(made.status(), Status::PendingCreate);
        for n in 1..=3 {
            let member = Member {
                project_id: "demo".to_owned(),
                pool_id: made.id.clone(),
                address: format!("10.20.0.1{n}"),
                protocol_port: Some(80),
                ..Member::default()
            };
            let request = CreateMemberRequest { member: Some(member), ..Default::default() };
            self.call(MembersClient::new(self.channel.clone()).create(request));
        }
        made
    }

    fn make_vip(&self, pool: &Pool) -> Vip {
        let vip = Vip {
            project_id: "demo".to_owned(),
            name: "front".to_owned(),
            pool_id: pool.id.clone(),
            subnet_id: pool.subnet_id.clone(),
            protocol: Protocol::Http.into(),
            protocol_port: Some(80),
            ..Vip::default()
        };
        let request = CreateVipRequest { vip: Some(vip), ..Default::default() };
        self.call(VipsClient::new(self.channel.clone()).create(request))
    }

    fn monitor(&self, pool: &Pool) -> AssociateRequest {
        let monitor = HealthMonitor {
            project_id: "demo".to_owned(),
            r#type: MonitorType::Http.into(),
            delay: Some(1),
            timeout: Some(1),
            max_retries: Some(2),
            ..HealthMonitor::default()
        };
        let request = CreateHealthMonitorRequest { health_monitor: Some(monitor), ..Default::default() };
        let made = self.call(HealthMonitorsClient::new(self.channel.clone()).create(request));
        let association = AssociateRequest { pool_id: pool.id.clone(), health_monitor_id: made.id };
        self.call(self.pools().associate_health_monitor(association.clone()));
        association
    }

    /// Everything that can be looked at shows what was made.
    fn is_shown(&self, pool: &Pool, vip: &Vip) {
        let get = || GetRequest { id: pool.id.clone() };
        let shown = wait_until(PATIENCE, "an ACTIVE pool", || {
            let pool = self.call(self.pools().get(get()));
            let deployed = pool.health_monitors.iter().all(|monitor| monitor.status() == Status::Active);
            (pool.status() == Status::Active && deployed).then_some(pool)
        });
        assert_eq!((&shown.vip_id, shown.member_ids.len(), shown.health_monitors.len()), (&vip.id, 3, 1));
        let vips = self.call(VipsClient::new(self.channel.clone()).list(ListRequest::default())).vips;
        assert_eq!(
            vips.iter().map(|vip| (vip.name.as_str(), vip.status())).collect::<Vec<_>>(),
            [("front", Status::Active)]
        );
        let agent = self.call(self.pools().get_agent(get())).agent.expect("an agent");
        assert_eq!((agent.host.as_str(), agent.liveness()), ("agent-1", Liveness::Alive));
        let agents = self.call(AgentsClient::new(self.channel.clone()).list(ListRequest::default())).agents;
        assert_eq!(agents.iter().map(|agent| &agent.id).collect::<Vec<_>>(), [&agent.id]);
    }

    fn remove(&self, vip: &Vip, association: &AssociateRequest) {
        let delete = |id: &str| DeleteRequest { id: id.to_owned() };
        let in_use = self.runtime.block_on(self.pools().delete(delete(&association.pool_id)));
        assert_eq!(in_use.expect_err("it has a vip").code(), Code::FailedPrecondition);
        self.call(self.pools().disassociate_health_monitor(association.clone()));
        self.call(VipsClient::new(self.channel.clone()).delete(delete(&vip.id)));
        self.call(self.pools().delete(delete(&association.pool_id)));
        self.call(HealthMonitorsClient::new(self.channel.clone()).delete(delete(&association.health_monitor_id)));
        assert_eq!(self.call(self.pools().list(ListRequest::default())).pools, []);
    }
}

#[test]
fn a_load_balancer_is_made_used_and_removed_over_grpc() {
    let test = "a_load_balancer_is_made_used_and_removed_over_grpc";
    if !require_tool("haproxy", test) || !require_tool("curl", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let client = Client::new(&site);
        let pool = client.make_pool(&site.subnet_id);
        let vip = client.make_vip(&pool);
        let association = client.monitor(&pool);
        site.wait_for_traffic(&vip.address);
        client.is_shown(&pool, &vip);

        turns_are_fair(&site, &vip.address);
        let headers = site.client.output("curl", ["-sf", &format!("http://{}/headers", vip.address)])?;
        assert!(headers.to_lowercase().contains("x-forwarded-for: 10.20.0.9"), "{headers}");
        let status = |address: &str| client.member_at(address).status().as_str_name();
        a_dead_member_rests_and_returns(&mut site, status, &vip.address);
        let stats = client.call(client.pools().stats(GetRequest { id: pool.id.clone() }));
        assert!(stats.total_connections > 0 && stats.bytes_out > 0, "{stats:?}");

        client.remove(&vip, &association);
        site.wait_until_clean(0);
        // Nothing was unusual. What the host lacks is of no load balancer, and a busy machine may be late.
        let log = site.logged("agent-1");
        let unusual =
            |line: &&str| line.contains("WARN") && line.contains("load_balancer") && !line.contains("took longer");
        assert_eq!(log.lines().filter(unusual).collect::<Vec<_>>(), Vec::<&str>::new());
        Ok(())
    });
}
