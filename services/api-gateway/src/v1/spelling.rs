//! The names of v1's enumerations.

/// In the order in which messages list them.
pub(crate) const PROTOCOLS: &[&str] = &["TCP", "HTTP", "HTTPS"];
pub(crate) const LB_METHODS: &[&str] = &["ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP"];
pub(crate) const MONITOR_TYPES: &[&str] = &["PING", "TCP", "HTTP", "HTTPS"];
pub(crate) const PERSISTENCE_TYPES: &[&str] = &["APP_COOKIE", "HTTP_COOKIE", "SOURCE_IP"];

#[cfg(test)]
mod tests {
    use ballast_proto::{
        driver::{LbMethod, MonitorType, PersistenceType, Protocol},
        v1::Status,
    };

    use super::*;
    use crate::kit::spelling::{Spelled, parse, spell};

    fn round_trip<E: Spelled>(names: &[&str]) {
        for name in names {
            assert_eq!(spell::<E>(parse::<E>(name)), Some(*name));
        }
        assert_eq!((parse::<E>("NOSUCH"), spell::<E>(0), spell::<E>(99)), (0, None, None));
    }

    #[test]
    fn every_name_is_found_again_by_its_value() {
        round_trip::<Protocol>(PROTOCOLS);
        round_trip::<LbMethod>(LB_METHODS);
        round_trip::<MonitorType>(MONITOR_TYPES);
        round_trip::<PersistenceType>(PERSISTENCE_TYPES);
        round_trip::<Status>(&["PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE", "ACTIVE", "INACTIVE", "ERROR"]);
    }
}
