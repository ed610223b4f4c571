//! `[rate_limit]`: how often a project may call gateway and scheduler.

use serde::Deserialize;

/// `[rate_limit]`. The defaults are what one project may ask of a small machine without others noticing: more than clients do
/// that work, and far less than one that runs wild.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// 0: no limit.
    pub reads_per_second: u32,
    /// How many it may send at once when it has been quiet.
    pub reads_burst: u32,
    /// 0: no limit.
    pub writes_per_second: u32,
    pub writes_burst: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { reads_per_second: 1_000, reads_burst: 5_000, writes_per_second: 200, writes_burst: 1_000 }
    }
}

impl RateLimit {
    /// # Errors
    /// One line that names the key.
    pub(super) fn check(&self) -> Result<(), String> {
        for (what, rate, burst) in
            [("reads", self.reads_per_second, self.reads_burst), ("writes", self.writes_per_second, self.writes_burst)]
        {
            if rate > 1_000_000 {
                return Err(format!("rate_limit.{what}_per_second must be at most 1000000; 0 is no limit"));
            }
            if rate > 0 && burst == 0 {
                return Err(format!(
                    "rate_limit.{what}_burst must be at least 1; rate_limit.{what}_per_second = 0 is no limit"
                ));
            }
        }
        Ok(())
    }
}
