//! What of the load balancers here the warden is to watch, and what it says of them.

use std::{net::IpAddr, path::Path};

use ballast_proto::{
    agent::{AddressConflict, Standing as Told, agent_message::Message},
    driver::{LoadBalancer, Protocol},
};

use super::{
    Workers,
    order::{Goal, Order},
    state::State,
};
use crate::warden::{
    Conflict, Key, Side, Standing, Watched,
    client::{Agent, Wanted},
};

impl Agent for Workers {
    fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        let registry = self.registry();
        for (id, worker) in &registry.workers {
            let state = worker.state();
            match state.goal() {
                Goal::Run(order) => {
                    let folder = self.0.on.drivers.driver(&order.driver).and_then(|driver| driver.namespaces());
                    let watched = folder.and_then(|folder| of(order, &folder, &state));
                    // A snapshot that does not name it and is not believed: who says that it is theirs is.
                    let leaving = registry.complete.is_some() && !state.is_spoken_of();
                    wanted.here.extend(watched.map(|watched| Watched { leaving, ..watched }));
                }
                Goal::Gone { .. } if !state.is_busy() => drop(wanted.leaving.insert(id.clone())),
                Goal::Gone { .. } => {}
            }
        }
        wanted
    }

    fn conflict(&self, conflict: &Conflict) {
        let Conflict { id, address, mac, withdrawn } = conflict;
        let epoch = match self.registry().workers.get(id).map(|worker| worker.state().goal().clone()) {
            Some(Goal::Run(order)) => order.epoch,
            Some(Goal::Gone { epochs, .. }) => epochs.last().copied().unwrap_or_default(),
            None => return,
        };
        self.0.on.uplink.send(Message::AddressConflict(AddressConflict {
            load_balancer_id: id.clone(),
            epoch,
            address: address.to_string(),
            mac: mac.map(|byte| format!("{byte:02x}")).join(":"),
            withdrawn: *withdrawn,
        }));
    }

    fn standing(&self, standing: &Standing) {
        let Standing { id, term, active, peer_heard } = standing;
        let Some(worker) = self.registry().workers.get(id).cloned() else { return };
        let mut state = worker.state();
        let Goal::Run(order) = state.goal() else { return };
        let epoch = order.epoch;
        if state.hears_of(*term) {
            // The ledger is to have it.
            worker.wake();
        }
        drop(state);
        let (load_balancer_id, term, active, peer_heard) = (id.clone(), *term, *active, *peer_heard);
        self.0.on.uplink.send(Message::Standing(Told { load_balancer_id, epoch, term, active, peer_heard }));
    }

    fn session(&self) -> u64 {
        self.0.on.uplink.number()
    }
}

/// `None`: it answers nowhere.
fn of(order: &Order, folder: &Path, state: &State) -> Option<Watched> {
    let load_balancer = &order.load_balancer;
    let vip = load_balancer.vip.as_ref()?;
    let of_side = load_balancer.side.as_ref();
    let mac = mac(of_side.map_or(&vip.mac, |side| &side.mac))?;
    let all = std::iter::once(vip).chain(&load_balancer.additional_vips);
    let vips: Vec<IpAddr> = all.filter_map(|vip| vip.address.parse().ok()).collect();
    let addresses = match of_side {
        Some(side) => side.addresses.iter().filter_map(|address| address.parse().ok()).collect(),
        None => vips.clone(),
    };
    let namespace = folder.join(format!("qlbaas-{}", order.id()));
    let (id, contested, side) = (order.id().to_owned(), state.is_contested(), side(load_balancer, state, vips));
    let watched = Watched { id, namespace, mac, addresses, leaving: false, contested, side };
    (!watched.addresses.is_empty()).then_some(watched)
}

/// `None`: it is alone, or nobody has said which of the two is to answer.
fn side(load_balancer: &LoadBalancer, state: &State, vips: Vec<IpAddr>) -> Option<Side> {
    let (side, election) = (load_balancer.side.as_ref()?, state.election()?);
    let peers: Vec<IpAddr> = side.peer_addresses.iter().filter_map(|address| address.parse().ok()).collect();
    let sound = matches!(side.number, 1 | 2) && (peers.is_empty() || peers.len() == vips.len());
    Some(Side {
        number: u8::try_from(side.number).ok().filter(|_| sound)?,
        vips,
        peers,
        key: Key::read(&election.key)?,
        ready: state.settled().is_some(),
        term: state.term(),
        ordered: (election.term, election.active),
        ports: ports(load_balancer),
    })
}

/// At which somebody may listen. Of others nobody does, whoever serves them.
fn ports(load_balancer: &LoadBalancer) -> Vec<u16> {
    let datagrams = [Protocol::Udp, Protocol::Sctp];
    let up = load_balancer.listeners.iter().filter(|one| one.admin_state_up && !datagrams.contains(&one.protocol()));
    up.filter_map(|one| u16::try_from(one.protocol_port).ok()).collect()
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

#[cfg(test)]
mod tests {
    use ballast_proto::{
        agent::{Desired, Election},
        driver::{Side as Asked, Vip},
    };

    use super::*;

    #[test]
    fn what_has_an_address_is_watched_with_all_of_them_and_what_is_damaged_is_not() {
        let vip = |address: &str, mac: &str| Vip { address: address.into(), mac: mac.into(), ..Vip::default() };
        let order = |vips: Vec<Vip>| {
            let mut vips = vips.into_iter();
            let load_balancer = LoadBalancer {
                id: "a".into(),
                vip: vips.next(),
                additional_vips: vips.collect(),
                ..LoadBalancer::default()
            };
            Order::read("c", Desired { load_balancer: Some(load_balancer), ..Desired::default() }).unwrap()
        };
        let folder = Path::new("/run/netns");
        let of = |order: &Order, folder: &Path, contested| {
            let mut state = State::new("a", Goal::Run(std::sync::Arc::new(order.clone())));
            state.spoken_of(contested);
            super::of(order, folder, &state)
        };
        let both = of(&order(vec![vip("10.0.0.4", "fa:16:3e:00:00:04"), vip("fd00::4", "")]), folder, true).unwrap();
        assert_eq!(both.namespace, Path::new("/run/netns/qlbaas-a"));
        assert_eq!((both.mac, both.addresses.len(), both.contested), ([0xfa, 0x16, 0x3e, 0, 0, 4], 2, true));
        assert_eq!(of(&order(Vec::new()), folder, false), None);
        for mac in ["", "fa:16:3e:00:00", "fa:16:3e:00:00:04:05", "xx:16:3e:00:00:04"] {
            assert_eq!(of(&order(vec![vip("10.0.0.4", mac)]), folder, false), None, "{mac}");
        }
    }

    #[test]
    fn of_two_sides_its_own_addresses_are_watched_and_the_vips_come_and_go() {
        let asked = Asked {
            number: 2,
            port_id: "p".into(),
            mac: "fa:16:3e:00:00:22".into(),
            addresses: vec!["10.0.0.22".into()],
            peer_addresses: vec!["10.0.0.21".into()],
        };
        let vip = Vip { address: "10.0.0.4".into(), mac: "fa:16:3e:00:00:04".into(), ..Vip::default() };
        let load_balancer =
            LoadBalancer { id: "a".into(), vip: Some(vip), side: Some(asked), ..LoadBalancer::default() };
        let order = Order::read("c", Desired { load_balancer: Some(load_balancer), ..Desired::default() }).unwrap();
        let mut state = State::new("a", Goal::Run(std::sync::Arc::new(order.clone())));
        let folder = Path::new("/run/netns");
        let watched = super::of(&order, folder, &state).unwrap();
        assert_eq!((watched.mac[5], watched.side), (0x22, None), "nobody has said who is to answer");
        assert_eq!(watched.addresses, ["10.0.0.22".parse::<IpAddr>().unwrap()]);
        let election = |term, active, key: &[u8]| Some(Election { term, active, key: key.to_vec() });
        state.elect(election(3, true, &[1; 32]));
        state.elect(election(2, false, &[1; 32]));
        assert!(state.hears_of(7) && !state.hears_of(7) && !state.hears_of(6));
        let side = super::of(&order, folder, &state).unwrap().side.unwrap();
        assert_eq!((side.number, side.ordered, side.term, side.ready), (2, (3, true), 7, false));
        assert_eq!(side.vips, ["10.0.0.4".parse::<IpAddr>().unwrap()]);
        state.elect(election(4, true, &[1; 31]));
        assert_eq!(super::of(&order, folder, &state).unwrap().side, None, "that is no key");
        let entry = state.to_entry();
        assert_eq!((entry.term, entry.desired.as_ref().unwrap().election.as_ref().unwrap().term), (7, 4));
        let again = State::from_entry(entry).unwrap();
        assert_eq!((again.term(), again.election().unwrap().term), (7, 4));
    }
}
