//! Services for unit tests.

use std::net::SocketAddr;

use crate::desired::{Listener, Member, Method, Protocol, Service, Sources, State};

pub(crate) fn member(number: u8) -> Member {
    Member {
        id: format!("m{number}"),
        address: SocketAddr::from(([10, 0, 0, 10 + number], 80)),
        weight: 1,
        share: None,
        backup: false,
        state: State::Up,
    }
}

/// One listener of TCP with so many members.
pub(crate) fn service(members: u8) -> Service {
    let listener = Listener {
        id: "l".to_owned(),
        addresses: ["10.0.0.4".parse().unwrap()].into(),
        protocol: Protocol::Tcp,
        port: 80,
        method: Method::RoundRobin,
        persistence: None,
        limit: None,
        allowed: Vec::new(),
        idle: None,
        pool: "p".to_owned(),
        members: (1..=members).map(member).collect(),
    };
    Service {
        sources: Sources { v4: Some([10, 0, 0, 4].into()), v6: None },
        listeners: vec![listener],
        filters: Vec::new(),
    }
}
