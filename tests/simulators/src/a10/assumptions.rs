//! What no real device was seen to do, one way or the other: a test chooses, to show that a driver depends on none of it.
//! The HTTP statuses of errors are chosen one by one (see [`crate::Device::set_status`]).

/// Setting an attribute where one is set that excludes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusive {
    /// It takes that one's place.
    Replaces,
    /// It is refused.
    Refuses,
    /// Both are set until one is cleared, unless the older is a default.
    KeepsBoth,
}

/// How the device behaves where nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// The HTTP status of a login when too many sessions are open.
    pub over_limit: u16,
    /// `80+HTTP` in a path means the port `80+http`.
    pub keys_in_any_case: bool,
    /// What is in use can be deleted, and is then named by nobody; otherwise that is refused.
    pub deletes_what_is_used: bool,
    /// What comes of setting an attribute where one is set that excludes it.
    pub exclusive: Exclusive,
    /// A `null` in a change stands for the attribute's default, and is set together with the rest; otherwise it clears.
    pub null_is_the_default: bool,
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
            exclusive: Exclusive::Replaces,
            null_is_the_default: false,
            saves_silently: false,
            shows_empty_lists: false,
        }
    }
}
