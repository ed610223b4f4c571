//! What of the load balancers here the warden is to watch, and what it says of them.

use std::{net::IpAddr, path::Path};

use ballast_proto::agent::{AddressConflict, agent_message::Message};

use super::{
    Workers,
    order::{Goal, Order},
};
use crate::warden::{
    Conflict, Watched,
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
                    let watched = folder.and_then(|folder| of(order, &folder, state.is_contested()));
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

    fn session(&self) -> u64 {
        self.0.on.uplink.number()
    }
}

/// `None`: it answers nowhere.
fn of(order: &Order, folder: &Path, contested: bool) -> Option<Watched> {
    let load_balancer = Some(&order.load_balancer).filter(|one| !one.silent)?;
    let vip = load_balancer.vip.as_ref()?;
    let mut mac = [0; 6];
    let mut parts = vip.mac.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    let all = std::iter::once(vip).chain(&load_balancer.additional_vips);
    let addresses: Vec<IpAddr> = all.filter_map(|vip| vip.address.parse().ok()).collect();
    let namespace = folder.join(format!("qlbaas-{}", order.id()));
    let watched = Watched { id: order.id().to_owned(), namespace, mac, addresses, leaving: false, contested };
    (!watched.addresses.is_empty() && parts.next().is_none()).then_some(watched)
}

#[cfg(test)]
mod tests {
    use ballast_proto::{
        agent::Desired,
        driver::{LoadBalancer, Vip},
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
        let both = of(&order(vec![vip("10.0.0.4", "fa:16:3e:00:00:04"), vip("fd00::4", "")]), folder, true).unwrap();
        assert_eq!(both.namespace, Path::new("/run/netns/qlbaas-a"));
        assert_eq!((both.mac, both.addresses.len(), both.contested), ([0xfa, 0x16, 0x3e, 0, 0, 4], 2, true));
        assert_eq!(of(&order(Vec::new()), folder, false), None);
        for mac in ["", "fa:16:3e:00:00", "fa:16:3e:00:00:04:05", "xx:16:3e:00:00:04"] {
            assert_eq!(of(&order(vec![vip("10.0.0.4", mac)]), folder, false), None, "{mac}");
        }
    }
}
