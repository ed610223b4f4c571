//! Why values do not do.

use ballast_model::fault::{Choices, Form, Misfit, Reason};

/// How much of a value is said back; the facts have all of it.
const SHOWN: usize = 100;

/// A value as it was sent, in quotes.
pub(super) fn quoted(value: &str) -> String {
    let mut shown: String = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if value.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    format!("'{shown}'")
}

fn all(choices: &Choices) -> String {
    choices.0.join(", ")
}

/// The end of a sentence.
pub(super) fn reason(reason: &Reason) -> String {
    match reason {
        Reason::TooSmall { value, least } => format!("{value} is less than {least}"),
        Reason::TooLarge { value, most } => format!("{value} is more than {most}"),
        Reason::Negative { value } => format!("{value} is negative"),
        Reason::NotBetween { value, least, most } if least == most => format!("{value} is not {least}"),
        Reason::NotBetween { value, least, most } => format!("{value} is not within {least} and {most}"),
        Reason::TooLong { value, most } => format!("{} has more than {most} characters", quoted(value)),
        Reason::NotValid { value } => format!("{} has something in it that is not allowed", quoted(value)),
        Reason::Malformed { value, form } => format!("{} is not {}", quoted(value), noun(form)),
        Reason::NotUtf8 => "it is not UTF-8".to_owned(),
        Reason::NotOneOf { value, choices } => format!("{} is none of {}", quoted(value), all(choices)),
        Reason::NoMembersAddress { value, kind } => {
            format!("{} is of a kind that no member has: {kind}", quoted(value))
        }
        Reason::CookieNameMissing => "this type of session persistence needs a cookie_name".to_owned(),
        Reason::CookieNameSuperfluous => "this type of session persistence takes no cookie_name".to_owned(),
        Reason::PhysicalNetworkMissing { network_type } => {
            format!("a network of the type {} needs one", quoted(network_type))
        }
        Reason::PhysicalNetworkSuperfluous { network_type } if network_type.is_empty() => {
            "a network without a type takes none".to_owned()
        }
        Reason::PhysicalNetworkSuperfluous { network_type } => {
            format!("a network of the type {} takes none", quoted(network_type))
        }
        Reason::DuplicateRoute { destination, next_hop } => {
            format!("the route to {destination} by {next_hop} is there twice")
        }
        Reason::TooManyEntries { most } => format!("it has more than {most} entries"),
        Reason::TooManyValues { most } => format!("they have more than {most} values together"),
        Reason::NoFieldOf { value, message } => format!("{} is no field of {message}", quoted(value)),
        Reason::AnothersProject => "only an admin makes objects of another project".to_owned(),
    }
}

const fn noun(form: &Form) -> &'static str {
    match form {
        Form::Address => "an IP address",
        Form::Cidr => "a CIDR",
        Form::Uuid => "a UUID",
        Form::Mac => "a MAC address of one host",
        Form::Cursor => "a cursor",
        Form::EventKind => "a kind of event",
    }
}

/// A sentence.
pub(super) fn misfit(misfit: &Misfit) -> String {
    match misfit {
        Misfit::UnusableSubnet { cidr, kind } => format!("No host can live in {cidr}: {kind}."),
        Misfit::IpVersionMismatch { ip_version, cidr } => format!("ip_version is {ip_version}, and {cidr} is not."),
        Misfit::RangeBackwards { start, end } => format!("The allocation pool {start}-{end} ends before it starts."),
        Misfit::RangesOverlap { address } => format!("Allocation pools overlap at {address}."),
        Misfit::GatewayInRange { address } => format!("The gateway {address} is in an allocation pool."),
        Misfit::OutsideCidr { field, address, cidr } => format!("{field} has {address}, which is not in {cidr}."),
        Misfit::ReservedAddress { field, address, cidr } => {
            format!("{field} has {address}, which is no host's: it is the own or the broadcast address of {cidr}.")
        }
        Misfit::RouteOfOtherIpVersion { destination, next_hop } => {
            format!("The route to {destination} by {next_hop} is not of the subnet's IP version.")
        }
        Misfit::NextHopNoHost { next_hop, kind } => format!("The next hop {next_hop} of a route is no host's: {kind}."),
        Misfit::Ipv6ModeOnIpv4 { field } => format!("{field} is for IPv6, and the subnet is of IPv4."),
        Misfit::Ipv6ModeWithoutDhcp => {
            "ipv6_ra_mode and ipv6_address_mode need enable_dhcp, which is false.".to_owned()
        }
        Misfit::Ipv6ModesDiffer { ra_mode, address_mode } => format!(
            "ipv6_ra_mode is {}, and ipv6_address_mode is {}: where both are set, they are the same.",
            ra_mode.as_str(),
            address_mode.as_str()
        ),
        Misfit::Ipv6PrefixNot64 { cidr } => format!("This address mode needs a prefix of /64, and {cidr} has another."),
        Misfit::TooManyAddresses { most } => format!("A port has at most {most} addresses."),
        Misfit::DuplicateAddress { address } => format!("The address {address} is there twice."),
        Misfit::SubnetOfOtherNetwork { network_id, subnet_id } => {
            format!("The subnet {subnet_id} is none of the network {network_id}.")
        }
        Misfit::EmptyWish => "Each of fixed_ips names a subnet, an address, or both.".to_owned(),
        Misfit::MemberIsVip { address, port, pool_id } => {
            format!("{address} port {port} is the vip of the pool {pool_id}: what it is sent would come back.")
        }
        Misfit::NetworksElsewhere { url } => format!("Networks are kept by the service at {url}."),
        Misfit::NetworkTypeUnknown { network_type } => {
            format!("No agent can plug into a network of the type {}.", quoted(network_type))
        }
        Misfit::UnknownSortKeys { keys } => format!("Nothing can be sorted by: {}.", quoted(&all(keys))),
        Misfit::NotAMessage => "The request is not a message of its method.".to_owned(),
        Misfit::HelloIncomplete => "Hello needs a host and an instance_id.".to_owned(),
        Misfit::HelloHost { most } => {
            format!("The host of Hello is a name of at most {most} characters, none of them a control one.")
        }
        Misfit::DriverUntold { driver } => {
            format!("The driver {} is ready, and what it can do was never told.", quoted(driver))
        }
    }
}
