//! Whatever happens to a load balancer: what is saved is what is loaded.

use ballast_model::{
    fault::Fault,
    ids::PoolId,
    listener::VipChange,
    load_balancer::LoadBalancer,
    member::MemberChange,
    outcome::{MemberHealth, Outcome},
    pool::{LbMethod, PoolChange},
    status::OperatingStatus,
};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    database::{Database, read, write},
    samples::{id, monitor, new_member, new_vip, pool, with_listener_of, with_pool_of},
};

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// To which pool, and its number.
    AddMember(u8, u8),
    ChangeMember(u8),
    RemoveMember(u8),
    AddVip,
    ChangeVip,
    RemoveVip,
    AddPool(u8),
    RemovePool(u8),
    /// Its number, and its pool.
    AddListener(u8, u8),
    RemoveListener(u8),
    /// Which pool, and which monitor.
    Associate(u8, u8),
    Disassociate(u8, u8),
    ChangePool(String),
    Settle(bool),
    Observe(u8),
    Fail,
}

impl Step {
    pub(crate) fn apply(&self, load_balancer: LoadBalancer) -> Result<LoadBalancer, Fault> {
        let of_lb = Numbers(load_balancer.id.uuid().as_u128());
        let member = |number: &u8| id(of_lb.member(*number));
        let pool_id = |number: u8| of_lb.pool(number);
        match self {
            Self::AddMember(_, number)
                if load_balancer.pools.iter().flat_map(|pool| &pool.members).any(|one| one.id == member(number)) =>
            {
                Ok(load_balancer)
            }
            Self::AddMember(of, number) => {
                load_balancer.add_member(pool_id(*of), new_member(of_lb.member(*number), *number))
            }
            Self::ChangeMember(number) => {
                let change = MemberChange { weight: Some(9), admin_state_up: None };
                load_balancer.update_member(member(number), change)
            }
            Self::RemoveMember(number) => load_balancer.remove_member(member(number)).map(|(after, _)| after),
            Self::AddVip => load_balancer.add_vip(new_vip(of_lb.vip(), "10.0.0.50")),
            Self::ChangeVip => {
                let change =
                    VipChange { session_persistence: Some(None), connection_limit: Some(-5), ..VipChange::default() };
                load_balancer.update_vip(id(of_lb.vip()), change)
            }
            Self::RemoveVip => load_balancer.remove_vip(id(of_lb.vip())).map(|(after, _)| after),
            Self::AddPool(_) | Self::RemovePool(_) | Self::AddListener(..) | Self::RemoveListener(_) => {
                Ok(self.reshape(load_balancer))
            }
            Self::Associate(of, number) => load_balancer.associate(pool_id(*of), monitor(u128::from(*number))),
            Self::Disassociate(of, number) => load_balancer.disassociate(pool_id(*of), id(u128::from(*number))),
            Self::ChangePool(name) => {
                let lb_method = Some(LbMethod::SourceIp);
                load_balancer.update_pool(
                    pool_id(0),
                    PoolChange { name: Some(name.clone()), lb_method, ..PoolChange::default() },
                )
            }
            Self::Settle(fails) => {
                let fault = fails.then(|| "haproxy: ü said \"no\"".to_owned());
                let generation = load_balancer.generation;
                Ok(load_balancer.settle(&Outcome { generation, fault, cause: None, faults: Vec::new() }))
            }
            Self::Observe(number) => {
                Ok(load_balancer
                    .observe(&[MemberHealth { member_id: member(number), status: OperatingStatus::Offline }]))
            }
            Self::Fail => Ok(load_balancer.unplaceable(None)),
        }
    }

    /// What no transition does yet: several pools and listeners.
    fn reshape(&self, mut load_balancer: LoadBalancer) -> LoadBalancer {
        let of_lb = Numbers(load_balancer.id.uuid().as_u128());
        let pool_id = |number: u8| of_lb.pool(number);
        let listener_id = |number: &u8| id(of_lb.listener(*number));
        match self {
            Self::AddPool(number) if load_balancer.pool(pool_id(*number)).is_err() => {
                with_pool_of(load_balancer, pool_id(*number).uuid().as_u128())
            }
            Self::RemovePool(number) if *number > 0 => {
                load_balancer.pools.retain(|pool| pool.id != pool_id(*number));
                load_balancer
            }
            Self::AddListener(number, of)
                if load_balancer.listeners.iter().all(|listener| listener.id != listener_id(number)) =>
            {
                with_listener_of(load_balancer, of_lb.listener(*number), pool_id(*of))
            }
            Self::RemoveListener(number) => {
                load_balancer.listeners.retain(|listener| listener.id != listener_id(number));
                load_balancer
            }
            _ => load_balancer,
        }
    }
}

/// The numbers of a load balancer's parts, which are no other's.
#[derive(Clone, Copy)]
struct Numbers(u128);

impl Numbers {
    /// The first is the one that the load balancer begins with.
    fn pool(self, number: u8) -> PoolId {
        id(self.0 + u128::from(number))
    }

    fn vip(self) -> u128 {
        self.0 * 1000 + 50
    }

    fn listener(self, number: u8) -> u128 {
        self.0 * 1000 + 60 + u128::from(number)
    }

    fn member(self, number: u8) -> u128 {
        self.0 * 1000 + 100 + u128::from(number)
    }
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let number = 1u8..5;
    let of = 0u8..3;
    let in_pool = (of.clone(), number.clone());
    prop_oneof![
        3 => in_pool.clone().prop_map(|(of, number)| Step::AddMember(of, number)),
        2 => of.clone().prop_map(Step::AddPool),
        1 => of.clone().prop_map(Step::RemovePool),
        2 => in_pool.clone().prop_map(|(of, number)| Step::AddListener(number, of)),
        1 => number.clone().prop_map(Step::RemoveListener),
        1 => number.clone().prop_map(Step::ChangeMember),
        1 => number.clone().prop_map(Step::RemoveMember),
        1 => Just(Step::AddVip),
        1 => Just(Step::ChangeVip),
        1 => Just(Step::RemoveVip),
        2 => in_pool.clone().prop_map(|(of, number)| Step::Associate(of, number)),
        1 => in_pool.prop_map(|(of, number)| Step::Disassociate(of, number)),
        1 => "[^\0]{0,8}".prop_map(Step::ChangePool),
        1 => any::<bool>().prop_map(Step::Settle),
        1 => number.prop_map(Step::Observe),
        1 => Just(Step::Fail),
    ]
}

async fn live_through(database: &Database, steps: Vec<Step>) {
    write!(database.store, [], |tx| {
        for number in 1..5 {
            tx.insert_monitor(&monitor(number)).await?;
        }
        tx.insert(&pool(1000)).await
    })
    .unwrap();
    let mut before = pool(1000);
    for step in steps {
        // A transition that the model refuses changes nothing.
        let Ok(after) = step.apply(before.clone()) else { continue };
        write!(database.store, [before, after], |tx| tx.save(&before, &after).await).unwrap();
        let loaded = read!(database.store, [], |tx| tx.load(id(1000)).await).unwrap();
        assert_eq!(loaded.as_ref(), Some(&after), "after {step:?}");
        before = after;
    }
}

/// So many histories, each in a database of its own.
pub(crate) fn what_is_saved_is_what_is_loaded<F: Future<Output = Database>>(cases: u32, open: impl Fn() -> F) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let lives = TestRunner::new(config).run(&proptest::collection::vec(step(), 1..30), |steps| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { live_through(&open().await, steps).await });
        Ok(())
    });
    lives.unwrap();
}

#[test]
fn what_is_saved_is_what_is_loaded_on_sqlite() {
    what_is_saved_is_what_is_loaded(24, Database::sqlite);
}
