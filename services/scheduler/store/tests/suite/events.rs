//! Events: what is told of a transaction, in what order, that nothing is skipped, and how long it is kept.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use ballast_model::{
    Uuid,
    agent::{Agent, Session},
    fault::{Call, Code},
    l7::{L7Action, L7Policy},
    labels::Labels,
    load_balancer::LoadBalancer,
    outcome::{MemberHealth, Outcome},
    parts::Parts,
    status::{OperatingStatus, Progress},
    time::Timestamp,
};
use ballast_store::{By, Cause, Changes, EventKind, Position, Scheduler, Store, because};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use tokio::task::JoinSet;

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{
        agent, id, monitor, network, new_member, new_vip, pool, store_all, store_subnet, subnet, with_listener_of,
        with_pool_of,
    },
};

/// The longest that a reader may have to wait for others' transactions to end.
const PATIENCE: Duration = Duration::from_secs(20);

async fn after(store: &Store, position: Position) -> Changes {
    read!(store, [], |tx| tx.events_after(position, 1000).await).unwrap()
}

/// The pools that changed.
fn pools(found: Changes) -> Vec<Uuid> {
    let changes = found.changes.into_iter().map(|(_, change)| change);
    changes.filter(|change| change.kind == EventKind::Pool).map(|change| change.id).collect()
}

async fn end(store: &Store) -> Position {
    read!(store, [], |tx| tx.end_of_events().await).unwrap()
}

/// What is told after a position, but that a load balancer with something in it changed; waits for the first.
async fn told(store: &Store, position: Position) -> Vec<(EventKind, Uuid)> {
    let all = all_told(store, position).await;
    assert!(all.iter().any(|(kind, _)| *kind != EventKind::LoadBalancer), "{all:?}");
    all.into_iter().filter(|(kind, _)| *kind != EventKind::LoadBalancer).collect()
}

async fn all_told(store: &Store, position: Position) -> Vec<(EventKind, Uuid)> {
    let wait = async {
        loop {
            let found = after(store, position).await;
            if !found.changes.is_empty() {
                return found.changes.into_iter().map(|(_, change)| (change.kind, change.id)).collect();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap()
}

async fn what_is_made_changed_and_removed_is_told_with_its_transaction(database: &Database) {
    let store = &database.store;
    let begin = end(store).await;
    let empty = pool(1);
    store_all(database, std::slice::from_ref(&empty)).await;
    assert_eq!(all_told(store, begin).await, [(EventKind::LoadBalancer, id(1)), (EventKind::Pool, id(1))]);

    let begin = end(store).await;
    let with_member = empty.clone().add_member(id(1), new_member(11, 1)).unwrap();
    write!(store, [empty, with_member], |tx| tx.save(&empty, &with_member).await).unwrap();
    assert_eq!(told(store, begin).await, [(EventKind::Pool, id(1)), (EventKind::Member, id(11))]);

    let begin = end(store).await;
    let with_vip = with_member.clone().add_vip(new_vip(21, "10.0.0.5")).unwrap();
    write!(store, [with_member, with_vip], |tx| tx.save(&with_member, &with_vip).await).unwrap();
    let kinds = told(store, begin).await;
    assert!(kinds.contains(&(EventKind::Listener, id(21))) && kinds.contains(&(EventKind::Pool, id(1))), "{kinds:?}");

    let begin = end(store).await;
    write!(store, [with_vip], |tx| tx.delete(&with_vip).await).unwrap();
    let gone: BTreeSet<_> = told(store, begin).await.into_iter().collect();
    assert_eq!(gone, [(EventKind::Pool, id(1)), (EventKind::Listener, id(21)), (EventKind::Member, id(11))].into());
}

async fn outcomes_and_health_are_told_of_what_they_change(database: &Database) {
    let store = &database.store;
    let new = pool(1).add_member(id(1), new_member(11, 1)).unwrap().add_member(id(1), new_member(12, 2)).unwrap();
    let new = new.associate(id(1), monitor(31)).unwrap();
    write!(store, [], |tx| tx.insert_monitor(&monitor(31)).await).unwrap();
    store_all(database, std::slice::from_ref(&new)).await;
    let begin = end(store).await;
    let settled =
        new.clone().settle(&Outcome { generation: new.generation, fault: None, cause: None, faults: Vec::new() });
    write!(store, [new, settled], |tx| tx.save(&new, &settled).await).unwrap();
    assert_eq!(told(store, begin).await.len(), 4);

    let begin = end(store).await;
    let failing = MemberHealth { member_id: id(11), status: OperatingStatus::Offline };
    let observed = settled.clone().observe(&[failing]);
    write!(store, [settled, observed], |tx| tx.save(&settled, &observed).await).unwrap();
    let how_it_fares = [(EventKind::LoadBalancer, id(1)), (EventKind::Pool, id(1)), (EventKind::Member, id(11))];
    assert_eq!(all_told(store, begin).await, how_it_fares);
}

async fn what_shows_something_of_a_change_is_told_too(database: &Database) {
    let store = &database.store;
    store_subnet(database).await;
    let policy = |number: u128, generation: u64| L7Policy {
        id: id(number),
        project_id: "p".to_owned(),
        name: String::new(),
        description: String::new(),
        action: L7Action::Reject,
        admin_state_up: true,
        rules: Parts::default(),
        labels: Labels::default(),
        progress: Progress::created(generation.into()),
    };
    let mut before = with_pool_of(with_listener_of(pool(1), 21, id(1)), 2);
    before.listeners[0].policies = vec![policy(41, 1), policy(42, 1)].into();
    store_all(database, std::slice::from_ref(&before)).await;
    let step = async |before: &LoadBalancer, after: &LoadBalancer| {
        let begin = end(store).await;
        write!(store, [before, after], |tx| tx.save(&before, &after).await).unwrap();
        all_told(store, begin).await.into_iter().collect::<BTreeSet<_>>()
    };
    let whole = (EventKind::LoadBalancer, id(1));
    let mut named = before.clone();
    named.name = "other".to_owned();
    assert_eq!(step(&before, &named).await, [whole].into());
    let mut ruled = named.clone();
    ruled.listeners[0].policies[1].name = "other".to_owned();
    let shown = [whole, (EventKind::Listener, id(21)), (EventKind::Pool, id(1)), (EventKind::L7Policy, id(42))];
    assert_eq!(step(&named, &ruled).await, shown.into());
    let mut with_member = ruled.clone();
    with_member.pools[0].description = "other".to_owned();
    let shown = [whole, (EventKind::Listener, id(21)), (EventKind::Pool, id(1))];
    assert_eq!(step(&ruled, &with_member).await, shown.into(), "not the pool that nothing listens for");
    let seen = read!(store, [], |tx| tx.ids_after(EventKind::L7Policy, Some("p"), 0, 9).await).unwrap();
    assert_eq!(seen.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), [id::<Uuid>(41), id(42)]);
}

/// Of a later release, and as a scheduler of the release before reads it.
async fn kinds_that_others_do_not_know_break_nobody(database: &Database) {
    let store = &database.store;
    let begin = end(store).await;
    let connection = sea_orm::Database::connect(&database.url).await.unwrap();
    let later = "INSERT INTO event (transaction_id, kind, noun, object_id, project_id) \
                 SELECT transaction_id, 'POOL', 'OF_LATER', object_id, 'p' FROM event";
    store_all(database, &[pool(1)]).await;
    connection.execute_unprepared(later).await.unwrap();
    let found = after(store, begin).await;
    assert_eq!(found.changes.len(), 2, "{found:?}");
    assert!(found.changes.iter().all(|(position, _)| *position < found.end), "it is gone past");
    let unknown = "SELECT kind FROM event WHERE kind NOT IN \
                   ('POOL', 'LISTENER', 'MEMBER', 'HEALTH_MONITOR', 'AGENT', 'NETWORK', 'SUBNET')";
    assert!(
        connection
            .query_all_raw(sea_orm::Statement::from_string(connection.get_database_backend(), unknown))
            .await
            .unwrap()
            .is_empty()
    );
}

async fn an_association_is_told_of_its_pool_and_its_monitor(database: &Database) {
    let store = &database.store;
    let before = pool(1);
    store_all(database, std::slice::from_ref(&before)).await;
    write!(store, [], |tx| tx.insert_monitor(&monitor(31)).await).unwrap();
    let begin = end(store).await;
    let after = before.clone().associate(id(1), monitor(31)).unwrap();
    write!(store, [before, after], |tx| tx.save(&before, &after).await).unwrap();
    let told: BTreeSet<_> = told(store, begin).await.into_iter().collect();
    assert_eq!(told, [(EventKind::Pool, id(1)), (EventKind::HealthMonitor, id(31))].into());
}

async fn agents_are_told_of_when_they_come_and_go_and_not_at_each_heartbeat(database: &Database) {
    let store = &database.store;
    let session = Some(Session { scheduler_id: id(1), instance: String::new() });
    let agent = Agent { session, ..agent(500) };
    write!(store, [agent], |tx| tx.insert_agent(&agent).await).unwrap();
    let scheduler =
        |heartbeat| Scheduler { heartbeat, heartbeat_at: Timestamp(heartbeat), ..crate::agents::scheduler(1, "") };
    let begin = end(store).await;
    write!(store, [], |tx| tx.heartbeat(&scheduler(1)).await).unwrap();
    write!(store, [], |tx| tx.heartbeat(&scheduler(2)).await).unwrap();
    assert!(after(store, begin).await.changes.is_empty());
    for heard in [false, true] {
        let begin = end(store).await;
        write!(store, [], |tx| tx.record_liveness(id(1), &[id(500)], heard, Timestamp(9)).await).unwrap();
        write!(store, [], |tx| tx.record_liveness(id(1), &[id(500)], heard, Timestamp(10)).await).unwrap();
        assert_eq!(told(store, begin).await, [(EventKind::Agent, id(500))]);
    }
    let begin = end(store).await;
    write!(store, [], |tx| tx.end_scheduler(id(1), 2).await).unwrap();
    write!(store, [], |tx| tx.delete_agent(id(500)).await).unwrap();
    assert_eq!(told(store, begin).await, [(EventKind::Agent, id(500)); 2]);
}

async fn what_is_shared_concerns_everyone(database: &Database) {
    let begin = end(&database.store).await;
    store_subnet(database).await;
    write!(database.store, [], |tx| tx.insert_network(&network(801, "p", true)).await).unwrap();
    told(&database.store, begin).await;
    let wait = async {
        loop {
            let found = after(&database.store, begin).await.changes;
            if found.iter().any(|(_, change)| change.id == id::<Uuid>(801)) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    for (_, change) in tokio::time::timeout(PATIENCE, wait).await.unwrap() {
        let project = (change.id != id::<Uuid>(801)).then(|| "p".to_owned());
        assert_eq!(change.project_id, project, "{change:?}");
    }
}

async fn that_a_network_is_no_longer_shared_concerns_everyone(database: &Database) {
    let store = &database.store;
    write!(store, [], |tx| {
        tx.insert_network(&network(800, "p", true)).await?;
        tx.insert_subnet(&subnet(900, 800, "p", "10.0.0.0/24")).await
    })
    .unwrap();
    let begin = end(store).await;
    write!(store, [], |tx| tx.save_network(&network(800, "p", false)).await).unwrap();
    let told: BTreeSet<_> = told(store, begin).await.into_iter().collect();
    assert_eq!(told, [(EventKind::Network, id(800)), (EventKind::Subnet, id(900))].into());
    for (_, change) in after(store, begin).await.changes {
        assert_eq!(change.project_id, None, "{change:?}");
    }
}

async fn what_is_undone_is_not_told(database: &Database) {
    let store = &database.store;
    let begin = end(store).await;
    let fault = write!(store, [], |tx| {
        tx.insert(&pool(1)).await?;
        Err::<(), _>(ballast_model::fault::Fault::from(Call::ReaderTooSlow))
    });
    assert!(fault.is_err());
    store_all(database, &[pool(2)]).await;
    assert_eq!(told(store, begin).await, [(EventKind::Pool, id(2))]);
}

/// A reader goes on from where it was, while others write. It must see everything, whatever the order of their ends.
async fn nothing_is_skipped_however_many_write(database: &Database) {
    const WRITERS: u128 = 4;
    const EACH: u128 = 20;
    let begin = end(&database.store).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        // A scheduler of its own.
        let store = database.reopened().await;
        writers.spawn(async move {
            for n in 0..EACH {
                let number = 1_000 + writer * EACH + n;
                write!(store, [], |tx| tx.insert(&pool(number)).await).unwrap();
            }
        });
    }
    let mut seen = BTreeSet::new();
    let mut position = begin;
    let read = async {
        // A load balancer and its pool.
        while seen.len() < usize::try_from(2 * WRITERS * EACH).unwrap() {
            let found = read!(database.store, [], |tx| tx.events_after(position, 7).await).unwrap();
            for (at, change) in found.changes {
                assert!(at > position, "not in order");
                assert!(seen.insert((change.kind, change.id)), "told twice");
                position = at;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
    writers.join_all().await;
}

/// On PostgreSQL: what was written first and is committed last is told, too, though a reader came by meanwhile.
/// Schedulers take turns there; this writer does not, and the log holds all the same.
pub(crate) async fn a_reader_never_goes_past_a_transaction_that_is_open(database: &Database) {
    let store = &database.store;
    let begin = end(store).await;
    let slow = sea_orm::Database::connect(&database.url).await.unwrap().begin().await.unwrap();
    let insert = "INSERT INTO event (transaction_id, kind, object_id, project_id) \
                  VALUES (pg_current_xact_id()::text::bigint, 'POOL', '00000000-0000-0000-0000-000000000001', 'p')";
    slow.execute_unprepared(insert).await.unwrap();
    store_all(database, &[pool(2)]).await;
    let reopened = database.reopened().await;
    assert_eq!(after(&reopened, begin).await.changes, [], "pool 1 would be skipped");
    let position = end(&reopened).await;
    slow.commit().await.unwrap();
    for from in [begin, position] {
        let wait = async {
            loop {
                let seen = pools(after(&reopened, from).await);
                if seen.len() == 2 {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert_eq!(tokio::time::timeout(PATIENCE, wait).await.unwrap(), [id::<Uuid>(1), id(2)]);
    }
}

/// A database that was moved from a server that counted further.
pub(crate) async fn a_log_of_another_server_is_begun_anew(database: &Database) {
    let begin = end(&database.store).await;
    let connection = sea_orm::Database::connect(&database.url).await.unwrap();
    let ahead = "INSERT INTO event (transaction_id, kind, object_id, project_id) \
                 VALUES (9000000000, 'POOL', '00000000-0000-0000-0000-000000000001', 'p')";
    connection.execute_unprepared(ahead).await.unwrap();
    let moved = database.reopened().await;
    let fault = read!(moved, [], |tx| tx.events_after(begin, 10).await).unwrap_err();
    assert_eq!(fault.code(), Code::CursorExpired);
    let begin = end(&moved).await;
    write!(moved, [], |tx| tx.insert(&pool(2)).await).unwrap();
    assert_eq!(told(&moved, begin).await, [(EventKind::Pool, id(2))]);
}

async fn readers_of_this_process_are_woken(database: &Database) {
    let mut changes = database.store.changes();
    changes.mark_unchanged();
    write!(database.store, [], |tx| tx.record_liveness(id(1), &[id(500)], true, Timestamp(1)).await).unwrap();
    assert!(!changes.has_changed().unwrap(), "nothing was told");
    store_all(database, &[pool(1)]).await;
    tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
}

async fn old_events_are_forgotten_by_age(database: &Database) {
    const HOUR: Duration = Duration::from_secs(3600);
    let at = |hours: i64| Timestamp(hours * 3_600_000_000);
    let store = &database.store;
    let begin = end(store).await;
    store_all(database, &[pool(1)]).await;
    told(store, begin).await;
    write!(store, [], |tx| tx.trim_events(at(10), HOUR, 1_000).await).unwrap();
    let middle = end(store).await;
    assert_eq!(after(store, begin).await.changes.len(), 2, "not old yet");

    store_all(database, &[pool(2)]).await;
    told(store, middle).await;
    write!(store, [], |tx| tx.trim_events(at(12), HOUR, 1_000).await).unwrap();
    let fault = read!(store, [], |tx| tx.events_after(begin, 10).await).unwrap_err();
    assert_eq!(fault.code(), Code::CursorExpired);
    assert_eq!(told(store, middle).await, [(EventKind::Pool, id(2))]);
}

async fn no_more_events_are_kept_than_asked(database: &Database) {
    let store = &database.store;
    let begin = end(store).await;
    let mut positions = Vec::new();
    for n in 1..=6 {
        let before = end(store).await;
        store_all(database, &[pool(n)]).await;
        told(store, before).await;
        positions.push(end(store).await);
    }
    for _ in 0..2 {
        write!(store, [], |tx| tx.trim_events(Timestamp(1), Duration::from_secs(9), 4).await).unwrap();
        assert_eq!(read!(store, [], |tx| tx.events_after(begin, 10).await).unwrap_err().code(), Code::CursorExpired);
        let from = positions[3];
        assert_eq!(pools(after(store, from).await), [id::<Uuid>(5), id(6)]);
    }
}

async fn a_log_that_is_forgotten_altogether_goes_on_where_it_was(database: &Database) {
    let store = &database.store;
    store_all(database, &[pool(1), pool(2)]).await;
    let position = loop {
        write!(store, [], |tx| tx.trim_events(Timestamp(1), Duration::ZERO, 0).await).unwrap();
        let position = end(store).await;
        if after(store, position).await.changes.is_empty() {
            break position;
        }
    };
    let reopened = database.reopened().await;
    write!(reopened, [], |tx| tx.insert(&pool(3)).await).unwrap();
    assert_eq!(told(&reopened, position).await, [(EventKind::Pool, id(3))]);
}

async fn the_last_changes_are_told_again_from_the_position_before_them(database: &Database) {
    let store = &database.store;
    let before = async |back: u64| read!(store, [], |tx| tx.before_last_events(back).await).unwrap();
    for number in 1..=5 {
        let begin = end(store).await;
        store_all(database, &[pool(number)]).await;
        told(store, begin).await;
    }
    let all = after(store, Position::default()).await.changes;
    for back in [1, 2, all.len() - 1] {
        let told = after(store, before(back.try_into().unwrap()).await).await.changes;
        assert_eq!(told, all[all.len() - back..], "{back}");
    }
    assert_eq!(after(store, before(1_000).await).await.changes, all);
    assert_eq!(before(0).await, end(store).await);
    // What is forgotten is not told, and nobody is told that he asked for it.
    write!(store, [], |tx| tx.trim_events(Timestamp(1), Duration::from_secs(9), 2).await).unwrap();
    assert_eq!(after(store, before(1_000).await).await.changes.len(), 2);
}

async fn what_changed_since_a_time_is_told_from_the_position_before_it(database: &Database) {
    let store = &database.store;
    let since = async |time: i64| read!(store, [], |tx| tx.before_events_since(Timestamp(time)).await).unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&now);
    store.tell_time_by(move || Timestamp(clock.load(Ordering::Relaxed)));
    for number in 1..=3_i64 {
        now.store(number * 10, Ordering::Relaxed);
        let begin = end(store).await;
        store_all(database, &[pool(number.unsigned_abs().into())]).await;
        told(store, begin).await;
    }
    for (time, expected) in [(0, &[1_u128, 2, 3][..]), (10, &[1, 2, 3]), (11, &[2, 3]), (30, &[3])] {
        let expected: Vec<Uuid> = expected.iter().map(|number| id(*number)).collect();
        assert_eq!(pools(after(store, since(time).await).await), expected, "{time}");
    }
    assert_eq!(since(31).await, end(store).await);
    // What is forgotten is not told, and nobody is told that he asked for it.
    write!(store, [], |tx| tx.trim_events(Timestamp(31), Duration::from_secs(9), 2).await).unwrap();
    assert_eq!(after(store, since(0).await).await.changes.len(), 2);
}

async fn a_position_beyond_the_end_is_none_of_this_log(database: &Database) {
    let beyond = Position { transaction_id: i64::MAX, seq: i64::MAX };
    let fault = read!(database.store, [], |tx| tx.events_after(beyond, 10).await).unwrap_err();
    assert_eq!(fault.code(), Code::CursorExpired);
}

async fn a_change_is_told_with_its_time_its_cause_and_its_load_balancer(database: &Database) {
    let store = &database.store;
    store.tell_time_by(|| Timestamp(77));
    let before = pool(1);
    let begin = end(store).await;
    let asked = Arc::new(Cause { by: By::User, who: "alice".to_owned(), ..Cause::default() });
    because(Arc::clone(&asked), store_all(database, std::slice::from_ref(&before))).await;
    let renamed = LoadBalancer { name: "other".to_owned(), ..before.clone() };
    let by_agent = Arc::new(Cause { by: By::Agent, ..Cause::default() });
    write!(store, [before, renamed, by_agent], |tx| {
        tx.note_cause(id(1), by_agent);
        tx.save(&before, &renamed).await
    })
    .unwrap();
    write!(store, [renamed], |tx| tx.delete(&renamed).await).unwrap();
    let wait = async {
        loop {
            let found = after(store, begin).await.changes;
            if found.len() == 5 {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let told = tokio::time::timeout(PATIENCE, wait).await.unwrap();
    let causes = [Some(&asked), Some(&asked), Some(&by_agent), None, None];
    assert_eq!(told.iter().map(|(_, change)| change.why.cause.as_ref()).collect::<Vec<_>>(), causes);
    for (_, change) in &told {
        assert_eq!((change.why.at, change.load_balancer_id), (Some(Timestamp(77)), Some(id(1))), "{change:?}");
    }
}

async fn a_snapshot_is_read_in_parts_and_within_a_project(database: &Database) {
    let mut foreign = pool(4);
    foreign.pools[0].project_id = "other".to_owned();
    store_all(database, &[pool(1), pool(2), pool(3), foreign]).await;
    let store = &database.store;
    let first = read!(store, [], |tx| tx.ids_after(EventKind::Pool, Some("p"), 0, 2).await).unwrap();
    let (seq, _) = *first.last().unwrap();
    let second = read!(store, [], |tx| tx.ids_after(EventKind::Pool, Some("p"), seq, 2).await).unwrap();
    let ids: Vec<Uuid> = first.into_iter().chain(second).map(|(_, id)| id).collect();
    assert_eq!(ids, [id::<Uuid>(1), id(2), id(3)]);
    let all = read!(database.store, [], |tx| tx.ids_after(EventKind::Pool, None, 0, 10).await).unwrap();
    assert_eq!(all.len(), 4);
}

on_each_backend![
    what_is_made_changed_and_removed_is_told_with_its_transaction,
    outcomes_and_health_are_told_of_what_they_change,
    what_shows_something_of_a_change_is_told_too,
    kinds_that_others_do_not_know_break_nobody,
    an_association_is_told_of_its_pool_and_its_monitor,
    agents_are_told_of_when_they_come_and_go_and_not_at_each_heartbeat,
    what_is_shared_concerns_everyone,
    that_a_network_is_no_longer_shared_concerns_everyone,
    what_is_undone_is_not_told,
    nothing_is_skipped_however_many_write,
    readers_of_this_process_are_woken,
    old_events_are_forgotten_by_age,
    no_more_events_are_kept_than_asked,
    a_log_that_is_forgotten_altogether_goes_on_where_it_was,
    the_last_changes_are_told_again_from_the_position_before_them,
    what_changed_since_a_time_is_told_from_the_position_before_it,
    a_position_beyond_the_end_is_none_of_this_log,
    a_change_is_told_with_its_time_its_cause_and_its_load_balancer,
    a_snapshot_is_read_in_parts_and_within_a_project,
];
