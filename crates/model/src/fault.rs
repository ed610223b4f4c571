//! The one closed set of errors.
//!
//! A [`Fault`] has a [`Code`] that programs act on, a message for the caller, and a detail for the log. `Display` shows
//! the message alone: it never prints the detail or a source, so that neither reaches a tenant by accident. The codes map
//! to gRPC in `ballast_proto::status` and to each REST API's own error body in the gateway.

use std::fmt;

/// Defines [`Code`], its wire names, and the way back.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $reason:literal),+ $(,)?) => {
        /// What went wrong: a closed set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $code),+ }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The name on the wire: `google.rpc.ErrorInfo.reason`.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$code => $reason),+ }
            }

            /// The code with this name.
            #[must_use]
            pub fn from_reason(reason: &str) -> Option<Self> {
                match reason { $($reason => Some(Self::$code),)+ _ => None }
            }
        }
    };
}

codes! {
    /// A value of one field is refused: [`Fault::field`] names it.
    InvalidField = "INVALID_FIELD",
    /// The operation's input is refused as a whole.
    InvalidInput = "INVALID_INPUT",
    /// A required field is missing: [`Fault::field`] names it.
    MissingField = "MISSING_FIELD",
    /// A field that cannot change was to be changed: [`Fault::field`] names it.
    ImmutableField = "IMMUTABLE_FIELD",
    ProtocolMismatch = "PROTOCOL_MISMATCH",
    DelayOrTimeoutInvalid = "DELAY_OR_TIMEOUT_INVALID",
    ProviderNotFound = "PROVIDER_NOT_FOUND",
    DefaultProviderNotFound = "DEFAULT_PROVIDER_NOT_FOUND",
    AddressNotInSubnet = "ADDRESS_NOT_IN_SUBNET",
    PoolNotFound = "POOL_NOT_FOUND",
    VipNotFound = "VIP_NOT_FOUND",
    MemberNotFound = "MEMBER_NOT_FOUND",
    HealthMonitorNotFound = "HEALTH_MONITOR_NOT_FOUND",
    AssociationNotFound = "ASSOCIATION_NOT_FOUND",
    AgentNotFound = "AGENT_NOT_FOUND",
    NetworkNotFound = "NETWORK_NOT_FOUND",
    SubnetNotFound = "SUBNET_NOT_FOUND",
    PortNotFound = "PORT_NOT_FOUND",
    /// Filters leave no agent to place a load balancer on.
    NoEligibleAgent = "NO_ELIGIBLE_AGENT",
    /// A load balancer that has no binding.
    NoActiveAgent = "NO_ACTIVE_AGENT",
    VipExists = "VIP_EXISTS",
    MemberExists = "MEMBER_EXISTS",
    AssociationExists = "ASSOCIATION_EXISTS",
    /// A host's agent is connected already.
    AgentExists = "AGENT_EXISTS",
    PoolInUse = "POOL_IN_USE",
    HealthMonitorInUse = "HEALTH_MONITOR_IN_USE",
    SubnetInUse = "SUBNET_IN_USE",
    NetworkInUse = "NETWORK_IN_USE",
    AddressInUse = "ADDRESS_IN_USE",
    MacInUse = "MAC_IN_USE",
    /// A port that a service made, and that only the service deletes.
    ServicePortInUse = "SERVICE_PORT_IN_USE",
    /// A network that others use cannot stop to be shared.
    SharedInUse = "SHARED_IN_USE",
    /// The allocation pools have no free address.
    SubnetFull = "SUBNET_FULL",
    /// Another subnet of the network covers the same addresses.
    SubnetOverlaps = "SUBNET_OVERLAPS",
    StateInvalid = "STATE_INVALID",
    OverQuota = "OVER_QUOTA",
    NotAuthorized = "NOT_AUTHORIZED",
    AdminRequired = "ADMIN_REQUIRED",
    PolicyNotAuthorized = "POLICY_NOT_AUTHORIZED",
    /// A `request_id` was used for another request.
    RequestIdReused = "REQUEST_ID_REUSED",
    /// A watch cannot go on from its cursor: begin without one.
    CursorExpired = "CURSOR_EXPIRED",
    /// A watch did not take what it was sent: go on from the last cursor.
    ReaderTooSlow = "READER_TOO_SLOW",
    /// The caller's time is over: nothing was done.
    DeadlineExceeded = "DEADLINE_EXCEEDED",
    /// Others changed the same object again and again: try again.
    Conflict = "CONFLICT",
    /// Something that is needed does not answer: try again.
    Unavailable = "UNAVAILABLE",
    Internal = "INTERNAL",
}

/// An error, with what its caller may know apart from what only the log may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    code: Code,
    message: String,
    field: Option<String>,
    detail: Option<String>,
}

impl Fault {
    /// A fault with the message for the caller.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, detail: None }
    }

    /// A value of `field` is refused for `reason`, a sentence that names the value.
    #[must_use]
    pub fn invalid_field(field: &str, reason: impl fmt::Display) -> Self {
        let message = format!("Invalid input for {field}. Reason: {reason}");
        Self { field: Some(field.to_owned()), ..Self::new(Code::InvalidField, message) }
    }

    /// `field` is required.
    #[must_use]
    pub fn missing_field(field: &str) -> Self {
        let message = format!("Failed to parse request. Required attribute '{field}' not specified");
        Self { field: Some(field.to_owned()), ..Self::new(Code::MissingField, message) }
    }

    /// `field` cannot be changed.
    #[must_use]
    pub fn immutable_field(field: &str) -> Self {
        let message = format!("Cannot update read-only attribute {field}");
        Self { field: Some(field.to_owned()), ..Self::new(Code::ImmutableField, message) }
    }

    /// Something unforeseen: the caller is told no more than that.
    #[must_use]
    pub fn internal(detail: impl fmt::Display) -> Self {
        Self::new(Code::Internal, "Request Failed: internal server error while processing your request.")
            .with_detail(detail)
    }

    /// Names the field at fault.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds what only the log may show.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// For the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The field at fault, if it is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// For the log.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_again_by_its_reason() {
        for code in Code::ALL {
            assert_eq!(Code::from_reason(code.reason()), Some(*code));
        }
    }

    #[test]
    fn display_keeps_the_detail_to_itself() {
        let fault = Fault::internal("password=hunter2");
        assert!(!fault.to_string().contains("hunter2"));
        assert_eq!(fault.detail(), Some("password=hunter2"));
    }
}
