//! v2's nouns as clients see them.

mod balancing;
mod certificates;
mod operate;
mod statuses;
mod validity;

pub use balancing::{
    operating as to_operating_of_v2, provisioning as to_provisioning_of_v2, to_v2_health_monitor, to_v2_l7policy,
    to_v2_l7rule, to_v2_listener, to_v2_load_balancer, to_v2_member, to_v2_pool,
};
pub use certificates::{certificate_kind, to_certificate, to_certificate_kind};
pub use operate::{to_availability_zone, to_flavor, to_profile, to_v2_quota};
pub use statuses::{SaidOfMember, to_load_balancer_health, to_status_tree, to_v2_stats};
pub use validity::to_validity;
