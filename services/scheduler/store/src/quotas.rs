//! Quotas: the limits that projects have of their own, and how much of each resource they use.

use std::collections::BTreeSet;

use ballast_model::{
    fault::Fault,
    quota::{Limit, Resource},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait, NotSet, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Set, sea_query::OnConflict,
};

use crate::{
    Tx,
    backend::fault_of,
    codec::{member_of, natural},
    entity::{health_monitor, l7policy, listener, load_balancer, member, network, pool, port, quota, subnet},
    lists::listing::Listed,
};

/// What a project has of its own.
pub type OwnLimits = Vec<(Resource, Limit)>;

impl Tx {
    /// The limits that the project has of its own.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn own_limits(&self, project_id: &str) -> Result<OwnLimits, Fault> {
        if let Some(known) = self.known().limits.get(project_id) {
            return Ok(known.clone());
        }
        let rows = quota::Entity::find()
            .filter(quota::Column::ProjectId.eq(project_id))
            .order_by_asc(quota::Column::Seq)
            .all(self.db());
        let limits: OwnLimits = rows.await.map_err(fault_of)?.iter().map(limit).collect::<Result<_, _>>()?;
        self.known().limits.insert(project_id.to_owned(), limits.clone());
        Ok(limits)
    }

    /// Every project that has limits of its own, with them.
    ///
    /// # Errors
    /// As [`Self::own_limits`].
    pub async fn all_own_limits(&self) -> Result<Vec<(String, OwnLimits)>, Fault> {
        let rows = quota::Entity::find()
            .order_by_asc(quota::Column::ProjectId)
            .order_by_asc(quota::Column::Seq)
            .all(self.db());
        let mut projects: Vec<(String, OwnLimits)> = Vec::new();
        for row in rows.await.map_err(fault_of)? {
            let own = limit(&row)?;
            match projects.last_mut().filter(|(project_id, _)| *project_id == row.project_id) {
                Some((_, limits)) => limits.push(own),
                None => projects.push((row.project_id, vec![own])),
            }
        }
        Ok(projects)
    }

    /// Gives the project these limits; its others stay.
    ///
    /// # Errors
    /// As [`Self::own_limits`].
    pub async fn save_limits(&self, project_id: &str, limits: &[(Resource, Limit)]) -> Result<(), Fault> {
        self.known().limits.clear();
        for (resource, limit) in limits {
            let row = quota::ActiveModel {
                seq: NotSet,
                project_id: Set(project_id.to_owned()),
                resource: Set(resource.as_str().to_owned()),
                bound: Set(limit.get().into()),
            };
            let again = OnConflict::columns([quota::Column::ProjectId, quota::Column::Resource])
                .update_column(quota::Column::Bound)
                .to_owned();
            quota::Entity::insert(row).on_conflict(again).exec_without_returning(self.db()).await.map_err(fault_of)?;
        }
        Ok(())
    }

    /// Takes the project's own limits away. There need be none.
    ///
    /// # Errors
    /// As [`Self::own_limits`].
    pub async fn delete_limits(&self, project_id: &str) -> Result<(), Fault> {
        self.known().limits.clear();
        let gone = quota::Entity::delete_many().filter(quota::Column::ProjectId.eq(project_id)).exec(self.db());
        gone.await.map(|_| ()).map_err(fault_of)
    }

    /// Takes the project's own limits of these resources away; whether it had any.
    ///
    /// # Errors
    /// As [`Self::own_limits`].
    pub async fn delete_limits_of(&self, project_id: &str, resources: &[Resource]) -> Result<bool, Fault> {
        self.known().limits.clear();
        let gone = quota::Entity::delete_many()
            .filter(quota::Column::ProjectId.eq(project_id))
            .filter(quota::Column::Resource.is_in(resources.iter().map(|resource| resource.as_str())))
            .exec(self.db());
        Ok(gone.await.map_err(fault_of)?.rows_affected > 0)
    }

    /// The projects that have anything of load balancing.
    ///
    /// # Errors
    /// As [`Self::own_limits`].
    pub async fn projects_with_objects(&self) -> Result<BTreeSet<String>, Fault> {
        let mut projects = BTreeSet::new();
        projects.extend(self.projects_in::<load_balancer::Entity>(load_balancer::Column::ProjectId).await?);
        projects.extend(self.projects_in::<listener::Entity>(listener::Column::ProjectId).await?);
        projects.extend(self.projects_in::<pool::Entity>(pool::Column::ProjectId).await?);
        projects.extend(self.projects_in::<member::Entity>(member::Column::ProjectId).await?);
        projects.extend(self.projects_in::<health_monitor::Entity>(health_monitor::Column::ProjectId).await?);
        projects.extend(self.projects_in::<l7policy::Entity>(l7policy::Column::ProjectId).await?);
        Ok(projects)
    }

    async fn projects_in<E: EntityTrait>(&self, column: E::Column) -> Result<Vec<String>, Fault> {
        let projects = E::find().select_only().column(column).distinct().into_tuple();
        projects.all(self.db()).await.map_err(fault_of)
    }

    /// How many the project has. In a transaction that writes that is still so when it ends.
    ///
    /// # Errors
    /// As [`Self::own_limits`].
    pub async fn used(&self, resource: Resource, project_id: &str) -> Result<u64, Fault> {
        match resource {
            Resource::Network => self.owned::<network::Entity>(project_id).await,
            Resource::Subnet => self.owned::<subnet::Entity>(project_id).await,
            Resource::Port => self.owned::<port::Entity>(project_id).await,
            Resource::Listener => {
                // What is deleted may still be answered at, and then nobody else gets its address.
                Ok(self.owned::<listener::Entity>(project_id).await?.saturating_add(self.held(project_id).await?))
            }
            Resource::LoadBalancer => self.owned::<load_balancer::Entity>(project_id).await,
            Resource::Pool => self.owned::<pool::Entity>(project_id).await,
            Resource::L7Policy => self.owned::<l7policy::Entity>(project_id).await,
            Resource::L7Rule => self.rules(project_id).await,
            Resource::Member => self.owned::<member::Entity>(project_id).await,
            Resource::HealthMonitor => self.owned::<health_monitor::Entity>(project_id).await,
        }
    }

    async fn rules(&self, project_id: &str) -> Result<u64, Fault> {
        let sum = l7policy::Entity::find()
            .select_only()
            .column(l7policy::Column::RuleCount)
            .filter(l7policy::Column::ProjectId.eq(project_id))
            .into_tuple::<i64>();
        let counts = sum.all(self.db()).await.map_err(fault_of)?;
        natural("rule_count", counts.into_iter().sum())
    }

    async fn owned<E>(&self, project_id: &str) -> Result<u64, Fault>
    where
        E: Listed,
    {
        E::find().filter(E::shown()).filter(E::visible(project_id, false)).count(self.db()).await.map_err(fault_of)
    }
}

fn limit(row: &quota::Model) -> Result<(Resource, Limit), Fault> {
    let resource = member_of("resource", &row.resource, Resource::parse)?;
    Ok((resource, Limit::new(resource, natural("bound", row.bound)?)?))
}
