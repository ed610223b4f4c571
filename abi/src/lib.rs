//! The contract between Ballast and its drivers.

pub mod driver;
pub mod error;
#[doc(hidden)]
pub mod export;
pub mod features;
pub mod ffi;
mod forward;
#[cfg(feature = "host")]
pub mod host;
pub mod note;

pub use ballast_proto::driver as proto;
pub use driver::{Context, Driver};
pub use error::{DriverError, ErrorCode};
#[doc(no_inline)]
pub use proto::{
    Capabilities, Deployed, Fault, Health, HealthMonitor, LbMethod, Listener, LoadBalancer, Member, MemberHealth,
    MonitorType, Network, ObjectFault, Observation, PersistenceType, Pool, Protocol, Route, SessionPersistence,
    Statistics, Vip,
};
