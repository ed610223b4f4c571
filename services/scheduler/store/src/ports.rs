//! Ports: addresses of subnets that are taken. An address is taken once, whatever races there are.

use std::{collections::BTreeSet, net::IpAddr};

use ballast_model::{
    Uuid,
    fault::{Code, Fault},
    listener::Mac,
    subnet::subnet_not_found,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::{
    Tx,
    backend::{fault_of, is_duplicate, is_reference},
    codec::parsed,
    entity::{hold, port},
};

/// An address of a subnet, taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    pub id: Uuid,
    pub project_id: String,
    pub name: String,
    pub network_id: Uuid,
    pub subnet_id: Uuid,
    pub address: IpAddr,
    pub mac: Mac,
    pub device_owner: String,
    pub device_id: String,
    pub admin_state_up: bool,
}

impl Tx {
    /// Takes an address.
    ///
    /// # Errors
    /// [`Code::AddressInUse`]: another port has it; [`Code::SubnetNotFound`]; [`Code::Internal`]: the database failed.
    pub async fn insert_port(&self, port: &Port) -> Result<(), Fault> {
        let row = port::ActiveModel::of(port);
        port::Entity::insert(row).exec_without_returning(self.db()).await.map(|_| ()).map_err(|error| {
            if is_duplicate(&error) {
                let message = format!(
                    "Unable to complete operation for network {}. The IP address {} is in use.",
                    port.network_id, port.address
                );
                return Fault::new(Code::AddressInUse, message).with_detail(error);
            }
            if is_reference(&error) { subnet_not_found(port.subnet_id) } else { fault_of(error) }
        })
    }

    /// The port with this id.
    ///
    /// # Errors
    /// [`Code::Internal`]: the database failed.
    pub async fn port(&self, id: Uuid) -> Result<Option<Port>, Fault> {
        let row = port::Entity::find().filter(port::Column::Id.eq(id)).one(self.db());
        row.await.map_err(fault_of)?.map(port::Model::into_port).transpose()
    }

    /// Gives an address back.
    ///
    /// # Errors
    /// [`Code::PortNotFound`], or as [`Self::port`].
    pub async fn delete_port(&self, id: Uuid) -> Result<(), Fault> {
        let gone = port::Entity::delete_many().filter(port::Column::Id.eq(id)).exec(self.db());
        match gone.await.map_err(fault_of)?.rows_affected {
            0 => Err(Fault::new(Code::PortNotFound, format!("Port {id} could not be found."))),
            _ => Ok(()),
        }
    }

    /// The ports of a subnet, oldest first.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn ports_of_subnet(&self, subnet_id: Uuid) -> Result<Vec<Port>, Fault> {
        let rows = port::Entity::find()
            .filter(port::Column::SubnetId.eq(subnet_id))
            .order_by_asc(port::Column::Seq)
            .all(self.db());
        rows.await.map_err(fault_of)?.into_iter().map(port::Model::into_port).collect()
    }

    /// The addresses that nobody should be given: those of ports, and those that an agent may still answer at.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn addresses_taken(&self, subnet_id: Uuid) -> Result<BTreeSet<IpAddr>, Fault> {
        let ports = port::Entity::find().select_only().column(port::Column::Address);
        let ports = ports.filter(port::Column::SubnetId.eq(subnet_id)).into_tuple::<String>().all(self.db());
        let mut taken = ports.await.map_err(fault_of)?;
        let holds = hold::Entity::find().select_only().column(hold::Column::Address);
        let holds = holds.filter(hold::Column::SubnetId.eq(subnet_id)).into_tuple::<String>().all(self.db());
        taken.append(&mut holds.await.map_err(fault_of)?);
        taken.iter().map(|address| parsed("address", address)).collect()
    }

    /// Whether a port has the address. A hold does not count: who asks for such an address gets it, and waits.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn address_in_use(&self, subnet_id: Uuid, address: IpAddr) -> Result<bool, Fault> {
        let ports = port::Entity::find()
            .filter(port::Column::SubnetId.eq(subnet_id))
            .filter(port::Column::Address.eq(address.to_string()));
        Ok(ports.count(self.db()).await.map_err(fault_of)? > 0)
    }
}
