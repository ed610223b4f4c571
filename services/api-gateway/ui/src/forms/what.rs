//! Which form is at an address.

use super::{
    Asking, Draft, certificates, create, delete, edit, listeners, members, monitors, policies, pools, rollback, rules,
};
use crate::trouble::Trouble;

/// What a form is of: ids of a load balancer, and of what in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What<'a> {
    New,
    Edit(&'a str),
    Delete(&'a str),
    /// To a generation.
    RollBack(&'a str, &'a str),
    NewListener(&'a str),
    Listener(&'a str, &'a str),
    DeleteListener(&'a str, &'a str),
    NewPool(&'a str),
    Pool(&'a str, &'a str),
    DeletePool(&'a str, &'a str),
    AddMembers(&'a str, &'a str),
    ChangeMembers(&'a str, &'a str),
    /// Of a pool.
    NewMonitor(&'a str, &'a str),
    Monitor(&'a str, &'a str),
    DeleteMonitor(&'a str, &'a str),
    /// Of a listener.
    NewPolicy(&'a str, &'a str),
    Policy(&'a str, &'a str),
    DeletePolicy(&'a str, &'a str),
    /// Of a policy.
    NewRule(&'a str, &'a str),
    /// Its policy, and it.
    Rule(&'a str, &'a str, &'a str),
    DeleteRule(&'a str, &'a str, &'a str),
    NewCertificate,
    /// One that a CA issues by itself.
    OrderCertificate,
    Certificate(&'a str),
    RotateCertificate(&'a str),
    DeleteCertificate(&'a str),
}

impl<'a> What<'a> {
    /// By its path. None: there is no such form.
    pub(crate) fn of(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix("/ui/")?.split('/');
        match parts.next()? {
            "new" => parts.next().is_none().then_some(Self::New),
            "certificates" => {
                let rest: Vec<&str> = parts.collect();
                Some(match rest[..] {
                    ["new"] => Self::NewCertificate,
                    ["order"] => Self::OrderCertificate,
                    [id, "edit"] => Self::Certificate(id),
                    [id, "rotate"] => Self::RotateCertificate(id),
                    [id, "delete"] => Self::DeleteCertificate(id),
                    _ => return None,
                })
            }
            "load-balancers" => {
                let id = parts.next()?;
                let rest: Vec<&str> = parts.collect();
                Some(match rest[..] {
                    ["edit"] => Self::Edit(id),
                    ["delete"] => Self::Delete(id),
                    ["history", to, "rollback"] => Self::RollBack(id, to),
                    ["listeners", "new"] => Self::NewListener(id),
                    ["listeners", one, "edit"] => Self::Listener(id, one),
                    ["listeners", one, "delete"] => Self::DeleteListener(id, one),
                    ["listeners", one, "policies", "new"] => Self::NewPolicy(id, one),
                    ["pools", "new"] => Self::NewPool(id),
                    ["pools", one, "edit"] => Self::Pool(id, one),
                    ["pools", one, "delete"] => Self::DeletePool(id, one),
                    ["pools", one, "members", "new"] => Self::AddMembers(id, one),
                    ["pools", one, "members", "change"] => Self::ChangeMembers(id, one),
                    ["pools", one, "monitors", "new"] => Self::NewMonitor(id, one),
                    ["monitors", one, "edit"] => Self::Monitor(id, one),
                    ["monitors", one, "delete"] => Self::DeleteMonitor(id, one),
                    ["policies", one, "edit"] => Self::Policy(id, one),
                    ["policies", one, "delete"] => Self::DeletePolicy(id, one),
                    ["policies", one, "rules", "new"] => Self::NewRule(id, one),
                    ["policies", policy, "rules", one, "edit"] => Self::Rule(id, policy, one),
                    ["policies", policy, "rules", one, "delete"] => Self::DeleteRule(id, policy, one),
                    _ => return None,
                })
            }
            _ => None,
        }
    }

    /// Files can be sent with it, and what is never shown again.
    pub(crate) const fn has_files(self) -> bool {
        matches!(self, Self::NewCertificate | Self::RotateCertificate(_))
    }

    pub(super) async fn draft(self, asking: &Asking<'_>) -> Result<Draft, Trouble> {
        match self {
            Self::New => create::draft(asking).await,
            Self::Edit(id) => edit::draft(asking, id).await,
            Self::Delete(id) => delete::draft(asking, id).await,
            Self::RollBack(id, to) => rollback::draft(asking, id, to).await,
            Self::NewListener(id) => listeners::new(asking, id).await,
            Self::Listener(id, one) => listeners::change(asking, id, one).await,
            Self::DeleteListener(id, one) => listeners::delete(asking, id, one).await,
            Self::NewPool(id) => pools::new(asking, id).await,
            Self::Pool(id, one) => pools::change(asking, id, one).await,
            Self::DeletePool(id, one) => pools::delete(asking, id, one).await,
            Self::AddMembers(id, pool) => members::add(asking, id, pool).await,
            Self::ChangeMembers(id, pool) => members::change(asking, id, pool).await,
            Self::NewMonitor(id, pool) => monitors::new(asking, id, pool).await,
            Self::Monitor(id, one) => monitors::change(asking, id, one).await,
            Self::DeleteMonitor(id, one) => monitors::delete(asking, id, one).await,
            Self::NewPolicy(id, listener) => policies::new(asking, id, listener).await,
            Self::Policy(id, one) => policies::change(asking, id, one).await,
            Self::DeletePolicy(id, one) => policies::delete(asking, id, one).await,
            Self::NewRule(id, policy) => rules::new(asking, id, policy).await,
            Self::Rule(id, policy, one) => rules::change(asking, id, (policy, one)).await,
            Self::DeleteRule(id, policy, one) => rules::delete(asking, id, (policy, one)).await,
            Self::NewCertificate => certificates::new(asking),
            Self::OrderCertificate => certificates::order(asking),
            Self::Certificate(id) => certificates::change(asking, id).await,
            Self::RotateCertificate(id) => certificates::rotate(asking, id).await,
            Self::DeleteCertificate(id) => certificates::delete(asking, id).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_table_is_one_and_nothing_else_is() {
        let forms = crate::ROUTES.iter().filter(|route| route.action.starts_with("ui_form_"));
        let mut count = 0;
        for route in forms {
            assert!(What::of(&route.path.replace(['{', '}'], "")).is_some(), "{}", route.path);
            count += 1;
        }
        assert_eq!(count, 52);
        for path in [
            "/ui/",
            "/ui/new/",
            "/ui/load-balancers/x",
            "/ui/load-balancers/x/pools/y/members",
            "/ui/load-balancers/x/policies/y/rules",
            "/ui/x/y/edit",
            "/ui/certificates",
            "/ui/certificates/x",
            "/ui/certificates/x/edit/",
        ] {
            assert!(What::of(path).is_none(), "{path}");
        }
    }
}
