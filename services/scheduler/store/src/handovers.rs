//! What a load balancer takes along when it moves: its former agent hands it over once it has let go, and the present
//! one gets it with what it is to run. It is kept until that one has deployed.

use std::fmt;

use ballast_model::{counters::Epoch, fault::Fault, ids::LoadBalancerId};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, Set,
    sea_query::{Expr, OnConflict},
};

use crate::{Tx, backend::fault_of, codec::number, entity::handover};

/// In the form of the driver that wrote it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Handover {
    pub driver: String,
    pub content: Vec<u8>,
}

/// It says which clients there are, and is no matter of logs.
impl fmt::Debug for Handover {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.content.len();
        to.debug_struct("Handover").field("driver", &self.driver).field("bytes", &bytes).finish_non_exhaustive()
    }
}

fn of(id: LoadBalancerId, epoch: Epoch) -> Condition {
    let own = handover::Column::LoadBalancerId.eq(id.uuid());
    Condition::all().add(own).add(handover::Column::Epoch.eq(number(epoch)))
}

impl Tx {
    /// The load balancer has moved, and was not deployed since: what its former agent hands over is for this epoch.
    pub(crate) async fn await_handover(&self, id: LoadBalancerId, epoch: Epoch) -> Result<(), Fault> {
        use handover::Column as C;
        let row = handover::ActiveModel {
            load_balancer_id: Set(id.uuid()),
            epoch: Set(number(epoch)),
            driver: Set(String::new()),
            content: Set(Vec::new()),
        };
        let replace =
            OnConflict::column(C::LoadBalancerId).update_columns([C::Epoch, C::Driver, C::Content]).to_owned();
        let insert = handover::Entity::insert(row).on_conflict(replace).exec_without_returning(self.db());
        insert.await.map(drop).map_err(fault_of)
    }

    /// Keeps what the former agent hands over, for whom it is placed on in this epoch; not when that one has deployed
    /// it, as what it knows by then is newer.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn hand_over(&self, id: LoadBalancerId, epoch: Epoch, left: &Handover) -> Result<(), Fault> {
        let update = handover::Entity::update_many()
            .col_expr(handover::Column::Driver, Expr::value(left.driver.clone()))
            .col_expr(handover::Column::Content, Expr::value(left.content.clone()))
            .filter(of(id, epoch));
        update.exec(self.db()).await.map(drop).map_err(fault_of)
    }

    /// What was handed over for this epoch; an empty one waits for it. `None`: it was deployed in this epoch.
    ///
    /// # Errors
    /// As [`Self::hand_over`].
    pub async fn handover(&self, id: LoadBalancerId, epoch: Epoch) -> Result<Option<Handover>, Fault> {
        let row = handover::Entity::find().filter(of(id, epoch)).one(self.db()).await.map_err(fault_of)?;
        Ok(row.map(|row| Handover { driver: row.driver, content: row.content }))
    }

    /// These were deployed in these epochs: nothing is waited for any more, and nothing kept.
    ///
    /// # Errors
    /// As [`Self::hand_over`].
    pub async fn end_handovers(&self, deployed: &[(LoadBalancerId, Epoch)]) -> Result<(), Fault> {
        if deployed.is_empty() {
            return Ok(());
        }
        let any = deployed.iter().fold(Condition::any(), |any, (id, epoch)| any.add(of(*id, *epoch)));
        handover::Entity::delete_many().filter(any).exec(self.db()).await.map(drop).map_err(fault_of)
    }
}
