//! What load balancing does not allow, as Octavia says it.

use ballast_proto::status::{
    fault::{Balancing, Checking, Choices, Fault, Referred, Routing, Sticky, Taken, Tls, Whole},
    sentence,
};

use crate::v2::python;

pub(super) fn balancing(fault: &Fault, fact: &Balancing) -> String {
    match fact {
        Balancing::NoChildren { protocol } => {
            format!("Protocol {} listeners cannot have child objects.", protocol.as_str())
        }
        Balancing::VipMissing
        | Balancing::VipSubnetTwice
        | Balancing::VipSubnetOfOtherNetwork
        | Balancing::VipPortAmbiguous
        | Balancing::VipPortInUse { .. }
        | Balancing::NetworkWithoutSubnet
        | Balancing::NetworkWithoutSubnetFor { .. }
        | Balancing::NetworkFull
        | Balancing::CidrOfOtherIpVersion { .. }
        | Balancing::NotOnThisNetwork { .. } => addressing(fault, fact),
        Balancing::HeadersNotForProtocol { protocol } => {
            format!("insert-headers is not a valid option for a {} protocol listener.", protocol.as_str())
        }
        Balancing::HeadersUnknown { names } => {
            format!("{} is not a valid option for insert_headers", python_list(names))
        }
        Balancing::HeadersOfTls { names, protocol } => {
            format!("{} is not a valid option for {} protocol listener.", python_list(names), protocol.as_str())
        }
        Balancing::PoolOfNothing => failure("Must provide at least one of: loadbalancer_id, listener_id"),
        Balancing::MemberTwice { .. } => failure("Member must be updated only once in the same request."),
        Balancing::MemberOfOtherIpVersion { provider, .. } => format!(
            "Provider '{provider}' does not support a requested option: This provider doesn't support mixing IPv4 and \
             IPv6 addresses for its VIP and members in UDP load balancers."
        ),
        Balancing::Unsupported { provider, features } => format!(
            "Provider '{provider}' does not support a requested option: no driver of it has {}",
            features.0.join(", ")
        ),
        Balancing::UnknownFilter { .. } => "One or more arguments are either duplicate or invalid".to_owned(),
        Balancing::UnknownMarker { marker } => format!("Supplied pagination marker '{marker}' is not valid."),
        Balancing::TooMany { .. } => failure(&sentence(fault)),
        Balancing::EtagMismatch { .. }
        | Balancing::BeyondV1 { .. }
        | Balancing::AddressChanged { .. }
        | Balancing::OutOfReach { .. } => sentence(fault),
        Balancing::Tls(Tls::SecretsNotFound { references }) => not_retrieved(&references.0),
        Balancing::Tls(fact) => failure(&tls(fact)),
        Balancing::Referred(fact) => referred(fault, fact),
        Balancing::Sticky(fact) => failure(&sticky(fact)),
        Balancing::Checking(fact) => checking(fact),
        Balancing::Routing(fact) => routing(fact),
        Balancing::Whole(fact) => whole(fact),
    }
}

/// Of what is about addresses and networks.
fn addressing(fault: &Fault, fact: &Balancing) -> String {
    match fact {
        Balancing::VipMissing => failure("VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id."),
        Balancing::VipSubnetTwice => failure("Duplicate VIP subnet(s) specified. Only one IP can be bound per subnet."),
        Balancing::VipSubnetOfOtherNetwork => failure("All VIP subnets must belong to the same network."),
        Balancing::VipPortAmbiguous => {
            failure("VIP port's subnet could not be determined. Please specify either a VIP subnet or address.")
        }
        // With the blank at its end.
        Balancing::VipPortInUse { port_id, device_id } => {
            format!("Port {port_id} is already used by device {device_id} ")
        }
        Balancing::NetworkWithoutSubnet => failure("Supplied network does not contain a subnet."),
        Balancing::NetworkWithoutSubnetFor { .. } => {
            failure("Supplied network does not contain a subnet for VIP address specified.")
        }
        Balancing::NetworkFull => failure("Subnet(s) in the supplied network do not contain enough available IPs."),
        Balancing::CidrOfOtherIpVersion { cidr, addresses } => failure(&format!(
            "CIDR {cidr} IP version incompatible with all VIPs {} IP version.",
            python_list(addresses)
        )),
        Balancing::NotOnThisNetwork { field } => match field.as_str() {
            "vip_qos_policy_id" => failure("VIP QoS policy is not allowed in this deployment."),
            "vip_sg_ids" => failure("VIP Security Groups are not allowed in this deployment."),
            field => failure(&format!("{field} is not allowed in this deployment.")),
        },
        _ => sentence(fault),
    }
}

fn failure(why: &str) -> String {
    format!("Validation failure: {why}")
}

fn python_list(choices: &Choices) -> String {
    python::list(choices.0.iter().map(|choice| python::quoted(choice)))
}

fn tls(fact: &Tls) -> String {
    match fact {
        Tls::CertificateMissing => "An SNI or default certificate container reference must be provided for \
                                    TERMINATED_HTTPS protocol listeners."
            .to_owned(),
        Tls::CertificateSuperfluous { protocol } => match protocol.as_str() {
            protocol @ ("UDP" | "SCTP") => format!("{protocol} protocol listener does not support TLS."),
            protocol => format!("Certificate container references are not allowed on {protocol} protocol listeners."),
        },
        Tls::ClientCaMissing { client_authentication } => {
            format!("Client authentication setting {client_authentication} requires a client CA container reference.")
        }
        Tls::SecretsNotFound { references } => not_retrieved(&references.0),
        Tls::ClientCrlWithoutCa => {
            "A client authentication CA reference is required to specify a client authentication revocation list."
                .to_owned()
        }
        Tls::CrlWithoutCa => "A CA certificate reference is required to specify a revocation list.".to_owned(),
        Tls::HstsWithoutTls => {
            "The HSTS feature can only be used for listeners using the TERMINATED_HTTPS protocol.".to_owned()
        }
        Tls::HstsWithoutMaxAge => {
            "HSTS configuration options hsts_include_subdomains and hsts_preload only make sense if hsts_max_age is set \
             as well."
                .to_owned()
        }
    }
}

fn not_retrieved(references: &[String]) -> String {
    format!("Could not retrieve certificate: {}", python::list(references.iter().map(|one| python::quoted(one))))
}

/// Octavia has one text for all that it cannot make a certificate of, and for certificates that it would take none.
fn referred(fault: &Fault, fact: &Referred) -> String {
    match fact {
        Referred::Unusable { reference, .. } => not_retrieved(std::slice::from_ref(reference)),
        Referred::NoBundle { why, .. } => format!(
            "The PKCS12 bundle is unreadable. Please check the PKCS12 bundle validity. In addition, make sure it does not \
             require a pass phrase. Error: {why}"
        ),
        Referred::Nameless { .. } => "No CN or DNSName(s) found in certificate. The certificate is invalid.".to_owned(),
        Referred::Unfit { .. } => failure(&sentence(fault)),
        Referred::CaInvalid { why, .. } => failure(&format!(
            "The client authentication CA certificate is invalid. It must be a valid x509 PEM format certificate. \
             Error: {why}"
        )),
        Referred::CrlInvalid { why, .. } => failure(&format!(
            "The client authentication certificate revocation list is invalid. It must be a valid x509 PEM format \
             certificate revocation list. Error: {why}"
        )),
        Referred::CrlOfOtherCa { .. } => {
            failure("The CRL specified is not valid for client certificate authority reference supplied.")
        }
    }
}

fn sticky(fact: &Sticky) -> String {
    match fact {
        Sticky::NotForProtocol { .. } => {
            "persistence_timeout and persistence_granularity is only for UDP and SCTP protocol pools.".to_owned()
        }
        Sticky::CookieNotForProtocol { kind, .. } if kind == "SOURCE_IP" => {
            "Cookie names are not supported for UDP/SCTP pools.".to_owned()
        }
        Sticky::CookieNotForProtocol { kind, .. } => {
            format!("Session persistence of type {kind} is not supported for UDP/SCTP protocol pools.")
        }
    }
}

fn checking(fact: &Checking) -> String {
    match fact {
        Checking::NotForPool { monitor_type, pool_protocol } => match pool_protocol.as_str() {
            protocol @ ("UDP" | "SCTP") => failure(&format!(
                "The associated pool protocol is {protocol}, so only a UDP-CONNECT/SCTP/TCP/HTTP health monitor is \
                 supported."
            )),
            _ => failure(&format!("The {monitor_type} type is only supported for pools of type UDP/SCTP.")),
        },
        Checking::FieldNotForType { field, monitor_type } => {
            format!("{field} is not a valid option for health monitors of type {monitor_type}")
        }
        Checking::VersionMissing => failure("'http_version' must be specified when 'domain_name' is provided."),
        Checking::VersionTooOld => {
            "http_version 1.0 is not a valid option for health monitors HTTP 1.1 domain name health check".to_owned()
        }
        Checking::DelayTooShort { delay, least } => failure(&format!(
            "The request delay value {delay} should be larger than {least} for UDP-CONNECT health monitor type."
        )),
    }
}

fn routing(fact: &Routing) -> String {
    let parsing = |why: &str| format!("Error parsing L7Rule: {why}");
    let invalid = |why: &str| parsing(&format!("Invalid L7 Rule: {why}"));
    match fact {
        Routing::NotForProtocol { protocol, provider } => format!(
            "Provider '{provider}' does not support a requested option: {} protocol listeners do not support L7 policies",
            protocol.as_str()
        ),
        Routing::ArgumentMissing { field } if field == "redirect_pool_id" => {
            "Invalid L7 Policy arguments: redirect_pool_id or redirect_pool must not be None".to_owned()
        }
        Routing::ArgumentMissing { field } => format!("Invalid L7 Policy arguments: {field} must not be None"),
        Routing::NothingToChange => "Invalid L7 Policy arguments: Invalid update options".to_owned(),
        Routing::RulesFull { l7policy_id, .. } => format!("Too many rules on L7 policy {l7policy_id}"),
        Routing::ValueMissing => invalid("L7 rule type requires a value"),
        Routing::KeyMissing { rule_type } if rule_type == "SSL_DN_FIELD" => {
            invalid("L7rule type SSL_DN_FIELD needs to specify a key and a value.")
        }
        Routing::KeyMissing { .. } => invalid("L7 rule type requires a key"),
        Routing::KeySuperfluous { rule_type } => {
            invalid(&format!("L7rule type {rule_type} does not use the \"key\" field."))
        }
        Routing::ComparisonNotForType { rule_type, .. } if rule_type.starts_with("SSL_") => {
            invalid(&format!("L7rule type {rule_type} only supports the EQUAL_TO compare type."))
        }
        Routing::ComparisonNotForType { .. } => invalid("invalid comparison type for rule type"),
        Routing::BadKey { rule_type, .. } if rule_type == "SSL_DN_FIELD" => {
            invalid("Invalid L7rule distinguished name field.")
        }
        Routing::BadKey { .. } => parsing("Invalid characters in key"),
        Routing::BadValue { rule_type, value } => match rule_type.as_str() {
            "SSL_CONN_HAS_CERT" => invalid(&format!("L7rule value {value} is not a boolean True string.")),
            "SSL_VERIFY_RESULT" => invalid("L7rule type SSL_VERIFY_RESULT needs a int value, which is >= 0"),
            "HEADER" => parsing("Invalid characters in header value"),
            "COOKIE" => parsing("Invalid characters in cookie value"),
            _ => parsing("Invalid characters in comparison value"),
        },
        Routing::BadExpression { why, .. } => parsing(&format!("Unable to parse regular expression: {why}")),
    }
}

fn whole(fact: &Whole) -> String {
    match fact {
        Whole::PoolUnnamed => failure("Pools must be named when creating a fully populated loadbalancer."),
        Whole::PoolNameTwice { .. } => {
            failure("Pool names must be unique when creating a fully populated loadbalancer.")
        }
        Whole::PoolUndefined { name } => {
            failure(&format!("Pool '{name}' was referenced but no full definition was found."))
        }
        Whole::PoolIncomplete { name, field } => {
            failure(&format!("Pool definition for '{name}' missing required attribute: {field}"))
        }
        Whole::FlavorUnknown { .. } => failure("Invalid flavor_id."),
        Whole::FlavorDisabled { flavor_id } => {
            format!("The selected flavor is not allowed in this deployment: {flavor_id}")
        }
        Whole::FlavorOfOtherProvider { flavor_id, provider } => {
            format!("Flavor '{flavor_id}' is not compatible with provider '{provider}'")
        }
        Whole::ZoneUnknown { .. } => failure("Invalid availability zone."),
        Whole::ZoneDisabled { availability_zone } => {
            format!("The selected availability_zone is not allowed in this deployment: {availability_zone}")
        }
        Whole::ZoneOfOtherProvider { availability_zone, provider } => {
            format!("Availability zone '{availability_zone}' is not compatible with provider '{provider}'")
        }
    }
}

pub(super) fn taken(fact: &Taken) -> String {
    match fact {
        Taken::ListenerPort { protocol, port, .. } => format!(
            "Another Listener on this Load Balancer is already using protocol {} and protocol_port {port}",
            protocol.as_str()
        ),
        Taken::HealthMonitor { .. } => "This pool already has a health monitor".to_owned(),
        Taken::DefaultPool { .. } => "This listener already has a default pool".to_owned(),
        Taken::FlavorName { name } => format!("A flavor of {name} already exists."),
        Taken::ZoneName { name } => format!("A availability zone of {name} already exists."),
        Taken::LoadBalancerHasParts { load_balancer_id } => {
            failure(&format!("Cannot delete Load Balancer {load_balancer_id} - it has children"))
        }
        Taken::PoolOfPolicy { pool_id, l7policy_id } => format!("Pool {pool_id} is in use by L7 policy {l7policy_id}"),
        Taken::Flavor { flavor_id } => format!("Flavor {flavor_id} is in use and cannot be modified."),
        Taken::FlavorProfile { profile_id } => format!("Flavor profile {profile_id} is in use and cannot be modified."),
        Taken::Zone { name } => format!("Availability Zone {name} is in use and cannot be modified."),
        Taken::Elsewhere { id, load_balancer_id } => {
            format!("'{id}' is in the load balancer {load_balancer_id} by now.")
        }
        Taken::ZoneProfile { profile_id } => {
            format!("Availability Zone Profile {profile_id} is in use and cannot be modified.")
        }
    }
}
