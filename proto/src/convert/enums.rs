//! Closed sets: the model's enums and the wire's open numbers.

use ballast_model::{
    fault::{Fault, Reason},
    health_monitor::MonitorType,
    listener::Protocol,
    pool::{LbMethod, SessionPersistence},
    status::{OperatingStatus, Progress, ProvisioningStatus},
};

use crate::{driver, v1};

/// A protocol that a client sent; 0 is none.
///
/// # Errors
/// When it is missing or unknown.
pub fn protocol(number: i32) -> Result<Protocol, Fault> {
    match driver::Protocol::try_from(number) {
        Ok(driver::Protocol::Unspecified) => Err(Fault::missing_field("protocol")),
        Ok(driver::Protocol::Tcp) => Ok(Protocol::Tcp),
        Ok(driver::Protocol::Http) => Ok(Protocol::Http),
        Ok(driver::Protocol::Https) => Ok(Protocol::Https),
        Ok(
            driver::Protocol::TerminatedHttps
            | driver::Protocol::Udp
            | driver::Protocol::Sctp
            | driver::Protocol::Prometheus
            | driver::Protocol::Proxy
            | driver::Protocol::Proxyv2,
        )
        | Err(_) => Err(not_in("protocol", number, &["TCP", "HTTP", "HTTPS"])),
    }
}

/// The protocol on the wire.
#[must_use]
pub const fn to_protocol(protocol: Protocol) -> driver::Protocol {
    match protocol {
        Protocol::TerminatedHttps => driver::Protocol::TerminatedHttps,
        Protocol::Udp => driver::Protocol::Udp,
        Protocol::Sctp => driver::Protocol::Sctp,
        Protocol::Prometheus => driver::Protocol::Prometheus,
        Protocol::Proxy => driver::Protocol::Proxy,
        Protocol::ProxyV2 => driver::Protocol::Proxyv2,
        Protocol::Tcp => driver::Protocol::Tcp,
        Protocol::Http => driver::Protocol::Http,
        Protocol::Https => driver::Protocol::Https,
    }
}

/// A method that a client sent; 0 is none.
///
/// # Errors
/// When it is missing or unknown.
pub fn lb_method(number: i32) -> Result<LbMethod, Fault> {
    match driver::LbMethod::try_from(number) {
        Ok(driver::LbMethod::Unspecified) => Err(Fault::missing_field("lb_method")),
        Ok(driver::LbMethod::RoundRobin) => Ok(LbMethod::RoundRobin),
        Ok(driver::LbMethod::LeastConnections) => Ok(LbMethod::LeastConnections),
        Ok(driver::LbMethod::SourceIp) => Ok(LbMethod::SourceIp),
        Ok(driver::LbMethod::SourceIpPort) | Err(_) => {
            Err(not_in("lb_method", number, &["ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP"]))
        }
    }
}

/// The method on the wire.
#[must_use]
pub const fn to_lb_method(method: LbMethod) -> driver::LbMethod {
    match method {
        LbMethod::SourceIpPort => driver::LbMethod::SourceIpPort,
        LbMethod::RoundRobin => driver::LbMethod::RoundRobin,
        LbMethod::LeastConnections => driver::LbMethod::LeastConnections,
        LbMethod::SourceIp => driver::LbMethod::SourceIp,
    }
}

/// A monitor's type that a client sent; 0 is none.
///
/// # Errors
/// When it is missing or unknown.
pub fn monitor_type(number: i32) -> Result<MonitorType, Fault> {
    match driver::MonitorType::try_from(number) {
        Ok(driver::MonitorType::Unspecified) => Err(Fault::missing_field("type")),
        Ok(driver::MonitorType::Ping) => Ok(MonitorType::Ping),
        Ok(driver::MonitorType::Tcp) => Ok(MonitorType::Tcp),
        Ok(driver::MonitorType::Http) => Ok(MonitorType::Http),
        Ok(driver::MonitorType::Https) => Ok(MonitorType::Https),
        Ok(driver::MonitorType::TlsHello | driver::MonitorType::UdpConnect | driver::MonitorType::Sctp) | Err(_) => {
            Err(not_in("type", number, &["PING", "TCP", "HTTP", "HTTPS"]))
        }
    }
}

/// The type on the wire.
#[must_use]
pub const fn to_monitor_type(kind: MonitorType) -> driver::MonitorType {
    match kind {
        MonitorType::TlsHello => driver::MonitorType::TlsHello,
        MonitorType::UdpConnect => driver::MonitorType::UdpConnect,
        MonitorType::Sctp => driver::MonitorType::Sctp,
        MonitorType::Ping => driver::MonitorType::Ping,
        MonitorType::Tcp => driver::MonitorType::Tcp,
        MonitorType::Http => driver::MonitorType::Http,
        MonitorType::Https => driver::MonitorType::Https,
    }
}

/// A persistence that a client sent; an unspecified type is none.
///
/// # Errors
/// When the type is unknown, or the cookie's name is missing, superfluous or malformed.
pub fn persistence(sent: &driver::SessionPersistence) -> Result<Option<SessionPersistence>, Fault> {
    let kind = match driver::PersistenceType::try_from(sent.r#type) {
        Ok(driver::PersistenceType::Unspecified) => return Ok(None),
        Ok(driver::PersistenceType::SourceIp) => "SOURCE_IP",
        Ok(driver::PersistenceType::HttpCookie) => "HTTP_COOKIE",
        Ok(driver::PersistenceType::AppCookie) => "APP_COOKIE",
        Err(_) => {
            return Err(not_in("session_persistence", sent.r#type, &["APP_COOKIE", "HTTP_COOKIE", "SOURCE_IP"]));
        }
    };
    let cookie_name = (!sent.cookie_name.is_empty()).then_some(sent.cookie_name.as_str());
    SessionPersistence::new(kind, cookie_name).map(Some)
}

pub(super) fn to_persistence(persistence: &SessionPersistence) -> driver::SessionPersistence {
    let kind = match persistence {
        SessionPersistence::SourceIp => driver::PersistenceType::SourceIp,
        SessionPersistence::HttpCookie => driver::PersistenceType::HttpCookie,
        SessionPersistence::AppCookie(_) => driver::PersistenceType::AppCookie,
    };
    let cookie_name = persistence.cookie_name().unwrap_or_default().to_owned();
    driver::SessionPersistence { r#type: kind.into(), cookie_name, ..Default::default() }
}

/// The health that an agent reported; a value of a newer agent is unknown.
#[must_use]
pub fn operating_status(number: i32) -> OperatingStatus {
    match driver::Health::try_from(number) {
        Ok(driver::Health::Up) => OperatingStatus::Online,
        Ok(driver::Health::Down) => OperatingStatus::Offline,
        Ok(driver::Health::Unspecified) | Err(_) => OperatingStatus::Unknown,
    }
}

/// The status and its description, as clients see them.
#[must_use]
pub fn to_status(progress: &Progress) -> (i32, String) {
    let status = match progress.status {
        ProvisioningStatus::PendingCreate => v1::Status::PendingCreate,
        ProvisioningStatus::PendingUpdate => v1::Status::PendingUpdate,
        ProvisioningStatus::PendingDelete => v1::Status::PendingDelete,
        ProvisioningStatus::Active => v1::Status::Active,
        ProvisioningStatus::Error => v1::Status::Error,
    };
    (status.into(), progress.description.clone().unwrap_or_default())
}

pub(super) fn not_in(field: &str, number: i32, choices: &[&str]) -> Fault {
    Fault::invalid_field(field, Reason::NotOneOf { value: number.to_string(), choices: choices.iter().collect() })
}
