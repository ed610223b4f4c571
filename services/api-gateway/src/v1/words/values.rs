//! Why values do not do, as Neutron says it.

use ballast_proto::status::{
    fault::{Choices, Fault, Form, Misfit, Reason},
    sentence,
};

use crate::v1::python;

pub(super) fn reason(field: &str, reason: &Reason) -> String {
    let why = match reason {
        Reason::TooSmall { value, least } => format!("'{value}' is too small - must be at least '{least}'"),
        Reason::TooLarge { value, most } => format!("'{value}' is too large - must be no larger than '{most}'"),
        Reason::Negative { value } => format!("'{value}' should be non-negative"),
        Reason::NotBetween { value, least, most } if least == most => format!("'{value}' is not {least}"),
        Reason::NotBetween { value, least, most } => format!("'{value}' is not {least} to {most}"),
        Reason::TooLong { value, most } => format!("'{value}' exceeds maximum length of {most}"),
        Reason::NotValid { value } => format!("'{}' is not a valid input", value.replace('\0', "\\x00")),
        Reason::Malformed { value, form } => format!("'{value}' is not {}", noun(form)),
        Reason::NotUtf8 => "it is not UTF-8".to_owned(),
        Reason::NotOneOf { value, choices } => format!("'{value}' is not in {}", names(choices)),
        Reason::NoMembersAddress { value, kind } => format!("'{value}' is a {kind} address: no member has it"),
        Reason::CookieNameMissing => {
            "'cookie_name' should be specified for this type of session persistence".to_owned()
        }
        Reason::CookieNameSuperfluous => "'cookie_name' is not allowed for this type of session persistence".to_owned(),
        Reason::PhysicalNetworkMissing { network_type } => format!("{network_type} needs physical network"),
        Reason::PhysicalNetworkSuperfluous { network_type } if network_type.is_empty() => {
            "a network without a type takes no physical network".to_owned()
        }
        Reason::PhysicalNetworkSuperfluous { network_type } => format!("{network_type} takes no physical network"),
        Reason::DuplicateRoute { destination, next_hop } => {
            format!("Duplicate hostroute '{{'destination': '{destination}', 'nexthop': '{next_hop}'}}'")
        }
        Reason::TooManyEntries { most } => format!("it has more than {most} entries"),
        Reason::TooManyValues { most } => format!("they have more than {most} values together"),
        Reason::NoFieldOf { value, message } => format!("'{value}' is not a field of {message}"),
        Reason::AnothersProject => {
            return "Specifying 'tenant_id' other than authenticated tenant in request requires admin privileges"
                .to_owned();
        }
    };
    format!("Invalid input for {field}. Reason: {why}.")
}

const fn noun(form: &Form) -> &'static str {
    match form {
        Form::Address => "a valid IP address",
        Form::Cidr => "a valid IP subnet",
        Form::Uuid => "a valid UUID",
        Form::Mac => "a valid MAC address",
        Form::Cursor => "a cursor",
        Form::EventKind => "a kind",
    }
}

fn names(choices: &Choices) -> String {
    python::list(choices.0.iter().map(|name| python::name(name)))
}

pub(super) fn misfit(fault: &Fault, misfit: &Misfit) -> String {
    let why = match misfit {
        Misfit::UnusableSubnet { cidr, kind } => {
            format!("{kind} IP subnet is not supported: no host can live in {cidr}")
        }
        Misfit::IpVersionMismatch { ip_version, cidr } => format!("ip_version {ip_version} does not match cidr {cidr}"),
        Misfit::RangeBackwards { start, end } => format!("allocation pool {start}-{end} ends before it starts"),
        Misfit::RangesOverlap { address } => format!("allocation pools overlap at {address}"),
        Misfit::GatewayInRange { address } => format!("gateway {address} is in an allocation pool"),
        Misfit::OutsideCidr { field, address, cidr } => format!("{field} {address} is not in {cidr}"),
        Misfit::ReservedAddress { field, address, cidr } => {
            format!("{field} {address} is no host's: it is {cidr}'s own or broadcast address")
        }
        Misfit::RouteOfOtherIpVersion { destination, next_hop } => {
            format!("host_routes {destination} by {next_hop} is of another IP version")
        }
        Misfit::NextHopNoHost { next_hop, kind } => format!("host_routes next hop {next_hop} is no host's: {kind}"),
        Misfit::Ipv6ModeOnIpv4 { field } => format!("{field} is not valid when ip_version is 4"),
        Misfit::Ipv6ModeWithoutDhcp => {
            "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False".to_owned()
        }
        Misfit::Ipv6ModesDiffer { ra_mode, address_mode } => format!(
            "ipv6_ra_mode set to '{}' with ipv6_address_mode set to '{}' is not valid. If both attributes are set, they \
             must be the same value",
            ra_mode.as_str(),
            address_mode.as_str()
        ),
        Misfit::Ipv6PrefixNot64 { cidr } => format!(
            "Invalid CIDR {cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the \
             prefix to be /64"
        ),
        Misfit::TooManyAddresses { .. } => "Exceeded maximim amount of fixed ips per port".to_owned(),
        Misfit::DuplicateAddress { address } => format!("Duplicate IP address '{address}'"),
        Misfit::SubnetOfOtherNetwork { network_id, subnet_id } => format!(
            "Failed to create port on network {network_id}, because fixed_ips included invalid subnet {subnet_id}"
        ),
        Misfit::EmptyWish => "IP allocation requires subnet_id or ip_address".to_owned(),
        Misfit::MemberIsVip { address, port, pool_id } => {
            format!("{address} port {port} is the vip of pool {pool_id}, and what it is sent would come back")
        }
        Misfit::NetworksElsewhere { url } => format!("networks are kept by the service at {url}"),
        Misfit::NetworkTypeUnknown { network_type } => {
            format!("no agent can plug into a network of type {network_type}")
        }
        Misfit::UnknownSortKeys { keys } => {
            let keys = python::list(keys.0.iter().map(|key| python::unicode(key)));
            return format!("{keys} is invalid attribute for sort_keys");
        }
        Misfit::NotAMessage | Misfit::HelloIncomplete | Misfit::HelloHost { .. } | Misfit::DriverUntold { .. } => {
            return sentence(fault);
        }
    };
    format!("Invalid input for operation: {why}.")
}
