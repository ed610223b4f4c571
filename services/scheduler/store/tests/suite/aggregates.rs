//! Load balancers, whole.

use ballast_model::{
    fault::{Code, Exists, Fault},
    ids::{MonitorId, PoolId},
    load_balancer::{LoadBalancer, monitor_not_found},
    outcome::{MemberHealth, Outcome, Statistics},
    status::OperatingStatus,
};
use ballast_store::{Kind, Parts};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, monitor, new_member, new_vip, pool, store_all, tally},
};

/// Pool 1 with vip 21, members 11 and 12, and monitor 31, which must be there.
fn everything() -> LoadBalancer {
    let load_balancer = pool(1).add_vip(new_vip(21, "10.0.0.2")).unwrap();
    let load_balancer =
        load_balancer.add_member(id(1), new_member(12, 3)).unwrap().add_member(id(1), new_member(11, 1)).unwrap();
    let load_balancer = load_balancer.associate(id(1), monitor(31)).unwrap();
    let faults = vec![(id(12), "no route".to_owned())];
    let load_balancer = load_balancer.settle(&Outcome { generation: 4.into(), fault: None, cause: None, faults });
    load_balancer.observe(&[MemberHealth { member_id: id(11), status: OperatingStatus::Offline }])
}

async fn store_everything(database: &Database) -> LoadBalancer {
    write!(database.store, [], |tx| {
        tx.insert_monitor(&monitor(31)).await?;
        tx.insert(&everything()).await
    })
    .unwrap();
    everything()
}

async fn load(database: &Database, number: u128) -> Option<LoadBalancer> {
    read!(database.store, [], |tx| tx.load(id(number)).await).unwrap()
}

async fn a_load_balancer_comes_back_as_it_was_stored(database: &Database) {
    let stored = store_everything(database).await;
    assert_eq!(load(database, 1).await, Some(stored));
    assert_eq!(load(database, 2).await, None);
}

async fn many_come_back_in_the_order_of_their_ids(database: &Database) {
    let all: Vec<LoadBalancer> = (1..=1200).map(pool).collect();
    store_all(database, &all).await;
    let ids: Vec<_> = (0..=1200).rev().map(id).collect();
    let loaded = read!(database.store, [ids], |tx| tx.load_many(&ids).await).unwrap();
    assert_eq!(loaded, all.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(read!(database.store, [], |tx| tx.load_many(&[]).await).unwrap(), []);
}

async fn owners_are_found_by_what_they_own(database: &Database) {
    store_everything(database).await;
    let owners = read!(database.store, [], |tx| Ok((
        tx.owner_of_listener(id(21)).await?,
        tx.owner_of_listener(id(11)).await?,
        tx.owner_of_member(id(11)).await?,
        tx.owner_of_member(id(21)).await?,
        tx.owners_of_monitor(id(31)).await?,
    )));
    assert_eq!(owners.unwrap(), (Some(id(1)), None, Some(id(1)), None, vec![id(1)]));
}

async fn a_deleted_load_balancer_leaves_its_monitor_only(database: &Database) {
    let stored = store_everything(database).await;
    let counters = Statistics { bytes_in: 1, ..Statistics::default() };
    let left = write!(database.store, [stored, counters], |tx| {
        tx.save_statistics(&[tally(&stored, 1, counters, &Parts::default())]).await?;
        tx.delete(&stored).await?;
        let owners = (tx.owner_of_listener(id(21)).await?, tx.owner_of_member(id(11)).await?);
        assert_eq!(owners, (None, None));
        assert_eq!(tx.associations_of(id(31)).await?, []);
        assert_eq!(tx.statistics(id(1)).await?, Statistics::default());
        assert_eq!(tx.count(Kind::Pool, "p").await?, 0);
        tx.monitor(id(31)).await
    });
    assert_eq!(left.unwrap(), Some(monitor(31)));
    assert_eq!(load(database, 1).await, None);
}

async fn a_member_and_a_vip_move_whichever_side_is_saved_first(database: &Database) {
    for (giver_first, from, to) in [(true, 1, 2), (false, 2, 1)] {
        if giver_first {
            store_everything(database).await;
            store_all(database, &[pool(2)]).await;
        }
        let (old, new) = (load(database, from).await.unwrap(), load(database, to).await.unwrap());
        let (given, member) = old.clone().remove_member(id(11)).unwrap();
        let (given, vip) = given.remove_vip(id(21)).unwrap();
        let taken = new.clone().receive_member(id(to), member).unwrap().receive_vip(vip).unwrap();
        write!(database.store, [old, given, new, taken, giver_first], |tx| {
            if giver_first {
                tx.save(&old, &given).await?;
            }
            tx.save(&new, &taken).await?;
            if !giver_first {
                tx.save(&old, &given).await?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(load(database, from).await.unwrap(), given);
        assert_eq!(load(database, to).await.unwrap(), taken);
    }
}

async fn what_the_model_could_not_see_is_refused_by_its_facts(database: &Database) {
    let before = store_everything(database).await;
    let mut twins = before.clone();
    let mut twin = twins.pools[0].members[0].clone();
    twin.id = id(13);
    twins.pools[0].members.push(twin);
    let unknown = before.clone().associate(id(1), monitor(32)).unwrap();
    let pool_id: PoolId = id(1);
    for (after, expected) in [
        (twins, Fault::from(Exists::Member { address: "10.0.0.3".parse().unwrap(), port: 80, pool_id })),
        (unknown, monitor_not_found(id::<MonitorId>(32))),
    ] {
        let fault = write!(database.store, [before, after], |tx| tx.save(&before, &after).await).unwrap_err();
        assert_eq!(fault.facts(), expected.facts());
        assert_eq!(load(database, 1).await, Some(before.clone()));
    }
}

async fn counters_are_zero_until_stored_and_end_with_their_load_balancer(database: &Database) {
    store_all(database, &[pool(1)]).await;
    assert_eq!(read!(database.store, [], |tx| tx.statistics(id(1)).await).unwrap(), Statistics::default());
    for bytes_in in [1, 2, u64::MAX] {
        let counters =
            Statistics { bytes_in, bytes_out: 7, active_connections: 3, total_connections: 9, request_errors: 2 };
        let of = pool(1);
        write!(database.store, [counters, of], |tx| {
            tx.save_statistics(&[tally(&of, 1, counters, &Parts::default())]).await
        })
        .unwrap();
        let stored = read!(database.store, [], |tx| tx.statistics(id(1)).await).unwrap();
        assert_eq!(stored, Statistics { bytes_in: bytes_in.min(i64::MAX.unsigned_abs()), ..counters });
    }
    let gone = pool(2);
    let fault = write!(database.store, [gone], |tx| {
        tx.save_statistics(&[tally(&gone, 1, Statistics::default(), &Parts::default())]).await
    });
    assert_eq!(fault.unwrap_err().code(), Code::PoolNotFound);
}

on_each_backend![
    a_load_balancer_comes_back_as_it_was_stored,
    many_come_back_in_the_order_of_their_ids,
    owners_are_found_by_what_they_own,
    a_deleted_load_balancer_leaves_its_monitor_only,
    a_member_and_a_vip_move_whichever_side_is_saved_first,
    what_the_model_could_not_see_is_refused_by_its_facts,
    counters_are_zero_until_stored_and_end_with_their_load_balancer,
];
