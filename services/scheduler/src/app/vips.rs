//! v1's vips: the listener and the address of a load balancer.

use std::net::IpAddr;

use ballast_model::{
    fault::Fault,
    ids::{ListenerId, PoolId, PortId, SubnetId},
    listener::{Listener, NewVip, Protocol, Vip, VipChange},
    load_balancer::{LoadBalancer, vip_not_found},
    network::Subnetwork,
    pool::SessionPersistence,
    port::{FixedIp, LOAD_BALANCER, Port, no_address_left},
    quota::Resource,
    subnet::Subnet,
    view::v1::{self, MovingVip},
};
use ballast_store::{Claim, Hold, Placed, Tx};

use super::{
    App, Caller, Ready, Wake,
    foreign_ports::ForeignPort,
    load_pool,
    networks::{copy_subnetwork, visible_subnetwork},
    ports::{again_for_mac, free_address},
};
use crate::network::port_name;

/// A vip as a caller asks for it.
#[derive(Debug, Clone)]
pub struct WantedVip {
    pub id: ListenerId,
    pub port_id: PortId,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub subnet_id: SubnetId,
    /// Absent: allocated.
    pub address: Option<IpAddr>,
    pub protocol: Protocol,
    pub protocol_port: u16,
    pub pool_id: PoolId,
    pub session_persistence: Option<SessionPersistence>,
    pub connection_limit: i32,
    pub admin_state_up: bool,
}

impl App {
    /// Gives a pool its vip, with an address of the subnet.
    ///
    /// # Errors
    /// The rules of [`LoadBalancer::add_vip`], those of addresses, and
    /// [`Code::NoEligibleAgent`](ballast_model::fault::Code::NoEligibleAgent) where no agent can plug into its network.
    pub async fn create_vip(
        &self,
        caller: &Caller,
        wanted: WantedVip,
        claim: Option<&Claim>,
    ) -> Result<LoadBalancer, Fault> {
        let wanted = &wanted;
        let foreign = match self.network.subnetwork(wanted.subnet_id).await? {
            Some(subnetwork) => self.make_foreign_port(caller, wanted, subnetwork).await?,
            None => None,
        };
        let foreign = foreign.as_ref();
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                tx.claim(claim).await?;
                self.insert_vip(tx, caller, wanted, foreign).await
            })
        });
        let created = create.await;
        if created.is_err() && foreign.is_some() {
            self.give_up_port(wanted.id, wanted.subnet_id).await;
        }
        let (after, wakes, ready) = created?;
        match ready {
            Some(ready) => self.wakes.tell(ready),
            None => self.wake(wakes),
        }
        Ok(after)
    }

    async fn insert_vip(
        &self,
        tx: &Tx,
        caller: &Caller,
        wanted: &WantedVip,
        foreign: Option<&ForeignPort>,
    ) -> Result<(LoadBalancer, Vec<Wake>, Option<Ready>), Fault> {
        self.admit(tx, Resource::Listener, &wanted.project_id).await?;
        copy_subnetwork(tx, foreign.map(|foreign| &foreign.subnetwork)).await?;
        let before = load_pool(tx, caller, wanted.pool_id).await?;
        let subnetwork = visible_subnetwork(tx, caller, wanted.subnet_id).await?;
        before.load_balancer.check_vip(wanted.protocol, &wanted.project_id)?;
        check_wanted(caller, wanted, &subnetwork)?;
        let subnet = subnetwork.subnet;
        let vip = match foreign {
            Some(ForeignPort { port, .. }) => {
                tx.forget_stray_port(wanted.id).await?;
                Vip {
                    subnet_id: subnet.id,
                    network_id: subnet.network_id,
                    port_id: port.id,
                    address: port.address,
                    mac: port.mac,
                    additional: Vec::new(),
                }
            }
            None => {
                let address = free_address(tx, &subnet, wanted.address, &[]).await?;
                let address = address.ok_or_else(|| no_address_left(subnet.network_id))?;
                // Chosen anew when the work is run again: the one before may be what was in its way.
                let mac = self.new_mac();
                Vip {
                    subnet_id: subnet.id,
                    network_id: subnet.network_id,
                    port_id: wanted.port_id,
                    address,
                    mac,
                    additional: Vec::new(),
                }
            }
        };
        // An agent that has a session here is told at once: noting it now spares the write before that.
        let told = before.binding.as_ref().is_some_and(|binding| self.wakes.has_session(binding.agent_id));
        tx.insert_vip_port(&port_of(wanted, &subnet, &vip), told).await.map_err(again_for_mac)?;
        let after = before.load_balancer.clone().add_vip(NewVip {
            id: wanted.id,
            project_id: wanted.project_id.clone(),
            name: wanted.name.clone(),
            description: wanted.description.clone(),
            vip,
            protocol: wanted.protocol,
            protocol_port: wanted.protocol_port,
            session_persistence: wanted.session_persistence.clone(),
            connection_limit: wanted.connection_limit,
            admin_state_up: wanted.admin_state_up,
        })?;
        let (after, wakes) = self.save_with_vip(tx, &before, after).await?;
        // Where it has not left its agent.
        let binding = before.binding.as_ref().filter(|_| told && wakes.len() == 1);
        let ready = self.ready(tx, &after, binding).await?;
        Ok((after, wakes, ready))
    }

    /// The load balancer that has this vip.
    ///
    /// # Errors
    /// `VipNotFound`
    pub async fn vip(&self, caller: &Caller, id: ListenerId) -> Result<LoadBalancer, Fault> {
        let read = self.store.read(|tx, _| Box::pin(load_vip(tx, caller, id))).await;
        read.map(|placed| placed.load_balancer)
    }

    /// Changes a vip, or moves it to another pool.
    ///
    /// # Errors
    /// `VipNotFound`, `PoolNotFound`, and the rules of [`LoadBalancer::receive_vip`].
    pub async fn update_vip(
        &self,
        caller: &Caller,
        id: ListenerId,
        pool_id: Option<PoolId>,
        change: VipChange,
    ) -> Result<LoadBalancer, Fault> {
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load_vip(tx, caller, id).await?;
                let after = before.load_balancer.clone().update_vip(id, change.clone())?;
                match pool_id.filter(|pool_id| *pool_id != v1::pool_of(after.id)) {
                    Some(pool_id) => {
                        self.move_vip(tx, caller, VipMove { id, before: &before, changed: after, pool_id }).await
                    }
                    None => {
                        let wake = self.save(tx, &before, &after).await?;
                        Ok((after, wake.into_iter().collect()))
                    }
                }
            })
        });
        let (after, wakes) = update.await?;
        self.wake(wakes);
        Ok(after)
    }

    /// Removes a vip and its port. Its address stays reserved until the agent has confirmed that it is gone.
    ///
    /// # Errors
    /// `VipNotFound`
    pub async fn delete_vip(&self, caller: &Caller, id: ListenerId) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load_vip(tx, caller, id).await?;
                let (after, gone) = before.load_balancer.clone().remove_vip(id)?;
                self.hold(tx, &before, &after, &gone).await?;
                tx.delete_port(gone.vip.port_id).await?;
                self.leave_port(tx, id, &gone.vip).await?;
                self.save(tx, &before, &after).await
            })
        });
        self.wake(delete.await?);
        Ok(())
    }
}

async fn load_vip(tx: &Tx, caller: &Caller, id: ListenerId) -> Result<Placed, Fault> {
    let owner = tx.owner_of_listener(id).await?.ok_or_else(|| vip_not_found(id))?;
    let placed = tx.load_placed(owner).await?.ok_or_else(|| vip_not_found(id))?;
    let own = |listener: &Listener| listener.id == id && caller.sees(&listener.project_id);
    if !placed.load_balancer.listeners.iter().any(own) || !placed.load_balancer.is_of_v1() {
        return Err(vip_not_found(id));
    }
    placed.load_balancer.must_be_v1s()?;
    Ok(placed)
}

/// Who does not own a network gets what it offers.
pub(super) fn check_wanted(
    caller: &Caller,
    wanted: &WantedVip,
    Subnetwork { network, subnet }: &Subnetwork,
) -> Result<(), Fault> {
    match wanted.address {
        Some(address) if !caller.sees(&network.project_id) => subnet.check_offered(address),
        _ => Ok(()),
    }
}

/// Plugged in nowhere yet: an agent says when it is.
fn port_of(wanted: &WantedVip, subnet: &Subnet, vip: &Vip) -> Port {
    Port {
        id: vip.port_id,
        project_id: wanted.project_id.clone(),
        name: port_name(wanted.id),
        network_id: subnet.network_id,
        mac: vip.mac,
        fixed_ips: vec![FixedIp { subnet_id: subnet.id, address: vip.address }],
        device_owner: LOAD_BALANCER.to_owned(),
        device_id: String::new(),
        host: String::new(),
        admin_state_up: false,
    }
}

/// A vip on its way from one pool to another.
struct VipMove<'a> {
    id: ListenerId,
    /// The load balancer that has it.
    before: &'a Placed,
    /// The same, with what else changes.
    changed: LoadBalancer,
    /// Where it goes.
    pool_id: PoolId,
}

impl App {
    /// Reserves an address that the load balancer no longer has until its agent has confirmed that, if one was ever
    /// told of it.
    async fn hold(&self, tx: &Tx, before: &Placed, after: &LoadBalancer, gone: &MovingVip) -> Result<(), Fault> {
        let Some(binding) = &before.binding else { return Ok(()) };
        let vip = &gone.vip;
        if !tx.untold(&[vip.port_id]).await?.is_empty() {
            return Ok(());
        }
        tx.insert_hold(&Hold {
            id: self.new_id(),
            subnet_id: vip.subnet_id,
            address: vip.address,
            port_id: vip.port_id,
            load_balancer_id: after.id,
            agent_id: binding.agent_id,
            generation: after.generation,
            project_id: gone.listener.project_id.clone(),
        })
        .await
    }

    async fn move_vip(
        &self,
        tx: &Tx,
        caller: &Caller,
        moving: VipMove<'_>,
    ) -> Result<(LoadBalancer, Vec<Wake>), Fault> {
        let target = load_pool(tx, caller, moving.pool_id).await?;
        let (left, taken) = moving.changed.remove_vip(moving.id)?;
        self.hold(tx, moving.before, &left, &taken).await?;
        let wake = self.save(tx, moving.before, &left).await?;
        let received = target.load_balancer.clone().receive_vip(taken)?;
        let (received, mut wakes) = self.save_with_vip(tx, &target, received).await?;
        wakes.extend(wake);
        Ok((received, wakes))
    }
}
