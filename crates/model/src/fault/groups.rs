//! Facts that belong together, each group with its codes.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{code::Code, fact::facts};
use crate::{
    ids::{AgentId, LoadBalancerId, MonitorId, NetworkId, PoolId, PortId, SubnetId},
    listener::Mac,
};

facts! {
    /// What is looked for by its id.
    pub enum Kind {
        Pool = "POOL",
        Vip = "VIP",
        Member = "MEMBER",
        HealthMonitor = "HEALTH_MONITOR",
        Agent = "AGENT",
        Network = "NETWORK",
        Subnet = "SUBNET",
        Port = "PORT",
        LoadBalancer = "LOAD_BALANCER",
        Listener = "LISTENER",
        L7Policy = "L7POLICY",
        L7Rule = "L7RULE",
        Flavor = "FLAVOR",
        FlavorProfile = "FLAVOR_PROFILE",
        AvailabilityZone = "AVAILABILITY_ZONE",
        AvailabilityZoneProfile = "AVAILABILITY_ZONE_PROFILE",
        Certificate = "CERTIFICATE",
        /// Of a project.
        Quota = "QUOTA",
    }
}

facts! {
    /// What is not there.
    pub enum Missing {
        /// The id is a text: one that is none names nothing.
        Object = "NOT_FOUND" { kind: Kind, id: String },
        Association = "ASSOCIATION_NOT_FOUND" { monitor_id: String, pool_id: String },
        Provider = "PROVIDER_NOT_FOUND" { provider: String },
        DefaultProvider = "DEFAULT_PROVIDER_NOT_FOUND",
    }
}

facts! {
    /// What addresses and subnets do not allow.
    pub enum Addressing {
        NotInSubnet = "ADDRESS_NOT_IN_SUBNET" { address: IpAddr, subnet_id: SubnetId },
        NotInNetwork = "ADDRESS_NOT_IN_NETWORK" { address: IpAddr, network_id: NetworkId },
        Full = "SUBNET_FULL" { network_id: NetworkId },
        Overlap = "SUBNET_OVERLAPS" { cidr: IpNet, network_id: NetworkId, subnet_id: SubnetId },
    }
}

facts! {
    /// What is wrong with a call or a watch, whatever it is about.
    pub enum Call {
        RequestIdReused = "REQUEST_ID_REUSED" { request_id: String },
        DeadlineExceeded = "DEADLINE_EXCEEDED",
        CursorExpired = "CURSOR_EXPIRED",
        ReaderTooSlow = "READER_TOO_SLOW",
        /// Of one project at a time.
        TooManyWatches = "TOO_MANY_WATCHES" { most: u32 },
        /// By one project: in so many seconds it may call again.
        TooOften = "TOO_MANY_REQUESTS" { seconds: u32 },
        /// As many are under way as may be, of all or of one project.
        TooManyCalls = "OVERLOADED",
    }
}

facts! {
    /// What is there already.
    pub enum Exists {
        Vip = "VIP_EXISTS" { pool_id: PoolId },
        Member = "MEMBER_EXISTS" { address: IpAddr, port: u16, pool_id: PoolId },
        Association = "ASSOCIATION_EXISTS" { monitor_id: MonitorId, pool_id: PoolId },
        /// Another agent is of this host.
        Agent = "AGENT_EXISTS" { host: String },
    }
}

facts! {
    /// What others use.
    pub enum InUse {
        Pool = "POOL_IN_USE" { pool_id: PoolId },
        HealthMonitor = "HEALTH_MONITOR_IN_USE" { monitor_id: MonitorId },
        Subnet = "SUBNET_IN_USE" { subnet_id: SubnetId },
        Network = "NETWORK_IN_USE" { network_id: NetworkId },
        Address = "ADDRESS_IN_USE" { address: IpAddr, network_id: NetworkId },
        Mac = "MAC_IN_USE" { mac: Mac, network_id: NetworkId },
        /// A vip's, which alone changes and deletes it.
        ServicePort = "SERVICE_PORT_IN_USE" { port_id: PortId },
        /// Others use the network: it stays shared.
        Shared = "SHARED_IN_USE" { network_id: NetworkId },
        /// It has load balancers, and some that it has not confirmed to have removed.
        Agent = "AGENT_IN_USE" { host: String, load_balancers: u32, removals: u32 },
    }
}

facts! {
    /// What the caller may not.
    pub enum Forbidden {
        /// A vip for the pool of another project.
        PoolOfOther = "POOL_OF_OTHER" { pool_id: PoolId },
        /// An agent's certificate names another host than the agent does.
        OtherHost = "OTHER_HOST" { host: String, certified: String },
        Quotas = "QUOTAS",
        QuotasOfOther = "QUOTAS_OF_OTHER",
        Action = "ACTION" { action: String },
        /// Something of another project.
        OthersObject = "OTHERS_OBJECT",
        /// In no allocation pool of a subnet whose network is another project's.
        AddressNotOffered = "ADDRESS_NOT_OFFERED" { address: IpAddr, subnet_id: SubnetId },
    }
}

facts! {
    /// What others did meanwhile.
    pub enum Clash {
        LoadBalancerChanged = "LOAD_BALANCER_CHANGED" { load_balancer_id: LoadBalancerId },
        LoadBalancerBound = "LOAD_BALANCER_BOUND" { load_balancer_id: LoadBalancerId },
        /// The agent that was chosen was deleted meanwhile.
        AgentDeleted = "AGENT_DELETED" { agent_id: AgentId },
        DatabaseBusy = "DATABASE_BUSY",
        /// With the others that shared it.
        CommitUndone = "COMMIT_UNDONE",
        /// The MAC address that was chosen is another port's.
        MacTaken = "MAC_TAKEN",
    }
}

facts! {
    /// What does not answer.
    pub enum Absence {
        Scheduler = "SCHEDULER",
        SchedulerStops = "SCHEDULER_STOPS",
        Database = "DATABASE",
        /// The database went while it made a change.
        OutcomeUnknown = "OUTCOME_UNKNOWN",
        /// The scheduler stops while a change is made.
        OutcomeUnknownAtStop = "OUTCOME_UNKNOWN_AT_STOP",
        NetworkService = "NETWORK_SERVICE",
        /// Who knows whose a token is.
        TokenService = "TOKEN_SERVICE",
        /// A stream ends after so long, to be opened again.
        StreamEnds = "STREAM_ENDS",
        /// Who read a stream.
        Reader = "READER",
        Agent = "AGENT_GONE",
        /// The scheduler does not lead any more.
        Lead = "LEAD",
    }
}

facts! {
    /// What the service that keeps the networks may refuse.
    pub enum NetworkRefusal {
        NetworkNotFound = "NETWORK_NOT_FOUND",
        SubnetNotFound = "SUBNET_NOT_FOUND",
        PortNotFound = "PORT_NOT_FOUND",
        AddressInUse = "ADDRESS_IN_USE",
        SubnetFull = "SUBNET_FULL",
        OverQuota = "OVER_QUOTA",
        InvalidInput = "INVALID_INPUT",
    }
}

impl Missing {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::Object { kind, .. } => kind.not_found(),
            Self::Association { .. } => Code::AssociationNotFound,
            Self::Provider { .. } => Code::ProviderNotFound,
            Self::DefaultProvider => Code::DefaultProviderNotFound,
        }
    }
}

impl Addressing {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::NotInSubnet { .. } | Self::NotInNetwork { .. } => Code::AddressNotInSubnet,
            Self::Full { .. } => Code::SubnetFull,
            Self::Overlap { .. } => Code::SubnetOverlaps,
        }
    }
}

impl Call {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::RequestIdReused { .. } => Code::RequestIdReused,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::CursorExpired => Code::CursorExpired,
            Self::ReaderTooSlow => Code::ReaderTooSlow,
            Self::TooManyWatches { .. } => Code::OverQuota,
            Self::TooOften { .. } => Code::TooManyRequests,
            Self::TooManyCalls => Code::Overloaded,
        }
    }

    pub(super) const fn field(&self) -> Option<&str> {
        match self {
            Self::RequestIdReused { .. } => Some("request_id"),
            Self::CursorExpired => Some("cursor"),
            Self::DeadlineExceeded
            | Self::ReaderTooSlow
            | Self::TooManyWatches { .. }
            | Self::TooOften { .. }
            | Self::TooManyCalls => None,
        }
    }
}

impl Kind {
    const fn not_found(&self) -> Code {
        match self {
            Self::Pool => Code::PoolNotFound,
            Self::Vip => Code::VipNotFound,
            Self::Member => Code::MemberNotFound,
            Self::HealthMonitor => Code::HealthMonitorNotFound,
            Self::Agent => Code::AgentNotFound,
            Self::Network => Code::NetworkNotFound,
            Self::Subnet => Code::SubnetNotFound,
            Self::Port => Code::PortNotFound,
            Self::LoadBalancer => Code::LoadBalancerNotFound,
            Self::Listener => Code::ListenerNotFound,
            Self::L7Policy => Code::L7PolicyNotFound,
            Self::L7Rule => Code::L7RuleNotFound,
            Self::Flavor => Code::FlavorNotFound,
            Self::FlavorProfile | Self::AvailabilityZoneProfile => Code::ProfileNotFound,
            Self::AvailabilityZone => Code::AvailabilityZoneNotFound,
            Self::Certificate => Code::CertificateNotFound,
            Self::Quota => Code::QuotaNotFound,
        }
    }
}

impl Exists {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::Vip { .. } => Code::VipExists,
            Self::Member { .. } => Code::MemberExists,
            Self::Association { .. } => Code::AssociationExists,
            Self::Agent { .. } => Code::AgentExists,
        }
    }
}

impl InUse {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::Pool { .. } => Code::PoolInUse,
            Self::HealthMonitor { .. } => Code::HealthMonitorInUse,
            Self::Subnet { .. } => Code::SubnetInUse,
            Self::Network { .. } => Code::NetworkInUse,
            Self::Address { .. } => Code::AddressInUse,
            Self::Mac { .. } => Code::MacInUse,
            Self::ServicePort { .. } => Code::ServicePortInUse,
            Self::Shared { .. } => Code::SharedInUse,
            Self::Agent { .. } => Code::AgentInUse,
        }
    }
}

impl Forbidden {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::PoolOfOther { .. } | Self::OtherHost { .. } => Code::NotAuthorized,
            Self::Quotas | Self::QuotasOfOther => Code::AdminRequired,
            Self::Action { .. } | Self::OthersObject | Self::AddressNotOffered { .. } => Code::PolicyNotAuthorized,
        }
    }
}

impl NetworkRefusal {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::NetworkNotFound => Code::NetworkNotFound,
            Self::SubnetNotFound => Code::SubnetNotFound,
            Self::PortNotFound => Code::PortNotFound,
            Self::AddressInUse => Code::AddressInUse,
            Self::SubnetFull => Code::SubnetFull,
            Self::OverQuota => Code::OverQuota,
            Self::InvalidInput => Code::InvalidInput,
        }
    }
}
