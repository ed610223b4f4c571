//! [`Fault`] to [`tonic::Status`] and back: the one table of gRPC codes.

use std::collections::HashMap;

pub use ballast_model::fault::{Code, Fault};
use tonic::{Code as GrpcCode, Status};
use tonic_types::{ErrorDetails, StatusExt};

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
        | Code::NoEligibleAgent
        | Code::NoActiveAgent => GrpcCode::NotFound,
        Code::RequestIdReused => GrpcCode::AlreadyExists,
        Code::CursorExpired => GrpcCode::OutOfRange,
        Code::DeadlineExceeded => GrpcCode::DeadlineExceeded,
        Code::VipExists
        | Code::MemberExists
        | Code::AssociationExists
        | Code::AgentExists
        | Code::AddressInUse
        | Code::MacInUse => GrpcCode::AlreadyExists,
        Code::PoolInUse
        | Code::HealthMonitorInUse
        | Code::SubnetInUse
        | Code::NetworkInUse
        | Code::ServicePortInUse
        | Code::SharedInUse
        | Code::StateInvalid => GrpcCode::FailedPrecondition,
        Code::SubnetFull | Code::OverQuota => GrpcCode::ResourceExhausted,
        Code::NotAuthorized | Code::AdminRequired | Code::PolicyNotAuthorized => GrpcCode::PermissionDenied,
        Code::Conflict | Code::ReaderTooSlow => GrpcCode::Aborted,
        Code::Unavailable => GrpcCode::Unavailable,
        Code::Internal => GrpcCode::Internal,
    }
}

/// The status of a fault. What only the log may show stays behind.
#[must_use]
pub fn to_status(fault: &Fault) -> Status {
    let mut details = ErrorDetails::with_error_info(fault.code().reason(), DOMAIN, HashMap::new());
    if let Some(field) = fault.field() {
        details.add_bad_request_violation(field, fault.message());
    }
    Status::with_error_details(grpc_code(fault.code()), fault.message(), details)
}

/// The fault that a status carries. A status of another origin (a dead connection, a deadline) becomes `Unavailable` or
/// `Internal`, its text in the detail.
#[must_use]
pub fn from_status(status: &Status) -> Fault {
    let details = status.get_error_details();
    let code =
        details.error_info().filter(|info| info.domain == DOMAIN).and_then(|info| Code::from_reason(&info.reason));
    if let Some(code) = code {
        let fault = Fault::new(code, status.message());
        let field = details.bad_request().and_then(|request| request.field_violations.first());
        return match field {
            Some(violation) => fault.with_field(&violation.field),
            None => fault,
        };
    }
    match status.code() {
        GrpcCode::Unavailable | GrpcCode::DeadlineExceeded | GrpcCode::Cancelled => {
            Fault::new(Code::Unavailable, "The scheduler does not answer; try again.").with_detail(status)
        }
        _ => Fault::internal(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_survives_the_wire() {
        for &code in Code::ALL {
            let fault = Fault::new(code, "what happened").with_field("name");
            assert_eq!(from_status(&to_status(&fault)), fault);
        }
    }

    #[test]
    fn the_detail_does_not_travel() {
        let status = to_status(&Fault::internal("secret"));
        assert!(!format!("{status:?}").contains("secret"));
    }

    #[test]
    fn a_foreign_status_is_unavailable_or_internal() {
        assert_eq!(from_status(&Status::unavailable("refused")).code(), Code::Unavailable);
        assert_eq!(from_status(&Status::unknown("?")).code(), Code::Internal);
    }
}
