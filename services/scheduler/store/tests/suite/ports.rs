//! Ports with several addresses, their lists, and what makes a network or a subnet another.

use std::net::IpAddr;

use ballast_model::{
    Uuid,
    fault::{Code, Facts, InUse},
    listener::Mac,
    network::Subnetwork,
    port::FixedIp,
    subnet::{Ipv6Mode, Ipv6Modes},
    time::Timestamp,
};
use ballast_store::{Filter, Query, Sort};
use tokio::task::JoinSet;

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{address, hold, id, network, new_vip, pool, port, store_all, store_subnet, subnet},
};

fn at(text: &str) -> FixedIp {
    FixedIp { subnet_id: id(900), address: address(text) }
}

async fn a_port_keeps_and_changes_its_addresses(database: &Database) {
    store_subnet(database).await;
    let mut before = port(1, "10.0.0.2");
    before.fixed_ips.push(at("10.0.0.3"));
    let mut after = before.clone();
    after.fixed_ips = vec![at("10.0.0.3"), at("10.0.0.4")];
    after.name = "n".to_owned();
    after.host = "h".to_owned();
    write!(database.store, [before, after], |tx| {
        tx.insert_port(&before).await?;
        assert_eq!(tx.port(id(1)).await?, Some(before.clone()));
        tx.save_port(&before, &after).await
    })
    .unwrap();
    let (stored, taken) =
        read!(database.store, [], |tx| Ok((tx.port(id(1)).await?, tx.addresses_taken(id(900)).await?))).unwrap();
    assert_eq!(stored, Some(after));
    assert_eq!(taken, [address("10.0.0.3"), address("10.0.0.4")].into());
    let none = port(9, "10.0.0.9");
    let fault = write!(database.store, [none], |tx| tx.save_port(&none, &none).await).unwrap_err();
    assert_eq!(fault.code(), Code::PortNotFound);
}

async fn a_mac_address_is_of_one_port_of_a_network(database: &Database) {
    store_subnet(database).await;
    write!(database.store, [], |tx| tx.insert_port(&port(1, "10.0.0.2")).await).unwrap();
    let mut twin = port(2, "10.0.0.3");
    twin.mac = port(1, "10.0.0.2").mac;
    let fault = write!(database.store, [twin], |tx| tx.insert_port(&twin).await).unwrap_err();
    let (mac, network_id) = (twin.mac, twin.network_id);
    assert_eq!(fault.facts(), &Facts::InUse(InUse::Mac { mac, network_id }));
}

async fn ports_are_found_by_their_fields_and_addresses(database: &Database) {
    store_subnet(database).await;
    write!(database.store, [], |tx| {
        for number in 1..=3 {
            let mut one = port(number, &format!("10.0.0.{}", number + 1));
            one.name = format!("n{}", 4 - number);
            one.device_id = format!("d{}", number % 2);
            one.project_id = if number == 3 { "q".to_owned() } else { "p".to_owned() };
            tx.insert_port(&one).await?;
        }
        Ok(())
    })
    .unwrap();
    let filter = |field: &str, value: &str| Query {
        filters: vec![Filter { field: field.to_owned(), values: vec![value.to_owned()] }],
        ..Query::default()
    };
    let sorted = Query { sorts: vec![Sort { field: "name".to_owned(), descending: false }], ..Query::default() };
    for (query, expected) in [
        (Query::default(), vec![1, 2, 3]),
        (Query { project_id: Some("p".to_owned()), include_shared: true, ..Query::default() }, vec![1, 2]),
        (filter("device_id", "d1"), vec![1, 3]),
        (filter("ip_address", "10.0.0.3"), vec![2]),
        (filter("subnet_id", &id::<Uuid>(900).to_string()), vec![1, 2, 3]),
        (filter("subnet_id", &id::<Uuid>(901).to_string()), vec![]),
        (filter("mac_address", &Mac::from_random(2).to_string()), vec![2]),
        (sorted, vec![3, 2, 1]),
    ] {
        let page = read!(database.store, [query], |tx| tx.ports(&query).await).unwrap();
        let expected: Vec<_> = expected.into_iter().map(id).collect();
        assert_eq!(page.items.iter().map(|one| one.id).collect::<Vec<_>>(), expected, "{query:?}");
    }
}

async fn a_vips_port_is_known_as_one(database: &Database) {
    store_subnet(database).await;
    store_all(database, &[pool(1).add_vip(new_vip(11, "10.0.0.2")).unwrap(), pool(2)]).await;
    let mut vips_port = port(1011, "10.0.0.2");
    vips_port.fixed_ips.push(FixedIp { subnet_id: id(902), address: address("fd00::2") });
    write!(database.store, [vips_port], |tx| {
        for (number, cidr) in [(902, "fd00::/64"), (903, "10.0.3.0/24")] {
            tx.insert_subnet(&subnet(number, 800, "p", cidr)).await?;
        }
        tx.insert_port(&vips_port).await
    })
    .unwrap();
    let (vips, other, first, second, elsewhere) = read!(database.store, [], |tx| Ok((
        tx.is_vip_port(id(1011)).await?,
        tx.is_vip_port(id(1012)).await?,
        tx.load_balancers_in(id(900)).await?,
        tx.load_balancers_in(id(902)).await?,
        tx.load_balancers_in(id(903)).await?,
    )))
    .unwrap();
    assert!(vips && !other);
    assert_eq!((first, second, elsewhere), (vec![id(1)], vec![id(1)], vec![]));
}

async fn networks_and_subnets_change(database: &Database) {
    store_subnet(database).await;
    let mut changed = network(800, "p", true);
    changed.name = "other".to_owned();
    let mut moved = subnet(900, 800, "p", "10.0.0.0/24");
    moved.gateway_ip = None;
    let mut six = subnet(901, 800, "q", "fd00::/64");
    six.ipv6_modes = Ipv6Modes { ra: Some(Ipv6Mode::Slaac), address: None };
    let (before, others) = write!(database.store, [changed, moved, six], |tx| {
        let before = tx.others_use(id(800), "p").await?;
        tx.save_network(&changed).await?;
        tx.save_subnet(&moved).await?;
        let copied = Subnetwork { network: changed, subnet: six.clone() };
        assert_eq!(tx.copy_subnetwork(&copied).await?, None);
        assert_eq!(tx.copy_subnetwork(&copied).await?.as_ref(), Some(&copied));
        Ok((before, tx.others_use(id(800), "p").await?))
    })
    .unwrap();
    assert!(!before && others);
    let stored =
        read!(database.store, [], |tx| Ok((tx.network(id(800)).await?, tx.subnets_of(id(800)).await?))).unwrap();
    assert_eq!(stored, (Some(changed), vec![moved, six]));
    for fault in [
        write!(database.store, [], |tx| tx.save_network(&network(801, "p", false)).await),
        write!(database.store, [], |tx| tx.save_subnet(&subnet(999, 800, "p", "10.9.0.0/24")).await),
    ] {
        assert!(matches!(fault.unwrap_err().code(), Code::NetworkNotFound | Code::SubnetNotFound));
    }
}

async fn choosers_of_two_schedulers_never_choose_the_same_address(database: &Database) {
    store_subnet(database).await;
    let other = database.reopened().await;
    let mut choosers = JoinSet::new();
    for number in 1..=12 {
        let store = if number % 2 == 0 { database.store.clone() } else { other.clone() };
        choosers.spawn(async move {
            loop {
                let chosen = write!(store, [], |tx| {
                    let of = subnet(900, 800, "p", "10.0.0.0/24");
                    let chosen = of.choose_address(&tx.addresses_taken(id(900)).await?).unwrap();
                    tx.insert_port(&port(number, &chosen.to_string())).await?;
                    Ok(chosen)
                });
                match chosen {
                    Err(fault) if fault.code() == Code::Conflict => {}
                    done => return done.unwrap(),
                }
            }
        });
    }
    let mut chosen: Vec<IpAddr> = choosers.join_all().await;
    chosen.sort();
    let expected: Vec<IpAddr> = (2..14).map(|last| IpAddr::from([10, 0, 0, last])).collect();
    assert_eq!(chosen, expected);
}

async fn a_stray_port_waits_for_its_time_and_for_the_agent(database: &Database) {
    let found = write!(database.store, [], |tx| {
        tx.note_stray_port(id(1), id(900), None, Timestamp(10)).await?;
        tx.note_stray_port(id(2), id(900), Some(address("10.0.0.2")), Timestamp(5)).await?;
        tx.insert_hold(&hold(7, "10.0.0.2", 1, 4)).await?;
        let mut found = vec![tx.stray_ports(Timestamp(9)).await?, tx.stray_ports(Timestamp(10)).await?];
        tx.release_holds(id(1), id(500), 4.into()).await?;
        found.push(tx.stray_ports(Timestamp(10)).await?);
        tx.note_stray_port(id(1), id(900), None, Timestamp(20)).await?;
        tx.forget_stray_port(id(2)).await?;
        found.push(tx.stray_ports(Timestamp(10)).await?);
        Ok(found)
    });
    assert_eq!(found.unwrap(), [vec![], vec![id(1)], vec![id(1), id(2)], vec![]]);
}

on_each_backend![
    a_port_keeps_and_changes_its_addresses,
    a_mac_address_is_of_one_port_of_a_network,
    ports_are_found_by_their_fields_and_addresses,
    a_vips_port_is_known_as_one,
    networks_and_subnets_change,
    choosers_of_two_schedulers_never_choose_the_same_address,
    a_stray_port_waits_for_its_time_and_for_the_agent,
];
