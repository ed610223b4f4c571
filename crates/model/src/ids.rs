//! Ids: one type for each kind of object, so that none is taken for another's.
//!
//! All are UUIDs (RFC 9562) on the wire and in the store. What agents say of "an object" of a load balancer without its kind
//! is an [`ObjectId`].

use std::{fmt, str::FromStr};

use crate::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident)+) => {$(
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The one with this number, as samples have them.
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(Uuid::from_u128(number))
            }

            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// Of a load balancer.
    LoadBalancerId
    /// Of a listener; v1's vip has its listener's.
    ListenerId
    /// Of a pool.
    PoolId
    /// Of a member.
    MemberId
    /// Of a health monitor.
    MonitorId
    /// Of a layer-7 policy.
    L7PolicyId
    /// Of a rule of one.
    L7RuleId
    /// Of a flavor.
    FlavorId
    /// Of what flavors or availability zones say to a provider.
    ProfileId
    /// Of a certificate.
    CertificateId
    /// Of an agent.
    AgentId
    /// Of a scheduler's process: each start makes another.
    SchedulerId
    /// Of a network.
    NetworkId
    /// Of a subnet.
    SubnetId
    /// Of a port of a network.
    PortId
    /// Of a load balancer or something in it, where it is known which load balancer that is.
    ObjectId
}

macro_rules! objects {
    ($($name:ident)+) => {$(
        impl From<$name> for ObjectId {
            fn from(id: $name) -> Self {
                Self(id.0)
            }
        }
    )+};
}

objects! { LoadBalancerId ListenerId PoolId MemberId MonitorId L7PolicyId L7RuleId }
