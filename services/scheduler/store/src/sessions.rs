//! Sessions of agents: with which scheduler each is, and whether that one lives.
//!
//! A scheduler lives as long as the others see its heartbeat change; what it may change last is nobody's clock but the
//! reader's own. So no two machines' clocks are compared, and what is written for all the agents of a scheduler is one
//! row.

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{AgentId, SchedulerId},
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set,
    sea_query::Expr,
};

use crate::{
    Tx,
    backend::{fault_of, has_one_scheduler, is_among},
    codec::ids,
    entity::{agent, scheduler},
};

/// A process that serves this database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduler {
    pub id: SchedulerId,
    /// What no two processes have at the same time; empty where that is not known.
    pub address: String,
    /// Changes while it lives.
    pub heartbeat: i64,
    /// When it changed last, by its own clock.
    pub heartbeat_at: Timestamp,
    /// Where agents on other machines reach it; empty: nowhere.
    pub advertised: String,
    /// Of its release; empty: one that did not say so.
    pub version: String,
    /// None: a release that does not say so.
    pub started_at: Option<Timestamp>,
}

impl Tx {
    /// Those that serve this database, or did and were not told to be gone.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn schedulers(&self) -> Result<Vec<Scheduler>, Fault> {
        let rows = scheduler::Entity::find().all(self.db()).await.map_err(fault_of)?;
        Ok(rows.into_iter().map(scheduler::Model::into_scheduler).collect())
    }

    /// A scheduler starts. Sessions with its former self are over, and those with nobody: of a version that did not say
    /// with whom. On a database of one scheduler that is all of them.
    ///
    /// # Errors
    /// As [`Self::schedulers`].
    pub async fn register_scheduler(&self, starting: &Scheduler) -> Result<(), Fault> {
        let alone = has_one_scheduler(self.db().get_database_backend());
        for former in self.schedulers().await? {
            if alone || !starting.address.is_empty() && former.address == starting.address {
                self.end_scheduler(former.id, former.heartbeat).await?;
            }
        }
        self.disconnect(Condition::all().add(agent::Column::SchedulerId.is_null())).await?;
        self.notes().look_at_schedulers();
        self.insert_scheduler(starting).await
    }

    /// It lives. Whether the others held it for living: if not, it is known from now on, and sessions with it may be
    /// over.
    ///
    /// # Errors
    /// As [`Self::schedulers`].
    pub async fn heartbeat(&self, living: &Scheduler) -> Result<bool, Fault> {
        let heartbeat = scheduler::Entity::update_many()
            .col_expr(scheduler::Column::Beat, Expr::val(living.heartbeat))
            .col_expr(scheduler::Column::BeatAt, Expr::val(living.heartbeat_at.0))
            .filter(scheduler::Column::Id.eq(living.id.uuid()));
        let is_known = heartbeat.exec(self.db()).await.map_err(fault_of)?.rows_affected > 0;
        if !is_known {
            self.notes().look_at_schedulers();
            self.insert_scheduler(living).await?;
        }
        Ok(is_known)
    }

    async fn insert_scheduler(&self, scheduler: &Scheduler) -> Result<(), Fault> {
        let row = scheduler::ActiveModel {
            id: Set(scheduler.id.uuid()),
            address: Set(scheduler.address.clone()),
            beat: Set(scheduler.heartbeat),
            beat_at: Set(scheduler.heartbeat_at.0),
            advertised: Set(scheduler.advertised.clone()),
            version: Set(scheduler.version.clone()),
            started_at: Set(scheduler.started_at.map_or(0, |at| at.0)),
        };
        scheduler::Entity::insert(row).exec_without_returning(self.db()).await.map(|_| ()).map_err(fault_of)
    }

    /// A scheduler is gone, and all sessions with it are over; unless its heartbeat is another by now. Its agents were
    /// heard of until then.
    ///
    /// # Errors
    /// As [`Self::schedulers`].
    pub async fn end_scheduler(&self, id: SchedulerId, heartbeat: i64) -> Result<(), Fault> {
        let this = Condition::all().add(scheduler::Column::Id.eq(id.uuid())).add(scheduler::Column::Beat.eq(heartbeat));
        let row = scheduler::Entity::find().filter(this.clone()).one(self.db()).await.map_err(fault_of)?;
        let Some(row) = row else { return Ok(()) };
        self.notes().look_at_schedulers();
        let heard = agent::Entity::update_many()
            .col_expr(agent::Column::HeartbeatAt, Expr::val(row.beat_at))
            .filter(agent::Column::SchedulerId.eq(id.uuid()))
            .filter(agent::Column::Connected.eq(true))
            .filter(agent::Column::HeartbeatAt.lt(row.beat_at));
        heard.exec(self.db()).await.map_err(fault_of)?;
        self.disconnect(Condition::all().add(agent::Column::SchedulerId.eq(id.uuid()))).await?;
        let over = agent::Entity::update_many()
            .col_expr(agent::Column::SchedulerId, Expr::val(Option::<Uuid>::None))
            .col_expr(agent::Column::Instance, Expr::val(""))
            .filter(agent::Column::SchedulerId.eq(id.uuid()));
        over.exec(self.db()).await.map_err(fault_of)?;
        scheduler::Entity::delete_many().filter(this).exec(self.db()).await.map(|_| ()).map_err(fault_of)
    }

    /// Agents that have a session with this scheduler are heard of in it, or are not any more.
    ///
    /// # Errors
    /// As [`Self::schedulers`].
    pub async fn record_liveness(
        &self,
        scheduler_id: SchedulerId,
        agents: &[AgentId],
        is_heard: bool,
        heartbeat_at: Timestamp,
    ) -> Result<(), Fault> {
        let theirs = Condition::all()
            .add(is_among(self.db().get_database_backend(), "id", agents))
            .add(agent::Column::SchedulerId.eq(scheduler_id.uuid()))
            .add(agent::Column::Connected.eq(!is_heard));
        self.note_agents(theirs.clone()).await?;
        let record = agent::Entity::update_many()
            .col_expr(agent::Column::Connected, Expr::val(is_heard))
            .col_expr(agent::Column::HeartbeatAt, Expr::val(heartbeat_at.0))
            .filter(theirs);
        record.exec(self.db()).await.map(|_| ()).map_err(fault_of)
    }

    async fn disconnect(&self, which: Condition) -> Result<(), Fault> {
        let connected = which.add(agent::Column::Connected.eq(true));
        self.note_agents(connected.clone()).await?;
        let disconnect = agent::Entity::update_many()
            .col_expr(agent::Column::Connected, Expr::val(false))
            .filter(connected)
            .exec(self.db());
        disconnect.await.map(|_| ()).map_err(fault_of)
    }

    async fn note_agents(&self, which: Condition) -> Result<(), Fault> {
        let changed = agent::Entity::find().select_only().column(agent::Column::Id).filter(which).into_tuple();
        for id in ids::<AgentId, Vec<_>>(changed.all(self.db()).await.map_err(fault_of)?) {
            self.note_agent(id);
        }
        Ok(())
    }
}
