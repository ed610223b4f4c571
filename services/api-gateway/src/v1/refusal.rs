//! What a refused request of v1 gets: Neutron's error body, and the one table from our codes to its statuses and types. The
//! sentences are in [`words`](super::words).

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use ballast_proto::status::{Received, fault::Code};
use serde::Serialize;

use super::{body::LIMIT, words};
use crate::kit::{
    payload::PATIENCE,
    refusal::{Manner, Refusal, may_ask_again},
    reply,
};

/// The HTTP status and the Neutron type of a code.
#[expect(clippy::too_many_lines, reason = "a line for each code")]
pub(crate) const fn neutron(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::InvalidField | Code::MissingField | Code::ImmutableField => (StatusCode::BAD_REQUEST, "HTTPBadRequest"),
        Code::InvalidInput | Code::AddressNotInSubnet | Code::SubnetOverlaps => {
            (StatusCode::BAD_REQUEST, "InvalidInput")
        }
        Code::ProtocolMismatch => (StatusCode::BAD_REQUEST, "ProtocolMismatch"),
        Code::DelayOrTimeoutInvalid => (StatusCode::BAD_REQUEST, "DelayOrTimeoutInvalid"),
        Code::ProviderNotFound => (StatusCode::BAD_REQUEST, "ServiceProviderNotFound"),
        Code::DefaultProviderNotFound => (StatusCode::BAD_REQUEST, "DefaultServiceProviderNotFound"),
        Code::PoolNotFound => (StatusCode::NOT_FOUND, "PoolNotFound"),
        Code::VipNotFound => (StatusCode::NOT_FOUND, "VipNotFound"),
        Code::MemberNotFound => (StatusCode::NOT_FOUND, "MemberNotFound"),
        Code::HealthMonitorNotFound => (StatusCode::NOT_FOUND, "HealthMonitorNotFound"),
        Code::AssociationNotFound => (StatusCode::NOT_FOUND, "PoolMonitorAssociationNotFound"),
        Code::AgentNotFound => (StatusCode::NOT_FOUND, "AgentNotFound"),
        Code::NetworkNotFound => (StatusCode::NOT_FOUND, "NetworkNotFound"),
        Code::SubnetNotFound => (StatusCode::NOT_FOUND, "SubnetNotFound"),
        Code::PortNotFound => (StatusCode::NOT_FOUND, "PortNotFound"),
        Code::LoadBalancerNotFound => (StatusCode::NOT_FOUND, "LoadBalancerNotFound"),
        Code::ListenerNotFound => (StatusCode::NOT_FOUND, "ListenerNotFound"),
        Code::L7PolicyNotFound => (StatusCode::NOT_FOUND, "L7PolicyNotFound"),
        Code::L7RuleNotFound => (StatusCode::NOT_FOUND, "L7RuleNotFound"),
        Code::FlavorNotFound => (StatusCode::NOT_FOUND, "FlavorNotFound"),
        Code::AvailabilityZoneNotFound => (StatusCode::NOT_FOUND, "AvailabilityZoneNotFound"),
        Code::ProfileNotFound => (StatusCode::NOT_FOUND, "ProfileNotFound"),
        Code::QuotaNotFound => (StatusCode::NOT_FOUND, "QuotaNotFound"),
        Code::CertificateNotFound => (StatusCode::NOT_FOUND, "CertificateNotFound"),
        Code::CertificateInUse => (StatusCode::CONFLICT, "CertificateInUse"),
        Code::SecretsKeyMissing => (StatusCode::CONFLICT, "SecretsKeyMissing"),
        Code::AcmeNotConfigured => (StatusCode::CONFLICT, "AcmeNotConfigured"),
        Code::ConflictingObjects => (StatusCode::CONFLICT, "ConflictingObjects"),
        Code::LoadBalancerInUse => (StatusCode::CONFLICT, "LoadBalancerInUse"),
        Code::FeatureNotSupported => (StatusCode::NOT_IMPLEMENTED, "FeatureNotSupported"),
        Code::EtagMismatch => (StatusCode::PRECONDITION_FAILED, "EtagMismatch"),
        Code::BeyondV1 => (StatusCode::CONFLICT, "BeyondV1"),
        Code::NoEligibleAgent => (StatusCode::NOT_FOUND, "NoEligibleBackend"),
        Code::VipExists => (StatusCode::CONFLICT, "VipExists"),
        Code::MemberExists => (StatusCode::CONFLICT, "MemberExists"),
        Code::AssociationExists => (StatusCode::CONFLICT, "PoolMonitorAssociationExists"),
        Code::AgentExists => (StatusCode::CONFLICT, "AgentExists"),
        Code::PoolInUse => (StatusCode::CONFLICT, "PoolInUse"),
        Code::HealthMonitorInUse => (StatusCode::CONFLICT, "HealthMonitorInUse"),
        Code::SubnetInUse => (StatusCode::CONFLICT, "SubnetInUse"),
        Code::NetworkInUse => (StatusCode::CONFLICT, "NetworkInUse"),
        Code::AddressInUse => (StatusCode::CONFLICT, "IpAddressInUse"),
        Code::MacInUse => (StatusCode::CONFLICT, "MacAddressInUse"),
        Code::ServicePortInUse => (StatusCode::CONFLICT, "ServicePortInUse"),
        Code::SharedInUse => (StatusCode::CONFLICT, "InvalidSharedSetting"),
        Code::AgentInUse => (StatusCode::CONFLICT, "AgentInUse"),
        Code::SubnetFull => (StatusCode::CONFLICT, "IpAddressGenerationFailure"),
        Code::OverQuota => (StatusCode::CONFLICT, "OverQuota"),
        Code::NotAuthorized => (StatusCode::FORBIDDEN, "NotAuthorized"),
        Code::AdminRequired => (StatusCode::FORBIDDEN, "AdminRequired"),
        Code::PolicyNotAuthorized => (StatusCode::FORBIDDEN, "PolicyNotAuthorized"),
        Code::RequestIdReused => (StatusCode::CONFLICT, "RequestIdReused"),
        Code::CursorExpired => (StatusCode::GONE, "CursorExpired"),
        Code::ReaderTooSlow => (StatusCode::CONFLICT, "ReaderTooSlow"),
        Code::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
        Code::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "DeadlineExceeded"),
        Code::Conflict => (StatusCode::CONFLICT, "Conflict"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "HTTPInternalServerError"),
    }
}

impl Refusal {
    /// 400 `HTTPBadRequest`.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::Http { status: StatusCode::BAD_REQUEST, kind: "HTTPBadRequest", message: message.into() }
    }

    /// 400 `BadRequest`: Neutron's own exception of that name, which says which part of the request is bad.
    pub(crate) fn bad_part(part: &str, message: &str) -> Self {
        let message = format!("Bad {part} request: {message}");
        Self::Http { status: StatusCode::BAD_REQUEST, kind: "BadRequest", message }
    }

    /// 400 `InvalidInput`: a value that could not be converted.
    pub(crate) fn unconvertible(reason: &str) -> Self {
        let message = format!("Invalid input for operation: {reason}.");
        Self::Http { status: StatusCode::BAD_REQUEST, kind: "InvalidInput", message }
    }

    /// 400 `HTTPBadRequest`: a value that was refused.
    pub(crate) fn invalid(attribute: &str, reason: &str) -> Self {
        Self::bad_request(format!("Invalid input for {attribute}. Reason: {reason}."))
    }

    /// One of a vip's create: of a subnet that is not there LBaaS has a sentence of its own.
    pub(crate) fn of_vip(status: tonic::Status) -> Self {
        let refusal = Self::from(status);
        let Self::Told(Received::Fault(fault)) = &refusal else { return refusal };
        match words::no_subnet_of_a_vip(fault) {
            Some(message) => Self::Told(Received::Worded { code: fault.code(), message }),
            None => refusal,
        }
    }

    /// Status, type and message; none: it has another body.
    pub(crate) fn neutrons(&self) -> Option<(StatusCode, &'static str, Cow<'_, str>)> {
        match self {
            Self::Told(told) => {
                let (status, kind) = neutron(told.code());
                let message = match told {
                    Received::Fault(fault) => words::v1(fault).into(),
                    Received::Worded { message, .. } => message.into(),
                };
                Some((status, kind, message))
            }
            Self::Http { status, kind, message } => Some((*status, kind, message.into())),
            Self::Manner(manner) => Some(mannered(manner)),
            Self::Unauthenticated { .. } | Self::Unrouted | Self::Unserved => None,
        }
    }
}

fn mannered(manner: &Manner) -> (StatusCode, &'static str, Cow<'static, str>) {
    let bad = |message: &'static str| (StatusCode::BAD_REQUEST, "HTTPBadRequest", message.into());
    match manner {
        Manner::UnknownHost => bad("The Host is not one of this gateway's: see gateway.public_hosts."),
        Manner::OtherSite => {
            let message = "A page of another site may not call this gateway: its callers need no token.";
            (StatusCode::FORBIDDEN, "HTTPForbidden", message.into())
        }
        Manner::NotJson(_) => {
            let message = "The body must be JSON, and its Content-Type application/json.";
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "HTTPUnsupportedMediaType", message.into())
        }
        Manner::OddBytes(part) => {
            let message = format!("The {part} has bytes in it that are no text: NUL, or what is not UTF-8.");
            (StatusCode::BAD_REQUEST, "HTTPBadRequest", message.into())
        }
        Manner::OddProject => bad("The header X-Project-Id must be plain ASCII."),
        Manner::TooLarge => {
            let message = format!("The body is larger than {LIMIT} bytes.");
            (StatusCode::PAYLOAD_TOO_LARGE, "HTTPRequestEntityTooLarge", message.into())
        }
        Manner::TooSlow => {
            let message = format!("The body did not arrive within {} seconds.", PATIENCE.as_secs());
            (StatusCode::REQUEST_TIMEOUT, "HTTPRequestTimeout", message.into())
        }
        Manner::Unreadable => bad("The body could not be read."),
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "NeutronError")]
    error: NeutronError<'a>,
}

#[derive(Serialize)]
struct NeutronError<'a> {
    r#type: &'a str,
    message: &'a str,
    detail: &'a str,
}

/// A refusal gets Neutron's body, and every other reply its type.
pub(super) async fn finish(mut response: Response) -> Response {
    let Some(refusal) = response.extensions_mut().remove::<Refusal>() else { return reply::in_utf8(response) };
    if let Some((status, kind, message)) = refusal.neutrons() {
        refusal.log(&message);
        let error = NeutronError { r#type: kind, message: &message, detail: "" };
        return may_ask_again(&refusal, reply::in_utf8(reply::json(status, &Body { error })));
    }
    match &refusal {
        Refusal::Unauthenticated { challenge } => unauthenticated(challenge.as_ref()),
        _ => reply::text(StatusCode::NOT_FOUND, "The resource could not be found."),
    }
}

fn unauthenticated(challenge: Option<&HeaderValue>) -> Response {
    let mut response = reply::text(StatusCode::UNAUTHORIZED, "Authentication required");
    if let Some(challenge) = challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_have_neutrons_statuses_and_types() {
        let table: Vec<String> = Code::ALL
            .iter()
            .map(|&code| {
                let (status, kind) = neutron(code);
                format!("{} {} {kind}", code.reason(), status.as_u16())
            })
            .collect();
        let expected = "INVALID_FIELD 400 HTTPBadRequest|INVALID_INPUT 400 InvalidInput|\
            MISSING_FIELD 400 HTTPBadRequest|IMMUTABLE_FIELD 400 HTTPBadRequest|\
            PROTOCOL_MISMATCH 400 ProtocolMismatch|DELAY_OR_TIMEOUT_INVALID 400 DelayOrTimeoutInvalid|\
            PROVIDER_NOT_FOUND 400 ServiceProviderNotFound|\
            DEFAULT_PROVIDER_NOT_FOUND 400 DefaultServiceProviderNotFound|ADDRESS_NOT_IN_SUBNET 400 InvalidInput|\
            POOL_NOT_FOUND 404 PoolNotFound|VIP_NOT_FOUND 404 VipNotFound|MEMBER_NOT_FOUND 404 MemberNotFound|\
            HEALTH_MONITOR_NOT_FOUND 404 HealthMonitorNotFound|\
            ASSOCIATION_NOT_FOUND 404 PoolMonitorAssociationNotFound|AGENT_NOT_FOUND 404 AgentNotFound|\
            NETWORK_NOT_FOUND 404 NetworkNotFound|SUBNET_NOT_FOUND 404 SubnetNotFound|\
            PORT_NOT_FOUND 404 PortNotFound|NO_ELIGIBLE_AGENT 404 NoEligibleBackend|\
            VIP_EXISTS 409 VipExists|MEMBER_EXISTS 409 MemberExists|\
            ASSOCIATION_EXISTS 409 PoolMonitorAssociationExists|AGENT_EXISTS 409 AgentExists|\
            POOL_IN_USE 409 PoolInUse|HEALTH_MONITOR_IN_USE 409 HealthMonitorInUse|SUBNET_IN_USE 409 SubnetInUse|\
            NETWORK_IN_USE 409 NetworkInUse|ADDRESS_IN_USE 409 IpAddressInUse|\
            MAC_IN_USE 409 MacAddressInUse|SERVICE_PORT_IN_USE 409 ServicePortInUse|\
            SHARED_IN_USE 409 InvalidSharedSetting|\
            CURSOR_EXPIRED 410 CursorExpired|\
            DEADLINE_EXCEEDED 504 DeadlineExceeded|\
            READER_TOO_SLOW 409 ReaderTooSlow|\
            REQUEST_ID_REUSED 409 RequestIdReused|\
            SUBNET_FULL 409 IpAddressGenerationFailure|SUBNET_OVERLAPS 400 InvalidInput|\
            OVER_QUOTA 409 OverQuota|NOT_AUTHORIZED 403 NotAuthorized|\
            ADMIN_REQUIRED 403 AdminRequired|POLICY_NOT_AUTHORIZED 403 PolicyNotAuthorized|\
            LOAD_BALANCER_NOT_FOUND 404 LoadBalancerNotFound|LISTENER_NOT_FOUND 404 ListenerNotFound|\
            L7POLICY_NOT_FOUND 404 L7PolicyNotFound|L7RULE_NOT_FOUND 404 L7RuleNotFound|\
            FLAVOR_NOT_FOUND 404 FlavorNotFound|AVAILABILITY_ZONE_NOT_FOUND 404 AvailabilityZoneNotFound|\
            PROFILE_NOT_FOUND 404 ProfileNotFound|QUOTA_NOT_FOUND 404 QuotaNotFound|\
            CERTIFICATE_NOT_FOUND 404 CertificateNotFound|CERTIFICATE_IN_USE 409 CertificateInUse|\
            SECRETS_KEY_MISSING 409 SecretsKeyMissing|ACME_NOT_CONFIGURED 409 AcmeNotConfigured|\
            CONFLICTING_OBJECTS 409 ConflictingObjects|LOAD_BALANCER_IN_USE 409 LoadBalancerInUse|\
            FEATURE_NOT_SUPPORTED 501 FeatureNotSupported|ETAG_MISMATCH 412 EtagMismatch|BEYOND_V1 409 BeyondV1|\
            AGENT_IN_USE 409 AgentInUse|TOO_MANY_REQUESTS 429 TooManyRequests|OVERLOADED 503 ServiceUnavailable|\
            CONFLICT 409 Conflict|UNAVAILABLE 503 ServiceUnavailable|INTERNAL 500 HTTPInternalServerError";
        let expected: BTreeSet<_> = expected.split('|').collect();
        assert_eq!(table.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn a_connection_that_broke_during_a_call_is_unavailable() {
        let broken = tonic::Status::from_error("connection reset".into());
        let status = |refusal: Refusal| refusal.neutrons().unwrap().0;
        assert_eq!(status(Refusal::from(broken)), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(Refusal::from(tonic::Status::unknown("bug"))), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
