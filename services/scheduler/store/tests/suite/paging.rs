//! Paging: pages put together are the list, forwards and backwards, whatever it is sorted by.

use ballast_model::{
    Uuid,
    load_balancer::LoadBalancer,
    pool::{LbMethod, NewPool},
};
use ballast_store::{Kind, Page, Query, Sort};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    database::{Database, on_each_backend, read},
    samples::{id, new_pool, pool, store_all},
};

async fn page(database: &Database, query: &Query) -> Page<Uuid> {
    let query = query.clone();
    let page = read!(database.store, [query], |tx| tx.find(Kind::Pool, &query).await).unwrap();
    Page { items: page.items.into_iter().map(|found| found.id).collect(), more: page.more }
}

async fn a_page_ends_where_it_is_full(database: &Database) {
    store_all(database, &[pool(5), pool(3), pool(4)]).await;
    let ask = |size, marker, reverse| Query { page_size: Some(size), marker, reverse, ..Query::default() };
    for (query, items, more) in [
        (ask(2, None, false), vec![5, 3], true),
        (ask(3, None, false), vec![5, 3, 4], false),
        (ask(0, None, false), vec![5, 3, 4], false),
        (ask(2, Some(id(3)), false), vec![4], false),
        (ask(2, Some(id(4)), false), vec![], false),
        (ask(1, Some(id(4)), true), vec![3], true),
        (ask(2, Some(id(4)), true), vec![5, 3], false),
        (ask(2, None, true), vec![3, 4], true),
        (ask(2, Some(id(9)), false), vec![], false),
        (ask(2, Some(id(9)), true), vec![], false),
    ] {
        let expected = Page { items: items.into_iter().map(id).collect(), more };
        assert_eq!(page(database, &query).await, expected, "{query:?}");
    }
}

async fn a_marker_of_another_project_is_unknown(database: &Database) {
    let mut foreign = new_pool(2);
    foreign.project_id = "q".to_owned();
    store_all(database, &[LoadBalancer::with_pool(foreign), pool(3)]).await;
    let query = Query { project_id: Some("p".to_owned()), marker: Some(id(2)), ..Query::default() };
    assert!(page(database, &query).await.items.is_empty());
}

on_each_backend![a_page_ends_where_it_is_full, a_marker_of_another_project_is_unknown];

fn some_pool(number: usize, (name, method, up, project): (u8, usize, bool, bool)) -> LoadBalancer {
    let number = u128::try_from(number).unwrap();
    LoadBalancer::with_pool(NewPool {
        // Neither in the order of creation nor in its opposite.
        id: id((number * 7919 + 13) % 10_007),
        name: "abc"[..usize::from(name % 4)].to_owned(),
        lb_method: LbMethod::ALL[method % 3],
        provider: if up { "haproxy" } else { "a10" }.to_owned(),
        project_id: if project { "p" } else { "q" }.to_owned(),
        admin_state_up: up,
        ..new_pool(number)
    })
}

async fn pages_are_the_list(database: &Database, pools: Vec<LoadBalancer>, query: Query, size: u32) {
    store_all(database, &pools).await;
    let whole = page(database, &query).await;
    assert!(!whole.more);
    let mut expected: Vec<&LoadBalancer> = pools.iter().collect();
    expected.retain(|one| query.project_id.as_ref().is_none_or(|project| *project == one.project_id));
    assert_eq!(whole.items.len(), expected.len());
    if query.sorts.is_empty() {
        assert_eq!(whole.items, expected.iter().map(|one| one.id.uuid()).collect::<Vec<_>>());
    }
    for reverse in [false, true] {
        let mut pieces = Vec::new();
        let mut ask = Query { page_size: Some(size), reverse, ..query.clone() };
        loop {
            let piece = page(database, &ask).await;
            assert!(piece.items.len() <= size as usize);
            ask.marker = if reverse { piece.items.first() } else { piece.items.last() }.copied();
            let more = piece.more;
            pieces.push(piece.items);
            if !more {
                break;
            }
        }
        if reverse {
            pieces.reverse();
        }
        assert_eq!(pieces.concat(), whole.items, "reverse: {reverse}");
    }
}

type Given = (Vec<(u8, usize, bool, bool)>, Vec<(&'static str, bool)>, u32, bool);

fn given() -> impl Strategy<Value = Given> {
    let fields = vec!["name", "lb_method", "provider", "admin_state_up", "status_description", "id"];
    (
        proptest::collection::vec(any::<(u8, usize, bool, bool)>(), 1..40),
        proptest::collection::vec((proptest::sample::select(fields), any::<bool>()), 0..3),
        1u32..7,
        any::<bool>(),
    )
}

/// So many lists, each in a database of its own.
pub(crate) fn pages_put_together_are_the_list<F: Future<Output = Database>>(cases: u32, open: impl Fn() -> F) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let lists = TestRunner::new(config).run(&given(), |(pools, sorts, size, scoped)| {
        let pools = pools.into_iter().enumerate().map(|(number, of)| some_pool(number, of)).collect();
        let sorts = sorts.into_iter().map(|(field, descending)| Sort { field: field.to_owned(), descending }).collect();
        let query = Query { sorts, project_id: scoped.then(|| "p".to_owned()), ..Query::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { pages_are_the_list(&open().await, pools, query, size).await });
        Ok(())
    });
    lists.unwrap();
}

#[test]
fn pages_put_together_are_the_list_on_sqlite() {
    pages_put_together_are_the_list(24, Database::sqlite);
}
