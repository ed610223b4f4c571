//! Tenants: they make, change, move and delete load balancers through the API, and remember what they were answered.

use std::{collections::BTreeMap, sync::Arc};

use ballast_proto::v2::{
    self, CreateLoadBalancerRequest, DeleteLoadBalancerRequest, GetRequest, UpdateLoadBalancerRequest,
    load_balancers_server::LoadBalancers as _,
};
use tonic::{Code, Request, Response, Status};

use super::{
    dice::Dice,
    machine::{Machine, Slot},
};
use crate::{app::Caller, rpc::Api};

const PROJECT: &str = "p";

/// What is known of a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Made,
    /// It was to be deleted, and nobody said what became of that.
    Leaving,
    Deleted,
}

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wants {
    /// The so manieth, at this address; empty: at any.
    Make(u64, String),
    Change(String),
    Move(String),
    Delete(String),
}

struct Call {
    wants: Wants,
    /// At which process; when that is gone nobody will be answered.
    number: u64,
    answer: Slot<Result<v2::LoadBalancer, Status>>,
}

pub(super) struct Tenants {
    seed: u64,
    dice: Dice,
    subnet_id: String,
    /// By their ids.
    pub(super) known: BTreeMap<String, Known>,
    /// By the number of the call that made it.
    order: BTreeMap<u64, String>,
    addresses: BTreeMap<u64, String>,
    /// How many may have been made of which nobody was told.
    pub(super) unknown: usize,
    calls: Vec<Call>,
    made: u64,
    /// How many there are to be, more or less.
    most: usize,
    /// When somebody last asked for a load balancer to be moved.
    pub(super) moved: BTreeMap<String, u64>,
}

fn request<T>(body: T) -> Request<T> {
    let mut request = Request::new(body);
    request.extensions_mut().insert(Caller { project_id: Some(PROJECT.to_owned()), admin: true });
    request
}

impl Tenants {
    pub(super) fn new(seed: u64, subnet_id: String, most: usize) -> Self {
        Self {
            seed,
            dice: Dice::new(seed, "tenants"),
            subnet_id,
            known: BTreeMap::new(),
            order: BTreeMap::new(),
            addresses: BTreeMap::new(),
            unknown: 0,
            calls: Vec::new(),
            made: 0,
            most,
            moved: BTreeMap::new(),
        }
    }

    /// Somebody wants the address that another had, as often as not while its former agent still has it. Empty: no matter which.
    fn former_address(&mut self) -> String {
        let is_gone =
            |number: &&u64| self.order.get(*number).is_some_and(|id| self.known.get(id) != Some(&Known::Made));
        let gone: Vec<u64> = self.addresses.keys().filter(is_gone).rev().take(3).copied().collect();
        match self.dice.index(gone.len() + 1).and_then(|at| gone.get(at)) {
            Some(number) => self.addresses[number].clone(),
            None => String::new(),
        }
    }

    /// What they do from now on does not depend on what became of what they did before.
    pub(super) fn begin_round(&mut self, round: u64) {
        self.dice = Dice::new(self.seed, &format!("tenants in round {round}"));
    }

    /// One of them asks for something.
    pub(super) fn ask(&mut self, machine: &Machine, now: u64) {
        let is_made = |id: &&String| self.known.get(*id) == Some(&Known::Made);
        let there: Vec<String> = self.order.values().filter(is_made).cloned().collect();
        let any = self.dice.index(there.len()).map(|at| there[at].clone());
        let wants = match (any, self.dice.below(10)) {
            (Some(id), 0..2) => Wants::Change(id),
            (Some(id), 2) => Wants::Move(id),
            (Some(id), 3..5) => Wants::Delete(id),
            (Some(id), _) if there.len() >= self.most => Wants::Delete(id),
            (_, _) => Wants::Make(self.made, self.former_address()),
        };
        match &wants {
            Wants::Make(..) => self.made += 1,
            Wants::Delete(id) => drop(self.known.insert(id.clone(), Known::Leaving)),
            Wants::Move(id) => drop(self.moved.insert(id.clone(), now)),
            Wants::Change(_) => {}
        }
        let answer = self.begin(machine, wants.clone());
        self.calls.push(Call { wants, number: machine.number, answer });
    }

    fn begin(&mut self, machine: &Machine, wants: Wants) -> Slot<Result<v2::LoadBalancer, Status>> {
        let (api, name) = (Api(Arc::clone(&machine.app)), format!("lb {}", self.made));
        let vip = v2::Vip { subnet_id: self.subnet_id.clone(), ..v2::Vip::default() };
        let sent = v2::LoadBalancer { name, project_id: PROJECT.to_owned(), ..v2::LoadBalancer::default() };
        machine.begin(async move {
            match wants {
                Wants::Make(_, address) => {
                    let vip = v2::Vip { address, ..vip };
                    let load_balancer = Some(v2::LoadBalancer { vip: Some(vip), ..sent });
                    let body = CreateLoadBalancerRequest { load_balancer, ..CreateLoadBalancerRequest::default() };
                    api.create(request(body)).await.map(Response::into_inner)
                }
                Wants::Change(id) => {
                    let description = format!("changed with {}", sent.name);
                    let load_balancer = Some(v2::LoadBalancer { id, description, ..Default::default() });
                    let body = UpdateLoadBalancerRequest { load_balancer, ..UpdateLoadBalancerRequest::default() };
                    api.update(request(body)).await.map(Response::into_inner)
                }
                Wants::Move(id) => {
                    let body = GetRequest { id, ..GetRequest::default() };
                    api.failover(request(body)).await.map(|_| v2::LoadBalancer::default())
                }
                Wants::Delete(id) => {
                    let body = DeleteLoadBalancerRequest { id, cascade: true, ..Default::default() };
                    api.delete(request(body)).await.map(|_| v2::LoadBalancer::default())
                }
            }
        })
    }

    /// Takes what was answered. What a process was asked that is gone, nobody knows.
    ///
    /// # Errors
    /// An answer that nobody should get.
    pub(super) fn listen(&mut self, machines: &[Option<Machine>]) -> Result<(), String> {
        let runs = |number| machines.iter().flatten().any(|one| one.number == number);
        for call in std::mem::take(&mut self.calls) {
            let answer = call.answer.lock().unwrap().take();
            match answer {
                Some(answer) => self.answered(&call.wants, answer)?,
                None if runs(call.number) => self.calls.push(call),
                None if matches!(call.wants, Wants::Make(..)) => self.unknown += 1,
                None => {}
            }
        }
        Ok(())
    }

    fn answered(&mut self, wants: &Wants, answer: Result<v2::LoadBalancer, Status>) -> Result<(), String> {
        match (wants, answer) {
            (Wants::Make(number, _), Ok(made)) => {
                self.order.insert(*number, made.id.clone());
                self.addresses.insert(*number, made.vip.unwrap_or_default().address);
                self.known.insert(made.id, Known::Made);
            }
            // Somebody else has the address.
            (Wants::Make(_, address), Err(status)) if !address.is_empty() && status.code() == Code::AlreadyExists => {}
            (Wants::Delete(id), Ok(_)) => drop(self.known.insert(id.clone(), Known::Deleted)),
            (Wants::Change(_) | Wants::Move(_), Ok(_)) => {}
            // Somebody else was to delete it at the same time.
            (Wants::Change(id) | Wants::Move(id) | Wants::Delete(id), Err(status))
                if status.code() == Code::NotFound && self.known.get(id) != Some(&Known::Made) => {}
            // Others were faster each time.
            (Wants::Change(_) | Wants::Move(_), Err(status)) if status.code() == Code::Aborted => {}
            (wants, Err(status)) => return Err(format!("{wants:?} was answered by {status:?}")),
        }
        Ok(())
    }

    /// Whether nobody waits for an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }
}
