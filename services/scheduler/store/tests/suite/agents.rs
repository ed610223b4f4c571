//! Agents.

use ballast_model::{
    agent::{Agent, Session},
    fault::Code,
    time::Timestamp,
};
use ballast_store::{Filter, Query, Scheduler, Sort};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{address, agent, hold, id, pool, store_all},
};

async fn load(database: &Database, number: u128) -> Option<Agent> {
    read!(database.store, [], |tx| tx.agent(id(number)).await).unwrap()
}

async fn an_agent_comes_back_as_it_was_stored(database: &Database) {
    write!(database.store, [], |tx| tx.insert_agent(&agent(501)).await).unwrap();
    assert_eq!(load(database, 501).await, Some(agent(501)));
    assert_eq!(load(database, 502).await, None);
    let by_host = read!(database.store, [], |tx| tx.agent_by_host("host501").await).unwrap();
    assert_eq!(by_host, Some(agent(501)));
    let changed = Agent {
        description: None,
        admin_state_up: false,
        connected: false,
        session: with(1, 501).session,
        drivers: Vec::new(),
        version: "9".to_owned(),
        ..agent(501)
    };
    write!(database.store, [changed], |tx| tx.save_agent(&changed).await).unwrap();
    assert_eq!(load(database, 501).await, Some(changed));
}

async fn a_host_has_one_agent(database: &Database) {
    write!(database.store, [], |tx| tx.insert_agent(&agent(501)).await).unwrap();
    write!(database.store, [], |tx| tx.insert_agent(&agent(502)).await).unwrap();
    let twin = |number| Agent { host: "host501".to_owned(), ..agent(number) };
    for fault in [
        write!(database.store, [], |tx| tx.insert_agent(&twin(503)).await),
        write!(database.store, [], |tx| tx.save_agent(&twin(502)).await),
    ] {
        assert_eq!(fault.unwrap_err().code(), Code::AgentExists);
    }
    let fault = write!(database.store, [], |tx| tx.save_agent(&agent(504)).await);
    assert_eq!(fault.unwrap_err().code(), Code::AgentNotFound);
}

fn with(scheduler: u128, number: u128) -> Agent {
    let session = Session { scheduler_id: id(scheduler), instance: format!("instance {number}") };
    Agent { session: Some(session), ..agent(number) }
}

pub(crate) fn scheduler(number: u128, address: &str) -> Scheduler {
    Scheduler {
        id: id(number),
        address: address.to_owned(),
        heartbeat: 1,
        heartbeat_at: Timestamp(50),
        advertised: String::new(),
        version: String::new(),
        started_at: Some(Timestamp(40)),
    }
}

async fn join(database: &Database, starting: Scheduler) {
    write!(database.store, [starting], |tx| tx.register_scheduler(&starting).await).unwrap();
}

async fn who_is_heard_of_is_noted_by_the_scheduler_that_has_the_session_alone(database: &Database) {
    write!(database.store, [], |tx| {
        for agent in [with(1, 501), with(2, 502)] {
            tx.insert_agent(&agent).await?;
        }
        tx.record_liveness(id(1), &[id(501), id(502), id(503)], false, Timestamp(7)).await
    })
    .unwrap();
    let silent = Agent { heartbeat_at: Timestamp(7), connected: false, ..with(1, 501) };
    assert_eq!((load(database, 501).await, load(database, 502).await), (Some(silent), Some(with(2, 502))));
    write!(database.store, [], |tx| tx.record_liveness(id(1), &[id(501)], true, Timestamp(9)).await).unwrap();
    assert_eq!(load(database, 501).await, Some(Agent { heartbeat_at: Timestamp(9), ..with(1, 501) }));
}

async fn a_scheduler_that_is_gone_takes_its_sessions_along_and_nobody_elses(database: &Database) {
    write!(database.store, [], |tx| {
        for agent in [with(1, 501), with(2, 502), agent(503)] {
            tx.insert_agent(&agent).await?;
        }
        Ok(())
    })
    .unwrap();
    join(database, scheduler(1, "a")).await;
    assert!(!load(database, 503).await.unwrap().connected, "of a version that did not say with whom");
    write!(database.store, [], |tx| {
        assert!(!tx.heartbeat(&scheduler(2, "b")).await?, "it is new");
        assert!(tx.heartbeat(&Scheduler { heartbeat: 5, ..scheduler(1, "a") }).await?);
        tx.end_scheduler(id(1), 4).await
    })
    .unwrap();
    assert_eq!(load(database, 501).await, Some(with(1, 501)), "it lives: its heartbeat is another by now");
    write!(database.store, [], |tx| tx.end_scheduler(id(1), 5).await).unwrap();
    let over = Agent { heartbeat_at: Timestamp(50), connected: false, session: None, ..with(1, 501) };
    assert_eq!((load(database, 501).await, load(database, 502).await), (Some(over), Some(with(2, 502))));
    let left = read!(database.store, [], |tx| tx.schedulers().await).unwrap();
    assert_eq!(left, [scheduler(2, "b")]);
}

async fn a_scheduler_that_starts_ends_its_former_selfs_sessions_and_those_of_others_only_where_it_is_alone(
    database: &Database,
) {
    join(database, scheduler(1, "a")).await;
    write!(database.store, [], |tx| {
        tx.heartbeat(&scheduler(2, "b")).await?;
        tx.heartbeat(&scheduler(3, "")).await?;
        for agent in [with(1, 501), with(2, 502), with(3, 503)] {
            tx.insert_agent(&agent).await?;
        }
        Ok(())
    })
    .unwrap();
    join(database, scheduler(4, "a")).await;
    let mut connected = Vec::new();
    for number in 501..504 {
        connected.push(load(database, number).await.unwrap().connected);
    }
    let shared = database.store.is_shared();
    assert_eq!(connected, [false, shared, shared]);
    join(database, scheduler(5, "")).await;
    assert_eq!(load(database, 503).await.unwrap().connected, shared, "an address that is not known is nobody's");
}

async fn load_balancers_are_counted_where_they_are_bound(database: &Database) {
    store_all(database, &[pool(1), pool(2), pool(3)]).await;
    write!(database.store, [], |tx| {
        tx.insert_agent(&agent(501)).await?;
        tx.insert_agent(&agent(502)).await?;
        for (number, driver) in [(1, "haproxy-ns"), (2, "another"), (3, "haproxy-ns")] {
            tx.bind(id(number), id(501), driver).await?;
        }
        tx.release(id(3)).await?;
        tx.bind(id(3), id(502), "haproxy-ns").await.map(|_| ())
    })
    .unwrap();
    let agents = read!(database.store, [], |tx| tx.agents(&Query::default()).await).unwrap();
    assert_eq!(agents.iter().map(|agent| agent.load_balancers).collect::<Vec<_>>(), [2, 1]);
    let one = load(database, 501).await.unwrap();
    assert_eq!((one.load_balancers, one.drivers[0].load_balancers), (2, 1), "of all drivers, and of haproxy-ns");
}

async fn the_count_goes_with_what_the_same_transaction_does(database: &Database) {
    store_all(database, &[pool(1), pool(2)]).await;
    write!(database.store, [], |tx| tx.insert_agent(&agent(501)).await).unwrap();
    write!(database.store, [], |tx| {
        let count = async || {
            let agents = tx.agents(&Query::default()).await.unwrap();
            let [agent] = &agents[..] else { panic!("{agents:?}") };
            (agent.load_balancers, agent.drivers[0].load_balancers)
        };
        assert_eq!(count().await, (0, 0));
        let binding = tx.bind(id(1), id(501), "haproxy-ns").await?;
        assert_eq!(count().await, (1, 1));
        tx.bind(id(2), id(501), "another").await?;
        assert_eq!(count().await, (2, 1));
        tx.release(id(2)).await?;
        assert_eq!(count().await, (1, 1));
        tx.drop_binding(id(1), id(501), binding.epoch).await?;
        assert_eq!(count().await, (0, 0));
        Ok(())
    })
    .unwrap();
}

async fn a_deleted_agent_takes_its_bindings_and_holds_along(database: &Database) {
    store_all(database, &[pool(1), pool(2)]).await;
    let bound = write!(database.store, [], |tx| {
        tx.insert_agent(&agent(500)).await?;
        tx.bind(id(1), id(500), "haproxy-ns").await?;
        tx.bind(id(2), id(500), "haproxy-ns").await?;
        tx.release(id(2)).await?;
        tx.insert_hold(&hold(1, "10.0.0.2", 1, 1)).await?;
        assert_eq!(tx.release_holds_of(id(500)).await?.len(), 1);
        assert!(tx.release_holds_of(id(500)).await?.is_empty());
        tx.insert_hold(&hold(1, "10.0.0.2", 1, 1)).await?;
        tx.delete_agent(id(500)).await
    });
    assert_eq!(bound.unwrap(), [id(1)]);
    let (left, holds, unplaced) = read!(database.store, [], |tx| Ok((
        tx.bindings_of(id(500)).await?,
        tx.holds_against(id(900), address("10.0.0.2"), id(9)).await?,
        tx.unplaced().await?,
    )))
    .unwrap();
    assert_eq!((left, holds, unplaced), (Vec::new(), Vec::new(), vec![id(1), id(2)]));
    let fault = write!(database.store, [], |tx| tx.delete_agent(id(500)).await);
    assert_eq!(fault.unwrap_err().code(), Code::AgentNotFound);
}

async fn agents_are_the_operators_to_list(database: &Database) {
    write!(database.store, [], |tx| {
        for number in [501, 503, 502] {
            tx.insert_agent(&agent(number)).await?;
        }
        Ok(())
    })
    .unwrap();
    let host = Filter { field: "host".to_owned(), values: vec!["host502".to_owned()] };
    let sort = Sort { field: "host".to_owned(), descending: true };
    for (query, expected) in [
        (Query::default(), vec![id(501), id(503), id(502)]),
        (Query { filters: vec![host], ..Query::default() }, vec![id(502)]),
        (Query { sorts: vec![sort], ..Query::default() }, vec![id(503), id(502), id(501)]),
        (Query { project_id: Some("p".to_owned()), ..Query::default() }, vec![]),
    ] {
        let agents = read!(database.store, [query], |tx| tx.agents(&query).await).unwrap();
        assert_eq!(agents.iter().map(|agent| agent.id).collect::<Vec<_>>(), expected);
    }
}

on_each_backend![
    an_agent_comes_back_as_it_was_stored,
    a_host_has_one_agent,
    who_is_heard_of_is_noted_by_the_scheduler_that_has_the_session_alone,
    a_scheduler_that_is_gone_takes_its_sessions_along_and_nobody_elses,
    a_scheduler_that_starts_ends_its_former_selfs_sessions_and_those_of_others_only_where_it_is_alone,
    load_balancers_are_counted_where_they_are_bound,
    the_count_goes_with_what_the_same_transaction_does,
    a_deleted_agent_takes_its_bindings_and_holds_along,
    agents_are_the_operators_to_list,
];
