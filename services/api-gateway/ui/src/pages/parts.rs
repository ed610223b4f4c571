//! A load balancer's parts, as the scheduler is asked for them.

use ballast_proto::v2::{
    Filter, GetRequest, GetTrafficRequest, HealthMonitor, L7Policy, L7Rule, ListRequest, Listener, LoadBalancer,
    LoadBalancerHealth, Member, Pool, Stats, Traffic, TrafficSpan,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::AT_ONCE;
use crate::{Dashboard, trouble::Trouble, visit::Visitor};

/// Who asks whom.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) dashboard: &'a Dashboard,
    pub(crate) visitor: &'a Visitor,
}

/// All of it, pools with their members and their monitor.
pub(crate) struct Parts {
    pub(crate) load_balancer: LoadBalancer,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) pools: Vec<(Pool, Vec<Member>, Option<HealthMonitor>)>,
}

pub(crate) fn get(id: &str) -> GetRequest {
    GetRequest { id: id.to_owned(), ..GetRequest::default() }
}

/// Objects whose field is one of these.
pub(crate) fn of_these(field: &str, values: Vec<String>) -> ListRequest {
    let filters = vec![Filter { field: field.to_owned(), values }];
    ListRequest { filters, ..ListRequest::default() }
}

impl Reader<'_> {
    fn request<M>(&self, message: M) -> tonic::Request<M> {
        self.visitor.caller.request(message)
    }

    pub(crate) async fn load_balancer(&self, id: &str) -> Result<LoadBalancer, Trouble> {
        let request = self.request(get(id));
        Ok(self.dashboard.scheduler.load_balancers().get(request).await?.into_inner())
    }

    pub(crate) async fn health(&self, id: &str) -> Result<LoadBalancerHealth, Trouble> {
        let request = self.request(get(id));
        Ok(self.dashboard.scheduler.load_balancers().health(request).await?.into_inner())
    }

    pub(crate) async fn stats(&self, id: &str) -> Result<Stats, Trouble> {
        let request = self.request(get(id));
        Ok(self.dashboard.scheduler.load_balancers().stats(request).await?.into_inner())
    }

    pub(crate) async fn traffic(&self, id: &str, span: TrafficSpan) -> Result<Traffic, Trouble> {
        let request = GetTrafficRequest { load_balancer_id: id.to_owned(), span: span.into() };
        Ok(self.dashboard.scheduler.overview().get_traffic(self.request(request)).await?.into_inner())
    }

    pub(crate) async fn pools(&self, id: &str) -> Result<Vec<Pool>, Trouble> {
        let request = self.request(of_these("loadbalancer_id", vec![id.to_owned()]));
        Ok(self.dashboard.scheduler.pools().list(request).await?.into_inner().pools)
    }

    pub(crate) async fn listeners(&self, id: &str) -> Result<Vec<Listener>, Trouble> {
        let request = self.request(of_these("loadbalancer_id", vec![id.to_owned()]));
        Ok(self.dashboard.scheduler.listeners().list(request).await?.into_inner().listeners)
    }

    pub(crate) async fn monitors(&self, pools: &[Pool]) -> Result<Vec<HealthMonitor>, Trouble> {
        let ids: Vec<String> =
            pools.iter().map(|pool| pool.health_monitor_id.clone()).filter(|id| !id.is_empty()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.request(of_these("id", ids));
        Ok(self.dashboard.scheduler.monitors().list(request).await?.into_inner().health_monitors)
    }

    /// The members of one pool.
    pub(crate) async fn members(&self, pool_id: String) -> Result<Vec<Member>, Trouble> {
        let request = self.request(ListRequest { parent_id: pool_id, ..ListRequest::default() });
        Ok(self.dashboard.scheduler.members().list(request).await?.into_inner().members)
    }

    /// The rules of one policy.
    pub(crate) async fn rules(&self, policy_id: String) -> Result<Vec<L7Rule>, Trouble> {
        let request = self.request(ListRequest { parent_id: policy_id, ..ListRequest::default() });
        Ok(self.dashboard.scheduler.rules().list(request).await?.into_inner().rules)
    }

    /// The policies of these listeners, in their order, each with its rules.
    pub(crate) async fn policies(&self, listeners: &[Listener]) -> Result<Vec<(L7Policy, Vec<L7Rule>)>, Trouble> {
        let with_policies: Vec<String> =
            listeners.iter().filter(|one| !one.l7policy_ids.is_empty()).map(|one| one.id.clone()).collect();
        if with_policies.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.request(of_these("listener_id", with_policies));
        let policies = self.dashboard.scheduler.policies().list(request).await?.into_inner().l7policies;
        let with_rules = async |policy: L7Policy| {
            let rules = self.rules(policy.id.clone()).await?;
            Ok::<_, Trouble>((policy, rules))
        };
        let mut all: Vec<_> = stream::iter(policies).map(with_rules).buffered(AT_ONCE).try_collect().await?;
        all.sort_by_key(|(policy, _)| policy.position);
        Ok(all)
    }

    /// The members of each pool.
    pub(crate) async fn members_of(&self, pools: &[Pool]) -> Result<Vec<Vec<Member>>, Trouble> {
        let ids: Vec<String> = pools.iter().map(|pool| pool.id.clone()).collect();
        stream::iter(ids).map(|id| self.members(id)).buffered(AT_ONCE).try_collect().await
    }

    pub(crate) async fn all(&self, id: &str) -> Result<Parts, Trouble> {
        let load_balancer = self.load_balancer(id).await?;
        let (listeners, pools) = tokio::try_join!(self.listeners(id), self.pools(id))?;
        let (members, monitors) = tokio::try_join!(self.members_of(&pools), self.monitors(&pools))?;
        let whole = |(pool, members): (Pool, Vec<Member>)| {
            let monitor = monitors.iter().find(|monitor| monitor.id == pool.health_monitor_id).cloned();
            (pool, members, monitor)
        };
        Ok(Parts { load_balancer, listeners, pools: pools.into_iter().zip(members).map(whole).collect() })
    }
}
