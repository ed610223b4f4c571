//! v1's member.

use ballast_model::{ids::PoolId, member::Member};

use super::enums::to_status;
use crate::v1;

/// The member as clients see it.
#[must_use]
pub fn to_member(pool_id: PoolId, member: &Member) -> v1::Member {
    let (status, status_description) = to_status(&member.progress);
    v1::Member {
        id: member.id.to_string(),
        project_id: member.project_id.clone(),
        pool_id: pool_id.to_string(),
        address: member.address.to_string(),
        protocol_port: Some(member.protocol_port.into()),
        weight: Some(member.weight.into()),
        admin_state_up: Some(member.admin_state_up),
        status: if member.is_inactive() { v1::Status::Inactive.into() } else { status },
        status_description,
    }
}
