//! How REST spells the wire's enumerations.

use ballast_proto::{
    driver::{LbMethod, MonitorType, PersistenceType, Protocol},
    v1::Status,
};

/// In the order in which messages list them.
pub(crate) const PROTOCOLS: &[&str] = &["TCP", "HTTP", "HTTPS"];
pub(crate) const LB_METHODS: &[&str] = &["ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP"];
pub(crate) const MONITOR_TYPES: &[&str] = &["PING", "TCP", "HTTP", "HTTPS"];
pub(crate) const PERSISTENCE_TYPES: &[&str] = &["APP_COOKIE", "HTTP_COOKIE", "SOURCE_IP"];

/// An enumeration whose names on the wire are REST's behind a prefix.
pub(crate) trait Spelled: TryFrom<i32> + Into<i32> {
    const PREFIX: &'static str;

    fn from_wire(name: &str) -> Option<Self>;
    fn to_wire(&self) -> &'static str;
}

macro_rules! spelled {
    ($($kind:ident: $prefix:literal),+ $(,)?) => {
        $(impl Spelled for $kind {
            const PREFIX: &'static str = $prefix;

            fn from_wire(name: &str) -> Option<Self> {
                Self::from_str_name(name)
            }

            fn to_wire(&self) -> &'static str {
                self.as_str_name()
            }
        })+
    };
}

spelled! {
    Protocol: "PROTOCOL_",
    LbMethod: "LB_METHOD_",
    MonitorType: "MONITOR_TYPE_",
    PersistenceType: "PERSISTENCE_TYPE_",
    Status: "",
}

/// The value that REST spells so; 0, unspecified, for another.
pub(crate) fn parse<E: Spelled>(name: &str) -> i32 {
    E::from_wire(&format!("{}{name}", E::PREFIX)).map_or(0, Into::into)
}

/// REST's spelling of a value; none for 0 and for values that this gateway does not know.
pub(crate) fn spell<E: Spelled>(value: i32) -> Option<&'static str> {
    if value == 0 {
        return None;
    }
    E::try_from(value).ok()?.to_wire().strip_prefix(E::PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
