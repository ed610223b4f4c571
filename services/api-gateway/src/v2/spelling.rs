//! The names of v2's enumerations, in the order in which messages list them.

use ballast_proto::{
    driver::{ClientAuthentication, L7Action, L7CompareType, L7RuleType, MonitorType},
    v2::{AcmeState, CertificateKind, OperatingStatus, ProvisioningStatus},
};

use crate::kit::spelling::{spell, spelled};

pub(super) const LISTENER_PROTOCOLS: &[&str] =
    &["TCP", "HTTP", "HTTPS", "TERMINATED_HTTPS", "UDP", "SCTP", "PROMETHEUS"];
pub(super) const POOL_PROTOCOLS: &[&str] = &["HTTP", "HTTPS", "TCP", "PROXY", "PROXYV2", "UDP", "SCTP"];
pub(super) const LB_ALGORITHMS: &[&str] = &["ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP", "SOURCE_IP_PORT"];
pub(super) const PERSISTENCE_TYPES: &[&str] = &["SOURCE_IP", "HTTP_COOKIE", "APP_COOKIE"];
pub(super) const MONITOR_TYPES: &[&str] = &["HTTP", "HTTPS", "PING", "TCP", "TLS-HELLO", "UDP-CONNECT", "SCTP"];
pub(super) const HTTP_METHODS: &[&str] =
    &["GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"];
pub(super) const CLIENT_AUTHENTICATIONS: &[&str] = &["NONE", "OPTIONAL", "MANDATORY"];
pub(super) const CERTIFICATE_KINDS: &[&str] = &["CERTIFICATE", "CA", "CRL"];
pub(super) const L7_ACTIONS: &[&str] = &["REJECT", "REDIRECT_TO_URL", "REDIRECT_TO_POOL", "REDIRECT_PREFIX"];
pub(super) const RULE_TYPES: &[&str] =
    &["HOST_NAME", "PATH", "FILE_TYPE", "HEADER", "COOKIE", "SSL_CONN_HAS_CERT", "SSL_VERIFY_RESULT", "SSL_DN_FIELD"];
pub(super) const COMPARE_TYPES: &[&str] = &["REGEX", "STARTS_WITH", "ENDS_WITH", "CONTAINS", "EQUAL_TO"];

spelled! {
    AcmeState: "ACME_STATE_",
    CertificateKind: "CERTIFICATE_KIND_",
    ClientAuthentication: "CLIENT_AUTHENTICATION_",
    L7Action: "L7_ACTION_",
    L7CompareType: "L7_COMPARE_TYPE_",
    L7RuleType: "L7_RULE_TYPE_",
    OperatingStatus: "OPERATING_STATUS_",
    ProvisioningStatus: "",
}

/// With the dashes that some of them have.
pub(super) fn monitor_type(value: i32) -> Option<&'static str> {
    Some(match spell::<MonitorType>(value)? {
        "TLS_HELLO" => "TLS-HELLO",
        "UDP_CONNECT" => "UDP-CONNECT",
        name => name,
    })
}

#[cfg(test)]
mod tests {
    use ballast_proto::driver::{LbMethod, PersistenceType, Protocol};

    use super::*;
    use crate::kit::spelling::{Spelled, parse};

    fn round_trip<E: Spelled>(names: &[&str]) {
        for name in names {
            assert_eq!(spell::<E>(parse::<E>(name)), Some(*name));
        }
    }

    #[test]
    fn every_name_is_found_again_by_its_value() {
        round_trip::<Protocol>(LISTENER_PROTOCOLS);
        round_trip::<Protocol>(POOL_PROTOCOLS);
        round_trip::<LbMethod>(LB_ALGORITHMS);
        round_trip::<PersistenceType>(PERSISTENCE_TYPES);
        round_trip::<ClientAuthentication>(CLIENT_AUTHENTICATIONS);
        round_trip::<CertificateKind>(CERTIFICATE_KINDS);
        round_trip::<AcmeState>(&["PENDING", "VALID", "RENEWING", "FAILED"]);
        round_trip::<L7Action>(L7_ACTIONS);
        round_trip::<L7RuleType>(RULE_TYPES);
        round_trip::<L7CompareType>(COMPARE_TYPES);
        round_trip::<ProvisioningStatus>(&["ACTIVE", "PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE", "ERROR"]);
        round_trip::<OperatingStatus>(&["ONLINE", "OFFLINE", "DEGRADED", "ERROR", "DRAINING", "NO_MONITOR"]);
        for name in MONITOR_TYPES {
            assert_eq!(monitor_type(parse::<MonitorType>(name)), Some(*name));
        }
    }
}
