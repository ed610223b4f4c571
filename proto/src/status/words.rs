//! gRPC's sentences: plain English that knows no other API's words.

mod balancing;
mod certifying;
mod values;

use ballast_model::fault::{
    Absence, Addressing, Call, Clash, Exists, Facts, Fault, Forbidden, InUse, Kind, Missing, NetworkRefusal,
};

use self::values::{misfit, quoted, reason};

/// What happened, in one sentence.
#[must_use]
pub fn sentence(fault: &Fault) -> String {
    match fault.facts() {
        Facts::InvalidField { field, reason: why } => format!("{field} is refused: {}.", reason(why)),
        Facts::MissingField { field } => format!("{field} is missing."),
        Facts::NoProject => "project_id is missing: the caller has no project of its own.".to_owned(),
        Facts::ImmutableField { field } => format!("{field} cannot be changed."),
        Facts::ProtocolMismatch { protocol, pool_protocol } => {
            format!("The protocol {} is not that of the pool, {}.", protocol.as_str(), pool_protocol.as_str())
        }
        Facts::DelayBelowTimeout { delay, timeout } => {
            format!("The delay, {delay}, must not be less than the timeout, {timeout}.")
        }
        Facts::NoEligibleAgent { pool_id } => {
            format!("No agent can take the pool {pool_id} now.")
        }
        Facts::OverQuota { resource } => format!("The project has as many as it may: {}.", resource.as_str()),
        Facts::NetworkServiceRefuses { refusal, said } => {
            format!("The network service refuses it ({}): {said}", refused(refusal))
        }
        Facts::Internal => "Something went wrong here. The log of the service has the rest.".to_owned(),
        Facts::Missing(missing) => there_is_no(missing),
        Facts::Exists(exists) => there_is(exists),
        Facts::InUse(in_use) => used(in_use),
        Facts::Addressing(addressing) => does_not_fit(addressing),
        Facts::Forbidden(denied) => forbidden(denied),
        Facts::Call(call) => called(call),
        Facts::Clash(clash) => clashed(clash),
        Facts::Absence(absence) => away(absence).to_owned(),
        Facts::Misfit(why) => misfit(why),
        Facts::Balancing(fact) => balancing::balancing(fact),
        Facts::Taken(fact) => balancing::taken(fact),
        Facts::Certifying(fact) => certifying::certifying(fact),
    }
}

fn there_is_no(missing: &Missing) -> String {
    match missing {
        Missing::Object { kind, id } => format!("There is no {} {}.", noun(kind), quoted(id)),
        Missing::Association { monitor_id, pool_id } => {
            format!("The pool {} does not have the health monitor {}.", quoted(pool_id), quoted(monitor_id))
        }
        Missing::Provider { provider } => format!("There is no provider {}.", quoted(provider)),
        Missing::DefaultProvider => "There is no default provider.".to_owned(),
    }
}

fn does_not_fit(addressing: &Addressing) -> String {
    match addressing {
        Addressing::NotInSubnet { address, subnet_id } => {
            format!("A host cannot have the address {address} in the subnet {subnet_id}.")
        }
        Addressing::NotInNetwork { address, network_id } => {
            format!("No subnet of the network {network_id} has the address {address}.")
        }
        Addressing::Full { network_id } => format!("The network {network_id} has no free address."),
        Addressing::Overlap { cidr, network_id, subnet_id } => {
            format!("{cidr} overlaps with the subnet {subnet_id} of the same network {network_id}.")
        }
    }
}

fn called(call: &Call) -> String {
    match call {
        Call::TooManyWatches { most } => {
            format!("The project has {most} watches open, and may have no more: end one of them first.")
        }
        Call::TooOften { seconds } => format!("The project calls too often; try again in {seconds} s."),
        Call::TooManyCalls => "Too many calls are under way; try again.".to_owned(),
        Call::RequestIdReused { request_id } => {
            format!("The request_id {} was used for another request.", quoted(request_id))
        }
        Call::CursorExpired => "The cursor is too old, or not of this database: watch again without one.".to_owned(),
        Call::ReaderTooSlow => "The stream was not read for too long: watch again from the last cursor.".to_owned(),
        Call::DeadlineExceeded => "The time for this call is over.".to_owned(),
    }
}

const fn noun(kind: &Kind) -> &'static str {
    match kind {
        Kind::Pool => "pool",
        Kind::Vip => "vip",
        Kind::Member => "member",
        Kind::HealthMonitor => "health monitor",
        Kind::Agent => "agent",
        Kind::Network => "network",
        Kind::Subnet => "subnet",
        Kind::Port => "port",
        Kind::LoadBalancer => "load balancer",
        Kind::Listener => "listener",
        Kind::L7Policy => "layer-7 policy",
        Kind::L7Rule => "layer-7 rule",
        Kind::Flavor => "flavor",
        Kind::FlavorProfile => "flavor profile",
        Kind::AvailabilityZone => "availability zone",
        Kind::AvailabilityZoneProfile => "availability zone profile",
        Kind::Certificate => "certificate",
        Kind::Quota => "quota of the project",
    }
}

const fn refused(refusal: &NetworkRefusal) -> &'static str {
    match refusal {
        NetworkRefusal::NetworkNotFound => "no such network",
        NetworkRefusal::SubnetNotFound => "no such subnet",
        NetworkRefusal::PortNotFound => "no such port",
        NetworkRefusal::AddressInUse => "an address in use",
        NetworkRefusal::SubnetFull => "no free address",
        NetworkRefusal::OverQuota => "a quota",
        NetworkRefusal::InvalidInput => "invalid input",
    }
}

fn there_is(exists: &Exists) -> String {
    match exists {
        Exists::Vip { pool_id } => format!("The pool {pool_id} has a vip already."),
        Exists::Member { address, port, pool_id } => {
            format!("The pool {pool_id} has a member with the address {address} and the port {port} already.")
        }
        Exists::Association { monitor_id, pool_id } => {
            format!("The pool {pool_id} has the health monitor {monitor_id} already.")
        }
        Exists::Agent { host } => {
            format!("Another agent is of the host {}: give each its own agent.host.", quoted(host))
        }
    }
}

fn used(in_use: &InUse) -> String {
    match in_use {
        InUse::Pool { pool_id } => format!("The pool {pool_id} has a vip."),
        InUse::HealthMonitor { monitor_id } => format!("Pools have the health monitor {monitor_id}."),
        InUse::Subnet { subnet_id } => format!("Ports have addresses of the subnet {subnet_id}."),
        InUse::Network { network_id } => format!("The network {network_id} has ports."),
        InUse::Address { address, network_id } => {
            format!("The address {address} of the network {network_id} is in use.")
        }
        InUse::Mac { mac, network_id } => {
            format!("The MAC address {mac} is that of another port of the network {network_id}.")
        }
        InUse::ServicePort { port_id } => {
            format!("The port {port_id} is a load balancer's, which alone changes and deletes it.")
        }
        InUse::Agent { host, load_balancers, removals } => format!(
            "The agent of {} has {load_balancers} load balancers, and {removals} that it has yet to remove: switch it off and wait \
             until it is empty, or delete it with force. Then its host may serve them on until its agent comes back.",
            quoted(host)
        ),
        InUse::Shared { network_id } => {
            format!("Other projects use the network {network_id}: it stays shared.")
        }
    }
}

fn forbidden(denied: &Forbidden) -> String {
    match denied {
        Forbidden::PoolOfOther { pool_id } => format!("The pool {pool_id} is another project's."),
        Forbidden::OtherHost { host, certified } => {
            let (host, certified) = (quoted(host), quoted(certified));
            format!("An agent that says to be of {host} has the certificate of the agent of {certified}.")
        }
        Forbidden::Quotas => "Only an admin sees or changes quotas.".to_owned(),
        Forbidden::QuotasOfOther => "Only an admin sees the quotas of another project.".to_owned(),
        Forbidden::OthersObject => "It is another project's.".to_owned(),
        Forbidden::Action { action } => format!("The caller may not do this: {action}."),
        Forbidden::AddressNotOffered { address, subnet_id } => format!(
            "The address {address} is in no allocation pool of the subnet {subnet_id}, whose network is another \
             project's: leave it out, or choose one of the allocation pools."
        ),
    }
}

fn clashed(clash: &Clash) -> String {
    match clash {
        Clash::LoadBalancerChanged { load_balancer_id } => {
            format!("The load balancer {load_balancer_id} was changed by others meanwhile; try again.")
        }
        Clash::LoadBalancerBound { load_balancer_id } => {
            format!("The load balancer {load_balancer_id} was given to an agent meanwhile; try again.")
        }
        Clash::AgentDeleted { agent_id } => format!("The agent {agent_id} was deleted meanwhile; try again."),
        Clash::DatabaseBusy => "The database is busy with other changes; try again.".to_owned(),
        Clash::CommitUndone => "The change was undone with others that shared its commit; try again.".to_owned(),
        Clash::MacTaken => "The MAC address that was chosen is another port's; try again.".to_owned(),
    }
}

const fn away(absence: &Absence) -> &'static str {
    match absence {
        Absence::Scheduler => "The scheduler does not answer; try again.",
        Absence::SchedulerStops => "The scheduler stops: watch again from the last cursor.",
        Absence::Database => "The database does not answer; try again.",
        Absence::OutcomeUnknown => "The database did not answer to the end: whether the change was made is not known.",
        Absence::OutcomeUnknownAtStop => "The scheduler stops: whether the change was made is not known.",
        Absence::NetworkService => "The network service does not answer; try again.",
        Absence::TokenService => "Tokens cannot be validated now; try again.",
        Absence::StreamEnds => "The stream has lasted long enough: watch again from the last cursor.",
        Absence::Reader => "The reader is gone.",
        Absence::Agent => "The agent is gone.",
        Absence::Lead => "Another scheduler does this by now.",
    }
}
