//! What no real device was seen to do, one way or the other: a test chooses, to show that a driver depends on none of it.

use std::time::Duration;

use serde::Deserialize;

/// The answer to a read of one row that is not there: all four are known of some device or table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentRow {
    /// 200 with an empty list.
    Empty,
    /// 200 with the status "err".
    Error,
    /// 404.
    NotFound,
    /// 405.
    NotAllowed,
}

/// What comes of a group without members in a service, at the apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyGroup {
    Taken,
    WarnedOf,
    Refused,
}

/// How the device behaves where nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Assumptions {
    pub absent: AbsentRow,
    /// Refusals have the HTTP status 200.
    pub errors_are_200: bool,
    /// Bodies have a comma before each closing brace.
    pub stray_commas: bool,
    /// Text in bodies has line ends and tabs that are not escaped.
    pub raw_line_ends: bool,
    /// Numbers in bodies are text.
    pub numbers_are_text: bool,
    /// Writing "apply" is refused until somebody has written "idle" after the last apply.
    pub apply_needs_idle: bool,
    /// The same of the action `apply`, which some clients use without ever writing "idle".
    pub action_needs_idle: bool,
    /// Rows can be written while an apply is in progress.
    pub writes_during_apply: bool,
    /// How many writes are refused after an apply that is said to be complete.
    pub refused_after_apply: usize,
    /// A row can be made by POST where there is one.
    pub posts_over: bool,
    /// A group takes a real server that is not there, and the apply fails; otherwise it is refused at once.
    pub groups_take_missing_servers: bool,
    pub empty_group: EmptyGroup,
    /// Two virtual servers may have one address, with different ports.
    pub shared_addresses: bool,
    /// What `revertapply` undoes runs no more at once; otherwise only what is staged changes.
    pub revert_apply_runs: bool,
    /// A certificate that was sent is staged; otherwise it is there at once, and stays without an apply and a save.
    pub certificates_are_staged: bool,
    /// How many rows a list has when the request says no number.
    pub page: Option<usize>,
    /// Indexes that differ by case are the same.
    pub any_case: bool,
    /// After so long without a request the next one is answered by 401, whatever its credentials.
    pub idle: Option<Duration>,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            absent: AbsentRow::Empty,
            errors_are_200: false,
            stray_commas: false,
            raw_line_ends: false,
            numbers_are_text: false,
            apply_needs_idle: true,
            action_needs_idle: false,
            writes_during_apply: false,
            refused_after_apply: 0,
            posts_over: false,
            groups_take_missing_servers: true,
            empty_group: EmptyGroup::Taken,
            shared_addresses: true,
            revert_apply_runs: true,
            certificates_are_staged: true,
            page: None,
            any_case: false,
            idle: None,
        }
    }
}
