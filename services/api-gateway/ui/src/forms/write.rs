//! Writes, as forms make them.

use ballast_proto::v2::preview_request::Change;
use tonic::Status;

use super::Asking;

/// Makes it; the id of a load balancer that is new.
pub(super) async fn make(asking: &Asking<'_>, change: Change) -> Result<Option<String>, Status> {
    let scheduler = &asking.dashboard.scheduler;
    macro_rules! done {
        ($client:ident.$verb:ident($request:expr)) => {
            drop(scheduler.$client().$verb(asking.request($request)).await?)
        };
    }
    match change {
        Change::CreateLoadBalancer(one) => {
            let made = scheduler.load_balancers().create(asking.request(one)).await?;
            return Ok(Some(made.into_inner().id));
        }
        Change::UpdateLoadBalancer(one) => done!(load_balancers.update(one)),
        Change::DeleteLoadBalancer(one) => done!(load_balancers.delete(one)),
        Change::RollBack(one) => done!(history.roll_back(one)),
        Change::CreateListener(one) => done!(listeners.create(one)),
        Change::UpdateListener(one) => done!(listeners.update(one)),
        Change::DeleteListener(one) => done!(listeners.delete(one)),
        Change::CreatePool(one) => done!(pools.create(one)),
        Change::UpdatePool(one) => done!(pools.update(one)),
        Change::DeletePool(one) => done!(pools.delete(one)),
        Change::CreateMember(one) => done!(members.create(one)),
        Change::UpdateMember(one) => done!(members.update(one)),
        Change::DeleteMember(one) => done!(members.delete(one)),
        Change::ReplaceMembers(one) => done!(members.replace(one)),
        Change::CreateHealthMonitor(one) => done!(monitors.create(one)),
        Change::UpdateHealthMonitor(one) => done!(monitors.update(one)),
        Change::DeleteHealthMonitor(one) => done!(monitors.delete(one)),
        Change::CreateL7policy(one) => done!(policies.create(one)),
        Change::UpdateL7policy(one) => done!(policies.update(one)),
        Change::DeleteL7policy(one) => done!(policies.delete(one)),
        Change::CreateL7rule(one) => done!(rules.create(one)),
        Change::UpdateL7rule(one) => done!(rules.update(one)),
        Change::DeleteL7rule(one) => done!(rules.delete(one)),
    }
    Ok(None)
}
