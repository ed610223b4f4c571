//! A member: one server behind a pool.

use std::net::IpAddr;

use crate::{
    ids::MemberId,
    status::{OperatingStatus, Progress, ProvisioningStatus},
};

/// A member of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub project_id: String,
    pub address: IpAddr,
    pub protocol_port: u16,
    /// 0 to 256; 0: no new connections.
    pub weight: u16,
    pub admin_state_up: bool,
    pub progress: Progress,
    pub operating_status: OperatingStatus,
}

impl Member {
    /// Whether v1 shows INACTIVE: deployed, and failing its checks.
    #[must_use]
    pub fn is_inactive(&self) -> bool {
        self.progress.status == ProvisioningStatus::Active && self.operating_status == OperatingStatus::Offline
    }
}

/// What a new member is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    pub id: MemberId,
    pub project_id: String,
    pub address: IpAddr,
    pub protocol_port: u16,
    pub weight: u16,
    pub admin_state_up: bool,
}

/// What is to change; absent: as it is. Moving to another pool is a transition of both load balancers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemberChange {
    pub weight: Option<u16>,
    pub admin_state_up: Option<bool>,
}
