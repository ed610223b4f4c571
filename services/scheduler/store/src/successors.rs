//! Moves in order. The agent that is to have a load balancer makes it ready while another one serves it: it is the successor
//! then, and the binding is the other's. Once it is ready the binding is its own.
//!
//! It is a table of its own, so that a scheduler of a former release, which knows nothing of it, reads bindings as they are: the
//! successor is told nothing there, and the load balancer stays where it is.

use ballast_model::{
    counters::Epoch,
    fault::Fault,
    ids::{AgentId, LoadBalancerId},
};
use sea_orm::{
    ActiveValue::NotSet,
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, Select,
    Set,
    sea_query::{Expr, OnConflict},
};

use crate::{
    Tx,
    backend::{fault_of, is_among},
    codec::number,
    entity::successor::{self, Column as C},
};

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It makes it ready, and does not answer. The binding is of who serves it.
    Silent,
    /// The binding is its own, and the former agent finishes what is under way.
    Taking,
    /// It is not to have it after all, and has not let go of it yet.
    Leaving,
}

impl Stage {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "SILENT",
            Self::Taking => "TAKING",
            Self::Leaving => "LEAVING",
        }
    }

    /// From what is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Silent, Self::Taking, Self::Leaving].into_iter().find(|stage| stage.as_str() == text)
    }
}

/// An agent that is to have a load balancer next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    pub load_balancer_id: LoadBalancerId,
    pub agent_id: AgentId,
    /// The name of the agent's driver.
    pub driver: String,
    /// Of the placement that it will have: the next one.
    pub epoch: Epoch,
    pub stage: Stage,
}

fn of(id: LoadBalancerId) -> Condition {
    Condition::all().add(C::LoadBalancerId.eq(id.uuid()))
}

fn is_in(stage: Stage) -> Condition {
    Condition::all().add(C::Stage.eq(stage.as_str()))
}

impl Tx {
    async fn successors_where(&self, rows: Select<successor::Entity>) -> Result<Vec<Successor>, Fault> {
        let rows = rows.order_by_asc(C::Seq).all(self.db()).await.map_err(fault_of)?;
        rows.into_iter().map(successor::Model::into_successor).collect()
    }

    /// All of them, in the order in which they began.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn successors(&self) -> Result<Vec<Successor>, Fault> {
        self.successors_where(successor::Entity::find()).await
    }

    /// Those that an agent is, of all load balancers or of these.
    ///
    /// # Errors
    /// As [`Self::successors`].
    pub async fn successors_on(
        &self,
        agent_id: AgentId,
        among: Option<&[LoadBalancerId]>,
    ) -> Result<Vec<Successor>, Fault> {
        let backend = self.db().get_database_backend();
        let own = successor::Entity::find().filter(C::AgentId.eq(agent_id.uuid()));
        self.successors_where(match among {
            Some(ids) => own.filter(is_among(backend, "load_balancer_id", ids)),
            None => own,
        })
        .await
    }

    /// Where the load balancer is to go, or has gone and is not deployed yet.
    ///
    /// # Errors
    /// As [`Self::successors`].
    pub async fn successor(&self, id: LoadBalancerId) -> Result<Option<Successor>, Fault> {
        let own = successor::Entity::find().filter(of(id)).filter(C::Stage.ne(Stage::Leaving.as_str()));
        Ok(self.successors_where(own).await?.pop())
    }

    /// Who is to have it next, and who was.
    ///
    /// # Errors
    /// As [`Self::successors`].
    pub async fn successors_of(&self, id: LoadBalancerId) -> Result<Vec<Successor>, Fault> {
        self.successors_where(successor::Entity::find().filter(of(id))).await
    }

    /// Which agents are successors of these load balancers, at whatever stage.
    pub(crate) async fn agents_of_successors(
        &self,
        ids: &[LoadBalancerId],
    ) -> Result<impl Iterator<Item = (LoadBalancerId, AgentId)> + use<>, Fault> {
        let own = successor::Entity::find();
        let own = own.filter(is_among(self.db().get_database_backend(), "load_balancer_id", ids));
        let found = self.successors_where(own).await?;
        Ok(found.into_iter().map(|one| (one.load_balancer_id, one.agent_id)))
    }

    /// The agent is to make it ready, for the placement of this epoch.
    ///
    /// # Errors
    /// As [`Self::successors`].
    pub async fn prepare(
        &self,
        load_balancer_id: LoadBalancerId,
        (agent_id, driver): (AgentId, &str),
        epoch: Epoch,
    ) -> Result<(), Fault> {
        let driver = driver.to_owned();
        self.note_successor(Successor { load_balancer_id, agent_id, driver, epoch, stage: Stage::Silent }).await
    }

    /// The successor has the binding, and the former agent finishes.
    ///
    /// # Errors
    /// As [`Self::successors`].
    pub async fn take_over(&self, successor: &Successor) -> Result<(), Fault> {
        self.release(successor.load_balancer_id).await?;
        let Successor { load_balancer_id, agent_id, driver, .. } = successor.clone();
        let binding = self.bind(load_balancer_id, agent_id, &driver).await?;
        self.note_successor(Successor { epoch: binding.epoch, stage: Stage::Taking, ..successor.clone() }).await
    }

    async fn note_successor(&self, of: Successor) -> Result<(), Fault> {
        let row = successor::ActiveModel {
            seq: NotSet,
            load_balancer_id: Set(of.load_balancer_id.uuid()),
            agent_id: Set(of.agent_id.uuid()),
            driver: Set(of.driver),
            epoch: Set(number(of.epoch)),
            stage: Set(of.stage.as_str().to_owned()),
        };
        let again = OnConflict::columns([C::LoadBalancerId, C::AgentId])
            .update_columns([C::Driver, C::Epoch, C::Stage])
            .to_owned();
        let insert = successor::Entity::insert(row).on_conflict(again).exec_without_returning(self.db());
        insert.await.map_err(fault_of)?;
        self.look(of.load_balancer_id);
        Ok(())
    }

    /// Whoever makes it ready is to let go of it.
    ///
    /// # Errors
    /// As [`Self::successors`].
    pub async fn dismiss_successors(&self, id: LoadBalancerId) -> Result<(), Fault> {
        let leave = successor::Entity::update_many()
            .col_expr(C::Stage, Expr::val(Stage::Leaving.as_str()))
            .filter(of(id).add(is_in(Stage::Silent)))
            .exec(self.db());
        if leave.await.map_err(fault_of)?.rows_affected > 0 {
            self.look(id);
        }
        Ok(())
    }

    /// The binding goes: who has it has taken it, and who makes it ready is to let go of it.
    pub(crate) async fn end_successors(&self, id: LoadBalancerId) -> Result<(), Fault> {
        let taken = successor::Entity::delete_many().filter(of(id).add(is_in(Stage::Taking))).exec(self.db());
        taken.await.map_err(fault_of)?;
        self.dismiss_successors(id).await
    }

    /// The agent has the binding: whatever it was to let go of, it has now.
    pub(crate) async fn is_no_successor(&self, id: LoadBalancerId, agent_id: AgentId) -> Result<(), Fault> {
        let gone = successor::Entity::delete_many().filter(of(id).add(C::AgentId.eq(agent_id.uuid())));
        gone.exec(self.db()).await.map(drop).map_err(fault_of)
    }

    /// These were deployed in these epochs, and answer.
    ///
    /// # Errors
    /// As [`Self::successors`].
    pub async fn have_taken(&self, deployed: &[(LoadBalancerId, Epoch)]) -> Result<(), Fault> {
        if deployed.is_empty() {
            return Ok(());
        }
        let one = |(id, epoch): &(LoadBalancerId, Epoch)| of(*id).add(C::Epoch.eq(number(*epoch)));
        let any = deployed.iter().fold(Condition::any(), |any, taken| any.add(one(taken)));
        let taken = successor::Entity::delete_many().filter(is_in(Stage::Taking).add(any));
        taken.exec(self.db()).await.map(drop).map_err(fault_of)
    }

    /// The agent has let go of what it was not to have after all; whether there was such a thing.
    ///
    /// # Errors
    /// As [`Self::successors`].
    pub async fn has_left(&self, id: LoadBalancerId, agent_id: AgentId, epoch: Epoch) -> Result<bool, Fault> {
        let left =
            of(id).add(C::AgentId.eq(agent_id.uuid())).add(C::Epoch.eq(number(epoch))).add(is_in(Stage::Leaving));
        let gone = successor::Entity::delete_many().filter(left).exec(self.db());
        Ok(gone.await.map_err(fault_of)?.rows_affected > 0)
    }
}
