//! `lbaas.v2.History`

use ballast_model::{counters::Generation, fault::Fault, load_balancer::load_balancer_not_found};
use ballast_proto::v2::{
    self, Kind, ListRevisionsRequest, ListRevisionsResponse, Revision, RevisionChange, RollBackRequest, Snapshot,
    event, history_server, snapshot,
};
use tonic::{Request, Response, Status};

use super::{
    super::{
        Api, answer,
        decode::{caller, id},
    },
    causes::to_cause,
    check_etag,
    events::encode,
    load_balancers,
};
use crate::app::{self, Caller, Known, ObjectOfV2, Write};

#[tonic::async_trait]
impl history_server::History for Api {
    async fn list(&self, request: Request<ListRevisionsRequest>) -> Result<Response<ListRevisionsResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let id = id(&request.load_balancer_id, load_balancer_not_found)?;
            let known = self.0.history(&caller, id, request.limit.into()).await?;
            let revisions = known.iter().map(|one| revision(one, &caller)).collect::<Result<_, _>>()?;
            Ok(ListRevisionsResponse { revisions })
        })
        .await
    }

    async fn roll_back(&self, request: Request<RollBackRequest>) -> Result<Response<v2::LoadBalancer>, Status> {
        answer(Box::pin(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let id = id(&request.load_balancer_id, load_balancer_not_found)?;
            let write = Write::new(&caller, request.validate_only);
            let check = |one: &ballast_model::load_balancer::LoadBalancer| check_etag(&request.etag, &one.progress, id);
            let generation = Generation::new(request.generation);
            self.0.roll_back(write, id, generation, check).await.map(|seen| load_balancers::encode(&seen))
        }))
        .await
    }
}

fn revision(known: &Known, caller: &Caller) -> Result<Revision, Fault> {
    Ok(Revision {
        generation: known.generation.number(),
        cause: Some(to_cause(&known.why, caller)),
        changes: known.changes.iter().map(change).collect::<Result<_, _>>()?,
        reachable: known.is_reachable,
    })
}

fn change(change: &app::RevisionChange) -> Result<RevisionChange, Fault> {
    let before = change.before.as_ref().map(snapshot).transpose()?;
    let after = change.after.as_ref().map(snapshot).transpose()?;
    let (kind, id) = before.as_ref().or(after.as_ref()).map(named).unwrap_or_default();
    Ok(RevisionChange { kind: kind.into(), id, before, after })
}

fn snapshot(object: &ObjectOfV2) -> Result<Snapshot, Fault> {
    let object = match encode(object)? {
        event::Object::LoadBalancer(object) => Some(snapshot::Object::LoadBalancer(object)),
        event::Object::Listener(object) => Some(snapshot::Object::Listener(object)),
        event::Object::Pool(object) => Some(snapshot::Object::Pool(object)),
        event::Object::Member(object) => Some(snapshot::Object::Member(object)),
        event::Object::HealthMonitor(object) => Some(snapshot::Object::HealthMonitor(object)),
        event::Object::L7policy(object) => Some(snapshot::Object::L7policy(object)),
        event::Object::Deleted(_) => None,
    };
    Ok(Snapshot { object })
}

fn named(snapshot: &Snapshot) -> (Kind, String) {
    match &snapshot.object {
        Some(snapshot::Object::LoadBalancer(one)) => (Kind::LoadBalancer, one.id.clone()),
        Some(snapshot::Object::Listener(one)) => (Kind::Listener, one.id.clone()),
        Some(snapshot::Object::Pool(one)) => (Kind::Pool, one.id.clone()),
        Some(snapshot::Object::Member(one)) => (Kind::Member, one.id.clone()),
        Some(snapshot::Object::HealthMonitor(one)) => (Kind::HealthMonitor, one.id.clone()),
        Some(snapshot::Object::L7policy(one)) => (Kind::L7policy, one.id.clone()),
        None => Default::default(),
    }
}
