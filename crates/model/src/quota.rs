//! Quotas: how many objects of each resource a project may have.
//!
//! A project has limits of its own where an operator gave it some, and the deployment's defaults elsewhere: a default that
//! changes is felt by every project that has no limit of its own.

use crate::fault::{Facts, Fault};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    Network,
    Subnet,
    Port,
    /// v1's vip.
    Listener,
    /// v1's pool.
    LoadBalancer,
    Member,
    HealthMonitor,
    /// v2's; v1 has no name for it.
    Pool,
    L7Policy,
    L7Rule,
}

impl Resource {
    /// Every resource, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Network,
        Self::Subnet,
        Self::Port,
        Self::Listener,
        Self::LoadBalancer,
        Self::Member,
        Self::HealthMonitor,
        Self::Pool,
        Self::L7Policy,
        Self::L7Rule,
    ];
    /// Those of load balancing, in v2's order.
    pub const V2: [Self; 7] = [
        Self::LoadBalancer,
        Self::Listener,
        Self::Pool,
        Self::Member,
        Self::HealthMonitor,
        Self::L7Policy,
        Self::L7Rule,
    ];

    /// Its key in a quota of v1, which is the one that is stored; v2's three have their own.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Subnet => "subnet",
            Self::Port => "port",
            Self::Listener => "vip",
            Self::LoadBalancer => "pool",
            Self::Member => "member",
            Self::HealthMonitor => "health_monitor",
            Self::Pool => "v2_pool",
            Self::L7Policy => "l7policy",
            Self::L7Rule => "l7rule",
        }
    }

    /// What it counts, as v2 calls it: the field of a quota in lbaas.v2.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::LoadBalancer => "load_balancer",
            Self::Pool => "pool",
            other => other.as_str(),
        }
    }

    /// The resource with this key.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.as_str() == key)
    }
}

/// A limit that is none.
pub const UNLIMITED: i32 = -1;

/// How many of one resource there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(i32);

impl Limit {
    /// -1, or a number from 0.
    ///
    /// # Errors
    /// [`Code::InvalidField`](crate::fault::Code::InvalidField) that names the resource.
    pub fn new(resource: Resource, value: i32) -> Result<Self, Fault> {
        crate::check::range(resource.as_str(), value, UNLIMITED, i32::MAX).map(Self)
    }

    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// How many there may be; none: any number.
    #[must_use]
    pub fn bound(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }

    /// Refuses one more when there are `used` already.
    ///
    /// # Errors
    /// [`Code::OverQuota`](crate::fault::Code::OverQuota)
    pub fn check(self, resource: Resource, used: u64) -> Result<(), Fault> {
        match self.bound() {
            Some(bound) if used >= bound => Err(Facts::OverQuota { resource }.into()),
            _ => Ok(()),
        }
    }
}

/// A limit for each resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits([Limit; Resource::ALL.len()]);

impl Limits {
    /// Made of one limit for each resource.
    ///
    /// # Errors
    /// Those of `limit`.
    pub fn new(limit: impl Fn(Resource) -> Result<Limit, Fault>) -> Result<Self, Fault> {
        let mut limits = [Limit(UNLIMITED); Resource::ALL.len()];
        for (at, resource) in limits.iter_mut().zip(Resource::ALL) {
            *at = limit(resource)?;
        }
        Ok(Self(limits))
    }

    #[must_use]
    pub const fn of(&self, resource: Resource) -> Limit {
        self.0[resource as usize]
    }

    /// These, where a project has none of its own.
    #[must_use]
    pub fn with(mut self, own: &[(Resource, Limit)]) -> Self {
        for (resource, limit) in own {
            self.0[*resource as usize] = *limit;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fault::Reason;

    fn limit(value: i32) -> Limit {
        Limit::new(Resource::LoadBalancer, value).unwrap()
    }

    #[test]
    fn a_key_names_its_resource() {
        for resource in Resource::ALL {
            assert_eq!(Resource::parse(resource.as_str()), Some(resource));
        }
        assert_eq!(Resource::parse("router"), None);
    }

    #[test]
    fn one_more_than_the_limit_is_refused() {
        assert_eq!(limit(10).check(Resource::LoadBalancer, 9), Ok(()));
        let fault = limit(10).check(Resource::LoadBalancer, 10).unwrap_err();
        assert_eq!(fault, Facts::OverQuota { resource: Resource::LoadBalancer }.into());
    }

    #[test]
    fn a_limit_is_at_least_minus_one() {
        let fault = Limit::new(Resource::Listener, -2).unwrap_err();
        assert_eq!(fault, Fault::invalid_field("vip", Reason::TooSmall { value: -2, least: -1 }));
    }

    #[test]
    fn a_projects_own_limits_come_before_the_defaults() {
        let defaults = Limits::new(|_| Ok(limit(10))).unwrap();
        let own = defaults.clone().with(&[(Resource::Member, limit(3))]);
        assert_eq!(own.of(Resource::Member).get(), 3);
        for other in Resource::ALL.into_iter().filter(|resource| *resource != Resource::Member) {
            assert_eq!(own.of(other), defaults.of(other));
        }
    }

    proptest! {
        #[test]
        fn one_more_is_allowed_exactly_below_the_limit(bound in -1..1000i32, used in 0u64..1000) {
            let allowed = limit(bound).check(Resource::LoadBalancer, used).is_ok();
            prop_assert_eq!(allowed, bound == UNLIMITED || i64::try_from(used).unwrap() < i64::from(bound));
        }
    }
}
