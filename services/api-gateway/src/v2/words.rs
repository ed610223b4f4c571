//! LBaaS v2's sentences: Octavia's, to the letter, because clients print them and look for them. What Octavia has no word for
//! says the same as in gRPC.

mod balancing;
mod values;

use ballast_proto::status::{
    fault::{Addressing, Balancing, Call, Exists, Facts, Fault, Forbidden, InUse, Kind, Missing, Reason, Sticky, Tls},
    sentence,
};

/// What the middleware before Octavia says to who brings no token.
pub(super) const UNAUTHENTICATED: &str = "The request you have made requires authentication.";
const POLICY: &str = "Policy does not allow this request to be performed.";

/// The name that a field of gRPC has in REST.
fn rest(field: &str) -> String {
    match field.split_once('.') {
        Some(("tls", inner)) => match inner {
            "ciphers" | "versions" | "enabled" => format!("tls_{inner}"),
            _ => inner.to_owned(),
        },
        Some(("vip", inner)) => format!("vip_{inner}"),
        Some((_, inner)) => rest(inner),
        None if field == "load_balancer_id" => "loadbalancer_id".to_owned(),
        None => field.to_owned(),
    }
}

/// What Octavia says of a change where it says something else of a create.
pub(super) fn of_change(fault: &Fault) -> Option<String> {
    let why = match fault.facts() {
        Facts::Balancing(Balancing::Sticky(Sticky::NotForProtocol { .. })) => {
            "persistence_timeout and persistence_granularity is only for UDP protocol pools."
        }
        Facts::Balancing(Balancing::Tls(Tls::HstsWithoutMaxAge)) => {
            "Cannot enable hsts_include_subdomains or hsts_preload if hsts_max_age was not set as well."
        }
        Facts::Balancing(Balancing::Tls(Tls::CrlWithoutCa)) => {
            "A CA reference is required to specify a certificate revocation list."
        }
        _ => return None,
    };
    Some(format!("Validation failure: {why}"))
}

/// What happened, as v2 says it.
pub(crate) fn v2(fault: &Fault) -> String {
    match fault.facts() {
        Facts::InvalidField { reason: Reason::AnothersProject, .. } => POLICY.to_owned(),
        Facts::InvalidField { field, reason } => values::reason(&rest(field), reason),
        Facts::MissingField { field } => {
            format!("Invalid input for field/attribute {}. Value: 'None'. Mandatory field missing.", rest(field))
        }
        Facts::NoProject => {
            "Validation failure: Missing project ID in request where one is required. An administrator \
                             should check the keystone settings in the Octavia configuration."
                .to_owned()
        }
        Facts::ImmutableField { field } => format!("The attribute {} cannot be changed.", rest(field)),
        Facts::ProtocolMismatch { protocol, pool_protocol } => format!(
            "Validation failure: The pool protocol '{}' is invalid while the listener protocol is '{}'.",
            pool_protocol.as_str(),
            protocol.as_str()
        ),
        Facts::OverQuota { resource } => {
            format!("Quota has been met for resources: {}", values::of_quota(resource.noun()))
        }
        Facts::NetworkServiceRefuses { said, .. } => said.clone(),
        Facts::Internal => "An unexpected error happened: see the log of the service by the request's id.".to_owned(),
        Facts::Missing(missing) => no(fault, missing),
        Facts::Exists(exists) => there_is(fault, exists),
        Facts::InUse(in_use) => used(fault, in_use),
        Facts::Addressing(addressing) => does_not_fit(fault, addressing),
        Facts::Forbidden(denied) => forbidden(fault, denied),
        Facts::Call(Call::RequestIdReused { request_id }) => {
            format!("The Idempotency-Key '{request_id}' was used for another request.")
        }
        Facts::Balancing(fact) => balancing::balancing(fault, fact),
        Facts::Taken(fact) => balancing::taken(fact),
        Facts::DelayBelowTimeout { .. }
        | Facts::NoEligibleAgent { .. }
        | Facts::Misfit(_)
        | Facts::Call(_)
        | Facts::Clash(_)
        | Facts::Absence(_)
        | Facts::Certifying(_) => sentence(fault),
    }
}

fn no(fault: &Fault, missing: &Missing) -> String {
    match missing {
        Missing::Object { kind, id } => match noun(kind) {
            Some(noun) => format!("{noun} {id} not found."),
            None => sentence(fault),
        },
        Missing::Provider { provider } => format!("Provider '{provider}' is not enabled."),
        Missing::Association { .. } | Missing::DefaultProvider => sentence(fault),
    }
}

/// What Octavia calls it; none: Octavia has no such thing.
const fn noun(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::LoadBalancer => "Load Balancer",
        Kind::Listener => "Listener",
        Kind::Pool => "Pool",
        Kind::Member => "Member",
        Kind::HealthMonitor => "Health Monitor",
        Kind::L7Policy => "L7Policy",
        Kind::L7Rule => "L7Rule",
        Kind::Flavor => "Flavor",
        Kind::FlavorProfile => "Flavor Profile",
        Kind::AvailabilityZone => "Availability Zone",
        Kind::AvailabilityZoneProfile => "Availability Zone Profile",
        Kind::Quota => "Quotas",
        Kind::Network => "Network",
        Kind::Subnet => "Subnet",
        Kind::Port => "Port",
        Kind::Vip | Kind::Agent | Kind::Certificate => return None,
    })
}

fn there_is(fault: &Fault, exists: &Exists) -> String {
    match exists {
        Exists::Member { address, port, .. } => {
            format!("Another member on this pool is already using ip {address} on protocol_port {port}")
        }
        Exists::Association { .. } => "This pool already has a health monitor".to_owned(),
        Exists::Vip { .. } | Exists::Agent { .. } => sentence(fault),
    }
}

fn used(fault: &Fault, in_use: &InUse) -> String {
    match in_use {
        InUse::Address { address, network_id } => format!(
            "The VIP IP address is already in use: the address {address} of the network {network_id} is another port's."
        ),
        InUse::Pool { .. }
        | InUse::HealthMonitor { .. }
        | InUse::Subnet { .. }
        | InUse::Network { .. }
        | InUse::Mac { .. }
        | InUse::ServicePort { .. }
        | InUse::Shared { .. }
        | InUse::Agent { .. } => sentence(fault),
    }
}

fn does_not_fit(fault: &Fault, addressing: &Addressing) -> String {
    match addressing {
        Addressing::NotInNetwork { .. } => {
            "Supplied network does not contain a subnet for VIP address specified.".to_owned()
        }
        Addressing::Full { .. } => "Subnet(s) in the supplied network do not contain enough available IPs.".to_owned(),
        Addressing::NotInSubnet { .. } | Addressing::Overlap { .. } => sentence(fault),
    }
}

fn forbidden(fault: &Fault, denied: &Forbidden) -> String {
    match denied {
        Forbidden::PoolOfOther { .. }
        | Forbidden::Quotas
        | Forbidden::QuotasOfOther
        | Forbidden::Action { .. }
        | Forbidden::OthersObject => POLICY.to_owned(),
        Forbidden::OtherHost { .. } | Forbidden::AddressNotOffered { .. } => sentence(fault),
    }
}

#[cfg(test)]
mod tests;
