//! The sides of a load balancer, as operators see them.

use ballast_model::{agent::Agent, counters::Generation, port::Port, side::Said};
use ballast_proto::v2::{LoadBalancerSide, LoadBalancerSides};

use crate::app::{ShownSide, ShownSides};

pub(super) fn encode(shown: &ShownSides) -> LoadBalancerSides {
    LoadBalancerSides {
        topology: shown.topology.as_str().to_owned(),
        term: shown.term.number(),
        sides: shown.sides.iter().map(one).collect(),
    }
}

fn one(ShownSide { active, agent_id, agent, side, port }: &ShownSide) -> LoadBalancerSide {
    let said = side.as_ref().and_then(|side| side.said);
    let of_agent = |text: fn(&Agent) -> &str| agent.as_ref().map(text).unwrap_or_default().to_owned();
    let addresses = |port: &Port| port.fixed_ips.iter().map(|one| one.address.to_string()).collect();
    LoadBalancerSide {
        number: side.as_ref().map_or(0, |side| side.number.number().into()),
        active: *active,
        agent_id: agent_id.to_string(),
        host: of_agent(|agent| &agent.host),
        zone: of_agent(|agent| &agent.zone),
        port_id: side.as_ref().map(|side| side.port_id.to_string()).unwrap_or_default(),
        addresses: port.as_ref().map(addresses).unwrap_or_default(),
        deployed: side.as_ref().is_some_and(|side| side.generation > Generation::NONE),
        fault: side.as_ref().map(|side| side.fault.clone()).unwrap_or_default(),
        said_term: said.map_or(0, |said: Said| said.term.number()),
        answers: said.is_some_and(|said| said.active),
        peer_heard: said.is_some_and(|said| said.peer_heard),
    }
}
