//! A driver's error on its way over gRPC: the whole fault travels in the status' details.
//!
//! A status without details did not come from the driver: the process or the connection broke.

use ballast_abi::{DriverError, ErrorCode};
use ballast_proto::driver::Fault;
use prost::Message;
use tonic::{Code, Status};

/// Details travel in HTTP/2 headers, whose size is limited.
const TEXT_LIMIT: usize = 2000;

pub(crate) fn to_status(mut error: DriverError) -> Status {
    clip(&mut error.message);
    clip(&mut error.detail);
    let code = match error.code {
        ErrorCode::NOT_FOUND => Code::NotFound,
        ErrorCode::UNSUPPORTED => Code::Unimplemented,
        ErrorCode::UNAVAILABLE | ErrorCode::BUSY => Code::Unavailable,
        ErrorCode::INVALID_ARGUMENT | ErrorCode::INVALID_CONFIG => Code::InvalidArgument,
        _ => Code::Internal,
    };
    let name = error.code.name();
    Status::with_details(code, name, Fault::from(error).encode_to_vec().into())
}

/// The driver's fault; `None` when the status is not a driver's answer.
pub(crate) fn from_status(status: &Status) -> Option<Fault> {
    if status.details().is_empty() {
        return None;
    }
    Fault::decode(status.details()).ok()
}

fn clip(text: &mut String) {
    if text.len() > TEXT_LIMIT {
        text.truncate(text.floor_char_boundary(TEXT_LIMIT));
        text.push_str(" [...]");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_the_way_through_a_status() {
        let error = DriverError::busy("the device is at work").with_detail("ETIMEDOUT");
        assert_eq!(from_status(&to_status(error.clone())), Some(Fault::from(error)));
    }

    #[test]
    fn a_long_text_is_clipped_between_characters() {
        let fault = from_status(&to_status(DriverError::internal("ü".repeat(5000)))).unwrap();
        assert!(fault.message.len() < TEXT_LIMIT + 10 && fault.message.ends_with("ü [...]"));
    }

    #[test]
    fn a_status_of_the_transport_is_no_fault_of_the_driver() {
        assert_eq!(from_status(&Status::unavailable("connection reset")), None);
    }
}
