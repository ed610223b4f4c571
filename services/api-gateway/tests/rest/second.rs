//! `lbaas.v2` of a scheduler whose answers are scripted: what is made or changed is answered as it came, with an id and a
//! status. It knows the objects [`ID`] and nothing else.

use std::sync::{Arc, Mutex};

use ballast_proto::{
    driver::CheckAnswer,
    status::{
        fault::{Balancing, Fault, Forbidden, Kind, Reason, Taken},
        to_status,
    },
    v2::{
        self, listeners_server::Listeners, load_balancers_server::LoadBalancers, members_server::Members,
        pools_server::Pools, quotas_server::Quotas,
    },
};
use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use crate::scripted::{ID, OTHER};

/// What reached it.
#[derive(Debug, Default)]
pub(crate) struct SeenOfV2 {
    pub(crate) create: Option<v2::CreateLoadBalancerRequest>,
    pub(crate) update: Option<v2::UpdateLoadBalancerRequest>,
    pub(crate) delete: Option<v2::DeleteLoadBalancerRequest>,
    pub(crate) list: Option<v2::ListRequest>,
    pub(crate) replace: Option<v2::ReplaceMembersRequest>,
    pub(crate) quota: Option<v2::UpdateQuotaRequest>,
    pub(crate) got: Option<v2::GetRequest>,
}

#[derive(Clone, Default)]
pub(crate) struct Second(pub(crate) Arc<Mutex<SeenOfV2>>);

type Answer<T> = Result<Response<T>, Status>;

fn answer<T>(object: T) -> Answer<T> {
    Ok(Response::new(object))
}

fn known<T>(id: &str, kind: Kind, object: T) -> Answer<T> {
    if id == ID { answer(object) } else { Err(to_status(&Fault::not_found(kind, id))) }
}

fn status(provisioning: v2::ProvisioningStatus) -> Option<v2::Status> {
    Some(v2::Status {
        provisioning: provisioning.into(),
        operating: v2::OperatingStatus::Offline.into(),
        created_at: Some(Timestamp { seconds: 1_796_094_320, nanos: 5 }),
        etag: "7".to_owned(),
        ..v2::Status::default()
    })
}

fn made() -> Option<v2::Status> {
    status(v2::ProvisioningStatus::PendingCreate)
}

fn load_balancer(id: &str) -> v2::LoadBalancer {
    v2::LoadBalancer {
        id: id.to_owned(),
        project_id: "p".to_owned(),
        name: "lb".to_owned(),
        admin_state_up: Some(true),
        provider: "amphora".to_owned(),
        vip: Some(v2::Vip { subnet_id: OTHER.to_owned(), address: "198.51.100.1".to_owned(), ..v2::Vip::default() }),
        status: status(v2::ProvisioningStatus::Active),
        pool_ids: vec![OTHER.to_owned()],
        ..v2::LoadBalancer::default()
    }
}

/// What is refused by its name.
fn refusal(name: &str) -> Option<Fault> {
    Some(match name {
        "taken" => Taken::LoadBalancerHasParts { load_balancer_id: ID.parse().unwrap() }.into(),
        "nobody" => Fault::invalid_field("project_id", Reason::AnothersProject),
        "foreign" => Forbidden::OthersObject.into(),
        "changed" => Balancing::EtagMismatch { id: ID.to_owned() }.into(),
        "unable" => {
            let features = ["l7"].into_iter().collect();
            Balancing::Unsupported { provider: "amphora".to_owned(), features }.into()
        }
        "bug" => Fault::internal("password=hunter2"),
        _ => return None,
    })
}

#[tonic::async_trait]
impl LoadBalancers for Second {
    async fn create(&self, request: Request<v2::CreateLoadBalancerRequest>) -> Answer<v2::LoadBalancer> {
        let request = request.into_inner();
        self.0.lock().unwrap().create = Some(request.clone());
        let asked = request.load_balancer.unwrap();
        if let Some(fault) = refusal(&asked.name) {
            return Err(to_status(&fault));
        }
        answer(v2::LoadBalancer { id: ID.to_owned(), project_id: "p".to_owned(), status: made(), ..asked })
    }

    async fn get(&self, request: Request<v2::GetRequest>) -> Answer<v2::LoadBalancer> {
        known(&request.get_ref().id, Kind::LoadBalancer, load_balancer(ID))
    }

    async fn list(&self, request: Request<v2::ListRequest>) -> Answer<v2::ListLoadBalancersResponse> {
        self.0.lock().unwrap().list = Some(request.into_inner());
        let load_balancers = vec![load_balancer(ID), load_balancer(OTHER)];
        answer(v2::ListLoadBalancersResponse { load_balancers, next_page_token: OTHER.to_owned() })
    }

    async fn update(&self, request: Request<v2::UpdateLoadBalancerRequest>) -> Answer<v2::LoadBalancer> {
        let request = request.into_inner();
        self.0.lock().unwrap().update = Some(request.clone());
        let asked = request.load_balancer.unwrap();
        match refusal(&asked.name) {
            Some(fault) => Err(to_status(&fault)),
            None => answer(v2::LoadBalancer { name: asked.name, ..load_balancer(ID) }),
        }
    }

    async fn delete(&self, request: Request<v2::DeleteLoadBalancerRequest>) -> Answer<()> {
        let request = request.into_inner();
        let id = request.id.clone();
        self.0.lock().unwrap().delete = Some(request);
        known(&id, Kind::LoadBalancer, ())
    }

    async fn stats(&self, _: Request<v2::GetRequest>) -> Answer<v2::Stats> {
        answer(v2::Stats { bytes_in: 1, request_errors: 2, ..v2::Stats::default() })
    }

    async fn statuses(&self, _: Request<v2::GetRequest>) -> Answer<v2::StatusTree> {
        let pool = v2::PoolStatuses {
            id: OTHER.to_owned(),
            provisioning: v2::ProvisioningStatus::Active.into(),
            operating: v2::OperatingStatus::Online.into(),
            ..v2::PoolStatuses::default()
        };
        let listener = v2::ListenerStatuses { id: ID.to_owned(), pools: vec![pool], ..v2::ListenerStatuses::default() };
        answer(v2::StatusTree { id: ID.to_owned(), listeners: vec![listener], ..v2::StatusTree::default() })
    }

    async fn health(&self, _: Request<v2::GetRequest>) -> Answer<v2::LoadBalancerHealth> {
        let said = CheckAnswer { result: "L7STS".to_owned(), code: 503, text: String::new(), milliseconds: 7 };
        let member = v2::MemberHealth {
            id: OTHER.to_owned(),
            pool_id: ID.to_owned(),
            address: "10.0.0.1".to_owned(),
            protocol_port: 80,
            operating: v2::OperatingStatus::Error.into(),
            since: Some(Timestamp { seconds: 1_796_094_320, nanos: 0 }),
            answer: Some(said),
            ..v2::MemberHealth::default()
        };
        let unknown = v2::MemberHealth { id: ID.to_owned(), ..v2::MemberHealth::default() };
        answer(v2::LoadBalancerHealth { id: ID.to_owned(), members: vec![member, unknown] })
    }

    async fn sides(&self, request: Request<v2::GetRequest>) -> Answer<v2::LoadBalancerSides> {
        let sides = v2::LoadBalancerSides { topology: "SINGLE".to_owned(), ..v2::LoadBalancerSides::default() };
        known(&request.get_ref().id, Kind::LoadBalancer, sides)
    }

    async fn failover(&self, request: Request<v2::GetRequest>) -> Answer<()> {
        known(&request.get_ref().id, Kind::LoadBalancer, ())
    }

    async fn preview(&self, _: Request<v2::PreviewRequest>) -> Answer<v2::Preview> {
        answer(v2::Preview::default())
    }
}

#[tonic::async_trait]
impl Listeners for Second {
    async fn create(&self, request: Request<v2::CreateListenerRequest>) -> Answer<v2::Listener> {
        let asked = request.into_inner().listener.unwrap();
        answer(v2::Listener { id: ID.to_owned(), project_id: "p".to_owned(), status: made(), ..asked })
    }

    async fn get(&self, request: Request<v2::GetRequest>) -> Answer<v2::Listener> {
        known(&request.get_ref().id, Kind::Listener, v2::Listener { id: ID.to_owned(), ..v2::Listener::default() })
    }

    async fn list(&self, _: Request<v2::ListRequest>) -> Answer<v2::ListListenersResponse> {
        answer(v2::ListListenersResponse::default())
    }

    async fn update(&self, request: Request<v2::UpdateListenerRequest>) -> Answer<v2::Listener> {
        answer(request.into_inner().listener.unwrap())
    }

    async fn delete(&self, request: Request<v2::DeleteRequest>) -> Answer<()> {
        known(&request.get_ref().id, Kind::Listener, ())
    }

    async fn stats(&self, request: Request<v2::GetRequest>) -> Answer<v2::Stats> {
        known(&request.get_ref().id, Kind::Listener, v2::Stats { bytes_in: 2, ..v2::Stats::default() })
    }
}

#[tonic::async_trait]
impl Pools for Second {
    async fn create(&self, request: Request<v2::CreatePoolRequest>) -> Answer<v2::Pool> {
        let asked = request.into_inner().pool.unwrap();
        answer(v2::Pool { id: ID.to_owned(), project_id: "p".to_owned(), status: made(), ..asked })
    }

    async fn get(&self, request: Request<v2::GetRequest>) -> Answer<v2::Pool> {
        known(&request.get_ref().id, Kind::Pool, v2::Pool { id: ID.to_owned(), ..v2::Pool::default() })
    }

    async fn list(&self, _: Request<v2::ListRequest>) -> Answer<v2::ListPoolsResponse> {
        answer(v2::ListPoolsResponse::default())
    }

    async fn update(&self, request: Request<v2::UpdatePoolRequest>) -> Answer<v2::Pool> {
        answer(request.into_inner().pool.unwrap())
    }

    async fn delete(&self, request: Request<v2::DeleteRequest>) -> Answer<()> {
        known(&request.get_ref().id, Kind::Pool, ())
    }

    async fn stats(&self, request: Request<v2::GetRequest>) -> Answer<v2::Stats> {
        known(&request.get_ref().id, Kind::Pool, v2::Stats { bytes_in: 3, ..v2::Stats::default() })
    }
}

#[tonic::async_trait]
impl Members for Second {
    async fn create(&self, request: Request<v2::CreateMemberRequest>) -> Answer<v2::Member> {
        let asked = request.into_inner().member.unwrap();
        let pool = asked.pool_id.clone();
        let made = v2::Member { id: ID.to_owned(), project_id: "p".to_owned(), status: made(), ..asked };
        known(&pool, Kind::Pool, made)
    }

    async fn get(&self, request: Request<v2::GetRequest>) -> Answer<v2::Member> {
        let request = request.into_inner();
        self.0.lock().unwrap().got = Some(request.clone());
        let member = v2::Member { id: ID.to_owned(), ..v2::Member::default() };
        known(&request.parent_id, Kind::Pool, ())?;
        known(&request.id, Kind::Member, member)
    }

    async fn list(&self, request: Request<v2::ListRequest>) -> Answer<v2::ListMembersResponse> {
        let request = request.into_inner();
        known(&request.parent_id, Kind::Pool, v2::ListMembersResponse::default())
    }

    async fn update(&self, request: Request<v2::UpdateMemberRequest>) -> Answer<v2::Member> {
        answer(request.into_inner().member.unwrap())
    }

    async fn delete(&self, _: Request<v2::DeleteRequest>) -> Answer<()> {
        answer(())
    }

    async fn stats(&self, request: Request<v2::GetRequest>) -> Answer<v2::Stats> {
        known(&request.get_ref().parent_id, Kind::Pool, ())?;
        known(&request.get_ref().id, Kind::Member, v2::Stats { bytes_in: 4, ..v2::Stats::default() })
    }

    async fn replace(&self, request: Request<v2::ReplaceMembersRequest>) -> Answer<()> {
        let request = request.into_inner();
        let pool = request.pool_id.clone();
        self.0.lock().unwrap().replace = Some(request);
        known(&pool, Kind::Pool, ())
    }
}

#[tonic::async_trait]
impl Quotas for Second {
    async fn get(&self, request: Request<v2::QuotaRequest>) -> Answer<v2::Quota> {
        let project_id = request.into_inner().project_id;
        answer(v2::Quota { project_id, load_balancer: Some(5), member: Some(-1), ..v2::Quota::default() })
    }

    async fn get_default(&self, _: Request<v2::QuotaRequest>) -> Answer<v2::Quota> {
        answer(v2::Quota { load_balancer: Some(10), ..v2::Quota::default() })
    }

    async fn list(&self, _: Request<v2::ListQuotasRequest>) -> Answer<v2::ListQuotasResponse> {
        answer(v2::ListQuotasResponse::default())
    }

    async fn update(&self, request: Request<v2::UpdateQuotaRequest>) -> Answer<v2::Quota> {
        let request = request.into_inner();
        self.0.lock().unwrap().quota = Some(request.clone());
        answer(request.quota.unwrap())
    }

    async fn delete(&self, request: Request<v2::QuotaRequest>) -> Answer<()> {
        known(&request.get_ref().project_id, Kind::Quota, ())
    }
}
