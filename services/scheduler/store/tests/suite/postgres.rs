//! The whole suite on PostgreSQL: one server, in a container that ends with this test, and a database for each case.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use ballast_lab::Postgres;
use ballast_store::Store;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::task::JoinSet;

use crate::{
    agents, aggregates, bindings, certificates,
    database::{Case, Database},
    events, flavors, given_up, groups, held, history, killed, leads, lists, lost_commit, monitors, networks, paging,
    past, ports, quotas, requests, schedulers, shown, sides, transactions, v2,
};

/// How many cases run at once.
const AT_ONCE: usize = 4;
/// How long a case may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many examples of a property: each needs a database, which takes longer here than the example.
const EXAMPLES: u32 = 6;

const CASES: [&[Case]; 22] = [
    agents::CASES,
    aggregates::CASES,
    bindings::CASES,
    certificates::CASES,
    flavors::CASES,
    given_up::CASES,
    groups::CASES,
    killed::CASES,
    leads::CASES,
    lists::CASES,
    monitors::CASES,
    networks::CASES,
    paging::CASES,
    past::CASES,
    ports::CASES,
    quotas::CASES,
    requests::CASES,
    schedulers::CASES,
    shown::CASES,
    sides::CASES,
    transactions::CASES,
    v2::CASES,
];

/// Those of these cases that fail; each has said why on stderr.
async fn failures(server: &Postgres, cases: Vec<Case>, at_once: usize) -> Vec<&'static str> {
    let run = |case: Case| async move {
        let life = async {
            let database = Database::postgres(server).await;
            (case.run)(&database).await;
            database.dropped().await;
        };
        let lived = tokio::time::timeout(PATIENCE, AssertUnwindSafe(life).catch_unwind()).await;
        (!matches!(lived, Ok(Ok(())))).then_some(case.name)
    };
    let failed = stream::iter(cases).map(run).buffer_unordered(at_once);
    failed.filter_map(|failed| async move { failed }).collect().await
}

async fn schedulers_that_start_at_once_agree(server: &Postgres) {
    let url = server.url();
    let mut starts = JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        starts.spawn(async move { Store::open(&url).await.unwrap().cluster_id() });
    }
    let ids = starts.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

/// Each form in which libpq takes a socket leads to the same database.
async fn a_socket_is_named_as_libpq_names_it(server: &Postgres) {
    let Some((folder, password)) = server.socket() else { return };
    let (url, folder) = (server.url(), folder.to_str().unwrap());
    let (name, encoded) = (url.rsplit('/').next().unwrap(), folder.replace('/', "%2F"));
    let cluster_id = Store::open(&url).await.unwrap().cluster_id();
    for form in [
        format!("postgresql://postgres:{password}@/{name}?host={folder}"),
        format!("postgres://postgres:{password}@:5432/{name}?host={encoded}"),
        format!("postgresql:///{name}?host={folder}&user=postgres&password={password}"),
        format!("postgres://postgres:{password}@{encoded}/{name}"),
    ] {
        let store = Store::open(&form).await.unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(store.cluster_id(), cluster_id, "{form}");
    }
}

/// On a server of their own: they fill its disk, and end its connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_that_is_lost_full_or_read_only_loses_nothing() {
    let Some(server) = Postgres::start("the store on a PostgreSQL in trouble").await else { return };
    a_socket_is_named_as_libpq_names_it(&server).await;
    lost_commit::a_commit_whose_answer_is_lost_is_not_done_again(&server).await;
    lost_commit::a_server_that_takes_no_writes_is_unavailable_until_it_does(&server).await;
    lost_commit::what_is_acknowledged_while_its_disk_fills_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_suite_holds_on_postgresql() {
    let Some(server) = Postgres::start("the store's suite on PostgreSQL").await else { return };
    let server = Arc::new(server);
    schedulers_that_start_at_once_agree(&server).await;
    events::a_reader_never_goes_past_a_transaction_that_is_open(&Database::postgres(&server).await).await;
    events::a_log_of_another_server_is_begun_anew(&Database::postgres(&server).await).await;
    shown::a_sorted_list_may_read_the_whole_table(&server).await;
    held::what_a_scheduler_without_stamps_saves_is_seen(&server).await;
    let mut failed = failures(&server, CASES.concat(), AT_ONCE).await;
    // A server counts the transactions of all its databases together, and so what is told twice depends on the others.
    failed.extend(failures(&server, events::CASES.to_vec(), 1).await);
    let of_properties = Arc::clone(&server);
    let properties = tokio::task::spawn_blocking(move || {
        history::what_is_saved_is_what_is_loaded(EXAMPLES, || Database::postgres(&of_properties));
        held::what_is_held_changes_no_answer(EXAMPLES, || Database::postgres(&of_properties));
        paging::pages_put_together_are_the_list(EXAMPLES, || Database::postgres(&of_properties));
    });
    let properties = properties.await;
    if let Ok(server) = Arc::try_unwrap(server) {
        server.stop().await;
    }
    properties.unwrap();
    assert!(failed.is_empty(), "failed on PostgreSQL: {failed:#?}");
}
