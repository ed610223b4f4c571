//! Bindings, epochs and tombstones.

use ballast_model::{counters::Generation, fault::Code, outcome::Statistics};
use ballast_store::{Binding, Ending, Handover, Parts, Phase};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{agent, id, new_member, pool, store_all, store_subnet, tally, with_listener_of},
};

async fn two_agents(database: &Database) {
    write!(database.store, [], |tx| {
        tx.insert_agent(&agent(501)).await?;
        tx.insert_agent(&agent(502)).await
    })
    .unwrap();
}

fn bound(load_balancer: u128, agent: u128, epoch: u64) -> Binding {
    Binding {
        load_balancer_id: id(load_balancer),
        agent_id: id(agent),
        driver: "haproxy-ns".to_owned(),
        epoch: epoch.into(),
        phase: Phase::Bound,
    }
}

async fn bind(database: &Database, load_balancer: u128, agent: u128) -> Result<Binding, ballast_model::fault::Fault> {
    write!(database.store, [], |tx| tx.bind(id(load_balancer), id(agent), "haproxy-ns").await)
}

async fn the_epoch_grows_with_each_placement(database: &Database) {
    two_agents(database).await;
    store_all(database, &[pool(1), pool(2)]).await;
    assert_eq!(bind(database, 1, 501).await, Ok(bound(1, 501, 1)));
    for (agent, epoch) in [(502, 2), (501, 3)] {
        write!(database.store, [], |tx| tx.release(id(1)).await).unwrap();
        assert_eq!(bind(database, 1, agent).await, Ok(bound(1, agent, epoch)));
    }
    assert_eq!(read!(database.store, [], |tx| tx.binding(id(1)).await).unwrap(), Some(bound(1, 501, 3)));
    let many = read!(database.store, [], |tx| tx.bindings(&[id(1), id(99)]).await).unwrap();
    assert_eq!(many, [(id(1), bound(1, 501, 3))].into());
    write!(database.store, [], |tx| {
        for (agent, epoch) in [(501, 1), (502, 2), (501, 3)] {
            assert!(tx.drop_binding(id(1), id(agent), epoch.into()).await?);
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(read!(database.store, [], |tx| tx.binding(id(1)).await).unwrap(), None);
    assert_eq!(bind(database, 1, 501).await, Ok(bound(1, 501, 4)));
    assert_eq!(bind(database, 2, 501).await, Ok(bound(2, 501, 1)));
}

async fn a_load_balancer_is_bound_once(database: &Database) {
    two_agents(database).await;
    store_all(database, &[pool(1)]).await;
    bind(database, 1, 501).await.unwrap();
    assert_eq!(bind(database, 1, 502).await.unwrap_err().code(), Code::Conflict);
    assert_eq!(bind(database, 2, 502).await.unwrap_err().code(), Code::PoolNotFound);
    store_all(database, &[pool(3)]).await;
    assert_eq!(bind(database, 3, 599).await.unwrap_err().code(), Code::AgentNotFound);
    assert_eq!(read!(database.store, [], |tx| tx.binding(id(1)).await).unwrap(), Some(bound(1, 501, 1)));
}

async fn a_tombstone_outlives_its_load_balancer(database: &Database) {
    two_agents(database).await;
    store_all(database, &[pool(1), pool(2)]).await;
    bind(database, 1, 501).await.unwrap();
    bind(database, 2, 501).await.unwrap();
    write!(database.store, [], |tx| {
        tx.release(id(1)).await?;
        tx.delete(&pool(1)).await
    })
    .unwrap();
    let on = read!(database.store, [], |tx| tx.bindings_of(id(501)).await).unwrap();
    assert_eq!(on[0].binding, Binding { phase: Phase::Removing, ..bound(1, 501, 1) });
    assert_eq!((on[0].generation, on[1].generation), (Generation::NONE, Generation::FIRST));
    assert_eq!(on[1].binding, bound(2, 501, 1));
    assert_eq!(read!(database.store, [], |tx| tx.binding(id(1)).await).unwrap(), None);
    write!(database.store, [], |tx| {
        assert!(!tx.drop_binding(id(1), id(501), 2.into()).await?);
        assert!(!tx.drop_binding(id(1), id(502), 1.into()).await?);
        assert!(tx.drop_binding(id(1), id(501), 1.into()).await?);
        assert!(!tx.drop_binding(id(1), id(501), 1.into()).await?);
        Ok(())
    })
    .unwrap();
    assert_eq!(read!(database.store, [], |tx| tx.bindings_of(id(501)).await).unwrap().len(), 1);
}

async fn what_moves_is_on_both_agents_meanwhile(database: &Database) {
    two_agents(database).await;
    store_all(database, &[pool(1)]).await;
    bind(database, 1, 501).await.unwrap();
    write!(database.store, [], |tx| {
        tx.release(id(1)).await?;
        tx.bind(id(1), id(502), "haproxy-ns").await
    })
    .unwrap();
    let (old, new) =
        read!(database.store, [], |tx| Ok((tx.bindings_of(id(501)).await?, tx.bindings_of(id(502)).await?))).unwrap();
    assert_eq!((old[0].binding.phase, old[0].generation), (Phase::Removing, Generation::NONE));
    assert_eq!((new[0].binding.phase, new[0].generation), (Phase::Bound, Generation::FIRST));
}

async fn the_unplaced_are_those_that_are_bound_nowhere(database: &Database) {
    two_agents(database).await;
    store_all(database, &[pool(3), pool(2), pool(1)]).await;
    bind(database, 2, 501).await.unwrap();
    assert_eq!(read!(database.store, [], |tx| tx.unplaced().await).unwrap(), [id(3), id(1)]);
    write!(database.store, [], |tx| tx.release(id(2)).await).unwrap();
    assert_eq!(read!(database.store, [], |tx| tx.unplaced().await).unwrap(), [id(3), id(2), id(1)]);
}

async fn listeners_count_on_where_another_agent_begins_from_zero(database: &Database) {
    store_subnet(database).await;
    let stored = with_listener_of(pool(1), 21, id(1));
    store_all(database, &[stored]).await;
    two_agents(database).await;
    bind(database, 1, 501).await.unwrap();
    let counted = |bytes_in, active_connections| Statistics { bytes_in, active_connections, ..Statistics::default() };
    for (bytes_in, present, sum) in [(7, 7, 7), (9, 9, 9), (u64::MAX, i64::MAX.unsigned_abs(), i64::MAX.unsigned_abs())]
    {
        let now = counted(bytes_in, 2);
        write!(database.store, [now], |tx| tx.save_listener_statistics(&[(id(21), now)].into()).await).unwrap();
        let (total, known) = read!(database.store, [], |tx| Ok((
            tx.listener_statistics(id(21)).await?,
            tx.statistics_of_listeners(&[id(21), id(22)]).await?
        )))
        .unwrap();
        assert_eq!((total, known), (counted(sum, 2), [(id(21), counted(present, 2))].into()));
    }
    write!(database.store, [], |tx| tx.release(id(1)).await).unwrap();
    bind(database, 1, 502).await.unwrap();
    let total = read!(database.store, [], |tx| tx.listener_statistics(id(21)).await).unwrap();
    assert_eq!(total, counted(i64::MAX.unsigned_abs(), 0));
    write!(database.store, [], |tx| tx.save_listener_statistics(&[(id(21), Statistics::default())].into()).await)
        .unwrap();
    let fault =
        write!(database.store, [], |tx| tx.save_listener_statistics(&[(id(22), Statistics::default())].into()).await);
    assert_eq!(fault.unwrap_err().code(), Code::ListenerNotFound);
}

/// Of the whole, its listener, its pool and the pool's member.
async fn what_a_former_agent_counted_beyond_what_it_told_is_added_once(database: &Database) {
    store_subnet(database).await;
    let stored = with_listener_of(pool(1), 21, id(1)).add_member(id(1), new_member(11, 3)).unwrap();
    store_all(database, std::slice::from_ref(&stored)).await;
    two_agents(database).await;
    bind(database, 1, 501).await.unwrap();
    let counted = |bytes_in| Statistics { bytes_in, ..Statistics::default() };
    let parts =
        |bytes_in| Parts { pools: [(id(1), counted(bytes_in))].into(), members: [(id(11), counted(bytes_in))].into() };
    let tell = async |epoch: u64, bytes_in: u64| {
        let (now, parts, stored) = (counted(bytes_in), parts(bytes_in), stored.clone());
        write!(database.store, [now, parts, stored], |tx| {
            tx.save_statistics(&[tally(&stored, epoch, now, &parts)]).await?;
            tx.save_listener_statistics(&[(id(21), now)].into()).await
        })
        .unwrap();
    };
    let moves = async |to: u128| {
        write!(database.store, [], |tx| tx.release(id(1)).await).unwrap();
        bind(database, 1, to).await.unwrap();
    };
    let end = async |epoch: u64, ending: Ending| {
        write!(database.store, [ending], |tx| tx.end_counting(id(1), epoch.into(), &ending).await).unwrap();
    };
    let sums = async || {
        let all = read!(database.store, [], |tx| Ok([
            tx.statistics(id(1)).await?,
            tx.listener_statistics(id(21)).await?,
            tx.pool_statistics(id(1), id(1)).await?,
            tx.member_statistics(id(1), id(11)).await?,
        ]));
        all.unwrap().map(|counted| counted.bytes_in)
    };
    let at = |bytes_in| Ending::At {
        whole: counted(bytes_in),
        listeners: vec![(id(21), counted(bytes_in))],
        parts: parts(bytes_in),
    };
    tell(1, 100).await;
    moves(502).await;
    assert_eq!(sums().await, [100; 4]);
    tell(2, 10).await;
    for _ in 0..2 {
        end(1, at(120)).await;
        assert_eq!(sums().await, [130; 4], "once");
    }
    moves(501).await;
    tell(3, 7).await;
    end(2, Ending::Unknown).await;
    end(2, at(500)).await;
    assert_eq!(sums().await, [137; 4], "it was said that nobody knows");
    moves(502).await;
    end(3, at(3)).await;
    assert_eq!(sums().await, [137; 4], "less than was told is not believed");
    moves(501).await;
    moves(502).await;
    end(5, Ending::GoesOn).await;
    tell(6, 5).await;
    assert_eq!(sums().await, [142; 4]);
}

async fn what_is_handed_over_is_kept_until_it_was_deployed_and_for_the_next_placement_alone(database: &Database) {
    two_agents(database).await;
    store_all(database, &[pool(1), pool(2)]).await;
    bind(database, 1, 501).await.unwrap();
    let left = Handover { driver: "haproxy-ns".to_owned(), content: vec![0, 255, 7] };
    assert!(!format!("{left:?}").contains("255"), "what is in it is said nowhere");
    let hand_over = async |epoch: u64| {
        write!(database.store, [left], |tx| tx.hand_over(id(1), epoch.into(), &left).await).unwrap();
    };
    let kept = async |epoch: u64| read!(database.store, [], |tx| tx.handover(id(1), epoch.into()).await).unwrap();
    hand_over(1).await;
    assert_eq!(kept(1).await, None, "nothing went before the first placement");
    write!(database.store, [], |tx| tx.release(id(1)).await).unwrap();
    bind(database, 1, 502).await.unwrap();
    assert_eq!(kept(2).await, Some(Handover::default()), "it is waited for");
    hand_over(2).await;
    assert_eq!((kept(2).await.as_ref(), kept(1).await), (Some(&left), None));
    write!(database.store, [], |tx| tx.end_handovers(&[(id(1), 1.into()), (id(2), 2.into())]).await).unwrap();
    assert_eq!(kept(2).await.as_ref(), Some(&left));
    write!(database.store, [], |tx| tx.end_handovers(&[(id(1), 2.into())]).await).unwrap();
    hand_over(2).await;
    assert_eq!(kept(2).await, None, "what comes later is older than what is known there");
    write!(database.store, [], |tx| tx.release(id(1)).await).unwrap();
    bind(database, 1, 501).await.unwrap();
    hand_over(2).await;
    assert_eq!(kept(3).await, Some(Handover::default()), "that was for another");
}

on_each_backend![
    what_a_former_agent_counted_beyond_what_it_told_is_added_once,
    what_is_handed_over_is_kept_until_it_was_deployed_and_for_the_next_placement_alone,
    listeners_count_on_where_another_agent_begins_from_zero,
    the_epoch_grows_with_each_placement,
    a_load_balancer_is_bound_once,
    a_tombstone_outlives_its_load_balancer,
    what_moves_is_on_both_agents_meanwhile,
    the_unplaced_are_those_that_are_bound_nowhere,
];
