//! Holds: addresses that an agent may still answer at, although nobody has them any more; and the ports of which none
//! was told.

use std::{collections::HashSet, net::IpAddr};

use ballast_model::{
    Uuid,
    counters::Generation,
    fault::Fault,
    ids::{AgentId, LoadBalancerId, PortId, SubnetId},
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, Query},
};

use crate::{
    Tx,
    backend::{fault_of, is_among},
    codec::{ids, number},
    entity::{hold, load_balancer, port},
};

/// An address that an agent may still answer at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub id: Uuid,
    pub subnet_id: SubnetId,
    pub address: IpAddr,
    pub port_id: PortId,
    /// The one that had the address.
    pub load_balancer_id: LoadBalancerId,
    pub agent_id: AgentId,
    /// The first generation without the address: confirmed, it ends the hold.
    pub generation: Generation,
    /// In whose quota the address is until then.
    pub project_id: String,
}

impl Tx {
    /// Notes that an agent may still answer at an address.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn insert_hold(&self, hold: &Hold) -> Result<(), Fault> {
        let row = hold::ActiveModel::of(hold);
        hold::Entity::insert(row).exec_without_returning(self.db()).await.map(|_| ()).map_err(fault_of)
    }

    /// Who may still answer at the address that `load_balancer_id` wants. Its own holds do not stand in its way.
    ///
    /// # Errors
    /// As [`Self::insert_hold`].
    pub async fn holds_against(
        &self,
        subnet_id: SubnetId,
        address: IpAddr,
        load_balancer_id: LoadBalancerId,
    ) -> Result<Vec<Hold>, Fault> {
        let at = Condition::all()
            .add(hold::Column::SubnetId.eq(subnet_id.uuid()))
            .add(hold::Column::Address.eq(address.to_string()))
            .add(hold::Column::LoadBalancerId.ne(load_balancer_id.uuid()));
        self.holds(at).await
    }

    /// Those of these ports that no agent was ever told of.
    ///
    /// # Errors
    /// As [`Self::insert_hold`].
    pub async fn untold(&self, ports: &[PortId]) -> Result<HashSet<PortId>, Fault> {
        self.ports_told(ports, false).await
    }

    /// Those of these ports that are there and that an agent was told of.
    ///
    /// # Errors
    /// As [`Self::insert_hold`].
    pub async fn told(&self, ports: &[PortId]) -> Result<HashSet<PortId>, Fault> {
        self.ports_told(ports, true).await
    }

    async fn ports_told(&self, ports: &[PortId], told: bool) -> Result<HashSet<PortId>, Fault> {
        if ports.is_empty() {
            return Ok(HashSet::new());
        }
        let rows = port::Entity::find()
            .select_only()
            .column(port::Column::Id)
            .filter(is_among(self.db().get_database_backend(), "id", ports))
            .filter(port::Column::Told.eq(told));
        rows.into_tuple().all(self.db()).await.map(ids).map_err(fault_of)
    }

    /// Notes that an agent is about to be told of these ports, and returns those that are still there.
    ///
    /// # Errors
    /// As [`Self::insert_hold`].
    pub async fn note_told(&self, ports: &[PortId]) -> Result<HashSet<PortId>, Fault> {
        let these = || is_among(self.db().get_database_backend(), "id", ports);
        let note = port::Entity::update_many().col_expr(port::Column::Told, Expr::value(true)).filter(these());
        note.exec(self.db()).await.map_err(fault_of)?;
        let rows = port::Entity::find().select_only().column(port::Column::Id).filter(these());
        rows.into_tuple().all(self.db()).await.map(ids).map_err(fault_of)
    }

    /// How many holds there are.
    ///
    /// # Errors
    /// As [`Self::insert_hold`].
    pub async fn count_holds(&self) -> Result<u64, Fault> {
        hold::Entity::find().count(self.db()).await.map_err(fault_of)
    }

    async fn holds(&self, at: Condition) -> Result<Vec<Hold>, Fault> {
        let rows = hold::Entity::find().filter(at).order_by_asc(hold::Column::Seq).all(self.db());
        rows.await.map_err(fault_of)?.into_iter().map(hold::Model::into_hold).collect()
    }

    /// How many addresses of vips that are gone the project still has. One that moved is where it is now.
    pub(crate) async fn held(&self, project_id: &str) -> Result<u64, Fault> {
        let there = Query::select()
            .expr(Expr::val(1))
            .from(port::Entity)
            .and_where(Expr::col((port::Entity, port::Column::Id)).equals((hold::Entity, hold::Column::PortId)))
            .take();
        let ports = hold::Entity::find()
            .select_only()
            .column(hold::Column::PortId)
            .distinct()
            .filter(hold::Column::ProjectId.eq(project_id))
            .filter(Expr::exists(there).not());
        let ports: Vec<Uuid> = ports.into_tuple().all(self.db()).await.map_err(fault_of)?;
        Ok(u64::try_from(ports.len()).unwrap_or(u64::MAX))
    }

    /// The agent has confirmed this generation of the load balancer: ends the holds that waited for it or for an
    /// earlier one, and returns them.
    ///
    /// # Errors
    /// As [`Self::insert_hold`].
    pub async fn release_holds(
        &self,
        load_balancer_id: LoadBalancerId,
        agent_id: AgentId,
        generation: Generation,
    ) -> Result<Vec<Hold>, Fault> {
        self.desk().chosen().forget();
        let confirmed = Condition::all()
            .add(hold::Column::LoadBalancerId.eq(load_balancer_id.uuid()))
            .add(hold::Column::AgentId.eq(agent_id.uuid()))
            .add(hold::Column::Generation.lte(number(generation)));
        let released = self.holds(confirmed.clone()).await?;
        if !released.is_empty() {
            hold::Entity::delete_many().filter(confirmed).exec(self.db()).await.map_err(fault_of)?;
        }
        Ok(released)
    }

    /// An agent is forgotten: ends all holds that waited for it, and returns them.
    ///
    /// # Errors
    /// As [`Self::insert_hold`].
    pub async fn release_holds_of(&self, agent_id: AgentId) -> Result<Vec<Hold>, Fault> {
        self.desk().chosen().forget();
        let its = Condition::all().add(hold::Column::AgentId.eq(agent_id.uuid()));
        let released = self.holds(its.clone()).await?;
        if !released.is_empty() {
            hold::Entity::delete_many().filter(its).exec(self.db()).await.map_err(fault_of)?;
        }
        Ok(released)
    }

    /// The load balancers whose vip has this address, oldest first.
    ///
    /// # Errors
    /// As [`Self::insert_hold`].
    pub async fn waiting_for(&self, subnet_id: SubnetId, address: IpAddr) -> Result<Vec<LoadBalancerId>, Fault> {
        let rows = load_balancer::Entity::find()
            .select_only()
            .column(load_balancer::Column::Id)
            .filter(load_balancer::Column::VipSubnetId.eq(subnet_id.uuid()))
            .filter(load_balancer::Column::VipAddress.eq(address.to_string()))
            .order_by_asc(load_balancer::Column::Seq)
            .into_tuple();
        rows.all(self.db()).await.map(ids).map_err(fault_of)
    }
}
