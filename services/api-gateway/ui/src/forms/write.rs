//! What a form does: writes of the scheduler's, each as it is made and as it is asked beforehand.

use ballast_proto::v2::{
    CreateLoadBalancerRequest, DeleteLoadBalancerRequest, DeleteRequest, ReplaceMembersRequest,
    UpdateHealthMonitorRequest, UpdateListenerRequest, UpdateLoadBalancerRequest, UpdateMemberRequest,
    UpdatePoolRequest, preview_request::Change,
};
use tonic::Status;

use super::Asking;

/// One write.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Create(Box<CreateLoadBalancerRequest>),
    Update(Box<UpdateLoadBalancerRequest>),
    Delete(DeleteLoadBalancerRequest),
    Listener(Box<UpdateListenerRequest>),
    Pool(Box<UpdatePoolRequest>),
    Monitor(Box<UpdateHealthMonitorRequest>),
    Member(Box<UpdateMemberRequest>),
    AddMembers(ReplaceMembersRequest),
    RemoveMember(DeleteRequest),
}

impl Write {
    /// For a preview.
    pub(super) fn change(&self) -> Change {
        match self.clone() {
            Self::Create(request) => Change::CreateLoadBalancer(*request),
            Self::Update(request) => Change::UpdateLoadBalancer(*request),
            Self::Delete(request) => Change::DeleteLoadBalancer(request),
            Self::Listener(request) => Change::UpdateListener(*request),
            Self::Pool(request) => Change::UpdatePool(*request),
            Self::Monitor(request) => Change::UpdateHealthMonitor(*request),
            Self::Member(request) => Change::UpdateMember(*request),
            Self::AddMembers(request) => Change::ReplaceMembers(request),
            Self::RemoveMember(request) => Change::DeleteMember(request),
        }
    }

    /// Of something whole that is new: the same, only checked, which says what is chosen for it.
    pub(super) fn checked(&self) -> Option<CreateLoadBalancerRequest> {
        let Self::Create(request) = self else { return None };
        Some(CreateLoadBalancerRequest { validate_only: true, ..(**request).clone() })
    }

    /// Makes it; the id of what is new.
    pub(super) async fn make(&self, asking: &Asking<'_>) -> Result<Option<String>, Status> {
        let scheduler = &asking.dashboard.scheduler;
        match self.clone() {
            Self::Create(request) => {
                let made = scheduler.load_balancers().create(asking.request(*request)).await?;
                return Ok(Some(made.into_inner().id));
            }
            Self::Update(request) => drop(scheduler.load_balancers().update(asking.request(*request)).await?),
            Self::Delete(request) => drop(scheduler.load_balancers().delete(asking.request(request)).await?),
            Self::Listener(request) => drop(scheduler.listeners().update(asking.request(*request)).await?),
            Self::Pool(request) => drop(scheduler.pools().update(asking.request(*request)).await?),
            Self::Monitor(request) => drop(scheduler.monitors().update(asking.request(*request)).await?),
            Self::Member(request) => drop(scheduler.members().update(asking.request(*request)).await?),
            Self::AddMembers(request) => drop(scheduler.members().replace(asking.request(request)).await?),
            Self::RemoveMember(request) => drop(scheduler.members().delete(asking.request(request)).await?),
        }
        Ok(None)
    }
}
