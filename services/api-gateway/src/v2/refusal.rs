//! What a refused request of v2 gets: one of Octavia's two bodies, and the one table from our codes to its statuses. The
//! sentences are in [`words`](super::words).
//!
//! What is refused by a method has a fault (`faultstring`), which is what clients print. What is refused on the way to one,
//! as paths that are not there, has a code, a title and a description.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use ballast_proto::status::{
    Received,
    fault::{Code, Facts, Fault, Kind, Missing, Reason},
};
use serde::Serialize;

use super::{body::LIMIT, words};
use crate::kit::{
    payload::PATIENCE,
    refusal::{Manner, Refusal, may_ask_again},
    reply,
};

/// The methods that there are somewhere.
const METHODS: HeaderValue = HeaderValue::from_static("DELETE, GET, POST, PUT");
/// The title of a status 400, also where the status is another one.
const BAD_REQUEST: &str = "Bad Request";

/// The HTTP status of a code.
#[expect(clippy::too_many_lines, reason = "a line for each code")]
const fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidField
        | Code::InvalidInput
        | Code::MissingField
        | Code::ImmutableField
        | Code::ProtocolMismatch
        | Code::DelayOrTimeoutInvalid
        | Code::ProviderNotFound
        | Code::DefaultProviderNotFound
        | Code::AddressNotInSubnet
        | Code::SubnetOverlaps
        | Code::SubnetFull
        | Code::LoadBalancerInUse
        // What a load balancer is to be on, of another service.
        | Code::NetworkNotFound
        | Code::SubnetNotFound
        | Code::PortNotFound => StatusCode::BAD_REQUEST,
        Code::LoadBalancerNotFound
        | Code::ListenerNotFound
        | Code::PoolNotFound
        | Code::VipNotFound
        | Code::MemberNotFound
        | Code::HealthMonitorNotFound
        | Code::L7PolicyNotFound
        | Code::L7RuleNotFound
        | Code::FlavorNotFound
        | Code::AvailabilityZoneNotFound
        | Code::ProfileNotFound
        | Code::QuotaNotFound
        | Code::CertificateNotFound
        | Code::AssociationNotFound
        | Code::AgentNotFound => StatusCode::NOT_FOUND,
        Code::VipExists
        | Code::MemberExists
        | Code::AssociationExists
        | Code::AgentExists
        | Code::ConflictingObjects
        | Code::PoolInUse
        | Code::HealthMonitorInUse
        | Code::CertificateInUse
        | Code::SecretsKeyMissing
        | Code::AcmeNotConfigured
        | Code::SubnetInUse
        | Code::NetworkInUse
        | Code::AddressInUse
        | Code::MacInUse
        | Code::ServicePortInUse
        | Code::SharedInUse
        | Code::AgentInUse
        | Code::BeyondV1
        | Code::RequestIdReused
        | Code::ReaderTooSlow
        | Code::Conflict => StatusCode::CONFLICT,
        Code::OverQuota | Code::NotAuthorized | Code::AdminRequired | Code::PolicyNotAuthorized => {
            StatusCode::FORBIDDEN
        }
        Code::EtagMismatch => StatusCode::PRECONDITION_FAILED,
        Code::CursorExpired => StatusCode::GONE,
        Code::FeatureNotSupported => StatusCode::NOT_IMPLEMENTED,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Code::NoEligibleAgent | Code::Unavailable | Code::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The HTTP status of a fault.
pub(crate) const fn status_of(fault: &Fault) -> StatusCode {
    match fault.facts() {
        Facts::InvalidField { reason: Reason::AnothersProject, .. } => StatusCode::FORBIDDEN,
        _ => status(fault.code()),
    }
}

impl Refusal {
    /// 400 with a fault.
    pub(super) fn faulty(message: impl Into<String>) -> Self {
        Self::Http { status: StatusCode::BAD_REQUEST, kind: "", message: message.into() }
    }

    /// 400 with a fault: a value of a field.
    pub(super) fn of_value(field: &str, value: &str, reason: &str) -> Self {
        Self::faulty(format!("Invalid input for field/attribute {field}. Value: '{value}'. {reason}"))
    }

    /// 400 with a title: a query that a list does not take.
    pub(super) fn of_list(message: impl Into<String>) -> Self {
        Self::Http { status: StatusCode::BAD_REQUEST, kind: BAD_REQUEST, message: message.into() }
    }

    /// What an object of this kind in the path, which is not there, makes of the refusal: it was on the way to the method.
    pub(super) fn below(self, parent: &Kind) -> Self {
        let Self::Told(Received::Fault(fault)) = &self else { return self };
        match fault.facts() {
            Facts::Missing(Missing::Object { kind, .. }) if kind == parent => {
                Self::Http { status: StatusCode::NOT_FOUND, kind: BAD_REQUEST, message: words::v2(fault) }
            }
            _ => self,
        }
    }

    /// The same of a change, of which Octavia has other words in some cases.
    pub(super) fn of_change(self) -> Self {
        let Self::Told(Received::Fault(fault)) = &self else { return self };
        match words::of_change(fault) {
            Some(message) => Self::faulty(message),
            None => self,
        }
    }

    /// Status, title and message; the title is empty where the body is a fault's.
    pub(super) fn octavias(&self) -> (StatusCode, &'static str, Cow<'_, str>) {
        match self {
            Self::Told(Received::Fault(fault)) => (status_of(fault), "", words::v2(fault).into()),
            Self::Told(Received::Worded { code, message }) => (status(*code), "", message.into()),
            Self::Http { status, kind, message } => (*status, kind, message.into()),
            Self::Manner(manner) => mannered(manner),
            Self::Unauthenticated { .. } => (StatusCode::UNAUTHORIZED, "Unauthorized", words::UNAUTHENTICATED.into()),
            Self::Unrouted => (StatusCode::NOT_FOUND, "Not Found", "".into()),
            Self::Unserved => (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed", "".into()),
        }
    }
}

fn mannered(manner: &Manner) -> (StatusCode, &'static str, Cow<'static, str>) {
    let bad = |message: &'static str| (StatusCode::BAD_REQUEST, "", message.into());
    match manner {
        Manner::UnknownHost => bad("The Host is not one of this gateway's: see gateway.public_hosts."),
        Manner::OtherSite => {
            let message = "A page of another site may not call this gateway: its callers need no token.";
            (StatusCode::FORBIDDEN, "", message.into())
        }
        Manner::NotJson(media) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "", format!("Unknown mimetype: {media}").into()),
        Manner::OddBytes(part) => {
            let message = format!("The {part} has bytes in it that are no text: NUL, or what is not UTF-8.");
            (StatusCode::BAD_REQUEST, "", message.into())
        }
        Manner::OddProject => bad("The header X-Project-Id must be plain ASCII."),
        Manner::TooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, "", format!("The body is larger than {LIMIT} bytes.").into())
        }
        Manner::TooSlow => {
            let message = format!("The body did not arrive within {} seconds.", PATIENCE.as_secs());
            (StatusCode::REQUEST_TIMEOUT, "", message.into())
        }
        Manner::Unreadable => bad("The body could not be read."),
    }
}

#[derive(Serialize)]
struct Faulty<'a> {
    faultcode: &'static str,
    faultstring: &'a str,
    debuginfo: Option<()>,
}

#[derive(Serialize)]
struct Titled<'a> {
    code: u16,
    title: &'static str,
    description: &'a str,
}

/// A refusal gets its body.
pub(super) async fn finish(mut response: Response) -> Response {
    let Some(refusal) = response.extensions_mut().remove::<Refusal>() else { return response };
    let (status, title, message) = refusal.octavias();
    refusal.log(&message);
    let mut response = if title.is_empty() {
        let faultcode = if status.is_server_error() { "Server" } else { "Client" };
        reply::json(status, &Faulty { faultcode, faultstring: &message, debuginfo: None })
    } else {
        reply::json(status, &Titled { code: status.as_u16(), title, description: &message })
    };
    match &refusal {
        Refusal::Unserved => {
            response.headers_mut().insert(header::ALLOW, METHODS);
        }
        Refusal::Unauthenticated { challenge: Some(challenge) } => {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.clone());
        }
        _ => {}
    }
    may_ask_again(&refusal, response)
}
