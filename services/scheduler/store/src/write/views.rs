//! Which view shows what: LBaaS v1 shows what it has words for, and each row says whether it does.

use ballast_model::{Uuid, fault::Fault, load_balancer::LoadBalancer};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _,
    sea_query::{Expr, ExprTrait as _},
};

use crate::{
    Tx,
    backend::{fault_of, is_among},
    entity::{health_monitor, listener, member, pool},
};

impl Tx {
    /// What became more, or less, than v1 can say: all its rows say so, also those that did not change.
    pub(crate) async fn show_in_v1(&self, changes: &[(&LoadBalancer, &LoadBalancer)]) -> Result<(), Fault> {
        for (before, after) in changes {
            let beyond = after.beyond_v1().is_some();
            let monitors = monitors_of(after);
            if before.beyond_v1().is_some() != beyond {
                let id = after.id.uuid();
                let set = Expr::value(beyond);
                pool::Entity::update_many()
                    .col_expr(pool::Column::BeyondV1, set.clone())
                    .filter(pool::Column::LoadBalancerId.eq(id))
                    .exec(self.db())
                    .await
                    .map_err(fault_of)?;
                listener::Entity::update_many()
                    .col_expr(listener::Column::BeyondV1, set.clone())
                    .filter(listener::Column::LoadBalancerId.eq(id))
                    .exec(self.db())
                    .await
                    .map_err(fault_of)?;
                member::Entity::update_many()
                    .col_expr(member::Column::BeyondV1, set)
                    .filter(member::Column::LoadBalancerId.eq(id))
                    .exec(self.db())
                    .await
                    .map_err(fault_of)?;
                self.show_monitors_in_v1(&monitors, beyond).await?;
            } else if monitors != monitors_of(before) {
                self.show_monitors_in_v1(&monitors, beyond).await?;
            }
        }
        Ok(())
    }

    /// Monitors of a load balancer that v1 shows, or does not.
    pub(crate) async fn show_monitors_in_v1(&self, ids: &[Uuid], beyond: bool) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let update = health_monitor::Entity::update_many()
            .col_expr(health_monitor::Column::BeyondV1, Expr::value(beyond))
            .filter(is_among(self.db().get_database_backend(), "id", ids))
            .filter(Expr::col(health_monitor::Column::BeyondV1).ne(beyond));
        update.exec(self.db()).await.map(|_| ()).map_err(fault_of)
    }
}

pub(crate) fn monitors_of(load_balancer: &LoadBalancer) -> Vec<Uuid> {
    let monitors = load_balancer.pools.iter().flat_map(|pool| pool.monitors.iter());
    monitors.map(|one| one.monitor.id.uuid()).collect()
}
