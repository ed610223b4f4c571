//! A member: one server behind a pool.

use std::net::IpAddr;

use crate::{
    counters::Generation,
    ids::{MemberId, SubnetId},
    labels::Labels,
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
    pub name: String,
    /// Served only while no other member is.
    pub backup: bool,
    /// The subnet through which it is reached, where that was said.
    pub subnet_id: Option<SubnetId>,
    /// Where checks go; none: where its traffic goes.
    pub monitor_address: Option<IpAddr>,
    pub monitor_port: Option<u16>,
    /// The address as it was given, where that is not its canonical form.
    pub written: Option<String>,
    /// The same of where checks go.
    pub monitor_written: Option<String>,
    pub labels: Labels,
    pub progress: Progress,
    pub operating_status: OperatingStatus,
}

impl Member {
    /// One with the defaults of everything else.
    #[must_use]
    pub fn new(id: MemberId, project_id: String, address: IpAddr, protocol_port: u16) -> Self {
        Self {
            id,
            project_id,
            address,
            protocol_port,
            weight: 1,
            admin_state_up: true,
            name: String::new(),
            backup: false,
            subnet_id: None,
            monitor_address: None,
            monitor_port: None,
            written: None,
            monitor_written: None,
            labels: Labels::default(),
            progress: Progress::created(Generation::FIRST),
            operating_status: OperatingStatus::Unknown,
        }
    }

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
