//! LBaaS v1's sentences: Neutron's, to the letter, because scripts look for them. What Neutron has no word for says the same
//! as in gRPC.

mod values;

use ballast_proto::status::{
    fault::{Absence, Addressing, Call, Clash, Exists, Facts, Fault, Forbidden, InUse, Kind, Missing},
    sentence,
};

use self::values::{misfit, reason};

/// Fields whose name in REST is another one than gRPC's.
const TWINS: [(&str, &str); 5] = [
    ("tenant_id", "project_id"),
    ("provider:network_type", "network_type"),
    ("provider:physical_network", "physical_network"),
    ("provider:segmentation_id", "segmentation_id"),
    ("binding:host_id", "host_id"),
];

/// The name that a field of gRPC has in REST.
fn rest(field: &str) -> &str {
    TWINS.iter().find(|(_, grpc)| *grpc == field).map_or(field, |(rest, _)| *rest)
}

/// What happened, as v1 says it.
pub(crate) fn v1(fault: &Fault) -> String {
    match fault.facts() {
        Facts::InvalidField { field, reason: why } => reason(rest(field), why),
        Facts::MissingField { field } => {
            format!("Failed to parse request. Required attribute '{}' not specified", rest(field))
        }
        Facts::NoProject => "Running without keystone AuthN requires  that tenant_id is specified".to_owned(),
        Facts::ImmutableField { field } => format!("Cannot update read-only attribute {}", rest(field)),
        Facts::ProtocolMismatch { protocol, pool_protocol } => {
            format!("Protocol {} does not match pool protocol {}", protocol.as_str(), pool_protocol.as_str())
        }
        Facts::DelayBelowTimeout { .. } => "Delay must be greater than or equal to timeout".to_owned(),
        Facts::NoEligibleAgent { pool_id } => format!("No eligible backend for pool {pool_id}"),
        Facts::OverQuota { resource } => format!("Quota exceeded for resources: ['{}']", resource.as_str()),
        Facts::NetworkServiceRefuses { said, .. } => said.clone(),
        Facts::Internal => "Request Failed: internal server error while processing your request.".to_owned(),
        Facts::Misfit(why) => misfit(fault, why),
        Facts::Missing(missing) => no(fault, missing),
        Facts::Exists(exists) => there_is(fault, exists),
        Facts::InUse(in_use) => used(fault, in_use),
        Facts::Addressing(addressing) => does_not_fit(addressing),
        Facts::Forbidden(denied) => forbidden(fault, denied),
        Facts::Call(call) => called(fault, call),
        Facts::Clash(clash) => clashed(clash),
        Facts::Absence(absence) => away(fault, absence),
        Facts::Balancing(_) | Facts::Taken(_) | Facts::Certifying(_) => sentence(fault),
    }
}

fn no(fault: &Fault, missing: &Missing) -> String {
    match missing {
        Missing::Object { kind, id } => match kind {
            Kind::Pool => format!("Pool {id} could not be found"),
            Kind::Vip => format!("Vip {id} could not be found"),
            Kind::Member => format!("Member {id} could not be found"),
            Kind::HealthMonitor => format!("Health_monitor {id} could not be found"),
            Kind::Agent => format!("Agent {id} could not be found"),
            Kind::Network => format!("Network {id} could not be found."),
            Kind::Subnet => format!("Subnet {id} could not be found."),
            Kind::Port => format!("Port {id} could not be found."),
            Kind::LoadBalancer
            | Kind::Listener
            | Kind::L7Policy
            | Kind::L7Rule
            | Kind::Flavor
            | Kind::FlavorProfile
            | Kind::AvailabilityZone
            | Kind::AvailabilityZoneProfile
            | Kind::Certificate
            | Kind::Quota => sentence(fault),
        },
        Missing::Association { monitor_id, pool_id } => {
            format!("Monitor {monitor_id} is not associated with Pool {pool_id}")
        }
        Missing::Provider { provider } => {
            format!("Service provider '{provider}' could not be found for service type LOADBALANCER")
        }
        Missing::DefaultProvider => "Service type LOADBALANCER does not have a default service provider".to_owned(),
    }
}

/// LBaaS's own sentence of a subnet that is not there: without the full stop of Neutron's.
pub(crate) fn no_subnet_of_a_vip(fault: &Fault) -> Option<String> {
    match fault.facts() {
        Facts::Missing(Missing::Object { kind: Kind::Subnet, id }) => Some(format!("Subnet {id} could not be found")),
        _ => None,
    }
}

fn there_is(fault: &Fault, exists: &Exists) -> String {
    match exists {
        Exists::Vip { pool_id } => format!("Another Vip already exists for pool {pool_id}"),
        Exists::Member { address, port, pool_id } => {
            format!("Member with address {address} and port {port} already present in pool {pool_id}")
        }
        Exists::Association { monitor_id, pool_id } => {
            format!("health_monitor {monitor_id} is already associated with pool {pool_id}")
        }
        Exists::Agent { .. } => sentence(fault),
    }
}

fn used(fault: &Fault, in_use: &InUse) -> String {
    let unable = "Unable to complete operation";
    match in_use {
        InUse::Pool { pool_id } => format!("Pool {pool_id} is still in use"),
        InUse::HealthMonitor { monitor_id } => {
            format!("Health monitor {monitor_id} still has associations with pools")
        }
        InUse::Subnet { subnet_id } => {
            format!("{unable} on subnet {subnet_id}. One or more ports have an IP allocation from this subnet.")
        }
        InUse::Network { network_id } => {
            format!("{unable} on network {network_id}. There are one or more ports still in use on the network.")
        }
        InUse::Address { address, network_id } => {
            format!("{unable} for network {network_id}. The IP address {address} is in use.")
        }
        InUse::Mac { mac, network_id } => {
            format!("{unable} for network {network_id}. The mac address {mac} is in use.")
        }
        InUse::ServicePort { port_id } => format!(
            "Port {port_id} cannot be deleted directly via the port API: has device owner neutron:LOADBALANCER."
        ),
        InUse::Agent { .. } => sentence(fault),
        InUse::Shared { network_id } => {
            format!("Unable to reconfigure sharing settings for network {network_id}. Multiple tenants are using it.")
        }
    }
}

fn does_not_fit(addressing: &Addressing) -> String {
    match addressing {
        Addressing::NotInSubnet { address, .. } => {
            format!("Invalid input for operation: IP address {address} is not a valid IP for the defined subnet.")
        }
        Addressing::NotInNetwork { address, .. } => {
            format!("IP address {address} is not a valid IP for any of the subnets on the specified network.")
        }
        Addressing::Full { network_id } => format!("No more IP addresses available on network {network_id}."),
        Addressing::Overlap { cidr, network_id, subnet_id } => format!(
            "Invalid input for operation: Requested subnet with cidr: {cidr} for network: {network_id} overlaps with \
             another subnet {subnet_id}."
        ),
    }
}

fn forbidden(fault: &Fault, denied: &Forbidden) -> String {
    let no_admin = "User does not have admin privileges";
    match denied {
        Forbidden::PoolOfOther { .. } => "Not authorized.".to_owned(),
        Forbidden::OtherHost { .. } | Forbidden::OthersObject => sentence(fault),
        Forbidden::Quotas => format!("{no_admin}: Only admin can view or configure quota"),
        Forbidden::QuotasOfOther => {
            format!("{no_admin}: Only admin is authorized to access quotas for another tenant")
        }
        Forbidden::Action { action } => format!("Policy doesn't allow {action} to be performed."),
        Forbidden::AddressNotOffered { address, subnet_id } => format!(
            "Policy doesn't allow {address} to be chosen: it is in no allocation pool of subnet {subnet_id}, whose \
             network is another project's. Leave the address out, or choose one of the allocation pools"
        ),
    }
}

fn called(fault: &Fault, call: &Call) -> String {
    match call {
        Call::RequestIdReused { request_id } => {
            format!("The request_id '{request_id}' was used for another request")
        }
        Call::DeadlineExceeded => "The time for this call is over".to_owned(),
        Call::CursorExpired
        | Call::ReaderTooSlow
        | Call::TooManyWatches { .. }
        | Call::TooOften { .. }
        | Call::TooManyCalls => sentence(fault),
    }
}

fn clashed(clash: &Clash) -> String {
    match clash {
        Clash::LoadBalancerChanged { load_balancer_id } => {
            format!("Load balancer {load_balancer_id} was changed by others meanwhile")
        }
        Clash::LoadBalancerBound { load_balancer_id } => format!("Load balancer {load_balancer_id} is bound already"),
        Clash::AgentDeleted { agent_id } => format!("Agent {agent_id} is gone"),
        Clash::DatabaseBusy => "The database is busy with other changes".to_owned(),
        Clash::CommitUndone => "The transactions that shared a commit were undone".to_owned(),
        Clash::MacTaken => "The MAC address that was chosen is another port's".to_owned(),
    }
}

fn away(fault: &Fault, absence: &Absence) -> String {
    match absence {
        Absence::Database => "The database does not answer".to_owned(),
        Absence::OutcomeUnknown => {
            "The database did not answer to the end: whether the change was made is not known".to_owned()
        }
        Absence::OutcomeUnknownAtStop => "Whether the change was made is not known: the scheduler stops".to_owned(),
        Absence::Scheduler
        | Absence::SchedulerStops
        | Absence::NetworkService
        | Absence::TokenService
        | Absence::StreamEnds
        | Absence::Reader
        | Absence::Agent
        | Absence::Lead => sentence(fault),
    }
}

#[cfg(test)]
mod tests;
