//! A deploy that one object has stopped, as its agent says it.

use ballast_proto::{
    agent::{Desired, Outcome, agent_message},
    driver::Fault,
    v2::{
        CreateListenerRequest, CreateMemberRequest, CreatePoolRequest, DeleteRequest, GetRequest, Listener, Member,
        Pool, ProvisioningStatus, Status, listeners_client::ListenersClient, members_client::MembersClient,
        pools_client::PoolsClient,
    },
};

use super::{load_balancers, new_listener, new_load_balancer, new_member, new_pool};
use crate::{
    played::{Agent, able_driver},
    services::Services,
};

const SAID: &str = "haproxy refused member: bad";

/// Nothing was changed, because of this object.
async fn stopped(agent: &Agent, desired: &Desired, cause: &str) {
    let fault = Fault { code: 1, message: SAID.to_owned(), object_id: cause.to_owned(), ..Fault::default() };
    agent
        .say(agent_message::Message::Outcome(Outcome {
            load_balancer_id: desired.load_balancer.as_ref().unwrap().id.clone(),
            epoch: desired.epoch,
            generation: desired.generation,
            fault: Some(fault),
            ..Outcome::default()
        }))
        .await;
}

/// The load balancer, its listener, its pool and the member, once none of them is pending.
async fn shown(services: &Services, ids: [&str; 4]) -> Vec<(ProvisioningStatus, String)> {
    let get = |id: &str, parent: &str| GetRequest { id: id.to_owned(), parent_id: parent.to_owned() };
    let channel = || services.channel.clone();
    let said = |status: Option<Status>| status.map(|one| (one.provisioning(), one.description)).unwrap();
    loop {
        let whole = load_balancers(services).get(get(ids[0], "")).await.unwrap().into_inner().status;
        let listener = ListenersClient::new(channel()).get(get(ids[1], "")).await.unwrap().into_inner().status;
        let pool = PoolsClient::new(channel()).get(get(ids[2], "")).await.unwrap().into_inner().status;
        let member = MembersClient::new(channel()).get(get(ids[3], ids[2])).await.unwrap().into_inner().status;
        let all: Vec<_> = [whole, listener, pool, member].into_iter().map(said).collect();
        let settled = |status| matches!(status, ProvisioningStatus::Active | ProvisioningStatus::Error);
        if all.iter().all(|(status, _)| settled(*status)) {
            return all;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_object_that_stops_a_deploy_is_in_error_and_the_others_are_as_they_were() {
    let services = Services::start().await;
    let mut agent = Agent::with_drivers(&services.channel, "a", "1", vec![able_driver()]).await.unwrap();
    let subnet = services.subnet().await;
    let whole = super::create(&services, new_load_balancer(&subnet)).await;
    let channel = || services.channel.clone();
    let pool = CreatePoolRequest { pool: Some(new_pool(&whole.id)), ..Default::default() };
    let pool = PoolsClient::new(channel()).create(pool).await.unwrap().into_inner();
    let listener = Listener { default_pool_id: pool.id.clone(), ..new_listener(&whole.id, 80) };
    let listener = CreateListenerRequest { listener: Some(listener), ..Default::default() };
    let listener = ListenersClient::new(channel()).create(listener).await.unwrap().into_inner();
    let add = async |last: u8| {
        let member = CreateMemberRequest { member: Some(new_member(&pool.id, last)), ..Default::default() };
        MembersClient::new(channel()).create(member).await.unwrap().into_inner()
    };
    let good: Member = add(11).await;
    deploy(&mut agent, 4).await;
    let active = |count: usize| vec![(ProvisioningStatus::Active, String::new()); count];
    let ids = |member: &Member| [whole.id.clone(), listener.id.clone(), pool.id.clone(), member.id.clone()];
    let all = ids(&good);
    assert_eq!(shown(&services, all.each_ref().map(String::as_str)).await, active(4));

    let bad = add(12).await;
    let desired = newest(&mut agent, 5).await;
    stopped(&agent, &desired, &bad.id).await;
    let of_bad = ids(&bad);
    let mut expected = active(3);
    expected.push((ProvisioningStatus::Error, SAID.to_owned()));
    assert_eq!(shown(&services, of_bad.each_ref().map(String::as_str)).await, expected);
    assert_eq!(shown(&services, all.each_ref().map(String::as_str)).await, active(4));

    let gone = DeleteRequest { id: bad.id.clone(), parent_id: pool.id.clone(), ..DeleteRequest::default() };
    MembersClient::new(channel()).delete(gone).await.unwrap();
    deploy(&mut agent, 6).await;
    assert_eq!(shown(&services, all.each_ref().map(String::as_str)).await, active(4));

    // One that names nothing of it has failed as a whole.
    let _: Pool = {
        let another = CreatePoolRequest { pool: Some(new_pool(&whole.id)), ..Default::default() };
        PoolsClient::new(channel()).create(another).await.unwrap().into_inner()
    };
    let desired = newest(&mut agent, 7).await;
    stopped(&agent, &desired, "somewhere else").await;
    let said = shown(&services, all.each_ref().map(String::as_str)).await;
    let in_error = said.iter().filter(|(status, why)| *status == ProvisioningStatus::Error && why == SAID).count();
    assert_eq!(in_error, 3, "{said:?}");
}

async fn newest(agent: &mut Agent, generation: u64) -> Desired {
    loop {
        let desired = agent.desired().await;
        if desired.generation == generation {
            return desired;
        }
    }
}

async fn deploy(agent: &mut Agent, generation: u64) {
    let desired = newest(agent, generation).await;
    agent.deployed(&desired).await;
}
