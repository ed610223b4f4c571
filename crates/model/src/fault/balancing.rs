//! What load balancing does not allow, whatever the values of single fields are.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    code::Code,
    fact::{Choices, facts},
};
use crate::{
    ids::{L7PolicyId, ListenerId, LoadBalancerId, PoolId},
    listener::Protocol,
};

facts! {
    /// What parts of a load balancer do not allow each other.
    pub enum Balancing of Tls, Referred, Sticky, Checking, Routing, Whole {
        /// A listener of this protocol has neither pools nor policies.
        NoChildren = "NO_CHILDREN" { protocol: Protocol },
        /// A VIP that names neither a subnet nor a network nor a port.
        VipMissing = "VIP_MISSING",
        /// Two addresses in one subnet.
        VipSubnetTwice = "VIP_SUBNET_TWICE",
        VipSubnetOfOtherNetwork = "VIP_SUBNET_OF_OTHER_NETWORK",
        /// A port that has no address, or several of which none was named.
        VipPortAmbiguous = "VIP_PORT_AMBIGUOUS",
        VipPortInUse = "VIP_PORT_IN_USE" { port_id: String, device_id: String },
        NetworkWithoutSubnet = "NETWORK_WITHOUT_SUBNET",
        NetworkWithoutSubnetFor = "NETWORK_WITHOUT_SUBNET_FOR" { address: IpAddr },
        NetworkFull = "NETWORK_FULL",
        /// Of no address of the load balancer.
        CidrOfOtherIpVersion = "CIDR_OF_OTHER_IP_VERSION" { cidr: IpNet, addresses: Choices },
        /// Headers on a listener that does not look at requests.
        HeadersNotForProtocol = "HEADERS_NOT_FOR_PROTOCOL" { protocol: Protocol },
        HeadersUnknown = "HEADERS_UNKNOWN" { names: Choices },
        /// Headers that tell of TLS, on a listener at which it does not end.
        HeadersOfTls = "HEADERS_OF_TLS" { names: Choices, protocol: Protocol },
        /// What only other networks have: QoS policies, security groups.
        NotOnThisNetwork = "NOT_ON_THIS_NETWORK" { field: String },
        /// A pool that is to be neither a load balancer's nor a listener's.
        PoolOfNothing = "POOL_OF_NOTHING",
        /// One member twice in what replaces all.
        MemberTwice = "MEMBER_TWICE" { address: IpAddr, port: u16 },
        MemberOfOtherIpVersion = "MEMBER_OF_OTHER_IP_VERSION" { address: IpAddr, provider: String },
        /// The provider's drivers have none of these.
        Unsupported = "FEATURE_NOT_SUPPORTED" { provider: String, features: Choices },
        /// The object was changed since its etag was read.
        EtagMismatch = "ETAG_MISMATCH" { id: String },
        /// LBaaS v1 has no word for something of it.
        BeyondV1 = "BEYOND_V1" { load_balancer_id: LoadBalancerId, what: String },
        UnknownFilter = "UNKNOWN_FILTER" { field: String },
        UnknownMarker = "UNKNOWN_MARKER" { marker: String },
        /// More of something than a load balancer may have.
        TooMany = "TOO_MANY" { what: String, most: u32 },
        /// What has another address by now does not become what it was.
        AddressChanged = "ADDRESS_CHANGED" { was: String, is: String },
        /// What changed since then is not known, or it never was.
        OutOfReach = "REVISION_OUT_OF_REACH" {
            load_balancer_id: LoadBalancerId,
            generation: u64,
            oldest: u64,
            newest: u64,
        },
    }
}

facts! {
    /// What the settings of TLS do not allow each other.
    pub enum Tls {
        /// TLS ends here, and there is no certificate.
        CertificateMissing = "CERTIFICATE_MISSING",
        CertificateSuperfluous = "CERTIFICATE_SUPERFLUOUS" { protocol: Protocol },
        ClientCaMissing = "CLIENT_CA_MISSING" { client_authentication: String },
        /// A revocation list without its authority: of a listener,
        ClientCrlWithoutCa = "CLIENT_CRL_WITHOUT_CA",
        /// of a pool.
        CrlWithoutCa = "CRL_WITHOUT_CA",
        /// Nobody has what these name, or it is not for who asks, or not for this.
        SecretsNotFound = "SECRETS_NOT_FOUND" { references: Choices },
        HstsWithoutTls = "HSTS_WITHOUT_TLS",
        HstsWithoutMaxAge = "HSTS_WITHOUT_MAX_AGE",
    }
}

facts! {
    /// Why what is behind a reference is not taken.
    pub enum Referred {
        /// No certificate with its key can be made of it.
        Unusable = "SECRET_NOT_USABLE" { reference: String, why: String },
        /// One secret that is neither PKCS12 without a passphrase nor PEM with all that is needed.
        NoBundle = "SECRET_NO_BUNDLE" { reference: String, why: String },
        /// A certificate that is for no name.
        Nameless = "SECRET_WITHOUT_NAME" { reference: String },
        /// A certificate that no client or no driver would take.
        Unfit = "SECRET_UNFIT" { reference: String, why: String },
        CaInvalid = "CA_INVALID" { reference: String, why: String },
        CrlInvalid = "CRL_INVALID" { reference: String, why: String },
        /// A revocation list that this CA has not signed.
        CrlOfOtherCa = "CRL_OF_OTHER_CA" { reference: String, ca: String },
    }
}

facts! {
    /// What session persistence and protocols do not allow each other.
    pub enum Sticky {
        /// Timeouts and granularity are of UDP and SCTP.
        NotForProtocol = "PERSISTENCE_FIELD_NOT_FOR_PROTOCOL" { protocol: Protocol },
        /// Cookies are of neither.
        CookieNotForProtocol = "COOKIE_NOT_FOR_PROTOCOL" { kind: String, protocol: Protocol },
    }
}

facts! {
    /// What health monitors do not allow.
    pub enum Checking {
        NotForPool = "MONITOR_NOT_FOR_POOL" { monitor_type: String, pool_protocol: Protocol },
        FieldNotForType = "FIELD_NOT_FOR_MONITOR_TYPE" { field: String, monitor_type: String },
        VersionMissing = "HTTP_VERSION_MISSING",
        VersionTooOld = "HTTP_VERSION_TOO_OLD",
        DelayTooShort = "DELAY_TOO_SHORT" { delay: u32, least: u32 },
    }
}

facts! {
    /// What policies and their rules do not allow.
    pub enum Routing {
        /// A listener of this protocol has no policies.
        NotForProtocol = "POLICY_NOT_FOR_PROTOCOL" { protocol: Protocol, provider: String },
        /// The action needs this.
        ArgumentMissing = "POLICY_ARGUMENT_MISSING" { field: String },
        NothingToChange = "POLICY_WITHOUT_CHANGE",
        RulesFull = "RULES_FULL" { l7policy_id: L7PolicyId, most: u32 },
        ValueMissing = "RULE_VALUE_MISSING",
        KeyMissing = "RULE_KEY_MISSING" { rule_type: String },
        KeySuperfluous = "RULE_KEY_SUPERFLUOUS" { rule_type: String },
        ComparisonNotForType = "COMPARISON_NOT_FOR_RULE_TYPE" { rule_type: String, compare_type: String },
        BadKey = "BAD_RULE_KEY" { rule_type: String, value: String },
        BadValue = "BAD_RULE_VALUE" { rule_type: String, value: String },
        BadExpression = "BAD_EXPRESSION" { value: String, why: String },
    }
}

facts! {
    /// What the parts of a load balancer that is made whole do not allow each other.
    pub enum Whole {
        PoolUnnamed = "POOL_UNNAMED",
        PoolNameTwice = "POOL_NAME_TWICE" { name: String },
        PoolUndefined = "POOL_UNDEFINED" { name: String },
        PoolIncomplete = "POOL_INCOMPLETE" { name: String, field: String },
        FlavorUnknown = "FLAVOR_UNKNOWN" { flavor_id: String },
        FlavorDisabled = "FLAVOR_DISABLED" { flavor_id: String },
        FlavorOfOtherProvider = "FLAVOR_OF_OTHER_PROVIDER" { flavor_id: String, provider: String },
        ZoneUnknown = "AVAILABILITY_ZONE_UNKNOWN" { availability_zone: String },
        ZoneDisabled = "AVAILABILITY_ZONE_DISABLED" { availability_zone: String },
        ZoneOfOtherProvider = "AVAILABILITY_ZONE_OF_OTHER_PROVIDER" { availability_zone: String, provider: String },
    }
}

impl Balancing {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::Unsupported { .. }
            | Self::MemberOfOtherIpVersion { .. }
            | Self::Routing(Routing::NotForProtocol { .. }) => Code::FeatureNotSupported,
            Self::EtagMismatch { .. } => Code::EtagMismatch,
            Self::BeyondV1 { .. } => Code::BeyondV1,
            Self::Routing(Routing::RulesFull { .. }) | Self::VipPortInUse { .. } => Code::ConflictingObjects,
            _ => Code::InvalidInput,
        }
    }
}

facts! {
    /// What is there already, of which there may be one.
    pub enum Taken {
        /// By a listener of the load balancer, of this protocol.
        ListenerPort = "LISTENER_PORT_TAKEN" { protocol: Protocol, port: u16, load_balancer_id: LoadBalancerId },
        HealthMonitor = "HEALTH_MONITOR_EXISTS" { pool_id: PoolId },
        DefaultPool = "DEFAULT_POOL_EXISTS" { listener_id: ListenerId },
        FlavorName = "FLAVOR_NAME_TAKEN" { name: String },
        ZoneName = "AVAILABILITY_ZONE_NAME_TAKEN" { name: String },
        LoadBalancerHasParts = "LOAD_BALANCER_IN_USE" { load_balancer_id: LoadBalancerId },
        PoolOfPolicy = "POOL_OF_POLICY" { pool_id: PoolId, l7policy_id: L7PolicyId },
        Flavor = "FLAVOR_IN_USE" { flavor_id: String },
        FlavorProfile = "FLAVOR_PROFILE_IN_USE" { profile_id: String },
        Zone = "AVAILABILITY_ZONE_IN_USE" { name: String },
        ZoneProfile = "AVAILABILITY_ZONE_PROFILE_IN_USE" { profile_id: String },
        /// What is to come back is somewhere else.
        Elsewhere = "OBJECT_ELSEWHERE" { id: String, load_balancer_id: LoadBalancerId },
    }
}

impl Taken {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::LoadBalancerHasParts { .. } => Code::LoadBalancerInUse,
            Self::PoolOfPolicy { .. } => Code::PoolInUse,
            _ => Code::ConflictingObjects,
        }
    }
}
