//! Ports and their addresses. An address of a subnet is taken once, whatever races there are.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use ballast_model::{
    fault::{Fault, InUse},
    ids::{LoadBalancerId, NetworkId, PortId, SubnetId},
    port::{FixedIp, Port, address_in_use, port_not_found},
    subnet::{Subnet, subnet_not_found},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect, QueryTrait as _, Set,
    sea_query::{SelectStatement, UnionType},
};

use crate::{
    Page, Query, Tx,
    backend::{fault_of, is_among, is_duplicate, is_reference},
    codec::{ids, parsed},
    entity::{fixed_ip, hold, load_balancer, port},
};

impl Tx {
    /// Stores a new port and takes its addresses.
    ///
    /// # Errors
    /// `Code::AddressInUse`: another port has one; `Code::MacInUse`; `Code::SubnetNotFound`; `Code::Internal`: the
    /// database failed.
    pub async fn insert_port(&self, port: &Port) -> Result<(), Fault> {
        self.insert_vip_port(port, false).await
    }

    /// The same of a vip, of which an agent is about to be told, or not: see [`Self::note_told`].
    ///
    /// # Errors
    /// As [`Self::insert_port`].
    pub async fn insert_vip_port(&self, port: &Port, told: bool) -> Result<(), Fault> {
        self.insert_port_of(port, told, false).await
    }

    /// The same of a side of a load balancer: no user sees it, and no quota counts it.
    ///
    /// # Errors
    /// As [`Self::insert_port`].
    pub async fn insert_side_port(&self, port: &Port, told: bool) -> Result<(), Fault> {
        self.insert_port_of(port, told, true).await
    }

    async fn insert_port_of(&self, port: &Port, told: bool, of_side: bool) -> Result<(), Fault> {
        let row = port::ActiveModel { told: Set(told), of_side: Set(of_side), ..port::ActiveModel::of(port) };
        let stored = port::Entity::insert(row).exec_without_returning(self.db()).await;
        stored.map_err(|error| mac_in_use(port, error))?;
        self.take_addresses(port, &port.fixed_ips).await
    }

    async fn take_addresses(&self, port: &Port, fixed_ips: &[FixedIp]) -> Result<(), Fault> {
        for one in fixed_ips {
            let row = fixed_ip::ActiveModel::of(port.id, one);
            let taken = fixed_ip::Entity::insert(row).exec_without_returning(self.db()).await;
            taken.map_err(|error| {
                if is_duplicate(&error) {
                    address_in_use(port.network_id, one.address).with_detail(error)
                } else if is_reference(&error) {
                    subnet_not_found(one.subnet_id)
                } else {
                    fault_of(error)
                }
            })?;
        }
        Ok(())
    }

    /// Stores what differs between `before`, as it was loaded, and `after`.
    ///
    /// # Errors
    /// `Code::PortNotFound`, or as [`Self::insert_port`].
    pub async fn save_port(&self, before: &Port, after: &Port) -> Result<(), Fault> {
        self.desk().chosen().forget();
        let saved = port::Entity::update_many()
            .set(port::ActiveModel::of(after))
            .filter(port::Column::Id.eq(after.id.uuid()))
            .exec(self.db())
            .await;
        if saved.map_err(|error| mac_in_use(after, error))?.rows_affected == 0 {
            return Err(port_not_found(after.id));
        }
        for gone in before.fixed_ips.iter().filter(|one| !after.fixed_ips.contains(one)) {
            let given_back = fixed_ip::Entity::delete_many()
                .filter(fixed_ip::Column::PortId.eq(after.id.uuid()))
                .filter(fixed_ip::Column::SubnetId.eq(gone.subnet_id.uuid()))
                .filter(fixed_ip::Column::Address.eq(gone.address.to_string()));
            given_back.exec(self.db()).await.map_err(fault_of)?;
        }
        let new: Vec<FixedIp> = after.fixed_ips.iter().filter(|one| !before.fixed_ips.contains(one)).copied().collect();
        self.take_addresses(after, &new).await
    }

    /// The port with this id.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn port(&self, id: PortId) -> Result<Option<Port>, Fault> {
        let row = port::Entity::find().filter(port::Column::Id.eq(id.uuid())).one(self.db());
        let rows: Vec<port::Model> = row.await.map_err(fault_of)?.into_iter().collect();
        Ok(self.with_addresses(rows).await?.pop())
    }

    /// The same, if users see it.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn shown_port(&self, id: PortId) -> Result<Option<Port>, Fault> {
        let row = port::Entity::find().filter(port::Column::Id.eq(id.uuid())).filter(port::Column::OfSide.eq(false));
        let rows: Vec<port::Model> = row.one(self.db()).await.map_err(fault_of)?.into_iter().collect();
        Ok(self.with_addresses(rows).await?.pop())
    }

    /// These ports, in no order.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn ports_among(&self, ids: &[PortId]) -> Result<Vec<Port>, Fault> {
        let rows = port::Entity::find().filter(is_among(self.db().get_database_backend(), "id", ids));
        self.with_addresses(rows.all(self.db()).await.map_err(fault_of)?).await
    }

    /// Those of these ports that are on another host, or on none.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn ports_not_on(&self, host: &str, ids: &[PortId]) -> Result<Vec<Port>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = port::Entity::find()
            .filter(is_among(self.db().get_database_backend(), "id", ids))
            .filter(port::Column::Host.ne(host))
            .order_by_asc(port::Column::Seq);
        self.with_addresses(rows.all(self.db()).await.map_err(fault_of)?).await
    }

    /// Ports as a caller asks for them.
    ///
    /// # Errors
    /// `Code::InvalidInput`: it cannot be sorted like that; or as [`Self::port`].
    pub async fn ports(&self, query: &Query) -> Result<Page<Port>, Fault> {
        let Page { items, more } = self.page(query, Ok::<port::Model, Fault>).await?;
        Ok(Page { items: self.with_addresses(items).await?, more })
    }

    /// The ports that have an address of a subnet, oldest first.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn ports_of_subnet(&self, subnet_id: SubnetId) -> Result<Vec<Port>, Fault> {
        let rows = port::Entity::find()
            .filter(port::Column::Id.in_subquery(ports_in(subnet_id)))
            .order_by_asc(port::Column::Seq)
            .all(self.db());
        self.with_addresses(rows.await.map_err(fault_of)?).await
    }

    async fn with_addresses(&self, rows: Vec<port::Model>) -> Result<Vec<Port>, Fault> {
        let mut addresses: HashMap<PortId, Vec<FixedIp>> = HashMap::with_capacity(rows.len());
        let ids: Vec<PortId> = rows.iter().map(|row| row.id.into()).collect();
        let of_these = fixed_ip::Entity::find()
            .filter(is_among(self.db().get_database_backend(), "port_id", &ids))
            .order_by_asc(fixed_ip::Column::Seq)
            .all(self.db());
        for row in of_these.await.map_err(fault_of)? {
            addresses.entry(row.port_id.into()).or_default().push(row.into_fixed_ip()?);
        }
        rows.into_iter()
            .map(|row| {
                let fixed_ips = addresses.remove(&row.id.into()).unwrap_or_default();
                row.into_port(fixed_ips)
            })
            .collect()
    }

    /// Whether the network has a port.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn network_has_ports(&self, network_id: NetworkId) -> Result<bool, Fault> {
        let ports = port::Entity::find().filter(port::Column::NetworkId.eq(network_id.uuid()));
        Ok(ports.count(self.db()).await.map_err(fault_of)? > 0)
    }

    /// Whether another project than this one has a port in the network.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn others_have_ports(&self, network_id: NetworkId, project_id: &str) -> Result<bool, Fault> {
        let ports = port::Entity::find()
            .filter(port::Column::NetworkId.eq(network_id.uuid()))
            .filter(port::Column::ProjectId.ne(project_id));
        Ok(ports.count(self.db()).await.map_err(fault_of)? > 0)
    }

    /// Whether the port is a vip's.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn is_vip_port(&self, id: PortId) -> Result<bool, Fault> {
        let vips = load_balancer::Entity::find().filter(load_balancer::Column::VipPortId.eq(id.uuid()));
        Ok(vips.count(self.db()).await.map_err(fault_of)? > 0)
    }

    /// Gives a port's addresses back.
    ///
    /// # Errors
    /// `Code::PortNotFound`, or as [`Self::port`].
    pub async fn delete_port(&self, id: PortId) -> Result<(), Fault> {
        self.desk().chosen().forget();
        let gone = port::Entity::delete_many().filter(port::Column::Id.eq(id.uuid())).exec(self.db());
        match gone.await.map_err(fault_of)?.rows_affected {
            0 => Err(port_not_found(id)),
            _ => Ok(()),
        }
    }

    /// The addresses that nobody should be given: those of ports, and those that an agent may still answer at.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn addresses_taken(&self, subnet_id: SubnetId) -> Result<BTreeSet<IpAddr>, Fault> {
        let ports = fixed_ip::Entity::find().select_only().column(fixed_ip::Column::Address);
        let ports = ports.filter(fixed_ip::Column::SubnetId.eq(subnet_id.uuid())).into_tuple::<String>().all(self.db());
        let mut taken = ports.await.map_err(fault_of)?;
        let holds = hold::Entity::find().select_only().column(hold::Column::Address);
        let holds = holds.filter(hold::Column::SubnetId.eq(subnet_id.uuid())).into_tuple::<String>().all(self.db());
        taken.append(&mut holds.await.map_err(fault_of)?);
        taken.iter().map(|address| parsed("address", address)).collect()
    }

    /// The lowest address of the subnet that nobody has, beside `own`; none is left: none.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn choose_address(&self, subnet: &Subnet, own: &[IpAddr]) -> Result<Option<IpAddr>, Fault> {
        let next = self.desk().chosen().last(subnet.id).and_then(|last| subnet.address_after(last));
        if let Some(next) = next.filter(|_| own.is_empty())
            && !self.is_taken(subnet.id, next).await?
        {
            self.desk().chosen().choose(subnet.id, next);
            return Ok(Some(next));
        }
        let mut taken = self.addresses_taken(subnet.id).await?;
        taken.extend(own);
        let chosen = subnet.choose_address(&taken);
        if let Some(address) = chosen {
            self.desk().chosen().choose(subnet.id, address);
        }
        Ok(chosen)
    }

    /// What was chosen in this transaction is not taken after all.
    pub fn give_up_addresses(&self) {
        self.desk().chosen().forget();
    }

    /// Whether a port has the address, or an agent may still answer at it.
    async fn is_taken(&self, subnet_id: SubnetId, address: IpAddr) -> Result<bool, Fault> {
        let address = address.to_string();
        let holds = hold::Entity::find().select_only().column(hold::Column::Address);
        let holds =
            holds.filter(hold::Column::SubnetId.eq(subnet_id.uuid())).filter(hold::Column::Address.eq(&address));
        let ports = fixed_ip::Entity::find().select_only().column(fixed_ip::Column::Address);
        let ports = ports.filter(fixed_ip::Column::SubnetId.eq(subnet_id.uuid()));
        let mut taken = ports.filter(fixed_ip::Column::Address.eq(&address));
        QuerySelect::query(&mut taken).union(UnionType::All, holds.into_query());
        Ok(taken.into_tuple::<String>().one(self.db()).await.map_err(fault_of)?.is_some())
    }

    /// Whether a port has the address. A hold does not count: who asks for such an address gets it, and waits.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn address_in_use(&self, subnet_id: SubnetId, address: IpAddr) -> Result<bool, Fault> {
        let ports = fixed_ip::Entity::find()
            .filter(fixed_ip::Column::SubnetId.eq(subnet_id.uuid()))
            .filter(fixed_ip::Column::Address.eq(address.to_string()));
        Ok(ports.count(self.db()).await.map_err(fault_of)? > 0)
    }

    /// The load balancers that have an address in the subnet, oldest first.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn load_balancers_in(&self, subnet_id: SubnetId) -> Result<Vec<LoadBalancerId>, Fault> {
        let rows = load_balancer::Entity::find()
            .select_only()
            .column(load_balancer::Column::Id)
            .filter(load_balancer::Column::VipPortId.in_subquery(ports_in(subnet_id)))
            .order_by_asc(load_balancer::Column::Seq)
            .into_tuple();
        rows.all(self.db()).await.map(ids).map_err(fault_of)
    }
}

fn ports_in(subnet_id: SubnetId) -> SelectStatement {
    let mut here = sea_orm::sea_query::Query::select();
    here.column(fixed_ip::Column::PortId).from(fixed_ip::Entity);
    here.and_where(fixed_ip::Column::SubnetId.eq(subnet_id.uuid())).take()
}

fn mac_in_use(port: &Port, error: DbErr) -> Fault {
    if !is_duplicate(&error) {
        return fault_of(error);
    }
    Fault::from(InUse::Mac { mac: port.mac, network_id: port.network_id }).with_detail(error)
}
