//! What facts are made of: values that have a name, go as text between processes, and come back the same.

use std::{collections::HashMap, net::IpAddr};

use ipnet::IpNet;

use crate::{
    ids::{
        AgentId, CertificateId, L7PolicyId, ListenerId, LoadBalancerId, MonitorId, NetworkId, PoolId, PortId, SubnetId,
    },
    listener::{Mac, Protocol},
    quota::Resource,
    subnet::Ipv6Mode,
};

/// Facts on their way: names and values.
pub type Told = HashMap<String, String>;

/// A fact.
pub trait Fact: Sized {
    /// Adds it by this name.
    fn tell(&self, name: &str, told: &mut Told);

    /// It, if it is there and can be read.
    fn hear(name: &str, told: &Told) -> Option<Self>;

    /// Some of its values, one of each kind where there are kinds: for tests and documents.
    fn samples() -> Vec<Self>;
}

/// Defines a closed set of facts, and what else is a way into it (`of`): such a set tells itself as if it were written out.
macro_rules! facts {
    (
        $(#[$head:meta])*
        pub enum $set:ident $(of $($inner:ident),+)? {
            $($(#[$doc:meta])* $fact:ident = $name:literal $({ $($field:ident: $type:ty),+ $(,)? })?),+ $(,)?
        }
    ) => {
        $(#[$head])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $set {
            $($(#[$doc])* $fact $({ $($field: $type),+ })?,)+
            $($($inner($inner),)+)?
        }

        $($(impl From<$inner> for $set {
            fn from(inner: $inner) -> Self {
                Self::$inner(inner)
            }
        })+)?

        impl $crate::fault::fact::Fact for $set {
            fn tell(&self, name: &str, told: &mut $crate::fault::fact::Told) {
                match self {
                    $(Self::$fact $({ $($field),+ })? => {
                        told.insert(name.to_owned(), $name.to_owned());
                        $($($crate::fault::fact::Fact::tell($field, stringify!($field), told);)+)?
                    })+
                    $($(Self::$inner(inner) => inner.tell(name, told),)+)?
                }
            }

            fn hear(name: &str, told: &$crate::fault::fact::Told) -> Option<Self> {
                match told.get(name)?.as_str() {
                    $($name => Some(Self::$fact $({
                        $($field: $crate::fault::fact::Fact::hear(stringify!($field), told)?),+
                    })?),)+
                    _ => None$($(.or_else(|| $inner::hear(name, told).map(Self::$inner)))+)?,
                }
            }

            fn samples() -> Vec<Self> {
                let each = [
                    $($crate::fault::fact::facts!(@samples $set, $fact $({ $($field: $type),+ })?),)+
                    $($($inner::samples().into_iter().map(Self::$inner).collect(),)+)?
                ];
                each.concat()
            }
        }
    };
    (@samples $set:ident, $fact:ident) => { vec![$set::$fact] };
    (@samples $set:ident, $fact:ident { $($field:ident: $type:ty),+ }) => {{
        $(let $field = <$type as $crate::fault::fact::Fact>::samples();)+
        let most = [$($field.len()),+].into_iter().max().unwrap_or_default();
        (0..most).map(|at| $set::$fact { $($field: $field[at % $field.len()].clone()),+ }).collect::<Vec<_>>()
    }};
}
pub(super) use facts;

/// What has one textual form.
macro_rules! plain {
    ($($type:ty: $sample:expr),+ $(,)?) => {$(
        impl Fact for $type {
            fn tell(&self, name: &str, told: &mut Told) {
                told.insert(name.to_owned(), self.to_string());
            }

            fn hear(name: &str, told: &Told) -> Option<Self> {
                told.get(name)?.parse().ok()
            }

            fn samples() -> Vec<Self> {
                vec![$sample]
            }
        }
    )+};
}

plain! {
    String: "X".to_owned(),
    u16: 80,
    u32: 9,
    u64: 9,
    i64: 9,
    AgentId: Self::from_u128(1),
    CertificateId: Self::from_u128(1),
    MonitorId: Self::from_u128(1),
    LoadBalancerId: Self::from_u128(1),
    ListenerId: Self::from_u128(1),
    L7PolicyId: Self::from_u128(1),
    NetworkId: Self::from_u128(1),
    PoolId: Self::from_u128(1),
    PortId: Self::from_u128(1),
    SubnetId: Self::from_u128(1),
    IpAddr: IpAddr::from([10, 0, 0, 5]),
    IpNet: IpNet::new_assert(IpAddr::from([10, 0, 0, 0]), 24),
}

/// The closed sets of the model.
macro_rules! named {
    ($($type:ty),+) => {$(
        impl Fact for $type {
            fn tell(&self, name: &str, told: &mut Told) {
                told.insert(name.to_owned(), self.as_str().to_owned());
            }

            fn hear(name: &str, told: &Told) -> Option<Self> {
                Self::parse(told.get(name)?)
            }

            fn samples() -> Vec<Self> {
                vec![Self::ALL[0]]
            }
        }
    )+};
}

named!(Protocol, Resource, Ipv6Mode);

impl Fact for Mac {
    fn tell(&self, name: &str, told: &mut Told) {
        told.insert(name.to_owned(), self.to_string());
    }

    fn hear(name: &str, told: &Told) -> Option<Self> {
        Self::parse(told.get(name)?)
    }

    fn samples() -> Vec<Self> {
        vec![Self::from_random(1)]
    }
}

/// Some values, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices(pub Vec<String>);

impl<T: AsRef<str>> FromIterator<T> for Choices {
    fn from_iter<I: IntoIterator<Item = T>>(choices: I) -> Self {
        Self(choices.into_iter().map(|choice| choice.as_ref().to_owned()).collect())
    }
}

impl Fact for Choices {
    fn tell(&self, name: &str, told: &mut Told) {
        let escaped = self.0.iter().map(|choice| choice.replace('%', "%25").replace(',', "%2C"));
        told.insert(name.to_owned(), escaped.collect::<Vec<_>>().join(","));
    }

    fn hear(name: &str, told: &Told) -> Option<Self> {
        Some(told.get(name)?.split(',').map(|choice| choice.replace("%2C", ",").replace("%25", "%")).collect())
    }

    fn samples() -> Vec<Self> {
        vec![["A", "B,%2C"].into_iter().collect()]
    }
}
