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

/// Fields whose name in REST is another one.
const TWINS: [(&str, &str); 5] = [
    ("tenant_id", "project_id"),
    ("provider:network_type", "network_type"),
    ("provider:physical_network", "physical_network"),
    ("provider:segmentation_id", "segmentation_id"),
    ("binding:host_id", "host_id"),
];
/// What REST says instead, for the gateway: keys of the `ErrorInfo`'s metadata.
const REST_FIELD: &str = "rest_field";
const REST_MESSAGE: &str = "rest_message";

/// The name that a field has in the messages of gRPC.
#[must_use]
pub fn grpc_field(name: &str) -> &str {
    TWINS.iter().find(|(rest, _)| *rest == name).map_or(name, |(_, grpc)| grpc)
}

/// The status of a fault, in gRPC's own words. What only the log may show stays behind.
#[must_use]
pub fn to_status(fault: &Fault) -> Status {
    let Some(said) = fault.field() else { return status(fault.code(), None, fault.message(), HashMap::new()) };
    let field = grpc_field(said);
    let rest = TWINS.iter().find(|(_, grpc)| *grpc == field).map_or(field, |(rest, _)| *rest);
    let message = fault.message().replacen(rest, field, 1);
    let mut metadata = HashMap::new();
    if (field, message.as_str()) != (said, fault.message()) {
        metadata.insert(REST_FIELD.to_owned(), said.to_owned());
        metadata.insert(REST_MESSAGE.to_owned(), fault.message().to_owned());
    }
    status(fault.code(), Some(field), &message, metadata)
}

fn status(code: Code, field: Option<&str>, message: &str, metadata: HashMap<String, String>) -> Status {
    let mut details = ErrorDetails::with_error_info(code.reason(), DOMAIN, metadata);
    if let Some(field) = field {
        details.add_bad_request_violation(field, message);
    }
    Status::with_error_details(grpc_code(code), message, details)
}

/// The fault that a status carries. A status of another origin (a dead connection, a deadline) becomes `Unavailable` or
/// `Internal`, its text in the detail.
#[must_use]
pub fn from_status(status: &Status) -> Fault {
    let details = status.get_error_details();
    let info = details.error_info().filter(|info| info.domain == DOMAIN);
    if let Some((code, info)) = info.and_then(|info| Some((Code::from_reason(&info.reason)?, info))) {
        let fault = Fault::new(code, info.metadata.get(REST_MESSAGE).map_or(status.message(), String::as_str));
        let field = details.bad_request().and_then(|request| request.field_violations.first());
        return match (info.metadata.get(REST_FIELD), field) {
            (Some(field), _) => fault.with_field(field),
            (None, Some(violation)) => fault.with_field(&violation.field),
            (None, None) => fault,
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
    fn a_field_is_told_by_grpcs_name_and_reaches_rest_by_rests() {
        for (rest, grpc) in TWINS {
            for named in [rest, grpc] {
                let fault = Fault::new(Code::InvalidField, format!("Invalid input for {rest}. Reason: {rest} is odd."));
                let fault = fault.with_field(named);
                let status = to_status(&fault);
                let details = status.get_error_details();
                let violation = &details.bad_request().unwrap().field_violations[0];
                assert_eq!(violation.field, grpc);
                assert!(status.message().starts_with(&format!("Invalid input for {grpc}. ")), "{}", status.message());
                assert_eq!(from_status(&status), fault);
            }
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
