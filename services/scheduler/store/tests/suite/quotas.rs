//! Limits that projects have, what they use, and that nobody counts at the same time.

use ballast_model::{
    fault::{Code, Fault},
    port::Port,
    quota::{Limit, Resource},
};
use ballast_store::Hold;
use tokio::task::JoinSet;

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{hold, id, monitor, network, new_member, new_vip, pool, port, store_all, store_subnet, subnet},
};

fn limit(resource: Resource, value: i32) -> (Resource, Limit) {
    (resource, Limit::new(resource, value).unwrap())
}

async fn a_projects_own_limits_are_kept_and_taken_away(database: &Database) {
    let (pools, vips) = (limit(Resource::LoadBalancer, 3), limit(Resource::Listener, -1));
    write!(database.store, [], |tx| {
        tx.save_limits("q", &[limit(Resource::LoadBalancer, 5), vips]).await?;
        tx.save_limits("p", &[limit(Resource::Member, 0)]).await?;
        tx.save_limits("q", &[pools]).await
    })
    .unwrap();
    let (own, all) =
        read!(database.store, [], |tx| Ok((tx.own_limits("q").await?, tx.all_own_limits().await?))).unwrap();
    assert_eq!(own, [pools, vips]);
    assert_eq!(all, [("p".to_owned(), vec![limit(Resource::Member, 0)]), ("q".to_owned(), vec![pools, vips])]);
    for _ in 0..2 {
        write!(database.store, [], |tx| tx.delete_limits("q").await).unwrap();
    }
    assert_eq!(read!(database.store, [], |tx| tx.own_limits("q").await).unwrap(), []);
}

async fn limits_of_load_balancing_are_taken_away_alone(database: &Database) {
    let (members, networks) = (limit(Resource::Member, 3), limit(Resource::Network, 5));
    write!(database.store, [], |tx| tx.save_limits("q", &[members, networks]).await).unwrap();
    for had in [true, false] {
        let taken = write!(database.store, [], |tx| tx.delete_limits_of("q", &Resource::V2).await).unwrap();
        assert_eq!(taken, had);
    }
    assert_eq!(read!(database.store, [], |tx| tx.own_limits("q").await).unwrap(), [networks]);
    assert!(read!(database.store, [], |tx| tx.projects_with_objects().await).unwrap().is_empty());
    store_all(database, &[pool(1)]).await;
    let mut other = monitor(31);
    other.project_id = "q".to_owned();
    write!(database.store, [other], |tx| tx.insert_monitor(&other).await).unwrap();
    let projects = read!(database.store, [], |tx| tx.projects_with_objects().await).unwrap();
    assert_eq!(projects, ["p", "q"].map(str::to_owned).into());
}

async fn an_address_that_may_still_be_answered_at_counts_until_it_is_confirmed(database: &Database) {
    store_subnet(database).await;
    let used = async || read!(database.store, [], |tx| tx.used(Resource::Listener, "p").await).unwrap();
    // Two of one address, and one whose vip moved: its port is there.
    let (one, again, moved) = (hold(41, "10.0.0.3", 1, 2), hold(42, "10.0.0.3", 2, 2), hold(43, "10.0.0.4", 3, 2));
    let again = Hold { port_id: one.port_id, ..again };
    let there = Port { id: moved.port_id, ..port(44, "10.0.0.4") };
    let holds = [one, again, moved, Hold { project_id: "q".to_owned(), ..hold(45, "10.0.0.5", 4, 2) }];
    write!(database.store, [holds, there], |tx| {
        tx.insert_port(&there).await?;
        for hold in &holds {
            tx.insert_hold(hold).await?;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(used().await, 1);
    for load_balancer in [1, 2] {
        write!(database.store, [], |tx| tx.release_holds(id(load_balancer), id(500), 2.into()).await).unwrap();
    }
    assert_eq!(used().await, 0);
}

async fn what_a_project_uses_is_counted(database: &Database) {
    store_subnet(database).await;
    let load_balancer = pool(1).add_vip(new_vip(11, "10.0.0.2")).unwrap().add_member(id(1), new_member(12, 7)).unwrap();
    store_all(database, &[load_balancer, pool(2)]).await;
    write!(database.store, [], |tx| {
        tx.insert_monitor(&monitor(31)).await?;
        tx.insert_port(&port(41, "10.0.0.3")).await?;
        tx.insert_network(&network(801, "q", true)).await?;
        tx.insert_subnet(&subnet(901, 801, "q", "10.1.0.0/24")).await
    })
    .unwrap();
    for (resource, used) in [
        (Resource::Network, 1),
        (Resource::Subnet, 1),
        (Resource::Port, 1),
        (Resource::Listener, 1),
        (Resource::LoadBalancer, 2),
        (Resource::Member, 1),
        (Resource::HealthMonitor, 1),
    ] {
        assert_eq!(read!(database.store, [], |tx| tx.used(resource, "p").await).unwrap(), used, "{resource:?}");
        assert_eq!(read!(database.store, [], |tx| tx.used(resource, "nobody").await).unwrap(), 0, "{resource:?}");
    }
}

/// Two handles of one database are two schedulers: each has its own connections and its own queue of writers.
async fn of_many_at_once_exactly_as_many_as_the_limit_are_made(database: &Database) {
    let other = database.reopened().await;
    let mut writers = JoinSet::new();
    for number in 1..=12 {
        let store = if number % 2 == 0 { database.store.clone() } else { other.clone() };
        writers.spawn(async move {
            loop {
                let made = write!(store, [], |tx| {
                    limit(Resource::LoadBalancer, 4)
                        .1
                        .check(Resource::LoadBalancer, tx.used(Resource::LoadBalancer, "p").await?)?;
                    tx.insert(&pool(number)).await
                });
                match made {
                    // As a caller would: the others were faster each time.
                    Err(fault) if fault.code() == Code::Conflict => {}
                    done => return done,
                }
            }
        });
    }
    let results: Vec<Result<(), Fault>> = writers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4);
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|fault| fault.code() == Code::OverQuota));
    assert_eq!(read!(database.store, [], |tx| tx.used(Resource::LoadBalancer, "p").await).unwrap(), 4);
    assert!(read!(database.store, [], |tx| tx.load(id(99)).await).unwrap().is_none());
}

on_each_backend![
    a_projects_own_limits_are_kept_and_taken_away,
    limits_of_load_balancing_are_taken_away_alone,
    an_address_that_may_still_be_answered_at_counts_until_it_is_confirmed,
    what_a_project_uses_is_counted,
    of_many_at_once_exactly_as_many_as_the_limit_are_made,
];
