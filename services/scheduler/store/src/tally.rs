//! What all load balancers have counted, at once.

use std::collections::HashMap;

use ballast_model::{fault::Fault, ids::LoadBalancerId, outcome::Statistics};
use sea_orm::{EntityTrait as _, QuerySelect as _};

use crate::{
    Tx,
    backend::fault_of,
    entity::{load_balancer, statistics},
};

impl Tx {
    /// Each load balancer with its project and what it and its former agents counted; zeros where nothing was stored.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn tally(&self) -> Result<Vec<(LoadBalancerId, String, Statistics)>, Fault> {
        let rows = statistics::Entity::find().all(self.db()).await.map_err(fault_of)?.into_iter();
        let counted = rows.map(|row| Ok((row.load_balancer_id, row.total()?)));
        let counted: HashMap<_, Statistics> = counted.collect::<Result<_, Fault>>()?;
        let all = load_balancer::Entity::find()
            .select_only()
            .column(load_balancer::Column::Id)
            .column(load_balancer::Column::ProjectId)
            .into_tuple::<(ballast_model::Uuid, String)>();
        let all = all.all(self.db()).await.map_err(fault_of)?.into_iter();
        Ok(all.map(|(id, project_id)| (id.into(), project_id, counted.get(&id).copied().unwrap_or_default())).collect())
    }
}
