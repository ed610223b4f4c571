//! A health monitor: how members are checked. It has rows of its own and may be associated with many pools.

use ballast_limits as limits;

use crate::{
    check,
    fault::{Facts, Fault},
    ids::MonitorId,
    labels::Labels,
    listener::Protocol,
};

/// What kind of check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MonitorType {
    Ping,
    Tcp,
    Http,
    Https,
    TlsHello,
    UdpConnect,
    Sctp,
}

impl MonitorType {
    pub const ALL: [Self; 7] =
        [Self::Ping, Self::Tcp, Self::Http, Self::Https, Self::TlsHello, Self::UdpConnect, Self::Sctp];
    /// Those that LBaaS v1 has.
    pub const V1: [Self; 4] = [Self::Ping, Self::Tcp, Self::Http, Self::Https];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::Tcp => "TCP",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::TlsHello => "TLS-HELLO",
            Self::UdpConnect => "UDP-CONNECT",
            Self::Sctp => "SCTP",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether method, path and expected codes mean something.
    #[must_use]
    pub const fn is_http(self) -> bool {
        match self {
            Self::Http | Self::Https => true,
            Self::Ping | Self::Tcp | Self::TlsHello | Self::UdpConnect | Self::Sctp => false,
        }
    }

    /// Whether it can check members of a pool that speaks this.
    #[must_use]
    pub const fn fits(self, pool: Protocol) -> bool {
        match pool {
            Protocol::Udp | Protocol::Sctp => matches!(self, Self::UdpConnect | Self::Sctp | Self::Tcp | Self::Http),
            _ => !matches!(self, Self::UdpConnect | Self::Sctp),
        }
    }
}

/// A health monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthMonitor {
    pub id: MonitorId,
    pub project_id: String,
    pub kind: MonitorType,
    /// Seconds between two checks.
    pub delay: u32,
    /// Seconds that a check may take; at most `delay`.
    pub timeout: u32,
    /// Failed checks until a member is down, 1 to 10: v1's `max_retries`, v2's `max_retries_down`.
    pub max_retries: u32,
    /// Passed checks until it is up again, 1 to 10: v2's `max_retries`.
    pub rise: u32,
    pub http_method: String,
    pub url_path: String,
    pub expected_codes: String,
    pub name: String,
    pub http_version: Option<HttpVersion>,
    /// What HTTP checks ask for as Host.
    pub domain_name: Option<String>,
    pub admin_state_up: bool,
    pub labels: Labels,
}

/// The version of HTTP that checks speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    V1_0,
    V1_1,
}

impl HttpVersion {
    pub const ALL: [Self; 2] = [Self::V1_0, Self::V1_1];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }
}

/// The fields of a monitor as a caller gives them; absent: as it is, or the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MonitorChange {
    pub delay: Option<i32>,
    pub timeout: Option<i32>,
    pub max_retries: Option<i32>,
    pub http_method: Option<String>,
    pub url_path: Option<String>,
    pub expected_codes: Option<String>,
    pub admin_state_up: Option<bool>,
}

impl HealthMonitor {
    /// A new monitor: `delay`, `timeout` and `max_retries` are required, the rest has defaults.
    ///
    /// # Errors
    /// When a field is missing or refused, or the delay is shorter than the timeout.
    pub fn new(id: MonitorId, project_id: String, kind: MonitorType, fields: MonitorChange) -> Result<Self, Fault> {
        for (field, value) in
            [("delay", fields.delay), ("timeout", fields.timeout), ("max_retries", fields.max_retries)]
        {
            value.ok_or_else(|| Fault::missing_field(field))?;
        }
        let blank = Self {
            id,
            project_id,
            kind,
            delay: 0,
            timeout: 0,
            max_retries: 1,
            http_method: "GET".to_owned(),
            url_path: "/".to_owned(),
            expected_codes: "200".to_owned(),
            rise: 1,
            name: String::new(),
            http_version: None,
            domain_name: None,
            admin_state_up: true,
            labels: Labels::default(),
        };
        blank.change(fields)
    }

    /// The monitor with what `change` names changed.
    ///
    /// # Errors
    /// When a value is refused, or the delay would be shorter than the timeout.
    pub fn change(mut self, change: MonitorChange) -> Result<Self, Fault> {
        if let Some(delay) = change.delay {
            self.delay = check::seconds("delay", delay)?;
        }
        if let Some(timeout) = change.timeout {
            self.timeout = check::seconds("timeout", timeout)?;
        }
        if let Some(retries) = change.max_retries {
            self.max_retries = check::bounded("max_retries", retries, limits::MAX_RETRIES)?.unsigned_abs();
        }
        if let Some(method) = change.http_method {
            self.http_method = check::http_method("http_method", &method)?;
        }
        if let Some(path) = change.url_path {
            self.url_path = check::url_path("url_path", &path)?;
        }
        if let Some(codes) = change.expected_codes {
            self.expected_codes = check::expected_codes("expected_codes", &codes)?;
        }
        if let Some(up) = change.admin_state_up {
            self.admin_state_up = up;
        }
        if self.delay < self.timeout {
            return Err(Facts::DelayBelowTimeout { delay: self.delay, timeout: self.timeout }.into());
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    fn fields(delay: i32, timeout: i32) -> MonitorChange {
        MonitorChange { delay: Some(delay), timeout: Some(timeout), max_retries: Some(3), ..MonitorChange::default() }
    }

    fn monitor(delay: i32, timeout: i32) -> Result<HealthMonitor, Fault> {
        HealthMonitor::new(MonitorId::default(), "p".to_owned(), MonitorType::Http, fields(delay, timeout))
    }

    #[test]
    fn the_delay_may_equal_the_timeout_but_not_be_shorter() {
        assert!(monitor(5, 5).is_ok());
        assert!(monitor(0, 0).is_ok());
        assert_eq!(monitor(4, 5).unwrap_err().code(), Code::DelayOrTimeoutInvalid);
    }

    #[test]
    fn a_change_is_checked_against_what_stays() {
        let change = MonitorChange { timeout: Some(9), ..MonitorChange::default() };
        assert_eq!(monitor(5, 3).unwrap().change(change).unwrap_err().code(), Code::DelayOrTimeoutInvalid);
    }

    #[test]
    fn what_is_required_is_asked_for_by_name() {
        let fault = HealthMonitor::new(MonitorId::default(), String::new(), MonitorType::Tcp, MonitorChange::default());
        assert_eq!(fault.unwrap_err().field(), Some("delay"));
    }
}
