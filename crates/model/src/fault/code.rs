//! The codes: what programs act on.

/// Defines [`Code`], its wire names, and the way back.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $reason:literal),+ $(,)?) => {
        /// What went wrong: a closed set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $code),+ }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The name on the wire: `google.rpc.ErrorInfo.reason`.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$code => $reason),+ }
            }

            /// The code with this name.
            #[must_use]
            pub fn from_reason(reason: &str) -> Option<Self> {
                match reason { $($reason => Some(Self::$code),)+ _ => None }
            }
        }
    };
}

codes! {
    /// A value of one field is refused: [`Fault::field`](super::Fault::field) names it.
    InvalidField = "INVALID_FIELD",
    /// The operation's input is refused as a whole.
    InvalidInput = "INVALID_INPUT",
    /// A required field is missing: [`Fault::field`](super::Fault::field) names it.
    MissingField = "MISSING_FIELD",
    /// A field that cannot change was to be changed: [`Fault::field`](super::Fault::field) names it.
    ImmutableField = "IMMUTABLE_FIELD",
    ProtocolMismatch = "PROTOCOL_MISMATCH",
    DelayOrTimeoutInvalid = "DELAY_OR_TIMEOUT_INVALID",
    ProviderNotFound = "PROVIDER_NOT_FOUND",
    DefaultProviderNotFound = "DEFAULT_PROVIDER_NOT_FOUND",
    AddressNotInSubnet = "ADDRESS_NOT_IN_SUBNET",
    PoolNotFound = "POOL_NOT_FOUND",
    VipNotFound = "VIP_NOT_FOUND",
    MemberNotFound = "MEMBER_NOT_FOUND",
    HealthMonitorNotFound = "HEALTH_MONITOR_NOT_FOUND",
    AssociationNotFound = "ASSOCIATION_NOT_FOUND",
    AgentNotFound = "AGENT_NOT_FOUND",
    NetworkNotFound = "NETWORK_NOT_FOUND",
    SubnetNotFound = "SUBNET_NOT_FOUND",
    PortNotFound = "PORT_NOT_FOUND",
    LoadBalancerNotFound = "LOAD_BALANCER_NOT_FOUND",
    ListenerNotFound = "LISTENER_NOT_FOUND",
    L7PolicyNotFound = "L7POLICY_NOT_FOUND",
    L7RuleNotFound = "L7RULE_NOT_FOUND",
    FlavorNotFound = "FLAVOR_NOT_FOUND",
    AvailabilityZoneNotFound = "AVAILABILITY_ZONE_NOT_FOUND",
    /// Of a flavor or an availability zone.
    ProfileNotFound = "PROFILE_NOT_FOUND",
    QuotaNotFound = "QUOTA_NOT_FOUND",
    CertificateNotFound = "CERTIFICATE_NOT_FOUND",
    /// Filters leave no agent to place a load balancer on.
    NoEligibleAgent = "NO_ELIGIBLE_AGENT",
    VipExists = "VIP_EXISTS",
    MemberExists = "MEMBER_EXISTS",
    AssociationExists = "ASSOCIATION_EXISTS",
    /// A host's agent is connected already.
    AgentExists = "AGENT_EXISTS",
    /// Another object is in the way.
    ConflictingObjects = "CONFLICTING_OBJECTS",
    LoadBalancerInUse = "LOAD_BALANCER_IN_USE",
    PoolInUse = "POOL_IN_USE",
    HealthMonitorInUse = "HEALTH_MONITOR_IN_USE",
    CertificateInUse = "CERTIFICATE_IN_USE",
    SubnetInUse = "SUBNET_IN_USE",
    NetworkInUse = "NETWORK_IN_USE",
    AddressInUse = "ADDRESS_IN_USE",
    MacInUse = "MAC_IN_USE",
    /// A port that a service made, and that only the service deletes.
    ServicePortInUse = "SERVICE_PORT_IN_USE",
    /// A network that others use cannot stop to be shared.
    SharedInUse = "SHARED_IN_USE",
    /// It has load balancers, or has some yet to remove.
    AgentInUse = "AGENT_IN_USE",
    /// The allocation pools have no free address.
    SubnetFull = "SUBNET_FULL",
    /// Another subnet of the network covers the same addresses.
    SubnetOverlaps = "SUBNET_OVERLAPS",
    OverQuota = "OVER_QUOTA",
    /// No driver of the provider has what is asked for.
    FeatureNotSupported = "FEATURE_NOT_SUPPORTED",
    /// No key is configured by which private keys are kept.
    SecretsKeyMissing = "SECRETS_KEY_MISSING",
    /// No CA is configured that issues certificates by ACME.
    AcmeNotConfigured = "ACME_NOT_CONFIGURED",
    /// The object was changed since it was read.
    EtagMismatch = "ETAG_MISMATCH",
    /// LBaaS v1 has no words for what the load balancer is by now.
    BeyondV1 = "BEYOND_V1",
    NotAuthorized = "NOT_AUTHORIZED",
    AdminRequired = "ADMIN_REQUIRED",
    PolicyNotAuthorized = "POLICY_NOT_AUTHORIZED",
    /// A `request_id` was used for another request.
    RequestIdReused = "REQUEST_ID_REUSED",
    /// A watch cannot go on from its cursor: begin without one.
    CursorExpired = "CURSOR_EXPIRED",
    /// A watch did not take what it was sent: go on from the last cursor.
    ReaderTooSlow = "READER_TOO_SLOW",
    /// The caller's time is over: nothing was done.
    DeadlineExceeded = "DEADLINE_EXCEEDED",
    /// The project calls too often: nothing was done; later it may.
    TooManyRequests = "TOO_MANY_REQUESTS",
    /// Too many calls are under way: nothing was done; try again.
    Overloaded = "OVERLOADED",
    /// Others changed the same object again and again: try again.
    Conflict = "CONFLICT",
    /// Something that is needed does not answer: try again.
    Unavailable = "UNAVAILABLE",
    Internal = "INTERNAL",
}
