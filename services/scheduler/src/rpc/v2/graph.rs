//! Objects within objects: a load balancer that is made with its listeners and pools, and pools that are named in one place and
//! made in another.

use std::collections::HashMap;

use ballast_model::{
    check,
    counters::Generation,
    fault::{Fault, Whole},
    ids::{LoadBalancerId, PoolId},
    l7::{L7Action, L7Policy},
    listener::{Listener, Protocol},
    parts::Parts,
    pool::{Association, Pool},
    status::Progress,
};
use ballast_proto::v2;

use super::super::decode::{Mask, required};
use super::{
    apply::{self, Fields},
    enums::protocol,
};
use crate::app::App;

/// What is made of a request's parts.
pub(super) struct Planner<'a> {
    app: &'a App,
    project_id: &'a str,
    pools: Vec<Pool>,
    by_name: HashMap<String, PoolId>,
    /// Pools have to be named, so that others can refer to them.
    named: bool,
}

impl<'a> Planner<'a> {
    /// Of a load balancer that is made whole, where each pool has a name of its own.
    pub(super) fn of_whole(app: &'a App, project_id: &'a str) -> Self {
        Self { app, project_id, pools: Vec::new(), by_name: HashMap::new(), named: true }
    }

    /// Of one object.
    pub(super) fn of_one(app: &'a App, project_id: &'a str) -> Self {
        Self { named: false, ..Self::of_whole(app, project_id) }
    }

    /// The pools that were made on the way.
    pub(super) fn into_pools(self) -> Vec<Pool> {
        self.pools
    }

    /// Makes what is defined, wherever it is; what only refers to it finds it then.
    pub(super) fn define(&mut self, listeners: &[v2::Listener], pools: &[v2::Pool]) -> Result<(), Fault> {
        for pool in pools {
            self.define_pool(pool)?;
        }
        for listener in listeners {
            self.define_in_listener(listener)?;
        }
        Ok(())
    }

    fn define_in_listener(&mut self, listener: &v2::Listener) -> Result<(), Fault> {
        let redirects = listener.l7policies.iter().filter_map(|policy| policy.redirect_pool.as_ref());
        for pool in listener.default_pool.iter().chain(redirects) {
            if !is_reference(pool) {
                self.define_pool(pool)?;
            }
        }
        Ok(())
    }

    fn define_pool(&mut self, sent: &v2::Pool) -> Result<PoolId, Fault> {
        let name = sent.name.clone();
        if self.named {
            if name.is_empty() {
                return Err(Whole::PoolUnnamed.into());
            }
            if self.by_name.contains_key(&name) {
                return Err(Whole::PoolNameTwice { name }.into());
            }
            for (field, number) in [("protocol", sent.protocol), ("lb_algorithm", sent.lb_algorithm)] {
                if number == 0 {
                    return Err(Whole::PoolIncomplete { name, field: field.to_owned() }.into());
                }
            }
        }
        let pool = self.pool(sent)?;
        let id = pool.id;
        self.by_name.insert(name, id);
        self.pools.push(pool);
        Ok(id)
    }

    /// A pool with its members and its monitor.
    pub(super) fn pool(&self, sent: &v2::Pool) -> Result<Pool, Fault> {
        let (id, project_id) = (self.app.new_id(), self.project_id.to_owned());
        let speaks = protocol(sent.protocol, &Protocol::OF_POOLS)?;
        let mut pool = Pool::new(id, project_id, speaks, apply::algorithm(sent.lb_algorithm)?);
        apply::pool(&Fields(&Mask::all(&apply::POOL)), sent, &mut pool)?;
        let member = |sent: &v2::Member| apply::new_member(self.app.new_id(), self.project_id, sent);
        pool.members = Parts::from(sent.members.iter().map(member).collect::<Result<Vec<_>, _>>()?);
        if let Some(sent) = &sent.health_monitor {
            let monitor = apply::new_monitor(self.app.new_id(), self.project_id, sent)?;
            let progress = Progress::created(Generation::FIRST);
            pool.monitors = Parts::from(vec![Association { monitor, progress }]);
        }
        Ok(pool)
    }

    /// A listener with its policies; its pools were defined before.
    pub(super) fn listener(&self, sent: &v2::Listener) -> Result<Listener, Fault> {
        let port = required("protocol_port", sent.protocol_port)?;
        let port = check::port_of_v2("protocol_port", port)?;
        let speaks = protocol(sent.protocol, &Protocol::OF_LISTENERS)?;
        let mut listener = Listener::new(self.app.new_id(), self.project_id.to_owned(), speaks, port);
        apply::listener(&Fields(&Mask::all(&apply::LISTENER)), sent, &mut listener)?;
        if let Some(pool) = &sent.default_pool {
            listener.default_pool_id = Some(self.find(pool)?);
        }
        let policies = sent.l7policies.iter().map(|sent| self.policy(sent)).collect::<Result<Vec<_>, _>>()?;
        listener.policies = Parts::from(policies);
        Ok(listener)
    }

    /// A policy with its rules.
    pub(super) fn policy(&self, sent: &v2::L7Policy) -> Result<L7Policy, Fault> {
        let action = match &sent.redirect_pool {
            Some(pool) => L7Action::RedirectToPool(self.find(pool)?),
            None => apply::action(sent)?,
        };
        let mut policy = L7Policy::new(self.app.new_id(), self.project_id.to_owned(), action);
        apply::policy(&Fields(&Mask::all(&apply::POLICY)), sent, &mut policy)?;
        let rule = |sent: &v2::L7Rule| apply::new_rule(self.app.new_id(), self.project_id, sent);
        policy.rules = Parts::from(sent.rules.iter().map(rule).collect::<Result<Vec<_>, _>>()?);
        Ok(policy)
    }

    fn find(&self, sent: &v2::Pool) -> Result<PoolId, Fault> {
        let known = self.by_name.get(&sent.name).copied();
        known.ok_or_else(|| Whole::PoolUndefined { name: sent.name.clone() }.into())
    }

    /// The id of a new load balancer.
    pub(super) fn new_load_balancer_id(&self) -> LoadBalancerId {
        self.app.new_id()
    }
}

/// Whether nothing but its name is said of the pool.
fn is_reference(pool: &v2::Pool) -> bool {
    !pool.name.is_empty() && *pool == v2::Pool { name: pool.name.clone(), ..v2::Pool::default() }
}
