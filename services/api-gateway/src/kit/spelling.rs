//! How REST spells the wire's enumerations.

use ballast_proto::{
    driver::{LbMethod, MonitorType, PersistenceType, Protocol},
    v1::Status,
};

/// An enumeration whose names on the wire are REST's behind a prefix.
pub(crate) trait Spelled: TryFrom<i32> + Into<i32> {
    const PREFIX: &'static str;

    fn from_wire(name: &str) -> Option<Self>;
    fn to_wire(&self) -> &'static str;
}

macro_rules! spelled {
    ($($kind:ident: $prefix:literal),+ $(,)?) => {
        $(impl $crate::kit::spelling::Spelled for $kind {
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
pub(crate) use spelled;

spelled! {
    Protocol: "PROTOCOL_",
    LbMethod: "LB_METHOD_",
    MonitorType: "MONITOR_TYPE_",
    PersistenceType: "PERSISTENCE_TYPE_",
    Status: "",
}

/// The value that REST spells so; 0, unspecified, for another.
pub(crate) fn parse<E: Spelled>(name: &str) -> i32 {
    // v2 has dashes in some names, where the wire has underscores.
    E::from_wire(&format!("{}{}", E::PREFIX, name.replace('-', "_"))).map_or(0, Into::into)
}

/// REST's spelling of a value; none for 0 and for values that this gateway does not know.
pub(crate) fn spell<E: Spelled>(value: i32) -> Option<&'static str> {
    if value == 0 {
        return None;
    }
    E::try_from(value).ok()?.to_wire().strip_prefix(E::PREFIX)
}
