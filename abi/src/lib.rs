//! The contract between Ballast and its drivers.

pub mod driver;
pub mod error;

pub use ballast_proto::driver as proto;
pub use driver::{Context, Driver};
pub use error::{DriverError, ErrorCode};
#[doc(no_inline)]
pub use proto::{
    Capabilities, Deployed, Fault, Health, HealthMonitor, LbMethod, Listener, LoadBalancer, Member, MemberHealth,
    MonitorType, Network, ObjectFault, Observation, PersistenceType, Pool, Protocol, Route, SessionPersistence,
    Statistics, Vip,
};
