//! What no real device was seen to do, one way or the other: a test chooses, to show that a driver depends on none of it.
//! The HTTP statuses of errors are chosen one by one (see [`crate::Device::set_status`]).

/// How the device behaves where nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// The HTTP status of a login when too many sessions are open.
    pub over_limit: u16,
    /// `80+HTTP` in a path means the port `80+http`.
    pub keys_in_any_case: bool,
    /// What is in use can be deleted, and is then named by nobody; otherwise that is refused.
    pub deletes_what_is_used: bool,
    /// Setting an attribute where one is set that excludes it is refused; otherwise it takes that one's place.
    pub refuses_exclusive_changes: bool,
    /// Saving is answered by 204 without a body.
    pub saves_silently: bool,
    /// A list that holds nothing is 200 with an empty list; otherwise 204 without a body.
    pub shows_empty_lists: bool,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            over_limit: 503,
            keys_in_any_case: false,
            deletes_what_is_used: false,
            refuses_exclusive_changes: false,
            saves_silently: false,
            shows_empty_lists: false,
        }
    }
}
