//! Ports: addresses that users take for what is theirs, and those of vips, which they see.

use std::net::IpAddr;

use ballast_model::{
    fault::{Clash, Code, Fault},
    ids::{NetworkId, PortId},
    listener::Mac,
    port::{
        FixedIp, Port, PortChange, Slot, WantedIp, address_in_use, is_a_vips, kept, no_address_left, port_not_found,
        slots,
    },
    quota::Resource,
    subnet::Subnet,
};
use ballast_store::{Page, Query, Tx};

use super::{App, Caller, networks::visible_network};

/// A port as a caller asks for it.
#[derive(Debug, Clone)]
pub struct NewPort {
    pub id: PortId,
    pub project_id: String,
    pub name: String,
    pub network_id: NetworkId,
    /// Absent: one of each IP version that the network has.
    pub fixed_ips: Option<Vec<WantedIp>>,
    /// Absent: chosen.
    pub mac: Option<Mac>,
    pub device_id: String,
    pub device_owner: String,
    pub host: String,
    pub admin_state_up: bool,
}

impl App {
    /// Makes a port and takes its addresses.
    ///
    /// # Errors
    /// [`Code::NetworkNotFound`], [`Code::OverQuota`], the rules of [`slots`], and what others have taken.
    pub async fn create_port(&self, caller: &Caller, new: NewPort) -> Result<Port, Fault> {
        self.network.must_be_ours()?;
        let new = &new;
        let create = self.store.write(|tx, _| Box::pin(self.insert_port(tx, caller, new)));
        create.await
    }

    async fn insert_port(&self, tx: &Tx, caller: &Caller, new: &NewPort) -> Result<Port, Fault> {
        self.admit(tx, Resource::Port, &new.project_id).await?;
        let network = visible_network(tx, caller, new.network_id).await?;
        if !caller.sees(&network.project_id) && (new.fixed_ips.is_some() || new.mac.is_some()) {
            caller.must_be_admin("create_port")?;
        }
        let subnets = tx.subnets_of(new.network_id).await?;
        let slots = slots(new.network_id, &subnets, new.fixed_ips.as_deref())?;
        let port = Port {
            id: new.id,
            project_id: new.project_id.clone(),
            name: new.name.clone(),
            network_id: new.network_id,
            // Chosen anew when the work is run again: the one before may be what was in its way.
            mac: new.mac.unwrap_or_else(|| self.new_mac()),
            fixed_ips: fill(tx, new.network_id, &slots).await?,
            device_owner: new.device_owner.clone(),
            device_id: new.device_id.clone(),
            host: new.host.clone(),
            admin_state_up: new.admin_state_up,
        };
        let chosen = new.mac.is_none();
        tx.insert_port(&port).await.map_err(|fault| if chosen { again_for_mac(fault) } else { fault })?;
        Ok(port)
    }

    /// The port of this id.
    ///
    /// # Errors
    /// [`Code::PortNotFound`]
    pub async fn port(&self, caller: &Caller, id: PortId) -> Result<Port, Fault> {
        self.store.read(|tx, _| Box::pin(load_port(tx, caller, id))).await
    }

    /// Ports.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn ports(&self, query: Query) -> Result<Page<Port>, Fault> {
        self.store.read_list(&query, |tx, _| Box::pin(tx.ports(&query))).await
    }

    /// Changes a port. A vip's keeps what the vip needs of it.
    ///
    /// # Errors
    /// [`Code::PortNotFound`], [`Code::ServicePortInUse`], and as [`Self::create_port`].
    pub async fn update_port(&self, caller: &Caller, id: PortId, change: PortChange) -> Result<Port, Fault> {
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load_port(tx, caller, id).await?;
                if change.is_of_the_device() {
                    if tx.is_vip_port(id).await? {
                        return Err(is_a_vips(id));
                    }
                    self.network.must_be_ours()?;
                }
                let after = changed(tx, caller, &before, change.clone()).await?;
                tx.save_port(&before, &after).await?;
                Ok(after)
            })
        });
        update.await
    }

    /// Removes a port that is no vip's.
    ///
    /// # Errors
    /// [`Code::PortNotFound`], [`Code::ServicePortInUse`]
    pub async fn delete_port(&self, caller: &Caller, id: PortId) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                load_port(tx, caller, id).await?;
                if tx.is_vip_port(id).await? {
                    return Err(is_a_vips(id));
                }
                tx.delete_port(id).await
            })
        });
        delete.await
    }
}

async fn load_port(tx: &Tx, caller: &Caller, id: PortId) -> Result<Port, Fault> {
    let port = tx.shown_port(id).await?.filter(|port| caller.sees(&port.project_id));
    port.ok_or_else(|| port_not_found(id))
}

async fn changed(tx: &Tx, caller: &Caller, before: &Port, change: PortChange) -> Result<Port, Fault> {
    let mut after = before.clone();
    if change.mac.is_some() {
        caller.must_be_admin("update_port")?;
    }
    after.name = change.name.unwrap_or(after.name);
    after.admin_state_up = change.admin_state_up.unwrap_or(after.admin_state_up);
    after.device_id = change.device_id.unwrap_or(after.device_id);
    after.device_owner = change.device_owner.unwrap_or(after.device_owner);
    after.mac = change.mac.unwrap_or(after.mac);
    if let Some(wanted) = &change.fixed_ips {
        let network = visible_network(tx, caller, before.network_id).await?;
        if !caller.sees(&network.project_id) {
            caller.must_be_admin("update_port")?;
        }
        let subnets = tx.subnets_of(before.network_id).await?;
        let (stay, open) = kept(&before.fixed_ips, slots(before.network_id, &subnets, Some(wanted))?);
        after.fixed_ips = stay;
        after.fixed_ips.extend(fill(tx, before.network_id, &open).await?);
    }
    Ok(after)
}

/// Addresses for all slots, which nobody else takes until the transaction has ended.
async fn fill(tx: &Tx, network_id: NetworkId, slots: &[Slot<'_>]) -> Result<Vec<FixedIp>, Fault> {
    // Wishes first, so that a choice never takes what a later slot asks for.
    let mut filled: Vec<FixedIp> = Vec::with_capacity(slots.len());
    let (exact, any): (Vec<_>, Vec<_>) = slots.iter().partition(|slot| slot.address.is_some());
    for slot in exact.into_iter().chain(any) {
        filled.push(fill_one(tx, network_id, slot, &filled).await?);
    }
    Ok(filled)
}

async fn fill_one(tx: &Tx, network_id: NetworkId, slot: &Slot<'_>, filled: &[FixedIp]) -> Result<FixedIp, Fault> {
    for subnet in &slot.subnets {
        let own: Vec<IpAddr> = filled.iter().map(|one| one.address).collect();
        if let Some(address) = free_address(tx, subnet, slot.address, &own).await? {
            return Ok(FixedIp { subnet_id: subnet.id, address });
        }
    }
    Err(no_address_left(network_id))
}

/// The address that is asked for, or a free one beside `own`; none is left: none. One that only an agent still has to
/// let go of may be asked for: its new owner waits.
pub(super) async fn free_address(
    tx: &Tx,
    subnet: &Subnet,
    wanted: Option<IpAddr>,
    own: &[IpAddr],
) -> Result<Option<IpAddr>, Fault> {
    let Some(address) = wanted else { return tx.choose_address(subnet, own).await };
    subnet.check_address(address)?;
    if tx.address_in_use(subnet.id, address).await? {
        return Err(address_in_use(subnet.network_id, address));
    }
    Ok(Some(address))
}

/// A random address that another port has already: the work is run again with another one.
pub(super) fn again_for_mac(fault: Fault) -> Fault {
    match fault.code() {
        Code::MacInUse => Clash::MacTaken.into(),
        _ => fault,
    }
}
