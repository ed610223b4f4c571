//! What a refused request gets: Neutron's error body, and the one table from our codes to its statuses and types.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ballast_proto::status::{Code, Fault, from_status};
use serde::Serialize;

use crate::reply;

/// An answer other than the one that was asked for.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The scheduler's, or one that has the same meaning.
    Fault(Fault),
    /// One that exists in HTTP alone.
    Http { status: StatusCode, kind: &'static str, message: String },
    /// Nobody vouches for who calls. The body is that of the middleware that stands before Neutron.
    Unauthenticated { challenge: Option<HeaderValue> },
    /// No such path, or no such method there: the one answer without Neutron's body.
    Unrouted,
}

/// The HTTP status and the Neutron type of a code.
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
        Code::NoEligibleAgent => (StatusCode::NOT_FOUND, "NoEligibleBackend"),
        Code::NoActiveAgent => (StatusCode::NOT_FOUND, "NoActiveLbaasAgent"),
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
        Code::SubnetFull => (StatusCode::CONFLICT, "IpAddressGenerationFailure"),
        Code::StateInvalid => (StatusCode::CONFLICT, "StateInvalid"),
        Code::OverQuota => (StatusCode::CONFLICT, "OverQuota"),
        Code::NotAuthorized => (StatusCode::FORBIDDEN, "NotAuthorized"),
        Code::AdminRequired => (StatusCode::FORBIDDEN, "AdminRequired"),
        Code::PolicyNotAuthorized => (StatusCode::FORBIDDEN, "PolicyNotAuthorized"),
        Code::RequestIdReused => (StatusCode::CONFLICT, "RequestIdReused"),
        Code::CursorExpired => (StatusCode::GONE, "CursorExpired"),
        Code::ReaderTooSlow => (StatusCode::CONFLICT, "ReaderTooSlow"),
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
        Fault::new(Code::InvalidInput, format!("Invalid input for operation: {reason}.")).into()
    }

    /// 400 `HTTPBadRequest`: a value that was refused.
    pub(crate) fn invalid(attribute: &str, reason: &str) -> Self {
        Fault::invalid_field(attribute, format_args!("{reason}.")).into()
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<tonic::Status> for Refusal {
    fn from(status: tonic::Status) -> Self {
        let fault = from_status(&status);
        // Only a status that was made on this side has a source: the connection broke while the call was under way.
        if fault.code() == Code::Internal && std::error::Error::source(&status).is_some() {
            return Fault::new(Code::Unavailable, "The scheduler does not answer; try again.")
                .with_detail(status)
                .into();
        }
        fault.into()
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

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, kind, message) = match &self {
            Self::Fault(fault) => {
                log(fault);
                let (status, kind) = neutron(fault.code());
                (status, kind, fault.message())
            }
            Self::Http { status, kind, message } => (*status, *kind, message.as_str()),
            Self::Unauthenticated { challenge } => return unauthenticated(challenge.as_ref()),
            Self::Unrouted => return reply::text(StatusCode::NOT_FOUND, "The resource could not be found."),
        };
        reply::json(status, &Body { error: NeutronError { r#type: kind, message, detail: "" } })
    }
}

fn unauthenticated(challenge: Option<&HeaderValue>) -> Response {
    let mut response = reply::text(StatusCode::UNAUTHORIZED, "Authentication required");
    if let Some(challenge) = challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.clone());
    }
    response
}

/// Only what the operator must know: refusals that callers bring upon themselves are not logged.
fn log(fault: &Fault) {
    let detail = fault.detail().unwrap_or("none");
    match fault.code() {
        Code::Internal => tracing::error!(detail, "{fault}"),
        Code::Unavailable => tracing::warn!(detail, "{fault}"),
        _ => {}
    }
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
            NO_ACTIVE_AGENT 404 NoActiveLbaasAgent|VIP_EXISTS 409 VipExists|MEMBER_EXISTS 409 MemberExists|\
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
            STATE_INVALID 409 StateInvalid|OVER_QUOTA 409 OverQuota|NOT_AUTHORIZED 403 NotAuthorized|\
            ADMIN_REQUIRED 403 AdminRequired|POLICY_NOT_AUTHORIZED 403 PolicyNotAuthorized|\
            CONFLICT 409 Conflict|UNAVAILABLE 503 ServiceUnavailable|INTERNAL 500 HTTPInternalServerError";
        let expected: BTreeSet<_> = expected.split('|').collect();
        assert_eq!(table.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn a_connection_that_broke_during_a_call_is_unavailable() {
        let broken = tonic::Status::from_error("connection reset".into());
        let Refusal::Fault(fault) = Refusal::from(broken) else { panic!("not a fault") };
        assert_eq!(fault.code(), Code::Unavailable);
        let Refusal::Fault(fault) = Refusal::from(tonic::Status::unknown("bug")) else { panic!("not a fault") };
        assert_eq!(fault.code(), Code::Internal);
    }
}
