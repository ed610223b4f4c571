//! Networks, subnets, ports and holds.

use ballast_model::{
    fault::{Code, Facts, InUse},
    subnet::Route,
};
use ballast_store::Query;

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{address, hold, id, network, new_vip, pool, port, store_all, store_subnet, subnet},
};

async fn networks_and_subnets_come_back_as_they_were_stored(database: &Database) {
    store_subnet(database).await;
    let mut six = subnet(901, 800, "p", "fd00:7::/64");
    six.gateway_ip = None;
    six.host_routes = vec![Route { destination: "fd00:8::/64".parse().unwrap(), next_hop: address("fd00:7::9") }];
    write!(database.store, [six], |tx| tx.insert_subnet(&six).await).unwrap();
    let (stored, four, all) = read!(database.store, [], |tx| Ok((
        tx.network(id(800)).await?,
        tx.subnet(id(900)).await?,
        tx.subnets_of(id(800)).await?,
    )))
    .unwrap();
    assert_eq!(stored, Some(network(800, "p", false)));
    assert_eq!(four, Some(subnet(900, 800, "p", "10.0.0.0/24")));
    assert_eq!(all, [subnet(900, 800, "p", "10.0.0.0/24"), six]);
    let fault = write!(database.store, [], |tx| tx.insert_subnet(&subnet(902, 801, "p", "10.1.0.0/24")).await);
    assert_eq!(fault.unwrap_err().code(), Code::NetworkNotFound);
}

async fn what_is_in_use_is_not_deleted(database: &Database) {
    store_subnet(database).await;
    write!(database.store, [], |tx| tx.insert_port(&port(1, "10.0.0.2")).await).unwrap();
    let fault = write!(database.store, [], |tx| tx.delete_network(id(800)).await);
    assert_eq!(fault.unwrap_err().code(), Code::NetworkInUse);
    let fault = write!(database.store, [], |tx| tx.delete_subnet(id(900)).await);
    assert_eq!(fault.unwrap_err().code(), Code::SubnetInUse);
    write!(database.store, [], |tx| {
        tx.delete_port(id(1)).await?;
        tx.delete_subnet(id(900)).await?;
        tx.delete_network(id(800)).await
    })
    .unwrap();
    for (fault, code) in [
        (write!(database.store, [], |tx| tx.delete_port(id(1)).await), Code::PortNotFound),
        (write!(database.store, [], |tx| tx.delete_subnet(id(900)).await), Code::SubnetNotFound),
        (write!(database.store, [], |tx| tx.delete_network(id(800)).await), Code::NetworkNotFound),
    ] {
        assert_eq!(fault.unwrap_err().code(), code);
    }
}

async fn an_address_is_taken_once(database: &Database) {
    store_subnet(database).await;
    write!(database.store, [], |tx| tx.insert_port(&port(1, "10.0.0.2")).await).unwrap();
    assert_eq!(read!(database.store, [], |tx| tx.port(id(1)).await).unwrap(), Some(port(1, "10.0.0.2")));
    let fault = write!(database.store, [], |tx| tx.insert_port(&port(2, "10.0.0.2")).await).unwrap_err();
    let address = "10.0.0.2".parse().unwrap();
    assert_eq!(fault.facts(), &Facts::InUse(InUse::Address { address, network_id: id(800) }));
    let mut elsewhere = port(3, "10.0.0.3");
    elsewhere.fixed_ips[0].subnet_id = id(901);
    let fault = write!(database.store, [elsewhere], |tx| tx.insert_port(&elsewhere).await).unwrap_err();
    assert_eq!(fault.code(), Code::SubnetNotFound);
    assert_eq!(read!(database.store, [], |tx| tx.ports_of_subnet(id(900)).await).unwrap(), [port(1, "10.0.0.2")]);
}

async fn a_held_address_is_taken_but_not_in_use(database: &Database) {
    store_subnet(database).await;
    let (taken, port_in_use, hold_in_use) = write!(database.store, [], |tx| {
        tx.insert_port(&port(1, "10.0.0.2")).await?;
        tx.insert_hold(&hold(2, "10.0.0.3", 1, 4)).await?;
        Ok((
            tx.addresses_taken(id(900)).await?,
            tx.address_in_use(id(900), address("10.0.0.2")).await?,
            tx.address_in_use(id(900), address("10.0.0.3")).await?,
        ))
    })
    .unwrap();
    assert_eq!(taken, [address("10.0.0.2"), address("10.0.0.3")].into());
    assert!(port_in_use && !hold_in_use);
    assert!(read!(database.store, [], |tx| tx.addresses_taken(id(901)).await).unwrap().is_empty());
}

async fn a_hold_stands_against_others_until_its_generation_is_confirmed(database: &Database) {
    let (four, five) = (hold(4, "10.0.0.2", 1, 4), hold(5, "10.0.0.2", 1, 5));
    let against = write!(database.store, [four, five], |tx| {
        tx.insert_hold(&four).await?;
        tx.insert_hold(&five).await?;
        assert_eq!(tx.holds_against(id(900), address("10.0.0.2"), id(1)).await?, []);
        assert_eq!(tx.holds_against(id(900), address("10.0.0.9"), id(2)).await?, []);
        tx.holds_against(id(900), address("10.0.0.2"), id(2)).await
    });
    assert_eq!(against.unwrap(), [four.clone(), five.clone()]);
    for (agent, generation, released) in
        [(500, 3, vec![]), (501, 9, vec![]), (500, 4, vec![four]), (500, u64::MAX, vec![five]), (500, 9, vec![])]
    {
        let done = write!(database.store, [], |tx| tx.release_holds(id(1), id(agent), generation.into()).await);
        assert_eq!(done.unwrap(), released, "{agent} {generation}");
    }
}

async fn who_waits_for_an_address_is_found(database: &Database) {
    let with_vip = |number: u128, at: &str| pool(number).add_vip(new_vip(number + 50, at)).unwrap();
    store_all(database, &[with_vip(1, "10.0.0.2"), with_vip(2, "10.0.0.3"), with_vip(3, "10.0.0.2"), pool(4)]).await;
    let waiting = read!(database.store, [], |tx| tx.waiting_for(id(900), address("10.0.0.2")).await);
    assert_eq!(waiting.unwrap(), [id(1), id(3)]);
    let elsewhere = read!(database.store, [], |tx| tx.waiting_for(id(901), address("10.0.0.2")).await);
    assert!(elsewhere.unwrap().is_empty());
}

async fn a_project_sees_its_own_networks_and_shared_ones(database: &Database) {
    write!(database.store, [], |tx| {
        for (number, project, shared) in [(801, "p", false), (802, "q", false), (803, "q", true)] {
            tx.insert_network(&network(number, project, shared)).await?;
            tx.insert_subnet(&subnet(number + 100, number, project, "10.0.0.0/24")).await?;
        }
        Ok(())
    })
    .unwrap();
    let scope = Some("p".to_owned());
    for (query, expected) in [
        (Query::default(), vec![801, 802, 803]),
        (Query { project_id: scope.clone(), ..Query::default() }, vec![801]),
        (Query { project_id: scope, include_shared: true, ..Query::default() }, vec![801, 803]),
    ] {
        let (networks, subnets) =
            read!(database.store, [query], |tx| Ok((tx.networks(&query).await?, tx.subnets(&query).await?))).unwrap();
        let expected: Vec<_> = expected.into_iter().map(id).collect();
        assert_eq!(networks.items.iter().map(|one| one.id).collect::<Vec<_>>(), expected);
        assert_eq!(subnets.items.iter().map(|one| one.network_id).collect::<Vec<_>>(), expected);
    }
}

on_each_backend![
    networks_and_subnets_come_back_as_they_were_stored,
    what_is_in_use_is_not_deleted,
    an_address_is_taken_once,
    a_held_address_is_taken_but_not_in_use,
    a_hold_stands_against_others_until_its_generation_is_confirmed,
    who_waits_for_an_address_is_found,
    a_project_sees_its_own_networks_and_shared_ones,
];
