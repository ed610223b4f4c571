//! What a namespace is to balance: types of this crate's own, in which what cannot be has no place. Pure.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Everything that is balanced in one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    pub sources: Sources,
    pub listeners: Vec<Listener>,
    pub filters: Vec<Filter>,
}

/// Who may open connections of TCP to a port that somebody in the namespace listens on, at any of its addresses. It
/// looks at the packets that open one: who is connected stays so, and the kernel follows no flow for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filter {
    /// Each port has one: the first counts.
    pub port: u16,
    /// Whose clients are let in; empty: nobody's. What others send is dropped.
    pub allowed: Vec<IpNet>,
}

/// The addresses that members see as their client's. Without one, members would answer clients past the balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sources {
    pub v4: Option<Ipv4Addr>,
    pub v6: Option<Ipv6Addr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub id: String,
    /// A client of one IP version gets members of that version only. Where another listener had an address, protocol and
    /// port before, it keeps it.
    pub addresses: BTreeSet<IpAddr>,
    pub protocol: Protocol,
    pub port: u16,
    pub method: Method,
    pub persistence: Option<Persistence>,
    /// `None`: as many connections as come.
    pub limit: Option<Limit>,
    /// Whose clients are let in; empty: everybody's.
    pub allowed: Vec<IpNet>,
    /// Seconds after which a flow without packets is forgotten; `None`: the namespace's. With another time, flows that are
    /// there already have the namespace's from then on.
    pub idle: Option<u32>,
    /// By whose id its members are counted together with those of other listeners. Nothing else goes by it.
    pub pool: String,
    pub members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// As IP has it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }
}

/// How a member is chosen for a new flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Method {
    RoundRobin,
    /// In turn as well, by shares that [`crate::shares`] makes of how many flows each member has. The kernel has no minimum.
    LeastConnections,
    SourceIp,
    SourceIpPort,
}

/// A client comes to the member that it had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Persistence {
    /// Since its last new flow.
    pub seconds: u32,
    /// How many bits of an address make a client.
    pub prefix4: u8,
    pub prefix6: u8,
}

/// How many connections there may be. What is more is refused. With another limit counting begins anew: who is there already
/// is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    pub most: u32,
    /// Somebody has counted `most` connections. It matters beyond [`Limit::EXACT`] only, where nobody else counts.
    pub full: bool,
}

impl Limit {
    /// Up to here the kernel counts for each new flow; beyond, its list takes milliseconds to walk.
    pub const EXACT: u32 = 2_000;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: String,
    pub address: SocketAddr,
    /// 0 to 256; 0: no new flows.
    pub weight: u16,
    /// With [`Method::LeastConnections`]: the weight that it has now, of any size; `None`: `weight`.
    pub share: Option<u32>,
    /// Served only while no other member is.
    pub backup: bool,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Up,
    /// It gets no new flows, and those that it has are ended.
    Down,
    /// It gets no new flows, and keeps those that it has.
    Draining,
}

impl Member {
    /// Whether it may get new flows.
    fn is_able(&self) -> bool {
        self.state == State::Up && self.weight > 0
    }

    fn weight_by(&self, method: Method) -> u32 {
        match method {
            Method::LeastConnections => self.share.unwrap_or(self.weight.into()).max(1),
            Method::RoundRobin | Method::SourceIp | Method::SourceIpPort => self.weight.into(),
        }
    }
}

impl Listener {
    /// The weight with which each member gets new flows now, in their order: primaries, or where none is able to, backups;
    /// for each IP version apart.
    #[must_use]
    pub fn weights(&self) -> Vec<u32> {
        let any_primary = |v6: bool| {
            self.members.iter().any(|member| member.is_able() && !member.backup && member.address.is_ipv6() == v6)
        };
        let primaries = [any_primary(false), any_primary(true)];
        let weight = |member: &Member| {
            let served = member.backup != primaries[usize::from(member.address.is_ipv6())];
            if member.is_able() && served { member.weight_by(self.method) } else { 0 }
        };
        self.members.iter().map(weight).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: u8, backup: bool, state: State) -> Member {
        let address = SocketAddr::from(([10, 0, 0, number], 80));
        Member { id: number.to_string(), address, weight: 2, share: None, backup, state }
    }

    fn weights(members: Vec<Member>) -> Vec<u32> {
        let listener = Listener {
            id: "l".to_owned(),
            addresses: BTreeSet::new(),
            protocol: Protocol::Tcp,
            port: 80,
            method: Method::RoundRobin,
            persistence: None,
            limit: None,
            allowed: Vec::new(),
            idle: None,
            pool: "p".to_owned(),
            members,
        };
        listener.weights()
    }

    #[test]
    fn backups_are_served_while_no_primary_of_their_ip_version_is() {
        let primary = member(1, false, State::Up);
        let backup = member(2, true, State::Up);
        assert_eq!(weights(vec![primary.clone(), backup.clone()]), [2, 0]);
        assert_eq!(weights(vec![member(1, false, State::Down), backup.clone()]), [0, 2]);
        assert_eq!(weights(vec![Member { weight: 0, ..primary.clone() }, backup.clone()]), [0, 2]);
        let six = Member { address: "[fd00::1]:80".parse().unwrap(), ..primary };
        assert_eq!(weights(vec![six, backup]), [2, 2]);
        assert_eq!(weights(vec![member(1, false, State::Draining), member(2, true, State::Down)]), [0, 0]);
    }
}
