//! What agents say of members' checks, and what of it is told.

use std::time::Duration;

use ballast_proto::{
    agent::{Desired, HealthReport, LoadBalancerHealth, agent_message},
    driver::{CheckAnswer, Health, MemberHealth, MonitorType},
    v2::{
        CreateHealthMonitorRequest, CreateMemberRequest, CreatePoolRequest, GetRequest, HealthMonitor, OperatingStatus,
        health_monitors_client::HealthMonitorsClient, members_client::MembersClient, pools_client::PoolsClient,
    },
};

use super::{create, load_balancers, new_load_balancer, new_member, new_pool};
use crate::{
    played::{Agent, able_driver},
    services::{PATIENCE, Services},
};

fn seen(pool: &str, member: &str, health: Health, for_milliseconds: u64, result: &str) -> MemberHealth {
    let answer = CheckAnswer { result: result.to_owned(), code: 503, text: "Bu\nsy".to_owned(), milliseconds: 7 };
    MemberHealth {
        pool_id: pool.to_owned(),
        member_id: member.to_owned(),
        health: health.into(),
        for_milliseconds,
        answer: Some(answer),
    }
}

fn one(desired: &Desired, member: MemberHealth) -> Vec<LoadBalancerHealth> {
    let load_balancer_id = desired.load_balancer.as_ref().unwrap().id.clone();
    let members = vec![member];
    vec![LoadBalancerHealth { load_balancer_id, epoch: desired.epoch, members, ..LoadBalancerHealth::default() }]
}

/// The member's, once its last check ended so.
async fn told(services: &Services, id: &str, result: &str) -> ballast_proto::v2::MemberHealth {
    let wait = async {
        loop {
            let request = GetRequest { id: id.to_owned(), ..GetRequest::default() };
            let members = load_balancers(services).health(request).await.unwrap().into_inner().members;
            let found = members.into_iter().next().unwrap();
            if found.answer.as_ref().is_some_and(|answer| answer.result == result) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("a member whose check ended so")
}

#[tokio::test]
async fn an_answer_is_told_with_its_status_and_time_and_alone_it_is_nothing_to_store() {
    let services = Services::start().await;
    let mut agent = Agent::with_drivers(&services.channel, "a", "1", vec![able_driver()]).await.unwrap();
    let subnet = services.subnet().await;
    let whole = create(&services, new_load_balancer(&subnet)).await;
    let channel = || services.channel.clone();
    let pool = CreatePoolRequest { pool: Some(new_pool(&whole.id)), ..Default::default() };
    let pool = PoolsClient::new(channel()).create(pool).await.unwrap().into_inner();
    let member = CreateMemberRequest { member: Some(new_member(&pool.id, 11)), ..Default::default() };
    let member = MembersClient::new(channel()).create(member).await.unwrap().into_inner();
    let monitor = HealthMonitor {
        pool_id: pool.id.clone(),
        r#type: MonitorType::Tcp.into(),
        delay: Some(5),
        timeout: Some(3),
        max_retries: Some(2),
        ..HealthMonitor::default()
    };
    let monitor = CreateHealthMonitorRequest { health_monitor: Some(monitor), ..Default::default() };
    HealthMonitorsClient::new(channel()).create(monitor).await.unwrap();
    let desired = loop {
        let desired = agent.desired().await;
        if desired.generation == 4 {
            break desired;
        }
    };
    agent.deployed(&desired).await;
    let say = async |report: HealthReport| agent.say(agent_message::Message::Health(report)).await;
    let seen = |health, since, result: &str| one(&desired, seen(&pool.id, &member.id, health, since, result));
    say(HealthReport { load_balancers: seen(Health::Down, 60_000, "L7STS"), ..HealthReport::default() }).await;
    let first = told(&services, &whole.id, "L7STS").await;
    assert_eq!((first.operating(), first.id.as_str()), (OperatingStatus::Error, member.id.as_str()));
    let answer = first.answer.unwrap();
    assert_eq!((answer.code, answer.text.as_str(), answer.milliseconds), (503, "Bu sy", 7));
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let since = first.since.unwrap();
    assert!((55..65).contains(&(now - since.seconds)), "{since:?}");
    // The answer alone, which an agent tells apart, changes neither the status nor its time.
    say(HealthReport { answers: seen(Health::Down, 0, "L4CON"), ..HealthReport::default() }).await;
    let other = told(&services, &whole.id, "L4CON").await;
    assert_eq!((other.operating(), other.since), (OperatingStatus::Error, Some(since)));
    // Without a word of the driver's it is the time at which it was heard of.
    say(HealthReport { load_balancers: seen(Health::Up, 0, "L4OK"), ..HealthReport::default() }).await;
    let up = told(&services, &whole.id, "L4OK").await;
    assert_eq!(up.operating(), OperatingStatus::Online);
    assert!(up.since.unwrap().seconds >= now, "{up:?}");
}
