//! `lbaas.v2.History`

use ballast_model::{counters::Generation, fault::Fault, load_balancer::load_balancer_not_found};
use ballast_proto::v2::{
    self, Kind, ListRevisionsRequest, ListRevisionsResponse, Revision, RevisionChange, RollBackRequest, Snapshot,
    event, history_server, snapshot,
};
use prost::Message as _;
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

/// Bytes of the objects of an answer: a quarter of what a message may have.
const LARGEST: usize = 16 << 20;

#[tonic::async_trait]
impl history_server::History for Api {
    async fn list(&self, request: Request<ListRevisionsRequest>) -> Result<Response<ListRevisionsResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let id = id(&request.load_balancer_id, load_balancer_not_found)?;
            let known = self.0.history(&caller, id, request.limit.into()).await?;
            let mut left = LARGEST;
            let revisions = known.iter().map(|one| revision(one, &caller, &mut left)).collect::<Result<_, _>>()?;
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

/// `left`: bytes that the objects of this answer may have. An object is told whole, however little of it changed.
fn revision(known: &Known, caller: &Caller, left: &mut usize) -> Result<Revision, Fault> {
    let (mut changes, mut more) = (Vec::new(), known.more);
    for one in &known.changes {
        let told = change(one)?;
        match left.checked_sub(told.encoded_len()) {
            Some(rest) => {
                *left = rest;
                changes.push(told);
            }
            None => more += 1,
        }
    }
    Ok(Revision {
        generation: known.generation.number(),
        cause: Some(to_cause(&known.why, caller)),
        changes,
        reachable: known.is_reachable,
        more_changes: u32::try_from(more).unwrap_or(u32::MAX),
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
