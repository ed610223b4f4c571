//! What a change would do, asked before it is made.

use std::time::{Duration, Instant};

use ballast_proto::{
    agent::{Foresee, Foreseen, agent_message, scheduler_message::Message},
    driver::{self, Connections, Effect, L7Action, L7CompareType, L7RuleType, MonitorType},
    v2::{
        CreateHealthMonitorRequest, CreateL7PolicyRequest, CreateL7RuleRequest, CreateListenerRequest,
        CreateMemberRequest, CreatePoolRequest, DeleteRequest, GetRequest, HealthMonitor, L7Policy, L7Rule, Listener,
        LoadBalancer, Member, Pool, Preview, PreviewRequest, ReplaceMembersRequest, UpdateHealthMonitorRequest,
        UpdateL7PolicyRequest, UpdateL7RuleRequest, UpdateListenerRequest, UpdateLoadBalancerRequest,
        UpdateMemberRequest, UpdatePoolRequest, members_client::MembersClient, preview_request::Change,
    },
};
use tonic::Code;

use super::{
    create, load_balancers, new_listener, new_load_balancer, new_member, new_pool, reason, settled, start, whole::whole,
};
use crate::{
    played::{Agent, able, able_driver, obedient},
    services::Services,
};

async fn preview(services: &Services, change: Change) -> Result<Preview, tonic::Status> {
    let request = PreviewRequest { change: Some(change) };
    load_balancers(services).preview(request).await.map(tonic::Response::into_inner)
}

/// What is asked next; nothing else may come before it.
async fn asked(agent: &mut Agent) -> Foresee {
    match agent.next().await {
        Message::Foresee(question) => question,
        other => panic!("not a question: {other:?}"),
    }
}

async fn answer(agent: &Agent, number: u64, answer: Result<driver::Preview, &str>) {
    let (preview, fault) = match answer {
        Ok(preview) => (Some(preview), None),
        Err(why) => (None, Some(driver::Fault { message: why.to_owned(), ..driver::Fault::default() })),
    };
    agent.say(agent_message::Message::Foreseen(Foreseen { number, preview, fault })).await;
}

/// Each change that there is, of what is there.
fn changes(made: &LoadBalancer) -> Vec<Change> {
    let renamed = LoadBalancer { id: made.id.clone(), name: "another".to_owned(), ..LoadBalancer::default() };
    let update = UpdateLoadBalancerRequest { load_balancer: Some(renamed), ..Default::default() };
    let pool = made.pools.iter().find(|pool| pool.name == "web").unwrap();
    let own = made.pools.iter().find(|pool| pool.name == "own").unwrap();
    let all = [
        vec![Change::UpdateLoadBalancer(update)],
        of_listeners(made),
        of_pools(made, pool, own),
        of_members(pool),
        of_monitors(pool, own),
        of_policies(&made.listeners[0]),
    ];
    all.concat()
}

fn of(id: &str, parent_id: &str) -> DeleteRequest {
    DeleteRequest { id: id.to_owned(), parent_id: parent_id.to_owned(), ..DeleteRequest::default() }
}

fn of_listeners(made: &LoadBalancer) -> Vec<Change> {
    let id = made.listeners[0].id.clone();
    let limited = Listener { id: id.clone(), connection_limit: Some(7), ..Listener::default() };
    vec![
        Change::CreateListener(CreateListenerRequest {
            listener: Some(new_listener(&made.id, 81)),
            ..Default::default()
        }),
        Change::UpdateListener(UpdateListenerRequest { listener: Some(limited), ..Default::default() }),
        Change::DeleteListener(of(&id, "")),
    ]
}

fn of_pools(made: &LoadBalancer, pool: &Pool, own: &Pool) -> Vec<Change> {
    let renamed = Pool { id: pool.id.clone(), name: "another".to_owned(), ..Pool::default() };
    vec![
        Change::CreatePool(CreatePoolRequest { pool: Some(new_pool(&made.id)), ..Default::default() }),
        Change::UpdatePool(UpdatePoolRequest { pool: Some(renamed), ..Default::default() }),
        Change::DeletePool(of(&own.id, "")),
    ]
}

fn of_members(pool: &Pool) -> Vec<Change> {
    let member = &pool.members[0];
    let weighed = Member { id: member.id.clone(), pool_id: pool.id.clone(), weight: Some(9), ..Member::default() };
    vec![
        Change::CreateMember(CreateMemberRequest { member: Some(new_member(&pool.id, 19)), ..Default::default() }),
        Change::UpdateMember(UpdateMemberRequest { member: Some(weighed), ..Default::default() }),
        Change::DeleteMember(of(&member.id, &pool.id)),
        Change::ReplaceMembers(ReplaceMembersRequest { pool_id: pool.id.clone(), ..Default::default() }),
    ]
}

fn of_monitors(pool: &Pool, own: &Pool) -> Vec<Change> {
    let id = pool.health_monitor.as_ref().unwrap().id.clone();
    let slower = HealthMonitor { id: id.clone(), delay: Some(60), ..HealthMonitor::default() };
    let checked = HealthMonitor {
        pool_id: own.id.clone(),
        r#type: MonitorType::Tcp.into(),
        delay: Some(5),
        timeout: Some(3),
        max_retries: Some(2),
        ..HealthMonitor::default()
    };
    vec![
        Change::CreateHealthMonitor(CreateHealthMonitorRequest { health_monitor: Some(checked), ..Default::default() }),
        Change::UpdateHealthMonitor(UpdateHealthMonitorRequest { health_monitor: Some(slower), ..Default::default() }),
        Change::DeleteHealthMonitor(of(&id, "")),
    ]
}

fn of_policies(listener: &Listener) -> Vec<Change> {
    let policy = &listener.l7policies[0];
    let (id, rule_id) = (policy.id.clone(), policy.rules[0].id.clone());
    let refusing = L7Policy {
        listener_id: listener.id.clone(),
        action: L7Action::Reject.into(),
        rules: vec![path("/y")],
        ..L7Policy::default()
    };
    let renamed = L7Policy { id: id.clone(), name: "another".to_owned(), ..L7Policy::default() };
    let another = L7Rule { l7policy_id: id.clone(), ..path("/z") };
    let changed = L7Rule { id: rule_id.clone(), l7policy_id: id.clone(), value: "/w".to_owned(), ..L7Rule::default() };
    vec![
        Change::CreateL7policy(CreateL7PolicyRequest { l7policy: Some(refusing), ..Default::default() }),
        Change::UpdateL7policy(UpdateL7PolicyRequest { l7policy: Some(renamed), ..Default::default() }),
        Change::DeleteL7policy(of(&id, "")),
        Change::CreateL7rule(CreateL7RuleRequest { rule: Some(another), ..Default::default() }),
        Change::UpdateL7rule(UpdateL7RuleRequest { rule: Some(changed), ..Default::default() }),
        Change::DeleteL7rule(of(&rule_id, &id)),
    ]
}

fn path(value: &str) -> L7Rule {
    L7Rule {
        r#type: L7RuleType::Path.into(),
        compare_type: L7CompareType::StartsWith.into(),
        value: value.to_owned(),
        ..L7Rule::default()
    }
}

#[tokio::test]
async fn every_change_is_asked_of_the_agent_as_it_would_be_and_nothing_of_it_is_kept() {
    let services = Services::start().await;
    let mut agent = Agent::with_drivers(&services.channel, "a", "1", vec![able_driver()]).await.unwrap();
    agent.snapshot().await;
    let made = create(&services, whole(&services.subnet().await)).await;
    let desired = agent.desired().await;
    agent.deployed(&desired).await;
    let before = settled(&services, &made.id).await;
    let runs = desired.load_balancer.clone().unwrap();
    let all = changes(&made);
    assert_eq!(all.len(), 20, "a change that there is is not tried");
    for change in all {
        let said = driver::Preview {
            effect: Effect::Reload.into(),
            connections: Connections::Drained.into(),
            steps: vec!["one\u{7}".to_owned(), "two".to_owned()],
            configuration: "global\n    \u{1b}nothing\n".to_owned(),
            faults: vec![driver::ObjectFault {
                object_id: runs.id.clone(),
                fault: Some(driver::Fault { message: "not\nso".to_owned(), ..driver::Fault::default() }),
            }],
        };
        let told = async {
            let question = asked(&mut agent).await;
            // Somebody else's answer, and one that nobody waits for.
            answer(&agent, question.number.wrapping_add(1), Err("another's")).await;
            answer(&agent, question.number, Ok(said.clone())).await;
            answer(&agent, question.number, Err("too late")).await;
            question
        };
        let (found, question) = tokio::join!(preview(&services, change.clone()), told);
        let found = found.unwrap_or_else(|status| panic!("{change:?}: {status}"));
        assert_eq!((found.effect(), found.connections()), (Effect::Reload, Connections::Drained));
        assert_eq!(
            (found.steps, found.configuration.as_str()),
            (vec!["one ".to_owned(), "two".to_owned()], "global\n     nothing\n")
        );
        assert_eq!(
            (found.faults[0].object_id.as_str(), found.faults[0].message.as_str()),
            (runs.id.as_str(), "not so")
        );
        assert_eq!((question.driver.as_str(), question.generation), ("haproxy-ns", desired.generation + 1));
        assert_ne!(question.load_balancer.unwrap(), runs, "{change:?}");
    }
    let get = GetRequest { id: made.id.clone(), ..GetRequest::default() };
    assert_eq!(load_balancers(&services).get(get).await.unwrap().into_inner(), before);
    // Nothing was sent meanwhile, and what is sent next is what is changed next.
    let pool_id = made.pools.iter().find(|pool| pool.name == "web").unwrap().id.clone();
    let request = CreateMemberRequest { member: Some(new_member(&pool_id, 19)), ..Default::default() };
    MembersClient::new(services.channel.clone()).create(request).await.unwrap();
    assert_eq!(agent.desired().await.generation, desired.generation + 1);
}

#[tokio::test]
async fn what_nobody_can_say_is_not_known_and_what_would_be_refused_is_refused() {
    let (services, subnet_id) = start().await;
    let made = create(&services, whole(&subnet_id)).await;
    settled(&services, &made.id).await;
    let of_made = changes(&made);
    let begun = Instant::now();
    // Its agent does not know the question.
    let found = preview(&services, of_made[0].clone()).await.unwrap();
    assert_eq!((found.effect(), found.reason.as_str()), (Effect::Unspecified, "its agent has not answered in time"));
    assert!((Duration::from_secs(2)..Duration::from_secs(4)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    let gone = DeleteRequest { id: made.id.clone(), ..DeleteRequest::default() };
    let refused = preview(&services, Change::DeletePool(gone)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "POOL_NOT_FOUND"));
    let nothing = load_balancers(&services).preview(PreviewRequest::default()).await.unwrap_err();
    assert_eq!(nothing.code(), Code::InvalidArgument);

    let services = Services::start().await;
    let waiting = create(&services, new_load_balancer(&services.subnet().await)).await;
    let found = preview(&services, rename(&waiting)).await.unwrap();
    assert_eq!((found.effect(), found.reason.as_str()), (Effect::Unspecified, "no agent runs it"));
}

#[tokio::test]
async fn why_a_driver_cannot_say_is_told_and_an_agent_without_a_session_is_not_waited_for() {
    let services = Services::start().await;
    let mut agent = Agent::with_drivers(&services.channel, "a", "1", vec![able_driver()]).await.unwrap();
    agent.snapshot().await;
    let made = create(&services, new_load_balancer(&services.subnet().await)).await;
    let desired = agent.desired().await;
    agent.deployed(&desired).await;
    let told = async {
        let number = asked(&mut agent).await.number;
        answer(&agent, number, Err("it is being changed")).await;
    };
    let (found, ()) = tokio::join!(preview(&services, rename(&made)), told);
    let found = found.unwrap();
    assert_eq!((found.effect(), found.reason.as_str()), (Effect::Unspecified, "it is being changed"));
    drop(agent);
    let gone = async {
        loop {
            let begun = Instant::now();
            let found = preview(&services, rename(&made)).await.unwrap();
            if found.reason.starts_with("its agent has no session") {
                return begun.elapsed();
            }
        }
    };
    assert!(tokio::time::timeout(crate::services::PATIENCE, gone).await.unwrap() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_change_that_its_agent_cannot_run_and_another_can_is_a_move() {
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet_id = services.subnet().await;
    let listener =
        Listener { default_pool: Some(Pool { name: "own".to_owned(), ..new_pool("") }), ..new_listener("", 80) };
    let made = create(&services, LoadBalancer { listeners: vec![listener], ..new_load_balancer(&subnet_id) }).await;
    settled(&services, &made.id).await;
    able(&services.channel, "b").await;
    let listener = Listener {
        id: made.listeners[0].id.clone(),
        allowed_cidrs: vec!["10.0.0.0/8".to_owned()],
        ..Listener::default()
    };
    let change = Change::UpdateListener(UpdateListenerRequest { listener: Some(listener), ..Default::default() });
    let found = preview(&services, change).await.unwrap();
    assert_eq!((found.effect(), found.connections()), (Effect::Move, Connections::Cut), "{}", found.reason);
    assert_eq!(settled(&services, &made.id).await.listener_ids.len(), 1);
}

fn rename(made: &LoadBalancer) -> Change {
    let load_balancer =
        Some(LoadBalancer { id: made.id.clone(), name: "another".to_owned(), ..LoadBalancer::default() });
    Change::UpdateLoadBalancer(UpdateLoadBalancerRequest { load_balancer, ..Default::default() })
}
