//! Creates that are sent again with the same `request_id`, and what updates and lists take.

use ballast_proto::{
    driver::{LbMethod, MonitorType, Protocol},
    v1::{
        CreateHealthMonitorRequest, CreateMemberRequest, CreateNetworkRequest, CreatePoolRequest, CreateSubnetRequest,
        CreateVipRequest, DeleteRequest, HealthMonitor, ListRequest, Member, Network, Pool, Subnet, UpdatePoolRequest,
        Vip, agents_client::AgentsClient, health_monitors_client::HealthMonitorsClient, members_client::MembersClient,
        networks_client::NetworksClient, pools_client::PoolsClient, vips_client::VipsClient,
    },
};
use tokio::task::JoinSet;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::{played::obedient, services::Services};

fn create(subnet_id: &str, name: &str, request_id: &str) -> CreatePoolRequest {
    let pool = Pool {
        project_id: "demo".to_owned(),
        name: name.to_owned(),
        subnet_id: subnet_id.to_owned(),
        protocol: Protocol::Http.into(),
        lb_method: LbMethod::RoundRobin.into(),
        ..Pool::default()
    };
    CreatePoolRequest { pool: Some(pool), request_id: request_id.to_owned() }
}

async fn pool_names(services: &Services) -> Vec<String> {
    let list = PoolsClient::new(services.channel.clone()).list(ListRequest::default()).await.unwrap();
    list.into_inner().pools.into_iter().map(|pool| pool.name).collect()
}

#[tokio::test]
async fn the_same_request_again_gets_what_it_made() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let mut pools = PoolsClient::new(services.channel.clone());
    let first = pools.create(create(&subnet, "web", "r1")).await.unwrap().into_inner();
    let again = pools.create(create(&subnet, "web", "r1")).await.unwrap().into_inner();
    assert_eq!(first.id, again.id);
    let other = pools.create(create(&subnet, "other", "r1")).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);
    let details = other.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "REQUEST_ID_REUSED");
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "request_id");
    assert_eq!(pool_names(&services).await, ["web"]);

    pools.delete(DeleteRequest { id: first.id }).await.unwrap();
    let gone = pools.create(create(&subnet, "web", "r1")).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    assert!(pool_names(&services).await.is_empty());
    services.pass(25 * 3600);
    obedient(&services.channel, "b").await;
    pools.create(create(&subnet, "web", "r1")).await.unwrap();
}

#[tokio::test]
async fn a_refused_request_leaves_its_id_free_and_a_project_has_its_own_ids() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let mut pools = PoolsClient::new(services.channel.clone());
    let missing = "00000000-0000-0000-0000-000000000001";
    assert_eq!(pools.create(create(missing, "web", "r1")).await.unwrap_err().code(), Code::NotFound);
    let first = pools.create(create(&subnet, "web", "r1")).await.unwrap().into_inner();
    let mut foreign = Request::new(create(&subnet, "web", "r1"));
    foreign.metadata_mut().insert("ballast-roles", "admin".parse().unwrap());
    foreign.metadata_mut().insert("ballast-project-id", "other".parse().unwrap());
    assert_ne!(pools.create(foreign).await.unwrap().into_inner().id, first.id);
    let long = pools.create(create(&subnet, "web", &"x".repeat(256))).await.unwrap_err();
    assert_eq!(long.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn the_same_request_many_times_at_once_makes_one_object() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    for round in 0..5 {
        let mut calls = JoinSet::new();
        for _ in 0..8 {
            let mut pools = PoolsClient::new(services.channel.clone());
            let request = create(&subnet, &format!("web{round}"), &format!("r{round}"));
            calls.spawn(async move { pools.create(request).await.map(|made| made.into_inner().id) });
        }
        let ids: Vec<String> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
    assert_eq!(pool_names(&services).await, ["web0", "web1", "web2", "web3", "web4"]);
}

#[tokio::test]
async fn every_create_takes_a_request_id() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let channel = &services.channel;
    let (project_id, request_id) = ("demo".to_owned(), "r".to_owned());
    let network = Network { project_id: project_id.clone(), name: "n".to_owned(), ..Network::default() };
    let request = CreateNetworkRequest { network: Some(network), request_id: format!("{request_id}1") };
    let mut networks = NetworksClient::new(channel.clone());
    let made = networks.create_network(request.clone()).await.unwrap().into_inner();
    assert_eq!(networks.create_network(request).await.unwrap().into_inner().id, made.id);

    let subnet = Subnet {
        project_id: project_id.clone(),
        network_id: made.id,
        cidr: "10.0.0.0/24".to_owned(),
        ..Subnet::default()
    };
    let request = CreateSubnetRequest { subnet: Some(subnet), request_id: format!("{request_id}2") };
    let subnet = networks.create_subnet(request.clone()).await.unwrap().into_inner();
    assert_eq!(networks.create_subnet(request).await.unwrap().into_inner().id, subnet.id);

    let pool = PoolsClient::new(channel.clone()).create(create(&subnet.id, "web", "")).await.unwrap().into_inner();
    let member = Member {
        project_id: project_id.clone(),
        pool_id: pool.id.clone(),
        address: "10.0.0.9".to_owned(),
        protocol_port: Some(80),
        ..Member::default()
    };
    let request = CreateMemberRequest { member: Some(member), request_id: format!("{request_id}3") };
    let mut members = MembersClient::new(channel.clone());
    let made = members.create(request.clone()).await.unwrap().into_inner();
    assert_eq!(members.create(request).await.unwrap().into_inner().id, made.id);

    let vip = Vip {
        project_id: project_id.clone(),
        pool_id: pool.id,
        subnet_id: subnet.id,
        protocol: Protocol::Http.into(),
        protocol_port: Some(80),
        ..Vip::default()
    };
    let request = CreateVipRequest { vip: Some(vip), request_id: format!("{request_id}4") };
    let mut vips = VipsClient::new(channel.clone());
    let made = vips.create(request.clone()).await.unwrap().into_inner();
    assert_eq!(vips.create(request).await.unwrap().into_inner().address, made.address);

    let monitor = HealthMonitor {
        project_id,
        r#type: MonitorType::Ping.into(),
        delay: Some(5),
        timeout: Some(3),
        max_retries: Some(2),
        ..HealthMonitor::default()
    };
    let request = CreateHealthMonitorRequest { health_monitor: Some(monitor), request_id: format!("{request_id}5") };
    let mut monitors = HealthMonitorsClient::new(channel.clone());
    let made = monitors.create(request.clone()).await.unwrap().into_inner();
    assert_eq!(monitors.create(request).await.unwrap().into_inner().id, made.id);
}

#[tokio::test]
async fn a_mask_names_fields_of_the_message_or_all_that_change() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let mut pools = PoolsClient::new(services.channel.clone());
    let made = pools.create(create(&subnet, "web", "")).await.unwrap().into_inner();
    let update = |paths: &[&str], name: &str| UpdatePoolRequest {
        pool: Some(Pool {
            id: made.id.clone(),
            name: name.to_owned(),
            lb_method: LbMethod::SourceIp.into(),
            ..Pool::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
    };
    let unknown = pools.update(update(&["name", "nonsense"], "x")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    assert!(unknown.message().contains("'nonsense' is no field of Pool"), "{unknown:?}");
    assert_eq!(unknown.get_error_details().bad_request().unwrap().field_violations[0].field, "update_mask");
    let fixed = pools.update(update(&["subnet_id"], "x")).await.unwrap_err();
    assert_eq!(fixed.get_error_details().error_info().unwrap().reason, "IMMUTABLE_FIELD");
    let changed = pools.update(update(&["*"], "new")).await.unwrap().into_inner();
    assert_eq!((changed.name.as_str(), changed.lb_method()), ("new", LbMethod::SourceIp));
}

#[tokio::test]
async fn agents_are_listed_in_pages() {
    let services = Services::start().await;
    for host in ["a", "b", "c"] {
        obedient(&services.channel, host).await;
    }
    let mut agents = AgentsClient::new(services.channel.clone());
    let mut hosts = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListRequest { page_size: 2, page_token, ..ListRequest::default() };
        let page = agents.list(request).await.unwrap().into_inner();
        hosts.extend(page.agents.into_iter().map(|agent| agent.host));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(hosts, ["a", "b", "c"]);
}
