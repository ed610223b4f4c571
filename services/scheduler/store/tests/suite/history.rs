//! Whatever happens to a load balancer: what is saved is what is loaded.

use ballast_model::{
    fault::Fault,
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
    samples::{id, monitor, new_member, new_vip, pool},
};

#[derive(Debug, Clone)]
enum Step {
    AddMember(u8),
    ChangeMember(u8),
    RemoveMember(u8),
    AddVip,
    ChangeVip,
    RemoveVip,
    Associate(u8),
    Disassociate(u8),
    ChangePool(String),
    Settle(bool),
    Observe(u8),
    Fail,
}

impl Step {
    fn apply(&self, load_balancer: LoadBalancer) -> Result<LoadBalancer, Fault> {
        let member = |number: &u8| id(100 + u128::from(*number));
        match self {
            Self::AddMember(number) => load_balancer.add_member(id(1), new_member(100 + u128::from(*number), *number)),
            Self::ChangeMember(number) => {
                let change = MemberChange { weight: Some(9), admin_state_up: None };
                load_balancer.update_member(member(number), change)
            }
            Self::RemoveMember(number) => load_balancer.remove_member(member(number)).map(|(after, _)| after),
            Self::AddVip => load_balancer.add_vip(new_vip(50, "10.0.0.50")),
            Self::ChangeVip => {
                let change =
                    VipChange { session_persistence: Some(None), connection_limit: Some(-5), ..VipChange::default() };
                load_balancer.update_vip(id(50), change)
            }
            Self::RemoveVip => load_balancer.remove_vip(id(50)).map(|(after, _)| after),
            Self::Associate(number) => load_balancer.associate(id(1), monitor(u128::from(*number))),
            Self::Disassociate(number) => load_balancer.disassociate(id(1), id(u128::from(*number))),
            Self::ChangePool(name) => {
                let lb_method = Some(LbMethod::SourceIp);
                load_balancer
                    .update_pool(id(1), PoolChange { name: Some(name.clone()), lb_method, ..PoolChange::default() })
            }
            Self::Settle(fails) => {
                let fault = fails.then(|| "haproxy: ü said \"no\"".to_owned());
                let generation = load_balancer.generation;
                Ok(load_balancer.settle(&Outcome { generation, fault, faults: Vec::new() }))
            }
            Self::Observe(number) => {
                Ok(load_balancer
                    .observe(&[MemberHealth { member_id: member(number), status: OperatingStatus::Offline }]))
            }
            Self::Fail => Ok(load_balancer.unplaceable(None)),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let number = 1u8..5;
    prop_oneof![
        number.clone().prop_map(Step::AddMember),
        number.clone().prop_map(Step::AddMember),
        number.clone().prop_map(Step::ChangeMember),
        number.clone().prop_map(Step::RemoveMember),
        Just(Step::AddVip),
        Just(Step::ChangeVip),
        Just(Step::RemoveVip),
        number.clone().prop_map(Step::Associate),
        number.clone().prop_map(Step::Disassociate),
        "[^\0]{0,8}".prop_map(Step::ChangePool),
        any::<bool>().prop_map(Step::Settle),
        number.prop_map(Step::Observe),
        Just(Step::Fail),
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
    let lives = TestRunner::new(config).run(&proptest::collection::vec(step(), 1..20), |steps| {
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
