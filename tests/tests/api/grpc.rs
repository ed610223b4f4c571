//! `lbaas.v1` itself: the same walk-through as REST, its error details, health and reflection.

use std::collections::BTreeSet;

use ballast_proto::{
    driver::{LbMethod, MonitorType, Protocol},
    v1::{
        AssociateRequest, CreateHealthMonitorRequest, CreateMemberRequest, CreatePoolRequest, CreateVipRequest,
        DeleteRequest, GetRequest, HealthMonitor, ListRequest, Member, Pool, Status, UpdateVipRequest, Vip,
        agents_client::AgentsClient, health_monitors_client::HealthMonitorsClient, members_client::MembersClient,
        pools_client::PoolsClient, service_providers_client::ServiceProvidersClient, vips_client::VipsClient,
    },
};
use tonic::{Code, Request};
use tonic_types::StatusExt;

use crate::{played::obedient, services::Services};

fn new_pool(subnet_id: &str) -> Pool {
    Pool {
        project_id: "demo".to_owned(),
        name: "web".to_owned(),
        subnet_id: subnet_id.to_owned(),
        protocol: Protocol::Http.into(),
        lb_method: LbMethod::RoundRobin.into(),
        ..Pool::default()
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one walk, from nothing to nothing")]
async fn a_load_balancer_is_made_shown_and_removed_over_grpc() {
    let services = Services::start().await;
    let agent = obedient(&services.channel, "a").await;
    let subnet_id = services.subnet().await;
    let mut pools = PoolsClient::new(services.channel.clone());
    let pool = pools
        .create(CreatePoolRequest { pool: Some(new_pool(&subnet_id)), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(pool.status(), Status::PendingCreate);
    let mut members = MembersClient::new(services.channel.clone());
    for n in 11..14 {
        let member = Member {
            project_id: "demo".to_owned(),
            pool_id: pool.id.clone(),
            address: format!("10.0.0.{n}"),
            protocol_port: Some(80),
            ..Member::default()
        };
        members.create(CreateMemberRequest { member: Some(member), ..Default::default() }).await.unwrap();
    }
    let vip = Vip {
        project_id: "demo".to_owned(),
        pool_id: pool.id.clone(),
        subnet_id,
        protocol: Protocol::Http.into(),
        protocol_port: Some(80),
        ..Vip::default()
    };
    let mut vips = VipsClient::new(services.channel.clone());
    let vip = vips.create(CreateVipRequest { vip: Some(vip), ..Default::default() }).await.unwrap().into_inner();
    assert_eq!(vip.address, "10.0.0.2");
    let monitor = HealthMonitor {
        project_id: "demo".to_owned(),
        r#type: MonitorType::Http.into(),
        delay: Some(5),
        timeout: Some(3),
        max_retries: Some(2),
        ..HealthMonitor::default()
    };
    let mut monitors = HealthMonitorsClient::new(services.channel.clone());
    let monitor = monitors
        .create(CreateHealthMonitorRequest { health_monitor: Some(monitor), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    let association = AssociateRequest { pool_id: pool.id.clone(), health_monitor_id: monitor.id.clone() };
    pools.associate_health_monitor(association.clone()).await.unwrap();
    services.settled(&format!("/v2.0/lb/vips/{}", vip.id), "ACTIVE").await;

    let shown = pools.get(GetRequest { id: pool.id.clone() }).await.unwrap().into_inner();
    assert_eq!((shown.member_ids.len(), shown.vip_id.as_str()), (3, vip.id.as_str()));
    let hosting = pools.get_agent(GetRequest { id: pool.id.clone() }).await.unwrap().into_inner();
    assert_eq!(hosting.agent.unwrap().id, agent);
    let listed = AgentsClient::new(services.channel.clone()).list(ListRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.agents.len(), 1);
    let providers = ServiceProvidersClient::new(services.channel.clone()).list(ListRequest::default()).await.unwrap();
    assert_eq!(providers.into_inner().service_providers.len(), 2);

    pools.disassociate_health_monitor(association).await.unwrap();
    vips.delete(DeleteRequest { id: vip.id }).await.unwrap();
    pools.delete(DeleteRequest { id: pool.id.clone() }).await.unwrap();
    monitors.delete(DeleteRequest { id: monitor.id }).await.unwrap();
    let gone = pools.get(GetRequest { id: pool.id }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test]
async fn errors_carry_a_reason_and_name_the_field() {
    let services = Services::start().await;
    let mut pools = PoolsClient::new(services.channel.clone());
    let missing = pools.create(CreatePoolRequest { pool: None, ..Default::default() }).await.unwrap_err();
    assert_eq!(missing.code(), Code::InvalidArgument);
    let bad =
        pools.create(CreatePoolRequest { pool: Some(new_pool("nonsense")), ..Default::default() }).await.unwrap_err();
    let details = bad.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "INVALID_FIELD");
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "subnet_id");
}

#[tokio::test]
async fn an_update_changes_what_its_mask_names() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    let id = services.create("/v2.0/lb/vips", crate::services::vip(&subnet, &pool)).await.id();
    let vip = Vip { id: id.clone(), name: "new".to_owned(), connection_limit: Some(7), ..Vip::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["connection_limit".to_owned()] });
    let mut vips = VipsClient::new(services.channel.clone());
    let changed = vips.update(UpdateVipRequest { vip: Some(vip.clone()), update_mask }).await.unwrap().into_inner();
    assert_eq!((changed.connection_limit, changed.name.as_str()), (Some(7), "v"));
    let update_mask = Some(prost_types::FieldMask { paths: vec!["address".to_owned()] });
    let fixed = vips.update(UpdateVipRequest { vip: Some(vip), update_mask }).await.unwrap_err();
    assert_eq!(fixed.message(), "address cannot be changed.");
}

#[tokio::test]
async fn a_caller_who_is_no_admin_sees_and_makes_his_own_only() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let foreign = services.pool(&subnet).await;
    let mut pools = PoolsClient::new(services.channel.clone());
    let mut get = Request::new(GetRequest { id: foreign });
    get.metadata_mut().insert("ballast-roles", "member".parse().unwrap());
    get.metadata_mut().insert("ballast-project-id", "other".parse().unwrap());
    assert_eq!(pools.get(get).await.unwrap_err().code(), Code::NotFound);
    let mut list = Request::new(ListRequest::default());
    list.metadata_mut().insert("ballast-roles", "member".parse().unwrap());
    list.metadata_mut().insert("ballast-project-id", "other".parse().unwrap());
    assert!(pools.list(list).await.unwrap().into_inner().pools.is_empty());
}

#[tokio::test]
async fn health_and_reflection_answer() {
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let services = Services::start().await;
    let mut health = HealthClient::new(services.channel.clone());
    let check = HealthCheckRequest { service: "lbaas.v1.Pools".to_owned() };
    assert_eq!(health.check(check).await.unwrap().into_inner().status(), ServingStatus::Serving);
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(services.channel.clone());
    let mut answers = reflection.server_reflection_info(tokio_stream::iter([ask])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    let here = [
        "lbaas.v1.Pools",
        "lbaas.v1.Networks",
        "lbaas.agent.v1.AgentSession",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
    ];
    for name in here {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
    assert!(!names.contains(&"lbaas.driver.v1.Driver".to_owned()), "it is served by drivers: {names:?}");
}

#[tokio::test]
async fn reflection_describes_every_method_down_to_the_last_message() {
    use prost::Message as _;
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let services = Services::start().await;
    let reflection = ServerReflectionClient::new(services.channel.clone());
    let ask = async |question: MessageRequest| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let mut reflection = reflection.clone();
        let mut answers = reflection.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
        answers.message().await.unwrap().unwrap().message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(list) = ask(MessageRequest::ListServices(String::new())).await else {
        panic!("no services")
    };
    // As grpcurl does: the file of a service, then whatever that imports.
    let mut open: Vec<_> =
        list.service.iter().map(|service| MessageRequest::FileContainingSymbol(service.name.clone())).collect();
    let (mut files, mut messages, mut used) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    while let Some(question) = open.pop() {
        let answer = ask(question.clone()).await;
        let MessageResponse::FileDescriptorResponse(found) = answer else { panic!("{question:?}: {answer:?}") };
        for file in found.file_descriptor_proto {
            let file = prost_types::FileDescriptorProto::decode(file.as_slice()).unwrap();
            if !files.insert(file.name().to_owned()) {
                continue;
            }
            open.extend(file.dependency.iter().cloned().map(MessageRequest::FileByFilename));
            messages.extend(file.message_type.iter().map(|message| format!(".{}.{}", file.package(), message.name())));
            for method in file.service.iter().flat_map(|service| &service.method) {
                used.extend([method.input_type().to_owned(), method.output_type().to_owned()]);
            }
        }
    }
    assert!(used.len() > 40, "{used:?}");
    let unknown: Vec<_> = used.difference(&messages).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
