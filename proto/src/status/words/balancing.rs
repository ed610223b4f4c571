//! The sentences of what load balancing does not allow.

use ballast_model::fault::{Balancing, Checking, Choices, Referred, Routing, Sticky, Taken, Tls, Whole};

use super::values::quoted;

pub(super) fn balancing(fact: &Balancing) -> String {
    match fact {
        Balancing::NoChildren { protocol } => {
            format!("A {} listener has neither pools nor policies.", protocol.as_str())
        }
        Balancing::VipMissing => "The vip names neither a subnet nor a network nor a port.".to_owned(),
        Balancing::VipSubnetTwice => "Two addresses are in one subnet: each subnet has one at most.".to_owned(),
        Balancing::VipSubnetOfOtherNetwork => "The subnets of the addresses are not of one network.".to_owned(),
        Balancing::VipPortAmbiguous => {
            "Which of the port's addresses is meant is not known: name a subnet or an address.".to_owned()
        }
        Balancing::VipPortInUse { port_id, device_id } => {
            format!("The port {} is used by the device {}.", quoted(port_id), quoted(device_id))
        }
        Balancing::NetworkWithoutSubnet => "The network has no subnet.".to_owned(),
        Balancing::NetworkWithoutSubnetFor { address } => {
            format!("No subnet of the network has the address {address}.")
        }
        Balancing::NetworkFull => "No subnet of the network has a free address.".to_owned(),
        Balancing::CidrOfOtherIpVersion { cidr, addresses } => {
            format!("{cidr} is of another IP version than the addresses {}.", list(addresses))
        }
        Balancing::HeadersNotForProtocol { protocol } => {
            format!("A {} listener inserts no headers.", protocol.as_str())
        }
        Balancing::HeadersUnknown { names } => format!("No such headers can be inserted: {}.", list(names)),
        Balancing::HeadersOfTls { names, protocol } => {
            format!("A {} listener cannot insert: {}.", protocol.as_str(), list(names))
        }
        Balancing::NotOnThisNetwork { field } => format!("Networks of this kind have no {field}."),
        Balancing::PoolOfNothing => "The pool names neither a load balancer nor a listener.".to_owned(),
        Balancing::MemberTwice { address, port } => {
            format!("The member with the address {address} and the port {port} is there twice.")
        }
        Balancing::MemberOfOtherIpVersion { address, .. } => {
            format!("The load balancer has no address of the IP version of the member {address}.")
        }
        Balancing::Unsupported { provider, features } => {
            format!("The provider {} does not have: {}.", quoted(provider), list(features))
        }
        Balancing::EtagMismatch { id } => format!("{} was changed since its etag was read.", quoted(id)),
        Balancing::BeyondV1 { load_balancer_id, what } => {
            format!("LBaaS v1 cannot say what the load balancer {load_balancer_id} has by now: {what}. Use lbaas.v2.")
        }
        Balancing::UnknownFilter { field } => format!("{} is no field to filter by.", quoted(field)),
        Balancing::UnknownMarker { marker } => format!("The list has no object {} to go on from.", quoted(marker)),
        Balancing::TooMany { what, most } => format!("A load balancer has at most {most} {what}."),
        Balancing::AddressChanged { was, is } => {
            format!("The address was {was} and is {is}: the load balancer cannot be what it was.")
        }
        Balancing::OutOfReach { load_balancer_id, generation, oldest, newest } => format!(
            "The load balancer {load_balancer_id} cannot be what it was at generation {generation}: its changes are known \
             from generation {oldest} to {newest}."
        ),
        Balancing::Tls(fact) => tls(fact),
        Balancing::Referred(fact) => referred(fact),
        Balancing::Sticky(fact) => sticky(fact),
        Balancing::Checking(fact) => checking(fact),
        Balancing::Routing(fact) => routing(fact),
        Balancing::Whole(fact) => whole(fact),
    }
}

fn list(choices: &Choices) -> String {
    choices.0.join(", ")
}

fn tls(fact: &Tls) -> String {
    match fact {
        Tls::CertificateMissing => "TLS ends at the listener, and it has no certificate.".to_owned(),
        Tls::CertificateSuperfluous { protocol } => {
            format!("A {} listener takes no certificates.", protocol.as_str())
        }
        Tls::ClientCaMissing { client_authentication } => {
            format!("The client authentication {client_authentication} needs the CA of the clients.")
        }
        Tls::SecretsNotFound { references } => format!(
            "Nothing that can be used is behind {}: it is not there, or not this project's, or of another kind.",
            list(references)
        ),
        Tls::ClientCrlWithoutCa => "A revocation list of clients needs the CA of the clients.".to_owned(),
        Tls::CrlWithoutCa => "A revocation list needs its CA.".to_owned(),
        Tls::HstsWithoutTls => "HSTS is for listeners at which TLS ends.".to_owned(),
        Tls::HstsWithoutMaxAge => "HSTS needs hsts_max_age.".to_owned(),
    }
}

fn referred(fact: &Referred) -> String {
    match fact {
        Referred::Unusable { reference, why } => {
            format!("What is behind {} cannot be used as a certificate: {}.", quoted(reference), part(why))
        }
        Referred::NoBundle { reference, why } => format!(
            "The secret behind {} is neither PKCS12 without a passphrase nor PEM with a certificate and its key: {}.",
            quoted(reference),
            part(why)
        ),
        Referred::Nameless { reference } => format!(
            "The certificate behind {} is for no name: have it issued for the DNS names or addresses that clients ask for.",
            quoted(reference)
        ),
        Referred::Unfit { reference, why } => {
            format!("The certificate behind {} is not taken: {}.", quoted(reference), part(why))
        }
        Referred::CaInvalid { reference, why } => {
            format!("What is behind {} cannot be used as CA certificates: {}.", quoted(reference), part(why))
        }
        Referred::CrlInvalid { reference, why } => {
            format!("What is behind {} cannot be used as a revocation list: {}.", quoted(reference), part(why))
        }
        Referred::CrlOfOtherCa { reference, ca } => format!(
            "The revocation list behind {} is not signed by a CA of those behind {}: name the list of that CA.",
            quoted(reference),
            quoted(ca)
        ),
    }
}

/// A sentence as a part of another one.
fn part(sentence: &str) -> &str {
    sentence.trim_end_matches('.')
}

fn sticky(fact: &Sticky) -> String {
    match fact {
        Sticky::NotForProtocol { protocol } => format!(
            "Only UDP and SCTP pools have persistence_timeout and persistence_granularity, and not {}.",
            protocol.as_str()
        ),
        Sticky::CookieNotForProtocol { kind, protocol } => {
            format!("Session persistence {kind} with a cookie is not for {} pools.", protocol.as_str())
        }
    }
}

fn checking(fact: &Checking) -> String {
    match fact {
        Checking::NotForPool { monitor_type, pool_protocol } => {
            format!("A {monitor_type} monitor cannot check a {} pool.", pool_protocol.as_str())
        }
        Checking::FieldNotForType { field, monitor_type } => {
            format!("Monitors of the type {monitor_type} have no {field}.")
        }
        Checking::VersionMissing => "A domain_name needs an http_version.".to_owned(),
        Checking::VersionTooOld => "A domain_name needs http_version 1.1.".to_owned(),
        Checking::DelayTooShort { delay, least } => {
            format!("The delay, {delay}, of a UDP-CONNECT monitor must be at least {least}.")
        }
    }
}

fn routing(fact: &Routing) -> String {
    match fact {
        Routing::NotForProtocol { protocol, .. } => format!("A {} listener has no policies.", protocol.as_str()),
        Routing::ArgumentMissing { field } => format!("The action needs {field}."),
        Routing::NothingToChange => "The update names nothing to change.".to_owned(),
        Routing::RulesFull { l7policy_id, most } => {
            format!("The policy {l7policy_id} has {most} rules, and can have no more.")
        }
        Routing::ValueMissing => "The rule has no value.".to_owned(),
        Routing::KeyMissing { rule_type } => format!("A {rule_type} rule needs a key."),
        Routing::KeySuperfluous { rule_type } => format!("A {rule_type} rule has no key."),
        Routing::ComparisonNotForType { rule_type, compare_type } => {
            format!("A {rule_type} rule cannot compare by {compare_type}.")
        }
        Routing::BadKey { rule_type, value } => format!("{} is no key of a {rule_type} rule.", quoted(value)),
        Routing::BadValue { rule_type, value } => format!("{} is no value of a {rule_type} rule.", quoted(value)),
        Routing::BadExpression { value, why } => {
            format!("{} is no regular expression: {why}.", quoted(value))
        }
    }
}

fn whole(fact: &Whole) -> String {
    match fact {
        Whole::PoolUnnamed => "Each pool of a load balancer that is made whole needs a name.".to_owned(),
        Whole::PoolNameTwice { name } => format!("Two pools have the name {}.", quoted(name)),
        Whole::PoolUndefined { name } => format!("No pool of the request has the name {}.", quoted(name)),
        Whole::PoolIncomplete { name, field } => format!("The pool {} lacks {field}.", quoted(name)),
        Whole::FlavorUnknown { flavor_id } => format!("There is no flavor {} to take.", quoted(flavor_id)),
        Whole::FlavorDisabled { flavor_id } => format!("The flavor {} is disabled.", quoted(flavor_id)),
        Whole::FlavorOfOtherProvider { flavor_id, provider } => {
            format!("The flavor {} is not of the provider {}.", quoted(flavor_id), quoted(provider))
        }
        Whole::ZoneUnknown { availability_zone } => {
            format!("There is no availability zone {} to take.", quoted(availability_zone))
        }
        Whole::ZoneDisabled { availability_zone } => {
            format!("The availability zone {} is disabled.", quoted(availability_zone))
        }
        Whole::ZoneOfOtherProvider { availability_zone, provider } => {
            format!("The availability zone {} is not of the provider {}.", quoted(availability_zone), quoted(provider))
        }
    }
}

pub(super) fn taken(fact: &Taken) -> String {
    match fact {
        Taken::ListenerPort { protocol, port, load_balancer_id } => format!(
            "A {} listener of the load balancer {load_balancer_id} has the port {port} already.",
            protocol.as_str()
        ),
        Taken::HealthMonitor { pool_id } => format!("The pool {pool_id} has a health monitor already."),
        Taken::DefaultPool { listener_id } => format!("The listener {listener_id} has a default pool already."),
        Taken::FlavorName { name } => format!("There is a flavor {} already.", quoted(name)),
        Taken::ZoneName { name } => format!("There is an availability zone {} already.", quoted(name)),
        Taken::LoadBalancerHasParts { load_balancer_id } => {
            format!("The load balancer {load_balancer_id} has listeners or pools.")
        }
        Taken::PoolOfPolicy { pool_id, l7policy_id } => {
            format!("The policy {l7policy_id} sends requests to the pool {pool_id}.")
        }
        Taken::Flavor { flavor_id } => format!("Load balancers have the flavor {}.", quoted(flavor_id)),
        Taken::FlavorProfile { profile_id } => format!("Flavors have the profile {}.", quoted(profile_id)),
        Taken::Zone { name } => format!("Load balancers are in the availability zone {}.", quoted(name)),
        Taken::Elsewhere { id, load_balancer_id } => {
            format!("{} is in the load balancer {load_balancer_id} by now.", quoted(id))
        }
        Taken::ZoneProfile { profile_id } => {
            format!("Availability zones have the profile {}.", quoted(profile_id))
        }
    }
}
