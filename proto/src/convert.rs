//! The model's types and the wire's, into one another.

mod agent;
mod enums;
mod health_monitor;
mod layer7;
mod load_balancer;
mod member;
mod network;
mod pool;
mod tls;
mod v2;
mod vip;

pub use agent::{from_driver_report, timestamp, to_agent};
pub use enums::{
    lb_method, monitor_type, operating_status, persistence, protocol, to_lb_method, to_monitor_type, to_protocol,
    to_status,
};
pub use health_monitor::to_health_monitor;
pub use layer7::{to_action, to_compare_type, to_rule_type};
pub use load_balancer::{features, to_driver};
pub use member::to_member;
pub use network::{to_network, to_port, to_quota, to_subnet};
pub use pool::{to_monitor_status, to_pool, to_statistics};
pub use tls::to_client_authentication;
pub use v2::*;
pub use vip::to_vip;
