//! What changes are of, as words of the log.

/// What a change is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    LoadBalancer,
    L7Policy,
    Pool,
    Listener,
    Member,
    HealthMonitor,
    Agent,
    Network,
    Subnet,
}

impl EventKind {
    /// Those of LBaaS v1, in the order of a snapshot: what others refer to comes first.
    pub const V1: [Self; 7] =
        [Self::Agent, Self::Network, Self::Subnet, Self::HealthMonitor, Self::Pool, Self::Listener, Self::Member];
    /// Those of v2.
    pub const V2: [Self; 6] =
        [Self::HealthMonitor, Self::LoadBalancer, Self::Pool, Self::Listener, Self::L7Policy, Self::Member];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "LOAD_BALANCER",
            Self::L7Policy => "L7POLICY",
            Self::Pool => "POOL",
            Self::Listener => "LISTENER",
            Self::Member => "MEMBER",
            Self::HealthMonitor => "HEALTH_MONITOR",
            Self::Agent => "AGENT",
            Self::Network => "NETWORK",
            Self::Subnet => "SUBNET",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::V1.into_iter().chain(Self::V2).find(|kind| kind.as_str() == text)
    }

    /// What a scheduler of 0.3.0 takes it for, which refuses a log with kinds that it does not know: of such an object
    /// it finds nothing, and tells its watches that it is gone. None: it knows the kind.
    pub(super) const fn for_others(self) -> Option<Self> {
        match self {
            Self::LoadBalancer => Some(Self::Pool),
            Self::L7Policy => Some(Self::Listener),
            Self::Pool
            | Self::Listener
            | Self::Member
            | Self::HealthMonitor
            | Self::Agent
            | Self::Network
            | Self::Subnet => None,
        }
    }
}
