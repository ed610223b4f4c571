//! The lab of the demo: who is there, and at which address.
//!
//! ```text
//!   client 10.0.0.5   web-1 .11   web-2 .12        web-3 10.0.1.13
//!        │               │           │                  │
//!   ═════╧══════╤════════╧═══════════╧═══╤══       ═════╧════╤═════╤═══
//!    front      │                        └── router ─────────┘     │  back
//!    10.0.0.0/24└──── agent: br-front, br-back ────────────────────┘  10.0.1.0/24
//! ```
//!
//! VIPs are on either segment, in the namespaces that an agent makes behind its bridges. The agent's host has no
//! address: it reaches the scheduler by its Unix socket.

use std::{net::SocketAddr, path::Path};

use ballast_lab::{Host, Lab, LabError, Segment, WebServer};

use crate::error::DemoError;

/// A segment as Ballast sees it: a network with a subnet, and the agents' bridge to it.
pub(crate) struct Net {
    pub(crate) network: &'static str,
    pub(crate) subnet: &'static str,
    /// The physical network's name, also the segment's.
    pub(crate) physical: &'static str,
    pub(crate) bridge: &'static str,
    pub(crate) cidr: &'static str,
    pub(crate) gateway: &'static str,
    /// First and last address for VIPs.
    pub(crate) pool: (&'static str, &'static str),
}

/// For VIPs, the client and two members.
pub(crate) const FRONT: Net = Net {
    network: "demo-net",
    subnet: "demo-subnet",
    physical: "front",
    bridge: "br-front",
    cidr: "10.0.0.0/24",
    gateway: "10.0.0.1",
    pool: ("10.0.0.100", "10.0.0.199"),
};

/// Behind the router: one member.
pub(crate) const BACK: Net = Net {
    network: "demo-back-net",
    subnet: "demo-back-subnet",
    physical: "back",
    bridge: "br-back",
    cidr: "10.0.1.0/24",
    gateway: "10.0.1.1",
    pool: ("10.0.1.100", "10.0.1.199"),
};

/// The client's address, which members see as `X-Forwarded-For`.
pub(crate) const CLIENT: &str = "10.0.0.5";

/// A web server.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) address: &'static str,
    net: &'static Net,
}

impl Member {
    pub(crate) fn is_behind_router(&self) -> bool {
        self.net.physical == BACK.physical
    }
}

/// The port of all members, and of the VIP.
pub(crate) const PORT: u16 = 80;

pub(crate) const MEMBERS: [Member; 3] = [
    Member { name: "web-1", address: "10.0.0.11", net: &FRONT },
    Member { name: "web-2", address: "10.0.0.12", net: &FRONT },
    Member { name: "web-3", address: "10.0.1.13", net: &BACK },
];

/// The lab with everything that is no service of Ballast. Dropping it ends all processes in it.
pub(crate) struct Topology {
    pub(crate) client: Host,
    pub(crate) agents: Vec<Host>,
    // Before the lab, which would have to wait for them.
    _web_servers: Vec<WebServer>,
    _lab: Lab,
}

impl Topology {
    pub(crate) fn make(folder: &Path, state_file: &Path, agents: u8) -> Result<Self, DemoError> {
        let lab = Lab::detached_in(folder, Some(state_file))?;
        let front = lab.segment(FRONT.physical)?;
        let back = lab.segment(BACK.physical)?;
        let router = lab.router("router")?;
        router.plug(&front, "eth0", &in_net(FRONT.gateway))?;
        router.plug(&back, "eth1", &in_net(BACK.gateway))?;
        let client = plugged(&lab, "client", CLIENT, &front, &FRONT)?;
        let mut web_servers = Vec::new();
        for member in &MEMBERS {
            let segment = if member.is_behind_router() { &back } else { &front };
            let host = plugged(&lab, member.name, member.address, segment, member.net)?;
            let address = SocketAddr::new(
                member.address.parse().map_err(DemoError::when::<std::net::AddrParseError>(member.address))?,
                PORT,
            );
            web_servers.push(host.web_server(member.name, address)?);
        }
        let agents = (1..=agents).map(|number| agent(&lab, number, &front, &back)).collect::<Result<_, _>>()?;
        Ok(Self { client, agents, _web_servers: web_servers, _lab: lab })
    }
}

fn plugged(lab: &Lab, name: &str, address: &str, segment: &Segment, net: &Net) -> Result<Host, LabError> {
    let host = lab.host(name)?;
    host.plug(segment, "eth0", &in_net(address))?;
    host.default_route(net.gateway)?;
    Ok(host)
}

fn agent(lab: &Lab, number: u8, front: &Segment, back: &Segment) -> Result<Host, LabError> {
    let host = if number == 1 { lab.host("agent")? } else { lab.host(&format!("agent-{number}"))? };
    for (bridge, segment, link) in [(FRONT.bridge, front, "eth0"), (BACK.bridge, back, "eth1")] {
        host.bridge(bridge)?;
        host.uplink(bridge, segment, link)?;
    }
    Ok(host)
}

/// Both segments have /24.
fn in_net(address: &str) -> String {
    format!("{address}/24")
}
