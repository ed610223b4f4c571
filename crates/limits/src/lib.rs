//! What the fields of a load balancer may be, for who checks them at the API and who has to deploy them: one table, so that
//! nothing is taken which no driver can have. And what it may be made of ([`shapes`]) and may need ([`features`]), for who
//! chooses a driver and who is one.
//!
//! Pure and of the standard library alone: drivers see it as `ballast_abi::limits`. It knows no texts of refusals; those are
//! the model's. A value that was stored before a limit came is a driver's to name as a fault of its object.

mod address;
mod codes;
pub mod features;
mod regex;
pub mod shapes;
mod text;

pub use address::{no_host, no_member};
pub use codes::{codes, expected_codes};
pub use regex::regex;
pub use text::{compared, cookie_name, host_name, http_method, http_url, token, url_path};

/// The least and the most of a number, both allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub least: i32,
    pub most: i32,
}

impl Bounds {
    const fn new(least: i32, most: i32) -> Self {
        Self { least, most }
    }

    #[must_use]
    pub const fn has(self, value: i32) -> bool {
        self.least <= value && value <= self.most
    }
}

/// TCP ports; 0: a member's that is reached on the port the client asked for.
pub const PORT: Bounds = Bounds::new(0, 65_535);
/// Ports of v2's listeners and members, where there is no 0.
pub const PORT_OF_V2: Bounds = Bounds::new(1, 65_535);
/// A listener's timeouts, in milliseconds: 24 days.
pub const TIMEOUT: Bounds = Bounds::new(0, 2_073_600_000);
/// Concurrent connections; -1: any number.
pub const CONNECTIONS: Bounds = Bounds::new(-1, i32::MAX);
pub const WEIGHT: Bounds = Bounds::new(0, 256);
pub const MAX_RETRIES: Bounds = Bounds::new(1, 10);
/// A monitor's delay and timeout: nobody checks less often than daily, and timers of haproxy end at 24 days.
pub const SECONDS: Bounds = Bounds::new(0, 86_400);

/// The longest name, description and path, with the slash that begins it.
pub const TEXT: usize = 255;
pub const COOKIE_NAME: usize = 1024;
pub const HTTP_METHOD: usize = 16;
pub const EXPECTED_CODES: usize = 64;
