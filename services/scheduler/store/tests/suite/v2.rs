//! What v2 has beyond v1: it comes back as it was stored, and lists find it by v2's fields and by tags.

use std::collections::BTreeMap;

use ballast_model::{
    fault::Fault,
    health_monitor::{HealthMonitor, HttpVersion},
    ids::PoolId,
    l7::{CompareType, L7Action, L7Policy, L7Rule, RuleType},
    labels::Labels,
    listener::{Address, Answering, Listener, Protocol, Timeouts},
    load_balancer::LoadBalancer,
    member::Member,
    pool::{self, LbMethod, Pool, SessionPersistence},
    status::Progress,
    time::Timestamp,
    tls::{ClientAuthentication, ListenerTls, PoolTls},
};
use ballast_store::{Filter, Kind, Memory, Query, Sort, Store, TagFilter, View};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{address, id, monitor, new_vip, pool as a_pool},
};

fn labels(tags: &[&str]) -> Labels {
    Labels {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        created_at: Timestamp(5_000_000),
        updated_at: Some(Timestamp(6_000_000)),
    }
}

fn rule(number: u128) -> L7Rule {
    L7Rule {
        id: id(number),
        project_id: "p".to_owned(),
        rule_type: RuleType::Header,
        compare_type: CompareType::Regex,
        key: Some("X-Y".to_owned()),
        value: "a b\\\"'%".to_owned(),
        invert: true,
        admin_state_up: false,
        labels: labels(&["r"]),
        progress: Progress::created(1.into()),
    }
}

fn policy(number: u128, action: L7Action) -> L7Policy {
    L7Policy {
        name: format!("policy{number}"),
        rules: vec![rule(number + 1), rule(number + 2)].into(),
        labels: labels(&["x"]),
        ..L7Policy::new(id(number), "p".to_owned(), action)
    }
}

fn listener() -> Listener {
    let tls = ListenerTls {
        default_certificate: Some("https://secrets/1".to_owned()),
        sni_certificates: vec!["https://secrets/2".to_owned()],
        client_authentication: ClientAuthentication::Mandatory,
        client_ca: Some("https://secrets/3".to_owned()),
        ciphers: Some("A:B".to_owned()),
        versions: vec!["TLSv1.3".to_owned()],
        hsts_max_age: Some(7),
        ..ListenerTls::default()
    };
    let redirect = L7Action::RedirectToUrl { url: "https://h/".to_owned(), http_code: 308 };
    Listener {
        name: "front".to_owned(),
        default_pool_id: Some(id(1)),
        timeouts: Timeouts { client_data: 7, ..Timeouts::DEFAULT },
        insert_headers: Some(BTreeMap::from([("X-Forwarded-For".to_owned(), "true".to_owned())])),
        allowed_cidrs: vec!["10.0.0.0/8".parse().unwrap()],
        tls: Some(Box::new(tls)),
        policies: vec![
            policy(110, L7Action::RedirectToPool(id(2))),
            policy(120, redirect),
            policy(130, L7Action::Reject),
        ]
        .into(),
        labels: labels(&["a", "b"]),
        answering: Answering::Full,
        ..Listener::new(id(100), "p".to_owned(), Protocol::TerminatedHttps, 443)
    }
}

fn second_pool() -> Pool {
    let member = Member {
        name: "m".to_owned(),
        backup: true,
        subnet_id: Some(id(900)),
        monitor_address: Some(address("10.0.0.99")),
        monitor_port: Some(8080),
        written: Some("2001:DB8::1".to_owned()),
        labels: labels(&["m"]),
        ..Member::new(id(210), "p".to_owned(), address("2001:db8::1"), 80)
    };
    Pool {
        name: "second".to_owned(),
        session_persistence: Some(SessionPersistence::SourceIp),
        memory: pool::Memory { timeout: Some(60), granularity: Some("255.255.255.0".to_owned()) },
        tls: Some(Box::new(PoolTls { enabled: true, ..PoolTls::default() })),
        members: vec![member].into(),
        labels: labels(&["b", "c"]),
        ..Pool::new(id(2), "p".to_owned(), Protocol::Http, LbMethod::SourceIpPort)
    }
}

fn second_monitor() -> HealthMonitor {
    HealthMonitor {
        name: "check".to_owned(),
        rise: 3,
        http_version: Some(HttpVersion::V1_1),
        domain_name: Some("h.example".to_owned()),
        labels: labels(&["h"]),
        ..monitor(31)
    }
}

/// With something of everything.
fn everything() -> LoadBalancer {
    let mut whole = a_pool(1);
    let mut vip = new_vip(21, "10.0.0.2").vip;
    vip.additional = vec![Address { subnet_id: id(902), address: address("fd00::2") }];
    whole.vip = Some(vip);
    whole.name = "lb".to_owned();
    whole.provider_alias = Some("amphora".to_owned());
    whole.availability_zone = Some("zone".to_owned());
    whole.flavor_data = "{\"a\": 1}".to_owned();
    whole.labels = labels(&["t"]);
    whole.pools.push(second_pool());
    whole.listeners.push(listener());
    whole.associate(id(2), second_monitor()).unwrap()
}

async fn store(database: &Database) -> LoadBalancer {
    write!(database.store, [], |tx| {
        tx.insert_monitor(&second_monitor()).await?;
        tx.insert(&everything()).await
    })
    .unwrap();
    everything()
}

/// As it is in the tables: by a store that holds nothing.
async fn load(database: &Database) -> LoadBalancer {
    let bare = Store::open_with(&database.url, Memory { most: 0 }).await.unwrap();
    read!(bare, [], |tx| tx.load(id(1)).await).unwrap().unwrap()
}

async fn all_of_v2_comes_back_as_it_was_stored(database: &Database) {
    let stored = store(database).await;
    assert_eq!(load(database).await, stored);
    // Policies in another order, one of them changed and one gone, and everything of the listener's back at its default.
    let changed = stored.clone().change_policy(id(130), Some(1), |policy| {
        policy.name = "first".to_owned();
        Ok(())
    });
    let changed = changed.and_then(|one| one.remove_policy(id(120))).unwrap();
    let changed = changed.change_listener(id(100), |one| {
        one.timeouts = Timeouts::DEFAULT;
        one.insert_headers = None;
        one.allowed_cidrs.clear();
        Ok(())
    });
    let changed = changed.unwrap();
    write!(database.store, [stored, changed], |tx| tx.save(&stored, &changed).await).unwrap();
    assert_eq!(load(database).await, changed);
}

async fn found(database: &Database, kind: Kind, query: Query) -> Result<Vec<u128>, Fault> {
    let query = Query { view: View::V2, ..query };
    let page = read!(database.store, [query], |tx| tx.find(kind, &query).await)?;
    Ok(page.items.into_iter().map(|found| found.id.as_u128()).collect())
}

async fn v2s_lists_find_by_v2s_fields(database: &Database) {
    store(database).await;
    let filter = |field: &str, value: &str| Query {
        filters: vec![Filter { field: field.to_owned(), values: vec![value.to_owned()] }],
        ..Query::default()
    };
    for (kind, field, value, expected) in [
        (Kind::LoadBalancer, "name", "lb", vec![1]),
        (Kind::LoadBalancer, "provider", "amphora", vec![1]),
        (Kind::LoadBalancer, "vip_address", "10.0.0.2", vec![1]),
        (Kind::LoadBalancer, "created_at", "1970-01-01T00:00:05", vec![1]),
        (Kind::LoadBalancer, "created_at", "1970-01-01T00:00:04", vec![]),
        (Kind::LoadBalancer, "name", "", vec![]),
        (Kind::LoadBalancer, "admin_state_up", "maybe", vec![]),
        (Kind::Pool, "loadbalancer_id", "00000000-0000-0000-0000-000000000001", vec![1, 2]),
        (Kind::Pool, "lb_algorithm", "SOURCE_IP_PORT", vec![2]),
        (Kind::Listener, "protocol", "TERMINATED_HTTPS", vec![100]),
        (Kind::L7Policy, "listener_id", "00000000-0000-0000-0000-000000000064", vec![110, 120, 130]),
        (Kind::L7Policy, "action", "REJECT", vec![130]),
        (Kind::HealthMonitor, "max_retries", "3", vec![31]),
        (Kind::HealthMonitor, "pool_id", "00000000-0000-0000-0000-000000000002", vec![31]),
    ] {
        assert_eq!(found(database, kind, filter(field, value)).await, Ok(expected), "{field}={value}");
    }
    assert!(found(database, Kind::Pool, filter("bogus", "x")).await.is_err());
    let unknown = Query { marker: Some(id::<PoolId>(77).uuid()), ..Query::default() };
    assert!(found(database, Kind::Pool, unknown).await.is_err());
    let last = Query { sorts: vec![Sort { field: "name".to_owned(), descending: true }], ..Query::default() };
    assert_eq!(found(database, Kind::L7Policy, last).await, Ok(vec![130, 120, 110]));
}

async fn tags_are_asked_for_in_four_ways(database: &Database) {
    store(database).await;
    let tags = |list: &[&str]| list.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let ask = async |tags: TagFilter| found(database, Kind::Pool, Query { tags, ..Query::default() }).await.unwrap();
    let filter = TagFilter::default;
    assert_eq!(ask(TagFilter { all: tags(&["b", "c"]), ..filter() }).await, [2]);
    assert_eq!(ask(TagFilter { all: tags(&["b", "x"]), ..filter() }).await, [0_u128; 0]);
    assert_eq!(ask(TagFilter { any: tags(&["x", "c"]), ..filter() }).await, [2]);
    assert_eq!(ask(TagFilter { not_all: tags(&["b", "x"]), ..filter() }).await, [1, 2]);
    assert_eq!(ask(TagFilter { not_all: tags(&["b", "c"]), ..filter() }).await, [1]);
    assert_eq!(ask(TagFilter { not_any: tags(&["x", "c"]), ..filter() }).await, [1]);
    assert_eq!(ask(TagFilter { all: tags(&["b' OR '1'='1"]), ..filter() }).await, [0_u128; 0]);
}

async fn load_balancers_are_found_by_a_part_of_what_they_are_called(database: &Database) {
    let mut other = a_pool(5);
    (other.name, other.project_id) = ("50%_off! \u{dc}ber".to_owned(), "q".to_owned());
    write!(database.store, [other], |tx| tx.insert(&other).await).unwrap();
    store(database).await;
    let search = |text: &str| Query { search: text.to_owned(), ..Query::default() };
    for (text, expected) in [
        ("LB", &[1][..]),
        ("t", &[1]),
        ("10.0.0.2", &[1]),
        ("FD00:0::2", &[1]),
        ("d00::", &[1]),
        ("2001:DB8::1", &[1]),
        ("01:db8", &[1]),
        ("000000000005", &[5]),
        ("00000000-0000-0000-0000-000000000001", &[1]),
        ("0%_O", &[5]),
        ("! \u{dc}b", &[5]),
        ("%", &[5]),
        ("l_", &[]),
        ("10.0.0.2' OR '1'='1", &[]),
        ("nosuch", &[]),
    ] {
        assert_eq!(found(database, Kind::LoadBalancer, search(text)).await.as_deref(), Ok(expected), "{text}");
    }
    let of_another = Query { project_id: Some("q".to_owned()), ..search("10.0.0.2") };
    assert_eq!(found(database, Kind::LoadBalancer, of_another).await, Ok(Vec::new()));
    assert!(found(database, Kind::Pool, search("second")).await.is_err());
    let by_parts =
        |descending| Query { sorts: vec![Sort { field: "parts".to_owned(), descending }], ..Query::default() };
    assert_eq!(found(database, Kind::LoadBalancer, by_parts(false)).await, Ok(vec![5, 1]));
    assert_eq!(found(database, Kind::LoadBalancer, by_parts(true)).await, Ok(vec![1, 5]));
    let marker = Some(id::<PoolId>(1).uuid());
    let page = Query { page_size: Some(1), marker, ..by_parts(true) };
    assert_eq!(found(database, Kind::LoadBalancer, page).await, Ok(vec![5]));
}

async fn v1_lists_what_it_has_words_for_and_no_more(database: &Database) {
    let stored = store(database).await;
    let listed = async |kind| {
        let page = read!(database.store, [], |tx| tx.find(kind, &Query::default()).await).unwrap();
        page.items.len()
    };
    let monitors = async || read!(database.store, [], |tx| tx.monitors(&Query::default()).await).unwrap().items.len();
    assert_eq!((listed(Kind::Pool).await, listed(Kind::Listener).await, monitors().await), (0, 0, 0));
    let less = stored.clone().remove_listener(id(100)).and_then(|one| one.remove_pool(id(2))).unwrap();
    let less = LoadBalancer { vip: None, availability_zone: None, ..less };
    assert_eq!(less.beyond_v1(), None);
    write!(database.store, [stored, less], |tx| tx.save(&stored, &less).await).unwrap();
    assert_eq!(listed(Kind::Pool).await, 1);
}

on_each_backend![
    all_of_v2_comes_back_as_it_was_stored,
    v2s_lists_find_by_v2s_fields,
    tags_are_asked_for_in_four_ways,
    load_balancers_are_found_by_a_part_of_what_they_are_called,
    v1_lists_what_it_has_words_for_and_no_more,
];
