//! A pool: members that share the load, how they share it, and the monitors that check them.

use crate::{
    check,
    counters::Generation,
    fault::{Fault, Reason},
    health_monitor::HealthMonitor,
    ids::{PoolId, SubnetId},
    labels::Labels,
    listener::Protocol,
    member::Member,
    parts::Parts,
    status::{OperatingStatus, Progress},
    tls::PoolTls,
};

/// How a pool chooses a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LbMethod {
    RoundRobin,
    LeastConnections,
    SourceIp,
    SourceIpPort,
}

impl LbMethod {
    pub const ALL: [Self; 4] = [Self::RoundRobin, Self::LeastConnections, Self::SourceIp, Self::SourceIpPort];
    /// Those that LBaaS v1 has.
    pub const V1: [Self; 3] = [Self::RoundRobin, Self::LeastConnections, Self::SourceIp];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "ROUND_ROBIN",
            Self::LeastConnections => "LEAST_CONNECTIONS",
            Self::SourceIp => "SOURCE_IP",
            Self::SourceIpPort => "SOURCE_IP_PORT",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// How requests of one client keep to one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionPersistence {
    SourceIp,
    HttpCookie,
    /// The name of the application's cookie.
    AppCookie(String),
}

impl SessionPersistence {
    /// v1's `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SourceIp => "SOURCE_IP",
            Self::HttpCookie => "HTTP_COOKIE",
            Self::AppCookie(_) => "APP_COOKIE",
        }
    }

    /// Only with [`Self::AppCookie`].
    #[must_use]
    pub fn cookie_name(&self) -> Option<&str> {
        match self {
            Self::AppCookie(name) => Some(name),
            Self::SourceIp | Self::HttpCookie => None,
        }
    }

    /// From v1's `type` and `cookie_name`.
    ///
    /// # Errors
    /// When the type is unknown, or the cookie's name is missing, superfluous or malformed.
    pub fn new(kind: &str, cookie_name: Option<&str>) -> Result<Self, Fault> {
        let field = "session_persistence";
        match (kind, cookie_name) {
            ("APP_COOKIE", Some(name)) if !name.is_empty() => {
                check::cookie_name("cookie_name", name).map(Self::AppCookie)
            }
            ("APP_COOKIE", _) => Err(Fault::invalid_field(field, Reason::CookieNameMissing)),
            ("SOURCE_IP" | "HTTP_COOKIE", Some(_)) => Err(Fault::invalid_field(field, Reason::CookieNameSuperfluous)),
            ("SOURCE_IP", None) => Ok(Self::SourceIp),
            ("HTTP_COOKIE", None) => Ok(Self::HttpCookie),
            (other, _) => Err(check::not_one_of(field, other, ["APP_COOKIE", "HTTP_COOKIE", "SOURCE_IP"])),
        }
    }
}

/// How long and how closely a client is remembered; of UDP and SCTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Seconds.
    pub timeout: Option<u32>,
    /// A mask, as it was given.
    pub granularity: Option<String>,
}

/// An association of a pool with a health monitor that other pools may have too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    pub monitor: HealthMonitor,
    pub progress: Progress,
}

/// A pool of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    pub id: PoolId,
    pub project_id: String,
    pub name: String,
    pub description: String,
    /// That v1's pool is of; none: v2's have none.
    pub subnet_id: Option<SubnetId>,
    pub protocol: Protocol,
    pub lb_method: LbMethod,
    pub session_persistence: Option<SessionPersistence>,
    /// Of clients that are remembered by their address.
    pub memory: Memory,
    pub tls: Option<Box<PoolTls>>,
    pub admin_state_up: bool,
    pub labels: Labels,
    pub progress: Progress,
    pub members: Parts<Member>,
    pub monitors: Parts<Association>,
}

impl Pool {
    /// One with the defaults of everything else.
    #[must_use]
    pub fn new(id: PoolId, project_id: String, protocol: Protocol, lb_method: LbMethod) -> Self {
        Self {
            id,
            project_id,
            name: String::new(),
            description: String::new(),
            subnet_id: None,
            protocol,
            lb_method,
            session_persistence: None,
            memory: Memory::default(),
            tls: None,
            admin_state_up: true,
            labels: Labels::default(),
            progress: Progress::created(Generation::FIRST),
            members: Parts::default(),
            monitors: Parts::default(),
        }
    }

    /// Whether some monitor checks the members.
    #[must_use]
    pub fn is_monitored(&self) -> bool {
        self.monitors.iter().any(|association| association.monitor.admin_state_up)
    }

    /// When nobody checks any more, no member is known to be down.
    pub(crate) fn forget_health_unless_monitored(&mut self) {
        let known = |member: &Member| member.operating_status != OperatingStatus::Unknown;
        if !self.is_monitored() && self.members.iter().any(known) {
            for member in &mut self.members {
                member.operating_status = OperatingStatus::Unknown;
            }
        }
    }
}

/// What a new pool is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPool {
    pub id: PoolId,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub subnet_id: SubnetId,
    pub protocol: Protocol,
    pub lb_method: LbMethod,
    /// The name of a configured provider.
    pub provider: String,
    pub admin_state_up: bool,
}

/// What is to change; absent: as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub lb_method: Option<LbMethod>,
    pub admin_state_up: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_name_goes_with_app_cookie_alone() {
        assert_eq!(
            SessionPersistence::new("APP_COOKIE", Some("sid")),
            Ok(SessionPersistence::AppCookie("sid".to_owned()))
        );
        assert!(SessionPersistence::new("APP_COOKIE", None).is_err());
        assert!(SessionPersistence::new("APP_COOKIE", Some("")).is_err());
        assert!(SessionPersistence::new("HTTP_COOKIE", Some("sid")).is_err());
        assert_eq!(SessionPersistence::new("SOURCE_IP", None), Ok(SessionPersistence::SourceIp));
    }
}
