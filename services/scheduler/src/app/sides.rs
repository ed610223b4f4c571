//! The two sides of load balancers with a standby: what each has of its own, how they come and how they go.
//!
//! A side has a port of its own for as long as it is on its agent: it gets it with its place and gives it back with it, and the
//! address stays reserved until its agent has confirmed that it is gone, as a vip's does. Where another service keeps the
//! ports, a spare one is made before the transaction, and one that was not needed is left over for the
//! [sweep](App::sweep_ports).

use std::{collections::HashMap, net::IpAddr};

use ballast_model::{
    counters::{Epoch, Generation, Term},
    fault::{Absence, Fault},
    ids::{AgentId, ListenerId, LoadBalancerId, PortId},
    listener::Vip,
    load_balancer::LoadBalancer,
    port::{FixedIp, LOAD_BALANCER, Port, no_address_left},
    side::{Ruling, Said, SideNumber},
};
use ballast_store::{Binding, Election, Hold, Phase, Side, Tx};

use super::{
    App,
    desired::{Beside, Secret},
    ports::again_for_mac,
};
use crate::network::{MadePort, WantedPort, port_key, port_name};

/// The length of an election's key, in numbers of eight bytes.
const KEY: usize = 4;

/// A port that another service has made for a side, before it is known whether it is needed.
#[derive(Debug, Clone)]
pub(super) struct Spare {
    key: ListenerId,
    port: MadePort,
    vip: Vip,
}

/// A side of an agent, as it is to be told.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) term: Term,
    side: Option<Side>,
}

impl Pair {
    /// Where it stands by.
    pub(super) fn standing_by(&self, binding: Option<&Binding>) -> Option<Binding> {
        self.side.as_ref().filter(|side| !side.is_active(binding)).map(Side::standing_by)
    }
}

/// The sides of a load balancer, of which one is the active one.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    pub(super) active: Side,
    pub(super) standby: Option<Side>,
    pub(super) term: Term,
}

impl Sides {
    pub(super) fn ruling(&self) -> Ruling {
        Ruling { active: self.active.number, term: self.term }
    }

    /// What both said last.
    pub(super) fn said(&self) -> [Option<Said>; 2] {
        [self.active.said, self.standby.as_ref().and_then(|side| side.said)]
    }

    pub(super) fn of(&self, epoch: Epoch, agent_id: AgentId) -> Option<&Side> {
        let both = [Some(&self.active), self.standby.as_ref()];
        both.into_iter().flatten().find(|side| side.epoch == epoch && side.agent_id == agent_id)
    }
}

/// The sides of a load balancer that has an active one.
pub(super) async fn sides_of(tx: &Tx, id: LoadBalancerId) -> Result<Option<Sides>, Fault> {
    let (sides, binding) = (tx.sides_of(id).await?, tx.binding(id).await?);
    let (active, standby): (Vec<Side>, Vec<Side>) = sides.into_iter().partition(|one| one.is_active(binding.as_ref()));
    let Some((active, election)) = active.into_iter().next().zip(tx.election(id).await?) else { return Ok(None) };
    Ok(Some(Sides { active, standby: standby.into_iter().next(), term: election.term }))
}

impl App {
    /// The sides of these load balancers that an agent has, and their terms.
    pub(super) async fn pairs(
        &self,
        tx: &Tx,
        ids: &[LoadBalancerId],
        agent_id: AgentId,
    ) -> Result<HashMap<LoadBalancerId, Pair>, Fault> {
        let mut pairs = HashMap::new();
        if ids.is_empty() {
            return Ok(pairs);
        }
        let (mut sides, terms) = (tx.sides(ids).await?, tx.terms_of(ids).await?);
        for id in ids {
            let sides = sides.remove(id).unwrap_or_default();
            let side = sides.into_iter().find(|side| side.agent_id == agent_id);
            let term = terms.get(id).copied().unwrap_or_default();
            pairs.insert(*id, Pair { term, side });
        }
        Ok(pairs)
    }

    /// What the agent of this binding is to be told of its side.
    pub(super) async fn beside(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        binding: &Binding,
    ) -> Result<Option<Beside>, Fault> {
        if !load_balancer.has_standby() {
            return Ok(None);
        }
        let sides = tx.sides_of(load_balancer.id).await?;
        let Some(election) = tx.election(load_balancer.id).await? else { return Ok(None) };
        let ports: Vec<PortId> = sides.iter().map(|side| side.port_id).collect();
        let mut ports: HashMap<PortId, Port> =
            tx.ports_among(&ports).await?.into_iter().map(|port| (port.id, port)).collect();
        let (own, peer): (Vec<Side>, Vec<Side>) = sides.into_iter().partition(|side| side.epoch == binding.epoch);
        let port = |side: Option<&Side>, ports: &mut HashMap<PortId, Port>| ports.remove(&side?.port_id);
        let peer = port(peer.first(), &mut ports);
        let Some(own) = own.first() else { return Ok(None) };
        let Some(port) = port(Some(own), &mut ports) else { return Ok(None) };
        let addresses = |port: Port| port.fixed_ips.into_iter().map(|one| one.address).collect::<Vec<IpAddr>>();
        Ok(Some(Beside {
            number: own.number,
            port,
            peer_addresses: peer.map(addresses).unwrap_or_default(),
            term: election.term,
            is_active: binding.phase == Phase::Bound,
            key: Secret(election.key),
        }))
    }

    /// Ports that another service makes for so many sides of a load balancer with a standby; none, where the store makes them.
    pub(super) async fn spare_ports(&self, load_balancer: &LoadBalancer, count: usize) -> Result<Vec<Spare>, Fault> {
        let mut spares = Vec::new();
        let Some(vip) = load_balancer.vip.as_ref().filter(|_| load_balancer.has_standby()) else { return Ok(spares) };
        if self.network.must_be_ours().is_ok() {
            return Ok(spares);
        }
        for _ in 0..count {
            let key: ListenerId = self.new_id();
            let wanted = WantedPort {
                vip_id: key,
                project_id: load_balancer.project_id.clone(),
                network_id: vip.network_id,
                subnet_id: vip.subnet_id,
                address: None,
                host: None,
                also: Some(vip.address),
            };
            match self.make_noted_port(&wanted).await {
                Ok(port) => spares.extend(port.map(|port| Spare { key, port, vip: vip.clone() })),
                Err(fault) => {
                    self.give_up_port(key, vip.subnet_id).await;
                    self.give_back_spares(&spares).await;
                    return Err(fault);
                }
            }
        }
        Ok(spares)
    }

    /// Those of them that no side has got are left over.
    pub(super) async fn give_back_spares(&self, spares: &[Spare]) {
        if spares.is_empty() {
            return;
        }
        let ids: Vec<PortId> = spares.iter().map(|spare| spare.port.id).collect();
        // Where that cannot be read, each has its note, which counts in a while.
        let Ok(used) = self.store.read(|tx, _| Box::pin(tx.ports_among(&ids))).await else { return };
        for spare in spares.iter().filter(|spare| used.iter().all(|port| port.id != spare.port.id)) {
            self.give_up_port(spare.key, spare.vip.subnet_id).await;
        }
    }

    /// The first term of a load balancer, or the next one.
    pub(super) async fn begin_term(&self, tx: &Tx, id: LoadBalancerId) -> Result<Term, Fault> {
        if let Some(election) = tx.election(id).await? {
            let said = tx.sides_of(id).await?.into_iter().filter_map(|side| side.said).map(|said| said.term);
            let term = said.fold(election.term, Term::max).next();
            tx.save_term(id, term).await?;
            return Ok(term);
        }
        let key = (0..KEY).flat_map(|_| self.chance.number().to_be_bytes()).collect();
        tx.insert_election(id, &Election { term: Term::FIRST, key }).await?;
        Ok(Term::FIRST)
    }

    /// Gives a placement its side, with a port of its own.
    pub(super) async fn add_side(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        (binding, number): (&Binding, SideNumber),
        spares: &[Spare],
    ) -> Result<Side, Fault> {
        let (key, port) = self.port_of_side(tx, load_balancer, spares).await?;
        let told = self.wakes.has_session(binding.agent_id);
        tx.insert_side_port(&port, told).await.map_err(again_for_mac)?;
        tx.forget_stray_port(key).await?;
        let side = Side {
            load_balancer_id: load_balancer.id,
            number,
            agent_id: binding.agent_id,
            driver: binding.driver.clone(),
            epoch: binding.epoch,
            port_id: port.id,
            generation: Generation::NONE,
            fault: String::new(),
            said: None,
        };
        tx.insert_side(&side, binding.phase == Phase::Standby).await?;
        Ok(side)
    }

    async fn port_of_side(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        spares: &[Spare],
    ) -> Result<(ListenerId, Port), Fault> {
        let gone = || Fault::internal(format!("load balancer {} has no vip", load_balancer.id));
        let vip = load_balancer.vip.as_ref().ok_or_else(gone)?;
        let mut fixed_ips = Vec::new();
        let (key, id, mac) = if self.network.must_be_ours().is_ok() {
            for one in vip.addresses() {
                let subnet = tx.subnet(one.subnet_id).await?.ok_or_else(gone)?;
                let address = tx.choose_address(&subnet, &[]).await?;
                let address = address.ok_or_else(|| no_address_left(subnet.network_id))?;
                fixed_ips.push(FixedIp { subnet_id: subnet.id, address });
            }
            (self.new_id(), self.new_id(), self.new_mac())
        } else {
            let ids: Vec<PortId> = spares.iter().map(|spare| spare.port.id).collect();
            let used = tx.ports_among(&ids).await?;
            let free = spares.iter().find(|spare| used.iter().all(|port| port.id != spare.port.id));
            let Spare { key, port, vip } = free.ok_or(Absence::NetworkService)?;
            fixed_ips.push(FixedIp { subnet_id: vip.subnet_id, address: port.address });
            (*key, port.id, port.mac)
        };
        let port = Port {
            id,
            project_id: load_balancer.project_id.clone(),
            name: port_name(key),
            network_id: vip.network_id,
            mac,
            fixed_ips,
            device_owner: LOAD_BALANCER.to_owned(),
            device_id: format!("lb-{}", load_balancer.id),
            host: String::new(),
            admin_state_up: false,
        };
        Ok((key, port))
    }

    /// Takes a side away, with its port. Its address stays reserved until its agent has confirmed that it is gone, if it was
    /// ever told of it.
    pub(super) async fn drop_side(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        side: &Side,
        stands_by: bool,
    ) -> Result<(), Fault> {
        tx.delete_side(side, stands_by).await?;
        let Some(port) = tx.port(side.port_id).await? else { return Ok(()) };
        if tx.untold(&[port.id]).await?.is_empty() {
            for one in &port.fixed_ips {
                tx.insert_hold(&Hold {
                    id: self.new_id(),
                    subnet_id: one.subnet_id,
                    address: one.address,
                    port_id: port.id,
                    load_balancer_id: load_balancer.id,
                    agent_id: side.agent_id,
                    generation: load_balancer.generation.next(),
                    // In nobody's quota.
                    project_id: String::new(),
                })
                .await?;
            }
        }
        tx.delete_port(port.id).await?;
        let key = port_key(&port.name);
        match (self.network.must_be_ours(), key, port.fixed_ips.first()) {
            (Err(_), Some(key), Some(one)) => {
                tx.note_stray_port(ListenerId::new(key), one.subnet_id, Some(one.address), self.now()).await
            }
            _ => Ok(()),
        }
    }
}
