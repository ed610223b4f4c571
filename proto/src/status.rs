//! [`Fault`] to [`tonic::Status`] and back: the one table of gRPC codes.
//!
//! A status has a sentence for people ([`sentence`]), and for programs a `google.rpc.ErrorInfo`: the code, and the facts as its
//! metadata. Who does not know the facts has the sentence, which is complete.

mod words;

use std::collections::HashMap;

pub use ballast_model::fault;
use ballast_model::fault::{Absence, Code, Fault};
use tonic::{Code as GrpcCode, Status};
use tonic_types::{ErrorDetails, StatusExt};

pub use self::words::sentence;

/// The domain of our `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "ballast";

/// The gRPC code that stands for a fault's code.
#[must_use]
pub const fn grpc_code(code: Code) -> GrpcCode {
    match code {
        Code::InvalidField
        | Code::InvalidInput
        | Code::MissingField
        | Code::ImmutableField
        | Code::ProtocolMismatch
        | Code::DelayOrTimeoutInvalid
        | Code::ProviderNotFound
        | Code::DefaultProviderNotFound
        | Code::SubnetOverlaps
        | Code::AddressNotInSubnet => GrpcCode::InvalidArgument,
        Code::PoolNotFound
        | Code::VipNotFound
        | Code::MemberNotFound
        | Code::HealthMonitorNotFound
        | Code::AssociationNotFound
        | Code::AgentNotFound
        | Code::NetworkNotFound
        | Code::SubnetNotFound
        | Code::PortNotFound
        | Code::LoadBalancerNotFound
        | Code::ListenerNotFound
        | Code::L7PolicyNotFound
        | Code::L7RuleNotFound
        | Code::FlavorNotFound
        | Code::AvailabilityZoneNotFound
        | Code::ProfileNotFound
        | Code::QuotaNotFound
        | Code::CertificateNotFound
        | Code::NoEligibleAgent => GrpcCode::NotFound,
        Code::RequestIdReused => GrpcCode::AlreadyExists,
        Code::CursorExpired => GrpcCode::OutOfRange,
        Code::DeadlineExceeded => GrpcCode::DeadlineExceeded,
        Code::VipExists
        | Code::MemberExists
        | Code::AssociationExists
        | Code::AgentExists
        | Code::ConflictingObjects
        | Code::AddressInUse
        | Code::MacInUse => GrpcCode::AlreadyExists,
        Code::LoadBalancerInUse
        | Code::CertificateInUse
        | Code::SecretsKeyMissing
        | Code::AcmeNotConfigured
        | Code::EtagMismatch
        | Code::BeyondV1
        | Code::PoolInUse
        | Code::HealthMonitorInUse
        | Code::SubnetInUse
        | Code::NetworkInUse
        | Code::ServicePortInUse
        | Code::SharedInUse
        | Code::AgentInUse => GrpcCode::FailedPrecondition,
        Code::FeatureNotSupported => GrpcCode::Unimplemented,
        Code::SubnetFull | Code::OverQuota | Code::TooManyRequests | Code::Overloaded => GrpcCode::ResourceExhausted,
        Code::NotAuthorized | Code::AdminRequired | Code::PolicyNotAuthorized => GrpcCode::PermissionDenied,
        Code::Conflict | Code::ReaderTooSlow => GrpcCode::Aborted,
        Code::Unavailable => GrpcCode::Unavailable,
        Code::Internal => GrpcCode::Internal,
    }
}

/// What a scheduler of 0.2.0 says to REST, where its words for gRPC are others: a key of the `ErrorInfo`'s metadata.
const REST_MESSAGE: &str = "rest_message";
/// How many bytes of a fact travel: all of a status must fit into the headers that a client takes, 16 KiB by default.
const LONGEST: usize = 6000;

/// The status of a fault, in gRPC's own words. What only the log may show stays behind.
#[must_use]
pub fn to_status(fault: &Fault) -> Status {
    let (code, message) = (fault.code(), sentence(fault));
    let metadata: HashMap<_, _> = fault.told().into_iter().map(|(name, value)| (name, cut(value))).collect();
    let mut details = ErrorDetails::with_error_info(code.reason(), DOMAIN, metadata);
    if let Some(field) = fault.field() {
        details.add_bad_request_violation(field, &message);
    }
    Status::with_error_details(grpc_code(code), message, details)
}

fn cut(mut value: String) -> String {
    value.truncate(value.floor_char_boundary(LONGEST));
    value
}

/// What a status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    Fault(Fault),
    /// By a peer of another version: a code without facts, or with some that are not known here.
    Worded {
        code: Code,
        message: String,
    },
}

impl Received {
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::Worded { code, .. } => *code,
        }
    }
}

/// What a status carries. One of another origin (a dead connection, a deadline) becomes `Unavailable` or `Internal`, its text
/// in the detail.
#[must_use]
pub fn from_status(status: &Status) -> Received {
    let details = status.get_error_details();
    let info = details.error_info().filter(|info| info.domain == DOMAIN);
    if let Some((code, info)) = info.and_then(|info| Some((Code::from_reason(&info.reason)?, info))) {
        let heard = Fault::heard(&info.metadata).filter(|fault| fault.code() == code);
        let message = || info.metadata.get(REST_MESSAGE).map_or(status.message(), String::as_str).to_owned();
        return heard.map_or_else(|| Received::Worded { code, message: message() }, Received::Fault);
    }
    Received::Fault(match status.code() {
        GrpcCode::Unavailable | GrpcCode::DeadlineExceeded | GrpcCode::Cancelled => {
            Fault::from(Absence::Scheduler).with_detail(status)
        }
        _ => Fault::internal(status),
    })
}

#[cfg(test)]
mod tests;
