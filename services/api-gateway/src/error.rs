//! What a refused request gets: Neutron's error body, and the one table from our codes to its statuses and types. The
//! sentences are in [`words`](crate::words).

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ballast_proto::status::{
    Received,
    fault::{Absence, Code, Fault},
    from_status,
};
use serde::Serialize;

use crate::{reply, words};

/// An answer other than the one that was asked for.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The scheduler's, or one that has the same meaning.
    Told(Received),
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
            Self::Unauthenticated { .. } | Self::Unrouted => None,
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Told(Received::Fault(fault))
    }
}

impl From<tonic::Status> for Refusal {
    fn from(status: tonic::Status) -> Self {
        let told = from_status(&status);
        // Only a status that was made on this side has a source: the connection broke while the call was under way.
        if told.code() == Code::Internal && std::error::Error::source(&status).is_some() {
            return Fault::from(Absence::Scheduler).with_detail(status).into();
        }
        Self::Told(told)
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
        if let Some((status, kind, message)) = self.neutrons() {
            if let Self::Told(told) = &self {
                log(told, &message);
            }
            return reply::json(status, &Body { error: NeutronError { r#type: kind, message: &message, detail: "" } });
        }
        match &self {
            Self::Unauthenticated { challenge } => unauthenticated(challenge.as_ref()),
            Self::Told(_) | Self::Http { .. } | Self::Unrouted => {
                reply::text(StatusCode::NOT_FOUND, "The resource could not be found.")
            }
        }
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
fn log(told: &Received, message: &str) {
    let detail = match told {
        Received::Fault(fault) => fault.detail(),
        Received::Worded { .. } => None,
    };
    let detail = detail.unwrap_or("none");
    match told.code() {
        Code::Internal => tracing::error!(detail, "{message}"),
        Code::Unavailable => tracing::warn!(detail, "{message}"),
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
