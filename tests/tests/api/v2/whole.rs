//! Load balancers that are made with all that is in them.

use ballast_proto::{
    driver::{L7Action, L7CompareType, L7RuleType, LbMethod, MonitorType, Protocol},
    v2::{
        CreateLoadBalancerRequest, DeleteLoadBalancerRequest, GetRequest, HealthMonitor, L7Policy, L7Rule, Listener,
        LoadBalancer, OperatingStatus, Pool, ProvisioningStatus,
    },
};
use tonic::Code;

use super::{create, fact, load_balancers, new_load_balancer, new_member, new_pool, reason, settled, start};

fn monitor() -> HealthMonitor {
    HealthMonitor {
        r#type: MonitorType::Http.into(),
        delay: Some(5),
        timeout: Some(3),
        max_retries: Some(2),
        ..HealthMonitor::default()
    }
}

fn policy(pool: &str) -> L7Policy {
    L7Policy {
        action: L7Action::RedirectToPool.into(),
        redirect_pool: Some(Pool { name: pool.to_owned(), ..Pool::default() }),
        rules: vec![L7Rule {
            r#type: L7RuleType::Path.into(),
            compare_type: L7CompareType::StartsWith.into(),
            value: "/x".to_owned(),
            ..L7Rule::default()
        }],
        ..L7Policy::default()
    }
}

/// Two pools, one of which a listener defines and one of which it refers to.
pub(super) fn whole(subnet_id: &str) -> LoadBalancer {
    let web = Pool {
        name: "web".to_owned(),
        members: vec![new_member("", 11), new_member("", 12)],
        health_monitor: Some(monitor()),
        ..new_pool("")
    };
    let listener = Listener {
        protocol: Protocol::Http.into(),
        protocol_port: Some(80),
        default_pool: Some(Pool { name: "own".to_owned(), ..new_pool("") }),
        l7policies: vec![policy("web")],
        ..Listener::default()
    };
    LoadBalancer { listeners: vec![listener], pools: vec![web], ..new_load_balancer(subnet_id) }
}

#[tokio::test]
async fn all_of_a_load_balancer_is_made_in_one_call_and_goes_in_one() {
    let (services, subnet_id) = start().await;
    let made = create(&services, whole(&subnet_id)).await;
    assert_eq!((made.listeners.len(), made.pools.len()), (1, 2));
    let listener = &made.listeners[0];
    assert_eq!(listener.default_pool.as_ref().unwrap().name, "own");
    assert_eq!(listener.l7policies[0].redirect_pool.as_ref().unwrap().name, "web");
    assert_eq!(listener.l7policies[0].rules[0].value, "/x");
    let status = made.status.as_ref().unwrap();
    assert_eq!(
        (status.provisioning(), status.operating()),
        (ProvisioningStatus::PendingCreate, OperatingStatus::Offline)
    );
    let shown = settled(&services, &made.id).await;
    assert_eq!((shown.listener_ids.len(), shown.pool_ids.len()), (1, 2));
    assert_eq!(shown.vip.as_ref().unwrap().address, "10.0.0.2");

    let get = GetRequest { id: made.id.clone(), ..GetRequest::default() };
    let tree = load_balancers(&services).statuses(get.clone()).await.unwrap().into_inner();
    let pools: Vec<&str> = tree.listeners[0].pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(pools, ["own", "web"]);
    assert_eq!(tree.listeners[0].pools[1].members.len(), 2);
    assert!(tree.listeners[0].pools[1].health_monitor.is_some());

    let delete = DeleteLoadBalancerRequest { id: made.id.clone(), ..Default::default() };
    let refused = load_balancers(&services).delete(delete.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "LOAD_BALANCER_IN_USE"));
    let cascade = DeleteLoadBalancerRequest { cascade: true, ..delete };
    load_balancers(&services).delete(cascade).await.unwrap();
    assert_eq!(load_balancers(&services).get(get).await.unwrap_err().code(), Code::NotFound);
    // The address is given again once the agent has let go of it.
    let next = create(&services, new_load_balancer(&subnet_id)).await;
    settled(&services, &next.id).await;
}

#[tokio::test]
async fn a_part_that_does_not_fit_makes_nothing() {
    let (services, subnet_id) = start().await;
    let refused = async |change: fn(&mut LoadBalancer)| {
        let mut sent = whole(&subnet_id);
        change(&mut sent);
        let request = CreateLoadBalancerRequest { load_balancer: Some(sent), ..Default::default() };
        fact(&load_balancers(&services).create(request).await.unwrap_err())
    };
    assert_eq!(refused(|sent| sent.pools[0].name.clear()).await, "POOL_UNNAMED");
    assert_eq!(refused(|sent| "own".clone_into(&mut sent.pools[0].name)).await, "POOL_NAME_TWICE");
    assert_eq!(refused(|sent| sent.pools.clear()).await, "POOL_UNDEFINED");
    assert_eq!(refused(|sent| sent.pools[0].lb_algorithm = 0).await, "POOL_INCOMPLETE");
    assert_eq!(refused(|sent| sent.pools[0].protocol = Protocol::Tcp.into()).await, "PROTOCOL_MISMATCH");
    assert_eq!(refused(|sent| sent.pools[0].members[1] = sent.pools[0].members[0].clone()).await, "MEMBER_EXISTS");
    assert_eq!(refused(|sent| sent.listeners.push(sent.listeners[0].clone())).await, "POOL_NAME_TWICE");
    assert_eq!(refused(|sent| sent.vip = None).await, "VIP_MISSING");
    let port_twice = refused(|sent| {
        let again = Listener { default_pool: None, l7policies: Vec::new(), ..sent.listeners[0].clone() };
        sent.listeners.push(again);
    });
    assert_eq!(port_twice.await, "LISTENER_PORT_TAKEN");
    let listed = load_balancers(&services).list(ballast_proto::v2::ListRequest::default()).await.unwrap();
    assert!(listed.into_inner().load_balancers.is_empty());
}

#[tokio::test]
async fn what_is_only_validated_changes_nothing() {
    let (services, subnet_id) = start().await;
    let request = CreateLoadBalancerRequest {
        load_balancer: Some(whole(&subnet_id)),
        validate_only: true,
        ..CreateLoadBalancerRequest::default()
    };
    let shown = load_balancers(&services).create(request).await.unwrap().into_inner();
    assert_eq!(shown.pools.len(), 2);
    let listed = load_balancers(&services).list(ballast_proto::v2::ListRequest::default()).await.unwrap();
    assert!(listed.into_inner().load_balancers.is_empty());
    // Its address was not taken.
    assert_eq!(create(&services, new_load_balancer(&subnet_id)).await.vip.unwrap().address, "10.0.0.2");
}

#[tokio::test]
async fn what_no_driver_has_is_refused_by_its_name() {
    let services = crate::services::Services::start().await;
    let mut driver = crate::played::able_driver();
    let capabilities = driver.capabilities.as_mut().unwrap();
    capabilities.features.retain(|feature| feature != "lb_method:SOURCE_IP_PORT");
    crate::played::obedient_with(&services.channel, "a", driver).await;
    let subnet_id = services.subnet().await;
    let mut sent = whole(&subnet_id);
    sent.pools[0].lb_algorithm = LbMethod::SourceIpPort.into();
    let request = CreateLoadBalancerRequest { load_balancer: Some(sent), ..Default::default() };
    let refused = load_balancers(&services).create(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unimplemented, "FEATURE_NOT_SUPPORTED"));
    assert!(refused.message().contains("lb_method:SOURCE_IP_PORT"), "{}", refused.message());
}
