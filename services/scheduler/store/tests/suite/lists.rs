//! Lists: what filters match, and in which order things come.

use ballast_model::{
    Uuid,
    fault::Misfit,
    health_monitor::{HealthMonitor, MonitorType},
    load_balancer::LoadBalancer,
    outcome::{MemberHealth, Outcome},
    pool::LbMethod,
    status::OperatingStatus,
};
use ballast_store::{Filter, Kind, Query, Sort};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, monitor, network, new_member, new_pool, new_vip, pool, store_all, subnet},
};

/// A query from `field=value` pairs; the values of one field are alternatives.
fn filter(pairs: &[(&str, &str)]) -> Query {
    let mut query = Query::default();
    for (field, value) in pairs {
        match query.filters.iter_mut().find(|filter| filter.field == *field) {
            Some(filter) => filter.values.push((*value).to_owned()),
            None => query.filters.push(Filter { field: (*field).to_owned(), values: vec![(*value).to_owned()] }),
        }
    }
    query
}

fn sorted(fields: &[&str]) -> Query {
    let sort =
        |field: &&str| Sort { field: field.trim_start_matches('-').to_owned(), descending: field.starts_with('-') };
    Query { sorts: fields.iter().map(sort).collect(), ..Query::default() }
}

fn text(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

async fn found(database: &Database, kind: Kind, query: Query) -> Vec<u128> {
    let page = read!(database.store, [query], |tx| tx.find(kind, &query).await).unwrap();
    page.items.iter().map(|found| found.id.as_u128()).collect()
}

/// Pools 1 to 3 with vip 21 on the first, members 11 to 13 and monitor 31, and pool 4 of another project.
async fn some(database: &Database) {
    let first = pool(1).add_vip(new_vip(21, "10.0.0.50")).unwrap();
    let first = first.associate(id(1), monitor(31)).unwrap();
    let first = [(11, 1), (12, 2), (13, 3)]
        .into_iter()
        .fold(first, |pool, (number, last)| pool.add_member(id(1), new_member(number, last)).unwrap());
    let faults = vec![(id(13), "no".to_owned())];
    let first = first.clone().settle(&Outcome { generation: first.generation, fault: None, cause: None, faults });
    let first = first.observe(&[MemberHealth { member_id: id(12), status: OperatingStatus::Offline }]);
    let second = LoadBalancer::with_pool(ballast_model::pool::NewPool {
        name: "blue".to_owned(),
        lb_method: LbMethod::SourceIp,
        admin_state_up: false,
        provider: "a10".to_owned(),
        ..new_pool(2)
    });
    let second = second.add_vip(new_vip(22, "fd00::7")).unwrap();
    let mut other = new_pool(4);
    other.project_id = "q".to_owned();
    let ping = HealthMonitor { kind: MonitorType::Ping, ..monitor(32) };
    write!(database.store, [ping], |tx| {
        tx.insert_monitor(&monitor(31)).await?;
        tx.insert_monitor(&ping).await
    })
    .unwrap();
    store_all(database, &[first, second, pool(3), LoadBalancer::with_pool(other)]).await;
}

async fn pools_are_filtered_by_what_they_have(database: &Database) {
    some(database).await;
    let (one, two, bogus) = (text(1), text(2), "not-an-id");
    let (vip, member, monitor) = (text(21), text(12), text(31));
    for (pairs, expected) in [
        (vec![], vec![1, 2, 3, 4]),
        (vec![("id", one.as_str())], vec![1]),
        (vec![("id", &one), ("id", &two), ("id", bogus)], vec![1, 2]),
        (vec![("id", bogus)], vec![]),
        (vec![("name", "blue")], vec![2]),
        (vec![("name", "Blue")], vec![]),
        (vec![("name", "")], vec![1, 2, 3, 4]),
        (vec![("name", ""), ("name", "blue")], vec![2]),
        (vec![("name", "blue"), ("lb_method", "ROUND_ROBIN")], vec![]),
        (vec![("lb_method", "SOURCE_IP"), ("lb_method", "ROUND_ROBIN")], vec![1, 2, 3, 4]),
        (vec![("project_id", "q")], vec![4]),
        (vec![("tenant_id", "q")], vec![4]),
        (vec![("provider", "a10")], vec![2]),
        (vec![("admin_state_up", "False")], vec![2]),
        (vec![("admin_state_up", "maybe")], vec![]),
        (vec![("status", "ACTIVE")], vec![1]),
        (vec![("status", "INACTIVE")], vec![]),
        (vec![("vip_id", &vip)], vec![1]),
        (vec![("members", &member)], vec![1]),
        (vec![("health_monitors", &monitor)], vec![1]),
        (vec![("health_monitors", bogus)], vec![]),
        (vec![("colour", "red")], vec![1, 2, 3, 4]),
    ] {
        assert_eq!(found(database, Kind::Pool, filter(&pairs)).await, expected, "{pairs:?}");
    }
    let scoped = Query { project_id: Some("q".to_owned()), ..filter(&[("id", &one)]) };
    assert_eq!(found(database, Kind::Pool, scoped).await, [0u128; 0]);
}

async fn vips_are_filtered_by_their_address_too(database: &Database) {
    some(database).await;
    let (pool_one, port, subnet) = (text(1), text(1021), text(900));
    for (pairs, expected) in [
        (vec![("address", "10.0.0.50")], vec![21]),
        (vec![("address", "FD00:0::7")], vec![22]),
        (vec![("address", "10.0.0")], vec![]),
        (vec![("port_id", port.as_str())], vec![21]),
        (vec![("subnet_id", &subnet)], vec![21, 22]),
        (vec![("pool_id", &pool_one)], vec![21]),
        (vec![("protocol_port", "80"), ("connection_limit", "-1")], vec![21, 22]),
        (vec![("protocol_port", "http")], vec![]),
        (vec![("name", "vip22")], vec![22]),
    ] {
        assert_eq!(found(database, Kind::Listener, filter(&pairs)).await, expected, "{pairs:?}");
    }
}

async fn members_are_filtered_by_v1s_status(database: &Database) {
    some(database).await;
    for (pairs, expected) in [
        (vec![("status", "ACTIVE")], vec![11]),
        (vec![("status", "INACTIVE")], vec![12]),
        (vec![("status", "ERROR")], vec![13]),
        (vec![("status", "INACTIVE"), ("status", "ERROR")], vec![12, 13]),
        (vec![("address", "10.0.0.2"), ("address", "10.0.0.3")], vec![12, 13]),
        (vec![("weight", "1"), ("protocol_port", "80")], vec![11, 12, 13]),
        (vec![("pool_id", "x")], vec![]),
        (vec![("name", "x")], vec![]),
        (vec![("name", "")], vec![11, 12, 13]),
    ] {
        assert_eq!(found(database, Kind::Member, filter(&pairs)).await, expected, "{pairs:?}");
    }
}

async fn monitors_networks_and_subnets_are_filtered(database: &Database) {
    some(database).await;
    write!(database.store, [], |tx| {
        tx.insert_network(&network(801, "p", false)).await?;
        tx.insert_network(&network(802, "p", true)).await?;
        tx.insert_subnet(&subnet(901, 801, "p", "10.0.0.0/24")).await?;
        tx.insert_subnet(&subnet(902, 802, "p", "fd00::/64")).await
    })
    .unwrap();
    let (pool_one, net) = (text(1), text(802));
    let numbers = |found: Vec<Uuid>| found.iter().map(Uuid::as_u128).collect::<Vec<_>>();
    for (pairs, expected) in [
        (vec![("type", "PING")], vec![32]),
        (vec![("pools", pool_one.as_str())], vec![31]),
        (vec![("delay", "5"), ("http_method", "GET"), ("url_path", "/")], vec![31, 32]),
        (vec![("name", "x")], vec![]),
    ] {
        let query = filter(&pairs);
        let page = read!(database.store, [query], |tx| tx.monitors(&query).await).unwrap();
        assert_eq!(numbers(page.items.iter().map(|one| one.id.into()).collect()), expected, "{pairs:?}");
    }
    for (pairs, expected) in [(vec![("shared", "True")], vec![802]), (vec![("name", "net801")], vec![801])] {
        let query = filter(&pairs);
        let page = read!(database.store, [query], |tx| tx.networks(&query).await).unwrap();
        assert_eq!(numbers(page.items.iter().map(|one| one.id.into()).collect()), expected, "{pairs:?}");
    }
    for (pairs, expected) in [
        (vec![("ip_version", "6")], vec![902]),
        (vec![("cidr", "10.0.0.0/24")], vec![901]),
        (vec![("network_id", net.as_str())], vec![902]),
        (vec![("gateway_ip", "10.0.0.1")], vec![901]),
    ] {
        let query = filter(&pairs);
        let page = read!(database.store, [query], |tx| tx.subnets(&query).await).unwrap();
        assert_eq!(numbers(page.items.iter().map(|one| one.id.into()).collect()), expected, "{pairs:?}");
    }
}

async fn lists_come_in_the_order_of_creation_or_as_asked(database: &Database) {
    some(database).await;
    for (fields, expected) in [
        (vec![], vec![1, 2, 3, 4]),
        (vec!["name"], vec![2, 1, 3, 4]),
        (vec!["-name"], vec![4, 3, 1, 2]),
        (vec!["-lb_method"], vec![2, 1, 3, 4]),
        (vec!["provider", "-name"], vec![2, 4, 3, 1]),
        (vec!["admin_state_up", "-id"], vec![2, 4, 3, 1]),
        (vec!["-tenant_id"], vec![4, 1, 2, 3]),
        (vec!["status_description", "-id"], vec![4, 3, 2, 1]),
    ] {
        assert_eq!(found(database, Kind::Pool, sorted(&fields)).await, expected, "{fields:?}");
    }
    assert_eq!(found(database, Kind::Listener, sorted(&["-address"])).await, [22, 21]);
    for field in ["bogus", "members"] {
        let query = sorted(&["name", field]);
        let fault = read!(database.store, [query], |tx| tx.find(Kind::Pool, &query).await).unwrap_err();
        assert_eq!(fault, Misfit::UnknownSortKeys { keys: [field].into_iter().collect() }.into());
    }
}

async fn found_objects_name_their_load_balancer_and_are_counted_by_project(database: &Database) {
    some(database).await;
    let (members, counts) = read!(database.store, [], |tx| Ok((
        tx.find(Kind::Member, &Query::default()).await?,
        [
            tx.count(Kind::Pool, "p").await?,
            tx.count(Kind::Pool, "q").await?,
            tx.count(Kind::Listener, "p").await?,
            tx.count(Kind::Member, "p").await?,
            tx.count(Kind::Member, "x").await?,
        ]
    )))
    .unwrap();
    assert!(members.items.iter().all(|found| found.load_balancer_id == id(1)) && !members.more);
    assert_eq!(counts, [3, 1, 2, 3, 0]);
}

on_each_backend![
    pools_are_filtered_by_what_they_have,
    vips_are_filtered_by_their_address_too,
    members_are_filtered_by_v1s_status,
    monitors_networks_and_subnets_are_filtered,
    lists_come_in_the_order_of_creation_or_as_asked,
    found_objects_name_their_load_balancer_and_are_counted_by_project,
];
