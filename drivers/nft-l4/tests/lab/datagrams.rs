//! UDP.

use ballast_abi::{Listener, Pool, Protocol, SessionPersistence, Timeouts};
use ballast_l4::{flows, netlink::Netfilter};
use ballast_lab::wait_until;

use crate::{
    tools::{Serving, answers, ask, clients, counted, socket, within},
    world::{SOON, World, in_world, load_balancer},
};

fn datagrams(world: &World<'_>, count: usize) -> std::collections::BTreeMap<u8, usize> {
    counted((0..count).map(|_| ask(&socket(world, None))))
}

#[test]
fn udp_and_tcp_are_served_on_one_port_and_one_goes_without_the_other() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let alone = load_balancer(Protocol::Tcp);
        let mut both = alone.clone();
        let (id, protocol) = ("of-udp".to_owned(), Protocol::Udp.into());
        both.pools.push(Pool { id: id.clone(), protocol, ..alone.pools[0].clone() });
        both.listeners.push(Listener { id: id.clone(), protocol, default_pool_id: id, ..alone.listeners[0].clone() });
        world.deploy(&both, 1);
        assert_eq!((datagrams(&world, 10), answers(&world, 4)), ([(1, 5), (2, 5)].into(), [(1, 2), (2, 2)].into()));
        assert_eq!(world.statistics().total_connections, 14);
        let kept = socket(&world, None);
        let had = ask(&kept)?;
        both.pools[1].members[0].weight = 2;
        world.deploy(&both, 2);
        assert_eq!(ask(&kept)?, had);
        world.deploy(&alone, 3);
        assert!(ask(&kept).is_err());
        assert_eq!(answers(&world, 4), [(1, 2), (2, 2)].into());
        assert_eq!(world.statistics().total_connections, 19, "what was counted stays counted");
        Ok(())
    });
}

#[test]
fn clients_of_one_network_come_to_the_member_that_they_had() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let mut asked = load_balancer(Protocol::Udp);
        asked.pools[0].session_persistence = Some(SessionPersistence {
            r#type: ballast_abi::PersistenceType::SourceIp.into(),
            persistence_timeout: 100,
            persistence_granularity: "255.255.255.240".into(),
            ..SessionPersistence::default()
        });
        world.deploy(&asked, 1);
        let mut had = Vec::new();
        // Sixteen addresses are a client.
        for client in clients(&world, &[97, 98, 110, 113]) {
            let found = counted((0..4).map(|_| ask(&socket(&world, Some(client)))));
            assert_eq!(found.len(), 1, "{found:?}");
            had.extend(found.into_keys());
        }
        assert!(had[0] == had[1] && had[1] == had[2] && had[2] != had[3], "{had:?}");
        Ok(())
    });
}

/// The namespace's own time is half a minute and more: who forgets within seconds was told so.
#[test]
fn a_flow_is_forgotten_after_the_time_that_its_listener_asks_for() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let mut asked = load_balancer(Protocol::Udp);
        let timeouts =
            |client_data| Timeouts { client_data, member_data: 1_000, member_connect: 5_000, tcp_inspect: 0 };
        asked.listeners[0].timeouts = Some(timeouts(1_000));
        world.deploy(&asked, 1);
        let alive = || within(&world, || flows::active(&mut Netfilter::open().unwrap()).unwrap().len());
        ask(&socket(&world, None))?;
        wait_until(SOON, "the flow is forgotten", || (alive() == 0).then_some(()));
        asked.listeners[0].timeouts = Some(timeouts(60_000));
        world.deploy(&asked, 2);
        ask(&socket(&world, None))?;
        std::thread::sleep(std::time::Duration::from_secs(3));
        assert_eq!(alive(), 1, "the more patient side counts");
        assert_eq!(world.generation(), 2);
        Ok(())
    });
}
