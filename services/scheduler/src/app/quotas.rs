//! Quotas: what a project may have, and the check in the transaction that makes one more.

use ballast_model::{
    fault::{Fault, Forbidden},
    quota::{Limit, Limits, Resource},
};
use ballast_service::config;
use ballast_store::Tx;

use super::{App, Caller};

/// The deployment's defaults.
pub(super) fn defaults(settings: &config::Quotas) -> Result<Limits, String> {
    let limit = |resource| {
        let value = match resource {
            Resource::Network => settings.network,
            Resource::Subnet => settings.subnet,
            Resource::Port => settings.port,
            Resource::Listener => settings.vip,
            Resource::LoadBalancer => settings.pool,
            Resource::Member => settings.member,
            Resource::HealthMonitor => settings.health_monitor,
            Resource::Pool => settings.v2_pool,
            Resource::L7Policy => settings.l7policy,
            Resource::L7Rule => settings.l7rule,
        };
        Limit::new(resource, value)
    };
    Limits::new(limit).map_err(|fault| {
        let key = fault.field().unwrap_or_default();
        format!("quotas.{key} must be -1, which is no limit, or a number from 0")
    })
}

impl App {
    /// Refuses one more of what the project has as many of as it may. Who writes is alone: until the transaction has
    /// ended, no other one counts what the project has.
    pub(super) async fn admit(&self, tx: &Tx, resource: Resource, project_id: &str) -> Result<(), Fault> {
        let limit = self.quotas.clone().with(&tx.own_limits(project_id).await?).of(resource);
        if limit.bound().is_none() {
            return Ok(());
        }
        self.admitted(resource, limit.check(resource, tx.used(resource, project_id).await?))
    }

    /// The same of so many more.
    pub(super) async fn admit_many(
        &self,
        tx: &Tx,
        resource: Resource,
        project_id: &str,
        more: u64,
    ) -> Result<(), Fault> {
        let limit = self.quotas.clone().with(&tx.own_limits(project_id).await?).of(resource);
        if limit.bound().is_none() {
            return Ok(());
        }
        let used = tx.used(resource, project_id).await?;
        self.admitted(resource, limit.check(resource, used.saturating_add(more.saturating_sub(1))))
    }

    fn admitted(&self, resource: Resource, admitted: Result<(), Fault>) -> Result<(), Fault> {
        if admitted.is_err() && self.foresight.is_none() {
            self.metrics.refused(resource);
        }
        admitted
    }

    /// What a project may have; without one, the caller's.
    ///
    /// # Errors
    /// `Code::AdminRequired` for another's.
    pub async fn quota(&self, caller: &Caller, project_id: &str) -> Result<(String, Limits), Fault> {
        let project_id = own_or_admins(caller, project_id)?;
        let own = self.store.read(|tx, _| Box::pin(tx.own_limits(&project_id))).await?;
        let limits = self.quotas.clone().with(&own);
        Ok((project_id, limits))
    }

    /// What a project without limits of its own may have.
    ///
    /// # Errors
    /// As [`Self::quota`].
    pub fn default_quota(&self, caller: &Caller, project_id: &str) -> Result<(String, Limits), Fault> {
        Ok((own_or_admins(caller, project_id)?, self.quotas.clone()))
    }

    /// The projects that have limits of their own.
    ///
    /// # Errors
    /// `Code::AdminRequired`
    pub async fn quotas(&self, caller: &Caller) -> Result<Vec<(String, Limits)>, Fault> {
        must_be_admin(caller)?;
        let all = self.store.read(|tx, _| Box::pin(tx.all_own_limits())).await?;
        let whole = |(project_id, own): (String, Vec<_>)| (project_id, self.quotas.clone().with(&own));
        Ok(all.into_iter().map(whole).collect())
    }

    /// Whether a caller may change limits at all.
    ///
    /// # Errors
    /// `Code::AdminRequired`
    pub fn may_limit(&self, caller: &Caller) -> Result<(), Fault> {
        must_be_admin(caller)
    }

    /// Gives a project these limits; its others stay.
    ///
    /// # Errors
    /// `Code::AdminRequired`
    pub async fn update_quota(
        &self,
        caller: &Caller,
        project_id: &str,
        limits: &[(Resource, Limit)],
    ) -> Result<(String, Limits), Fault> {
        must_be_admin(caller)?;
        let project_id = own_or_admins(caller, project_id)?;
        let project = &project_id;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                tx.save_limits(project, limits).await?;
                tx.own_limits(project).await
            })
        });
        let own = update.await?;
        Ok((project_id, self.quotas.clone().with(&own)))
    }

    /// Takes a project's own limits away. There need be none.
    ///
    /// # Errors
    /// `Code::AdminRequired`
    pub async fn delete_quota(&self, caller: &Caller, project_id: &str) -> Result<(), Fault> {
        must_be_admin(caller)?;
        let project_id = own_or_admins(caller, project_id)?;
        self.store.write(|tx, _| Box::pin(tx.delete_limits(&project_id))).await
    }
}

fn own_or_admins(caller: &Caller, project_id: &str) -> Result<String, Fault> {
    if project_id.is_empty() {
        return caller.project_for("");
    }
    if caller.sees(project_id) {
        return Ok(project_id.to_owned());
    }
    Err(Forbidden::QuotasOfOther.into())
}

fn must_be_admin(caller: &Caller) -> Result<(), Fault> {
    if caller.admin { Ok(()) } else { Err(Forbidden::Quotas.into()) }
}
