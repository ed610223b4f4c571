//! Services that may be asked for. Few values, so that two of them have much in common.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use proptest::prelude::*;

use crate::desired::{Filter, Limit, Listener, Member, Method, Persistence, Protocol, Service, Sources, State};

pub(super) fn services() -> impl Strategy<Value = Service> {
    let sources = (any::<bool>(), any::<bool>()).prop_map(|(v4, v6)| Sources {
        v4: v4.then_some([10, 0, 0, 4].into()),
        v6: v6.then_some([0xfd00, 0, 0, 0, 0, 0, 0, 4].into()),
    });
    let listeners = prop::collection::btree_map(0_u8..4, listeners(), 0..4);
    let filter = (80_u16..83, allowed()).prop_map(|(port, allowed)| Filter { port, allowed });
    let filters = prop::collection::vec(filter, 0..3);
    (sources, listeners, filters).prop_map(|(sources, listeners, filters)| {
        let named = |(number, listener): (u8, Listener)| Listener { id: format!("l{number}"), ..listener };
        Service { sources, listeners: listeners.into_iter().map(named).collect(), filters }
    })
}

fn listeners() -> impl Strategy<Value = Listener> {
    let addresses = prop::collection::btree_set(
        prop::sample::select(vec!["10.0.0.4", "10.0.0.5", "fd00::4"]).prop_map(|address| address.parse().unwrap()),
        0..3,
    );
    let protocol = prop::sample::select(vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp]);
    let port = 80_u16..82;
    let rest = (persistences(), limits(), allowed(), prop::option::of(30_u32..32));
    let members = prop::collection::btree_map(0_u8..6, members(), 0..6);
    (addresses, protocol, port, methods(), rest, members).prop_map(
        |(addresses, protocol, port, method, (persistence, limit, allowed, idle), members)| {
            let named = |(number, member): (u8, Member)| Member { id: format!("m{number}"), ..member };
            let members = members.into_iter().map(named).collect();
            let id = String::new();
            let pool = "p".to_owned();
            Listener { id, addresses, protocol, port, method, persistence, limit, allowed, idle, pool, members }
        },
    )
}

fn methods() -> impl Strategy<Value = Method> {
    prop_oneof![
        3 => Just(Method::RoundRobin),
        1 => Just(Method::LeastConnections),
        1 => Just(Method::SourceIp),
        1 => Just(Method::SourceIpPort),
    ]
}

fn persistences() -> impl Strategy<Value = Option<Persistence>> {
    let prefix4 = prop::sample::select(vec![24_u8, 32]);
    prop::option::of((60_u32..62, prefix4).prop_map(|(seconds, prefix4)| Persistence { seconds, prefix4, prefix6: 64 }))
}

fn limits() -> impl Strategy<Value = Option<Limit>> {
    let most = prop::sample::select(vec![0_u32, 10, 5_000]);
    prop::option::of((most, any::<bool>()).prop_map(|(most, full)| Limit { most, full }))
}

fn allowed() -> impl Strategy<Value = Vec<IpNet>> {
    let networks = vec!["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/25", "192.0.2.128/25", "fd00::/64", "0.0.0.0/0"];
    prop::collection::vec(prop::sample::select(networks).prop_map(|network| network.parse().unwrap()), 0..4)
}

fn members() -> impl Strategy<Value = Member> {
    let address = prop_oneof![
        3 => (11_u8..14).prop_map(|last| IpAddr::from([10, 0, 0, last])),
        1 => (11_u16..13).prop_map(|last| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, last])),
    ];
    let weight = prop::sample::select(vec![0_u16, 1, 1, 2, 256]);
    let share = prop::option::of(1_u32..100);
    let state = prop::sample::select(vec![State::Up, State::Up, State::Down, State::Draining]);
    (address, 80_u16..82, weight, share, any::<bool>(), state).prop_map(
        |(address, port, weight, share, backup, state)| {
            let address = SocketAddr::new(address, port);
            Member { id: String::new(), address, weight, share, backup, state }
        },
    )
}
