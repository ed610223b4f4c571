//! The facts of every fault.

use super::{
    balancing::{Balancing, Checking, Referred, Routing, Sticky, Taken, Tls, Whole},
    certifying::{Certifying, Issuing, Keying, Revoking},
    code::Code,
    fact::{Fact as _, facts},
    groups::{Absence, Addressing, Call, Clash, Exists, Forbidden, InUse, Missing, NetworkRefusal},
    reason::{Misfit, Reason},
};
use crate::{ids::PoolId, listener::Protocol, quota::Resource};

facts! {
    /// What happened, one for each way in which something can go wrong.
    pub enum Facts of Misfit, Missing, Exists, InUse, Addressing, Forbidden, Call, Clash, Absence, Balancing, Taken,
        Certifying
    {
        InvalidField = "INVALID_FIELD" { field: String, reason: Reason },
        MissingField = "MISSING_FIELD" { field: String },
        /// The caller has no project, and names none.
        NoProject = "NO_PROJECT",
        ImmutableField = "IMMUTABLE_FIELD" { field: String },
        ProtocolMismatch = "PROTOCOL_MISMATCH" { protocol: Protocol, pool_protocol: Protocol },
        DelayBelowTimeout = "DELAY_BELOW_TIMEOUT" { delay: u32, timeout: u32 },
        /// Filters leave no agent.
        NoEligibleAgent = "NO_ELIGIBLE_AGENT" { pool_id: PoolId },
        OverQuota = "OVER_QUOTA" { resource: Resource },
        /// The service that keeps the networks refuses what a user asked for, in its own words.
        NetworkServiceRefuses = "NETWORK_SERVICE_REFUSES" { refusal: NetworkRefusal, said: String },
        Internal = "INTERNAL",
    }
}

/// What load balancing does not allow is told in groups.
macro_rules! of_balancing {
    ($($group:ident),+) => {$(
        impl From<$group> for Facts {
            fn from(fact: $group) -> Self {
                Self::Balancing(fact.into())
            }
        }
    )+};
}

of_balancing!(Tls, Referred, Sticky, Checking, Routing, Whole);

/// So is what certificates do not allow.
macro_rules! of_certifying {
    ($($group:ident),+) => {$(
        impl From<$group> for Facts {
            fn from(fact: $group) -> Self {
                Self::Certifying(fact.into())
            }
        }
    )+};
}

of_certifying!(Keying, Revoking, Issuing);

impl Facts {
    /// One of each, as tests and documents show them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        Self::samples()
    }

    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::InvalidField { .. } => Code::InvalidField,
            Self::MissingField { .. } | Self::NoProject => Code::MissingField,
            Self::ImmutableField { .. } => Code::ImmutableField,
            Self::ProtocolMismatch { .. } => Code::ProtocolMismatch,
            Self::DelayBelowTimeout { .. } => Code::DelayOrTimeoutInvalid,
            Self::NoEligibleAgent { .. } => Code::NoEligibleAgent,
            Self::OverQuota { .. } => Code::OverQuota,
            Self::NetworkServiceRefuses { refusal, .. } => refusal.code(),
            Self::Internal => Code::Internal,
            Self::Misfit(_) => Code::InvalidInput,
            Self::Missing(missing) => missing.code(),
            Self::Exists(exists) => exists.code(),
            Self::InUse(in_use) => in_use.code(),
            Self::Addressing(addressing) => addressing.code(),
            Self::Forbidden(denied) => denied.code(),
            Self::Call(call) => call.code(),
            Self::Clash(_) => Code::Conflict,
            Self::Absence(_) => Code::Unavailable,
            Self::Balancing(balancing) => balancing.code(),
            Self::Taken(taken) => taken.code(),
            Self::Certifying(certifying) => certifying.code(),
        }
    }

    /// The field at fault, if it is one, by its name in gRPC.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::InvalidField { field, .. } | Self::MissingField { field } | Self::ImmutableField { field } => {
                Some(field)
            }
            Self::NoProject => Some("project_id"),
            Self::Call(call) => call.field(),
            Self::Certifying(certifying) => certifying.field(),
            Self::ProtocolMismatch { .. }
            | Self::DelayBelowTimeout { .. }
            | Self::NoEligibleAgent { .. }
            | Self::OverQuota { .. }
            | Self::NetworkServiceRefuses { .. }
            | Self::Internal
            | Self::Misfit(_)
            | Self::Missing(_)
            | Self::Exists(_)
            | Self::InUse(_)
            | Self::Addressing(_)
            | Self::Forbidden(_)
            | Self::Clash(_)
            | Self::Absence(_)
            | Self::Balancing(_)
            | Self::Taken(_) => None,
        }
    }
}
