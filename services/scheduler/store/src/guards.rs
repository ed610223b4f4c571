//! Guards: what one transaction at a time may count and add to, whatever the number of schedulers.
//!
//! A transaction that takes a guard has it until it ends; others wait for it, or are told to try again when they looked
//! before they took it. What is counted afterwards cannot grow until the transaction has ended. One statement does it on
//! every database: it locks the guard's row, or makes it.

use ballast_model::{fault::Fault, ids::SubnetId};
use sea_orm::{
    EntityTrait as _, ExprTrait as _, NotSet, Set,
    sea_query::{Expr, OnConflict},
};

use crate::{Tx, backend::fault_of, entity::guard};

impl Tx {
    /// Until the transaction ends no other one counts what this project has.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn guard_project(&self, project_id: &str) -> Result<(), Fault> {
        self.guard(format!("project/{project_id}")).await
    }

    /// Until the transaction ends no other one chooses an address of this subnet. Who needs several takes them in the
    /// order of their ids, and after the project.
    ///
    /// # Errors
    /// As [`Self::guard_project`].
    pub async fn guard_subnet(&self, subnet_id: SubnetId) -> Result<(), Fault> {
        self.guard(format!("subnet/{subnet_id}")).await
    }

    async fn guard(&self, name: String) -> Result<(), Fault> {
        let taken_again = Expr::col((guard::Entity, guard::Column::Taken)).add(1);
        let row = guard::ActiveModel { seq: NotSet, name: Set(name), taken: Set(1) };
        guard::Entity::insert(row)
            .on_conflict(OnConflict::column(guard::Column::Name).value(guard::Column::Taken, taken_again).to_owned())
            .exec_without_returning(self.db())
            .await
            .map(|_| ())
            .map_err(fault_of)
    }
}
