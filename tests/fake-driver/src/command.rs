//! What a load balancer's name asks the driver to do.

use std::time::Duration;

/// Read from the load balancer's name; any name without a command is to succeed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Succeed,
    /// `fail: text` answers INTERNAL, not retryable.
    Fail(String),
    /// `busy: text` answers BUSY, retryable.
    Busy(String),
    /// `unsupported`
    Unsupported,
    /// `panic`
    Panic,
    /// `abort` ends the process in the middle of the call.
    Abort,
    /// `slow 500ms` deploys after this time.
    Slow(Duration),
    /// `object-fault` deploys all but the first listener.
    ObjectFault,
}

impl Command {
    pub(crate) fn in_name(name: &str) -> Self {
        let words = |prefix: &str| name.strip_prefix(prefix).map(|rest| rest.trim().to_owned());
        if let Some(text) = words("fail:") {
            return Self::Fail(text);
        }
        if let Some(text) = words("busy:") {
            return Self::Busy(text);
        }
        let slow = words("slow ").and_then(|time| time.strip_suffix("ms")?.parse().ok());
        match (name, slow) {
            (_, Some(time)) => Self::Slow(Duration::from_millis(time)),
            ("unsupported", _) => Self::Unsupported,
            ("panic", _) => Self::Panic,
            ("abort", _) => Self::Abort,
            ("object-fault", _) => Self::ObjectFault,
            _ => Self::Succeed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_commands() {
        assert_eq!(Command::in_name("web"), Command::Succeed);
        assert_eq!(Command::in_name("fail: no memory"), Command::Fail("no memory".into()));
        assert_eq!(Command::in_name("slow 500ms"), Command::Slow(Duration::from_millis(500)));
        assert_eq!(Command::in_name("slow web"), Command::Succeed);
    }
}
