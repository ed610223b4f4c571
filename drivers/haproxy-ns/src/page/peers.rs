//! Of two sides each has the stick tables of the other: who is remembered stays so at whichever of them answers.

use std::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::validate::Validated;

/// Where a side listens for the other one's tables, of TCP and at its own address. No listener of haproxy has that port there.
pub(crate) const PEERS: u16 = 1025;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peers {
    /// This side. Its next process gets the tables by the same way.
    pub(crate) local: Peer,
    /// `None`: it is nowhere yet.
    pub(crate) other: Option<Peer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) at: SocketAddr,
}

impl Peers {
    /// `None`: it is alone.
    pub(super) fn of(validated: &Validated) -> Option<Self> {
        let side = validated.vip.as_ref()?.side.as_ref()?;
        let peer = |number: u8, address| Peer {
            name: format!("{}.{number}", validated.id.as_str()),
            at: SocketAddr::new(address, PEERS),
        };
        Some(Self {
            local: peer(side.number, side.nets.first()?.addr()),
            other: side.peers.first().map(|address| peer(3 - side.number, *address)),
        })
    }

    /// Whom the kernel lets in: nobody else is to say who is remembered.
    pub(crate) fn allowed(&self) -> Vec<IpNet> {
        [&self.local].into_iter().chain(&self.other).map(|peer| IpNet::from(peer.at.ip())).collect()
    }
}
