//! What no real device was seen to do, one way or the other: a test chooses, to show that a driver depends on none of it.
//! The HTTP statuses of errors are chosen one by one (see [`crate::Device::set_status`]).

/// How the device behaves where nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// A monitor's times of whole minutes are shown in minutes.
    pub shows_minutes: bool,
    /// The monitors that every device has are listed.
    pub shows_built_in_monitors: bool,
    /// A group without monitors shows the default one as bound.
    pub shows_default_monitors: bool,
    /// `idempotent=yes` makes a repeated request with the same attributes succeed.
    pub repeats_are_fine: bool,
    /// A server that a binding by address made goes with its last binding.
    pub made_servers_go: bool,
    /// The state of a group of which some members are up.
    pub partially_up: &'static str,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            shows_minutes: true,
            shows_built_in_monitors: true,
            shows_default_monitors: false,
            repeats_are_fine: true,
            made_servers_go: false,
            partially_up: "PARTIAL-UP",
        }
    }
}
