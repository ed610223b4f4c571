//! Parts of a load balancer, made, changed and deleted one by one.

use ballast_proto::{
    driver::{L7Action, L7CompareType, L7RuleType, Protocol},
    v2::{
        CreateL7PolicyRequest, CreateL7RuleRequest, CreateListenerRequest, CreateMemberRequest, CreatePoolRequest,
        DeleteRequest, GetRequest, L7Policy, L7Rule, ListRequest, Member, Pool, ProvisioningStatus,
        ReplaceMembersRequest, UpdateL7PolicyRequest, UpdatePoolRequest, l7_policies_client::L7PoliciesClient,
        l7_rules_client::L7RulesClient, listeners_client::ListenersClient, members_client::MembersClient,
        pools_client::PoolsClient,
    },
};
use prost_types::FieldMask;
use tonic::Code;

use super::{create, fact, new_listener, new_load_balancer, new_member, new_pool, reason, settled, start};
use crate::services::Services;

async fn pool(services: &Services, new: Pool) -> Result<Pool, tonic::Status> {
    let request = CreatePoolRequest { pool: Some(new), ..Default::default() };
    PoolsClient::new(services.channel.clone()).create(request).await.map(tonic::Response::into_inner)
}

async fn get_pool(services: &Services, id: &str) -> Pool {
    let request = GetRequest { id: id.to_owned(), ..GetRequest::default() };
    PoolsClient::new(services.channel.clone()).get(request).await.unwrap().into_inner()
}

fn of(id: &str) -> DeleteRequest {
    DeleteRequest { id: id.to_owned(), ..DeleteRequest::default() }
}

#[tokio::test]
async fn a_part_is_pending_with_all_that_has_it_until_it_is_done() {
    let (services, subnet_id) = start().await;
    let made = create(&services, new_load_balancer(&subnet_id)).await;
    settled(&services, &made.id).await;
    let listener = CreateListenerRequest { listener: Some(new_listener(&made.id, 80)), ..Default::default() };
    let mut listeners = ListenersClient::new(services.channel.clone());
    let listener = listeners.create(listener.clone()).await.unwrap().into_inner();
    assert_eq!(listener.status.as_ref().unwrap().provisioning(), ProvisioningStatus::PendingCreate);
    let pool = pool(&services, Pool { listener_id: listener.id.clone(), ..new_pool("") }).await.unwrap();
    assert_eq!((pool.load_balancer_id.as_str(), pool.listener_ids.as_slice()), (made.id.as_str(), &[listener.id][..]));
    let mut members = MembersClient::new(services.channel.clone());
    let request = CreateMemberRequest { member: Some(new_member(&pool.id, 11)), ..Default::default() };
    let member = members.create(request.clone()).await.unwrap().into_inner();
    let again = members.create(request).await.unwrap_err();
    assert_eq!((again.code(), reason(&again).as_str()), (Code::AlreadyExists, "MEMBER_EXISTS"));
    settled(&services, &made.id).await;
    let shown = get_pool(&services, &pool.id).await;
    assert_eq!(shown.status.unwrap().provisioning(), ProvisioningStatus::Active);
    assert_eq!(shown.member_ids, std::slice::from_ref(&member.id));
    let gone = DeleteRequest { parent_id: pool.id.clone(), ..of(&member.id) };
    members.delete(gone.clone()).await.unwrap();
    let again = members.delete(gone).await.unwrap_err();
    assert_eq!((again.code(), reason(&again).as_str()), (Code::NotFound, "MEMBER_NOT_FOUND"));
    PoolsClient::new(services.channel.clone()).delete(of(&pool.id)).await.unwrap();
    let request = GetRequest { id: shown.listener_ids[0].clone(), ..GetRequest::default() };
    assert_eq!(listeners.get(request).await.unwrap().into_inner().default_pool_id, "");
}

#[tokio::test]
async fn members_are_replaced_as_a_whole_and_keep_what_is_not_said() {
    let (services, subnet_id) = start().await;
    let made = create(&services, new_load_balancer(&subnet_id)).await;
    let pool = pool(&services, new_pool(&made.id)).await.unwrap();
    let mut members = MembersClient::new(services.channel.clone());
    let named = Member { name: "one".to_owned(), weight: Some(7), ..new_member(&pool.id, 11) };
    let replace = |given: Vec<Member>, additive_only: bool| ReplaceMembersRequest {
        pool_id: pool.id.clone(),
        members: given,
        additive_only,
        ..ReplaceMembersRequest::default()
    };
    members.replace(replace(vec![named, new_member("", 12)], false)).await.unwrap();
    members.replace(replace(vec![new_member("", 11), new_member("", 13)], false)).await.unwrap();
    let list = ListRequest { parent_id: pool.id.clone(), ..ListRequest::default() };
    let listed = members.list(list.clone()).await.unwrap().into_inner().members;
    let seen: Vec<_> = listed.iter().map(|one| (one.address.as_str(), one.name.as_str(), one.weight)).collect();
    assert_eq!(seen, [("10.0.0.11", "one", Some(1)), ("10.0.0.13", "", Some(1))]);
    members.replace(replace(vec![new_member("", 14)], true)).await.unwrap();
    assert_eq!(members.list(list.clone()).await.unwrap().into_inner().members.len(), 3);
    let twice = members.replace(replace(vec![new_member("", 15), new_member("", 15)], false)).await.unwrap_err();
    assert_eq!(fact(&twice), "MEMBER_EXISTS");
    let twice = members.replace(replace(vec![new_member("", 14), new_member("", 14)], false)).await.unwrap_err();
    assert_eq!(fact(&twice), "MEMBER_TWICE");
    members.replace(replace(Vec::new(), false)).await.unwrap();
    assert!(members.list(list).await.unwrap().into_inner().members.is_empty());
    settled(&services, &made.id).await;
}

#[tokio::test]
async fn policies_have_dense_positions_and_keep_their_pools() {
    let (services, subnet_id) = start().await;
    let made = create(&services, new_load_balancer(&subnet_id)).await;
    let request = CreateListenerRequest { listener: Some(new_listener(&made.id, 80)), ..Default::default() };
    let mut listeners = ListenersClient::new(services.channel.clone());
    let listener = listeners.create(request).await.unwrap().into_inner();
    let pool = pool(&services, new_pool(&made.id)).await.unwrap();
    let mut policies = L7PoliciesClient::new(services.channel.clone());
    let new = |name: &str, position: Option<i32>| CreateL7PolicyRequest {
        l7policy: Some(L7Policy {
            listener_id: listener.id.clone(),
            name: name.to_owned(),
            action: L7Action::RedirectToPool.into(),
            redirect_pool_id: pool.id.clone(),
            position,
            ..L7Policy::default()
        }),
        ..CreateL7PolicyRequest::default()
    };
    let first = policies.create(new("a", None)).await.unwrap().into_inner();
    policies.create(new("b", Some(1))).await.unwrap();
    policies.create(new("c", Some(99))).await.unwrap();
    let update = UpdateL7PolicyRequest {
        l7policy: Some(L7Policy { id: first.id.clone(), position: Some(3), ..L7Policy::default() }),
        update_mask: Some(FieldMask { paths: vec!["position".to_owned()] }),
        ..UpdateL7PolicyRequest::default()
    };
    assert_eq!(policies.update(update).await.unwrap().into_inner().position, Some(3));
    let list = ListRequest {
        sorts: vec![ballast_proto::v2::Sort { field: "position".to_owned(), descending: false }],
        ..ListRequest::default()
    };
    let listed = policies.list(list).await.unwrap().into_inner().l7policies;
    let names: Vec<_> = listed.iter().map(|one| (one.name.as_str(), one.position)).collect();
    assert_eq!(names, [("b", Some(1)), ("c", Some(2)), ("a", Some(3))]);

    let mut pools = PoolsClient::new(services.channel.clone());
    let used = pools.delete(of(&pool.id)).await.unwrap_err();
    assert_eq!((used.code(), fact(&used).as_str()), (Code::FailedPrecondition, "POOL_OF_POLICY"));
    let rule = L7Rule {
        l7policy_id: first.id.clone(),
        r#type: L7RuleType::FileType.into(),
        compare_type: L7CompareType::Contains.into(),
        value: "jpg".to_owned(),
        ..L7Rule::default()
    };
    let mut rules = L7RulesClient::new(services.channel.clone());
    let refused = rules.create(CreateL7RuleRequest { rule: Some(rule.clone()), ..Default::default() }).await;
    assert_eq!(fact(&refused.unwrap_err()), "COMPARISON_NOT_FOR_RULE_TYPE");
    let rule = L7Rule { compare_type: L7CompareType::EqualTo.into(), ..rule };
    let made_rule = rules.create(CreateL7RuleRequest { rule: Some(rule), ..Default::default() }).await.unwrap();
    // The pool is behind the listener now.
    assert_eq!(get_pool(&services, &pool.id).await.listener_ids, [listener.id]);
    let gone = DeleteRequest { parent_id: first.id, ..of(&made_rule.into_inner().id) };
    rules.delete(gone).await.unwrap();
    settled(&services, &made.id).await;
}

#[tokio::test]
async fn an_etag_that_is_not_the_objects_keeps_it_from_being_changed() {
    let (services, subnet_id) = start().await;
    let made = create(&services, new_load_balancer(&subnet_id)).await;
    let pool = pool(&services, new_pool(&made.id)).await.unwrap();
    let known = pool.status.clone().unwrap();
    let rename = |name: &str| UpdatePoolRequest {
        pool: Some(Pool { id: pool.id.clone(), name: name.to_owned(), status: Some(known.clone()), ..Pool::default() }),
        update_mask: Some(FieldMask { paths: vec!["name".to_owned()] }),
        ..UpdatePoolRequest::default()
    };
    let mut pools = PoolsClient::new(services.channel.clone());
    pools.update(rename("first")).await.unwrap();
    let refused = pools.update(rename("second")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "ETAG_MISMATCH"));
    assert_eq!(get_pool(&services, &pool.id).await.name, "first");
}

#[tokio::test]
async fn a_port_is_one_listeners_for_each_protocol_below() {
    let (services, subnet_id) = start().await;
    let made = create(&services, new_load_balancer(&subnet_id)).await;
    let mut listeners = ListenersClient::new(services.channel.clone());
    let mut listen = async |protocol: Protocol| {
        let listener = ballast_proto::v2::Listener { protocol: protocol.into(), ..new_listener(&made.id, 53) };
        listeners.create(CreateListenerRequest { listener: Some(listener), ..Default::default() }).await
    };
    listen(Protocol::Http).await.unwrap();
    listen(Protocol::Udp).await.unwrap();
    let refused = listen(Protocol::Tcp).await.unwrap_err();
    assert_eq!((refused.code(), fact(&refused).as_str()), (Code::AlreadyExists, "LISTENER_PORT_TAKEN"));
}

#[tokio::test]
async fn what_its_agent_cannot_run_any_more_goes_to_one_that_can() {
    let services = Services::start().await;
    let v1_only = crate::played::obedient(&services.channel, "old").await;
    let subnet_id = services.subnet().await;
    let pool_id = services.pool(&subnet_id).await;
    let hosting = services.get(&format!("/v2.0/lb/pools/{pool_id}/loadbalancer-agent")).await;
    assert_eq!(hosting["agent"]["id"], v1_only.as_str());
    let able = crate::played::obedient_with(&services.channel, "new", crate::played::able_driver()).await;
    let mut pools = PoolsClient::new(services.channel.clone());
    let update = UpdatePoolRequest {
        pool: Some(Pool {
            id: pool_id.clone(),
            lb_algorithm: ballast_proto::driver::LbMethod::SourceIpPort.into(),
            ..Pool::default()
        }),
        update_mask: Some(FieldMask { paths: vec!["lb_algorithm".to_owned()] }),
        ..UpdatePoolRequest::default()
    };
    pools.update(update).await.unwrap();
    settled(&services, &pool_id).await;
    let agents = services.get("/v2.0/agents").await;
    let loads: Vec<_> = agents["agents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| (agent["id"].as_str().unwrap().to_owned(), agent["configurations"]["instances"].as_u64().unwrap()))
        .collect();
    assert!(loads.contains(&(able, 1)), "{agents}");
}
