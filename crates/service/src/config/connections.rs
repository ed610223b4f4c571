//! `[connections]`: what a service takes of those who connect, over REST or gRPC.

use serde::Deserialize;

/// `[connections]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Connections {
    /// How many a process has at once. A quarter is kept for loopback and the Unix socket, half of that for the latter.
    pub max: u32,
    /// How many another machine has of them.
    pub per_peer: u32,
    /// How long a client may take for its handshake, for the beginning of HTTP/2, for the head of its first request.
    pub head_timeout_ms: u32,
    /// How long a client of REST may take from one request to the end of the next one's head.
    pub idle_timeout_ms: u32,
    /// How long a client may take nothing of what it is sent.
    pub stall_timeout_ms: u32,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            max: 8_192,
            per_peer: 1_024,
            head_timeout_ms: 10_000,
            idle_timeout_ms: 120_000,
            stall_timeout_ms: 60_000,
        }
    }
}

impl Connections {
    /// # Errors
    /// One line that names the key.
    pub fn check(&self) -> Result<(), String> {
        if self.max < 16 || self.per_peer == 0 {
            return Err("connections.max must be at least 16, and connections.per_peer 1".to_owned());
        }
        let times = [self.head_timeout_ms, self.idle_timeout_ms, self.stall_timeout_ms];
        if times.into_iter().any(|time| time < 100) {
            return Err(
                "connections: head_timeout_ms, idle_timeout_ms and stall_timeout_ms must be at least 100".to_owned()
            );
        }
        Ok(())
    }
}
