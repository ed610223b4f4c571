//! Quotas of v2: those of load balancing. A project's limits of networks are LBaaS v1's business.

use std::collections::BTreeMap;

use ballast_model::{
    fault::{Fault, Forbidden, Kind},
    quota::{Limit, Limits, Resource},
};

use super::super::{App, Caller};

impl App {
    /// The projects that have limits of their own, or objects; of others than admins, their own.
    ///
    /// # Errors
    /// `Code::AdminRequired` for another's project.
    pub async fn quotas_of_v2(&self, caller: &Caller, project_id: &str) -> Result<Vec<(String, Limits)>, Fault> {
        let only = match (project_id, caller.scope()) {
            ("", scope) => scope,
            (asked, Some(own)) if own != asked => return Err(Forbidden::QuotasOfOther.into()),
            (asked, _) => Some(asked.to_owned()),
        };
        let read = self
            .store
            .read(|tx, _| Box::pin(async move { Ok((tx.all_own_limits().await?, tx.projects_with_objects().await?)) }));
        let (own, with_objects) = read.await?;
        let mut all: BTreeMap<String, Limits> =
            with_objects.into_iter().map(|project_id| (project_id, self.quotas.clone())).collect();
        for (project_id, limits) in own {
            if all.contains_key(&project_id) || limits.iter().any(|(resource, _)| Resource::V2.contains(resource)) {
                all.insert(project_id, self.quotas.clone().with(&limits));
            }
        }
        Ok(all.into_iter().filter(|(project_id, _)| only.as_ref().is_none_or(|only| only == project_id)).collect())
    }

    /// What a project without limits of its own may have. Whose it is asked for does not matter to an admin.
    ///
    /// # Errors
    /// `Code::AdminRequired` for another's project.
    pub fn default_quota_of_v2(&self, caller: &Caller, project_id: &str) -> Result<(String, Limits), Fault> {
        if project_id.is_empty() {
            return Ok((caller.project_id.clone().unwrap_or_default(), self.quotas.clone()));
        }
        self.default_quota(caller, project_id)
    }

    /// Gives a project these limits, and the defaults of what is `reset`; its others stay.
    ///
    /// # Errors
    /// `Code::AdminRequired`
    pub async fn update_quota_of_v2(
        &self,
        caller: &Caller,
        project_id: &str,
        limits: &[(Resource, Limit)],
        reset: &[Resource],
    ) -> Result<(String, Limits), Fault> {
        self.may_limit(caller)?;
        let project_id = caller.project_for(project_id)?;
        let project = &project_id;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                tx.delete_limits_of(project, reset).await?;
                tx.save_limits(project, limits).await?;
                tx.own_limits(project).await
            })
        });
        let own = update.await?;
        Ok((project_id, self.quotas.clone().with(&own)))
    }

    /// Takes a project's own limits away.
    ///
    /// # Errors
    /// `Code::QuotaNotFound`: it has none; `Code::AdminRequired`
    pub async fn delete_quota_of_v2(&self, caller: &Caller, project_id: &str) -> Result<(), Fault> {
        self.may_limit(caller)?;
        let project_id = caller.project_for(project_id)?;
        let project = &project_id;
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                match tx.delete_limits_of(project, &Resource::V2).await? {
                    true => Ok(()),
                    false => Err(Fault::not_found(Kind::Quota, project)),
                }
            })
        });
        delete.await
    }
}
