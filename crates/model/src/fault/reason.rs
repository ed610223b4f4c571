//! Why a field's value is refused, and why an operation's input is.

use std::net::IpAddr;

use ipnet::IpNet;

use super::fact::{Choices, facts};
use crate::{
    ids::{NetworkId, PoolId, SubnetId},
    subnet::Ipv6Mode,
};

facts! {
    /// What a text was to be.
    pub enum Form {
        Address = "ADDRESS",
        Cidr = "CIDR",
        Uuid = "UUID",
        Mac = "MAC",
        Cursor = "CURSOR",
        /// The kind of an event.
        EventKind = "EVENT_KIND",
    }
}

facts! {
    /// Why the value of a field is refused.
    pub enum Reason {
        TooSmall = "TOO_SMALL" { value: i64, least: i64 },
        TooLarge = "TOO_LARGE" { value: i64, most: i64 },
        /// A duration.
        Negative = "NEGATIVE" { value: i64 },
        /// Other bounds than those of [`Self::TooSmall`] and [`Self::TooLarge`] for each of several kinds.
        NotBetween = "NOT_BETWEEN" { value: u32, least: u32, most: u32 },
        /// In characters.
        TooLong = "TOO_LONG" { value: String, most: u32 },
        /// Something in it is not allowed.
        NotValid = "NOT_VALID" { value: String },
        Malformed = "MALFORMED" { value: String, form: Form },
        NotUtf8 = "NOT_UTF8",
        NotOneOf = "NOT_ONE_OF" { value: String, choices: Choices },
        /// No member can be reached at such an address.
        NoMembersAddress = "NO_MEMBERS_ADDRESS" { value: String, kind: String },
        CookieNameMissing = "COOKIE_NAME_MISSING",
        CookieNameSuperfluous = "COOKIE_NAME_SUPERFLUOUS",
        /// Of a network whose type needs one.
        PhysicalNetworkMissing = "PHYSICAL_NETWORK_MISSING" { network_type: String },
        /// Of a network whose type has none; the type may be empty.
        PhysicalNetworkSuperfluous = "PHYSICAL_NETWORK_SUPERFLUOUS" { network_type: String },
        DuplicateRoute = "DUPLICATE_ROUTE" { destination: IpNet, next_hop: IpAddr },
        /// Of something repeated.
        TooManyEntries = "TOO_MANY_ENTRIES" { most: u32 },
        /// Of all filters together.
        TooManyValues = "TOO_MANY_VALUES" { most: u32 },
        NoFieldOf = "NO_FIELD_OF" { value: String, message: String },
        /// A project that is not the caller's, who is no admin.
        AnothersProject = "ANOTHERS_PROJECT",
    }
}

facts! {
    /// Why the input of an operation is refused as a whole.
    pub enum Misfit {
        /// No host can live in it: it is, or reaches into, addresses of this kind.
        UnusableSubnet = "UNUSABLE_SUBNET" { cidr: IpNet, kind: String },
        IpVersionMismatch = "IP_VERSION_MISMATCH" { ip_version: u32, cidr: IpNet },
        RangeBackwards = "RANGE_BACKWARDS" { start: IpAddr, end: IpAddr },
        RangesOverlap = "RANGES_OVERLAP" { address: IpAddr },
        GatewayInRange = "GATEWAY_IN_RANGE" { address: IpAddr },
        OutsideCidr = "OUTSIDE_CIDR" { field: String, address: IpAddr, cidr: IpNet },
        /// The network's own or its broadcast address.
        ReservedAddress = "RESERVED_ADDRESS" { field: String, address: IpAddr, cidr: IpNet },
        RouteOfOtherIpVersion = "ROUTE_OF_OTHER_IP_VERSION" { destination: IpNet, next_hop: IpAddr },
        /// No host has an address of this kind.
        NextHopNoHost = "NEXT_HOP_NO_HOST" { next_hop: IpAddr, kind: String },
        Ipv6ModeOnIpv4 = "IPV6_MODE_ON_IPV4" { field: String },
        Ipv6ModeWithoutDhcp = "IPV6_MODE_WITHOUT_DHCP",
        Ipv6ModesDiffer = "IPV6_MODES_DIFFER" { ra_mode: Ipv6Mode, address_mode: Ipv6Mode },
        Ipv6PrefixNot64 = "IPV6_PREFIX_NOT_64" { cidr: IpNet },
        TooManyAddresses = "TOO_MANY_ADDRESSES" { most: u32 },
        DuplicateAddress = "DUPLICATE_ADDRESS" { address: IpAddr },
        SubnetOfOtherNetwork = "SUBNET_OF_OTHER_NETWORK" { network_id: NetworkId, subnet_id: SubnetId },
        /// A wish for an address that names neither it nor its subnet.
        EmptyWish = "EMPTY_WISH",
        /// A member that is its own load balancer.
        MemberIsVip = "MEMBER_IS_VIP" { address: IpAddr, port: u16, pool_id: PoolId },
        /// Networks are another service's.
        NetworksElsewhere = "NETWORKS_ELSEWHERE" { url: String },
        /// No agent can plug into a network of this type.
        NetworkTypeUnknown = "NETWORK_TYPE_UNKNOWN" { network_type: String },
        UnknownSortKeys = "UNKNOWN_SORT_KEYS" { keys: Choices },
        /// The bytes of a request are no message of its method.
        NotAMessage = "NOT_A_MESSAGE",
        HelloIncomplete = "HELLO_INCOMPLETE",
        /// The host in it is no name: too long, or with control characters.
        HelloHost = "HELLO_HOST" { most: u32 },
        /// A driver is ready, and what it can do was never told.
        DriverUntold = "DRIVER_UNTOLD" { driver: String },
    }
}
