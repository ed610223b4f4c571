mod parts;
mod rollback;
mod stopped;

use proptest::prelude::*;

use super::*;
use crate::{
    Uuid,
    counters::Generation,
    fault::{Code, Exists, Facts},
    health_monitor::{HealthMonitor, MonitorChange, MonitorType},
    ids::ObjectId,
    listener::{Mac, NewVip, Protocol, VipChange},
    member::{MemberChange, NewMember},
    outcome::{MemberHealth, Outcome},
    pool::{LbMethod, NewPool, SessionPersistence},
    status::{OperatingStatus, Progress, ProvisioningStatus},
};

const SECOND: Generation = Generation::FIRST.next();
const POOL: PoolId = PoolId::new(Uuid::from_u128(1));

fn uuid<I: From<Uuid>>(n: u128) -> I {
    Uuid::from_u128(n).into()
}

pub(crate) fn load_balancer() -> LoadBalancer {
    LoadBalancer::with_pool(NewPool {
        id: uuid(1),
        project_id: "p".to_owned(),
        name: "web".to_owned(),
        description: String::new(),
        subnet_id: uuid(9),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "haproxy".to_owned(),
        admin_state_up: true,
    })
}

pub(crate) fn vip(id: u128) -> NewVip {
    NewVip {
        id: uuid(id),
        project_id: "p".to_owned(),
        name: "vip".to_owned(),
        description: String::new(),
        vip: Vip {
            subnet_id: uuid(9),
            network_id: uuid(7),
            port_id: uuid(8),
            address: [10, 0, 0, 2].into(),
            mac: Mac::from_random(1),
            additional: Vec::new(),
        },
        protocol: Protocol::Http,
        protocol_port: 80,
        session_persistence: Some(SessionPersistence::SourceIp),
        connection_limit: -1,
        admin_state_up: true,
    }
}

pub(crate) fn member(n: u8) -> NewMember {
    NewMember {
        id: uuid(100 + u128::from(n)),
        project_id: "p".to_owned(),
        address: [10, 0, 0, n].into(),
        protocol_port: 80,
        weight: 1,
        admin_state_up: true,
    }
}

fn monitor(n: u8) -> HealthMonitor {
    let fields = MonitorChange { delay: Some(5), timeout: Some(3), max_retries: Some(2), ..MonitorChange::default() };
    HealthMonitor::new(uuid(200 + u128::from(n)), "p".to_owned(), MonitorType::Http, fields).unwrap()
}

pub(super) fn succeeded(generation: Generation) -> Outcome {
    Outcome { generation, fault: None, cause: None, faults: Vec::new() }
}

fn failed(generation: Generation) -> Outcome {
    Outcome { generation, fault: Some("no bridge".to_owned()), cause: None, faults: Vec::new() }
}

#[test]
fn a_second_vip_is_refused() {
    let load_balancer = load_balancer().add_vip(vip(2)).unwrap();
    let fault = load_balancer.add_vip(vip(3)).unwrap_err();
    assert_eq!(fault, Exists::Vip { pool_id: POOL }.into());
}

#[test]
fn a_vip_speaks_its_pools_protocol_and_belongs_to_its_project() {
    let mismatch = NewVip { protocol: Protocol::Tcp, ..vip(2) };
    let fault = load_balancer().add_vip(mismatch).unwrap_err();
    let (protocol, pool_protocol) = (Protocol::Tcp, Protocol::Http);
    assert_eq!(fault, Facts::ProtocolMismatch { protocol, pool_protocol }.into());
    let foreign = NewVip { project_id: "q".to_owned(), ..vip(2) };
    assert_eq!(load_balancer().add_vip(foreign).unwrap_err().code(), Code::NotAuthorized);
}

#[test]
fn a_member_that_is_its_own_vip_is_refused_whether_it_is_new_or_moved() {
    let served = load_balancer().add_vip(vip(2)).unwrap();
    let address = |text: &str| NewMember { address: text.parse().unwrap(), ..member(2) };
    for text in ["10.0.0.2", "::ffff:10.0.0.2"] {
        let fault = served.clone().add_member(POOL, address(text)).unwrap_err();
        assert_eq!(fault.code(), Code::InvalidInput, "{text}");
        let (_, moving) = load_balancer().add_member(POOL, address(text)).unwrap().remove_member(member(2).id).unwrap();
        assert_eq!(served.clone().receive_member(POOL, moving).unwrap_err().code(), Code::InvalidInput, "{text}");
        // Which of the two came first does not make the vip wrong.
        assert!(load_balancer().add_member(POOL, address(text)).unwrap().add_vip(vip(2)).is_ok(), "{text}");
    }
    for other in [NewMember { protocol_port: 81, ..address("10.0.0.2") }, address("10.0.0.3")] {
        assert!(served.clone().add_member(POOL, other).is_ok());
    }
}

#[test]
fn a_member_with_the_address_and_port_of_another_is_refused() {
    let load_balancer = load_balancer().add_member(POOL, member(11)).unwrap();
    let fault = load_balancer.add_member(POOL, NewMember { id: uuid(5), ..member(11) }).unwrap_err();
    assert_eq!(fault, Exists::Member { address: "10.0.0.11".parse().unwrap(), port: 80, pool_id: POOL }.into());
}

#[test]
fn an_outcome_settles_what_was_changed_at_or_before_its_generation() {
    let load_balancer = load_balancer().add_vip(vip(2)).unwrap();
    let settled = load_balancer.generation;
    let load_balancer = load_balancer.add_member(POOL, member(11)).unwrap().settle(&succeeded(settled));
    assert_eq!(load_balancer.pools[0].progress.status, ProvisioningStatus::Active);
    assert_eq!(load_balancer.listeners[0].progress.status, ProvisioningStatus::Active);
    assert_eq!(load_balancer.pools[0].members[0].progress.status, ProvisioningStatus::PendingCreate);
}

#[test]
fn an_outcome_older_than_the_last_is_dropped() {
    let load_balancer = load_balancer().add_member(POOL, member(11)).unwrap();
    let load_balancer = load_balancer.settle(&succeeded(SECOND)).settle(&failed(Generation::FIRST));
    assert_eq!(load_balancer.pools[0].progress.status, ProvisioningStatus::Active);
}

#[test]
fn a_failed_deploy_says_why_and_a_later_success_clears_it() {
    let load_balancer = load_balancer().add_member(POOL, member(11)).unwrap().settle(&failed(SECOND));
    let pool = &load_balancer.pools[0];
    assert_eq!(pool.progress.description.as_deref(), Some("no bridge"));
    assert_eq!(pool.members[0].progress.status, ProvisioningStatus::Error);
    let load_balancer = load_balancer.settle(&succeeded(SECOND));
    assert_eq!(load_balancer.pools[0].progress.status, ProvisioningStatus::Active);
    assert_eq!(load_balancer.pools[0].progress.description, None);
}

#[test]
fn a_fault_of_the_whole_is_shown_at_what_it_stops_and_an_objects_own_at_the_object() {
    let (old, new, monitor_id) = (member(11), member(12), monitor(9).id);
    let associated = load_balancer().add_vip(vip(2)).unwrap().add_member(POOL, old.clone()).unwrap();
    let associated = associated.associate(POOL, monitor(9)).unwrap();
    let running = associated.clone().settle(&succeeded(associated.generation));
    let changed = running.add_member(POOL, new.clone()).unwrap().monitor_changed(&monitor(9));
    let said = |load_balancer: &LoadBalancer| -> Vec<(ObjectId, ProvisioningStatus, Option<String>)> {
        let one = |(id, progress): (ObjectId, Progress)| (id, progress.status, progress.description);
        load_balancer.progress_of_all().into_iter().map(one).collect()
    };
    let faults = vec![(monitor_id.into(), "bad codes".to_owned())];
    let outcome = Outcome { faults, ..failed(changed.generation) };
    let failed = changed.clone().settle(&outcome);
    let (error, active) = (ProvisioningStatus::Error, ProvisioningStatus::Active);
    let why = |why: &str| Some(why.to_owned());
    let expected = vec![
        (uuid(2), error, why("no bridge")),
        (uuid(1), error, why("no bridge")),
        // It was there before, and still is.
        (old.id.into(), active, None),
        (new.id.into(), error, why("no bridge")),
        (monitor_id.into(), error, why("bad codes")),
    ];
    assert_eq!(said(&failed), expected);
    assert_eq!(said(&failed.clone().settle(&outcome)), expected, "the same again");
    let outcome = Outcome { fault: None, ..outcome };
    let partly = said(&failed.settle(&outcome));
    let not_active: Vec<_> = partly.iter().filter(|(_, status, _)| *status != active).collect();
    assert_eq!(not_active, [&(monitor_id.into(), error, why("bad codes"))]);
}

#[test]
fn a_monitor_whose_change_failed_as_a_whole_does_not_say_active() {
    let associated = load_balancer().associate(POOL, monitor(9)).unwrap();
    let running = associated.clone().settle(&succeeded(associated.generation));
    let changed = running.monitor_changed(&monitor(9));
    let generation = changed.generation;
    let failed = changed.settle(&failed(generation));
    assert_eq!(failed.pools[0].monitors[0].progress.status, ProvisioningStatus::Error);
}

#[test]
fn what_waits_says_why_and_stays_as_pending_as_it_was() {
    let settled = load_balancer().settle(&succeeded(Generation::FIRST));
    let vip_changed = settled.add_vip(vip(2)).unwrap();
    let generation = vip_changed.generation;
    let load_balancer = vip_changed.add_member(POOL, member(11)).unwrap().waits(generation, "busy");
    let said = |progress: &Progress| (progress.status, progress.description.clone());
    assert_eq!(
        said(&load_balancer.listeners[0].progress),
        (ProvisioningStatus::PendingCreate, Some("busy".to_owned()))
    );
    assert_eq!(said(&load_balancer.pools[0].progress), (ProvisioningStatus::Active, None));
    assert_eq!(said(&load_balancer.pools[0].members[0].progress), (ProvisioningStatus::PendingCreate, None));
    let load_balancer = load_balancer.settle(&succeeded(generation));
    assert_eq!(said(&load_balancer.listeners[0].progress), (ProvisioningStatus::Active, None));
}

#[test]
fn one_bad_object_does_not_fail_the_rest() {
    let load_balancer = load_balancer().add_member(POOL, member(11)).unwrap().add_member(POOL, member(12)).unwrap();
    let bad = member(11).id;
    let outcome = Outcome {
        generation: SECOND.next(),
        fault: None,
        cause: None,
        faults: vec![(bad.into(), "port 0".to_owned())],
    };
    let pool = &load_balancer.settle(&outcome).pools[0];
    assert_eq!(pool.members[0].progress.status, ProvisioningStatus::Error);
    assert_eq!(pool.members[1].progress.status, ProvisioningStatus::Active);
    assert_eq!(pool.progress.status, ProvisioningStatus::Active);
}

#[test]
fn a_member_that_fails_its_checks_is_inactive_until_the_last_monitor_goes() {
    let down = [MemberHealth { member_id: member(11).id, status: OperatingStatus::Offline }];
    let unmonitored = load_balancer().add_member(POOL, member(11)).unwrap().settle(&succeeded(SECOND)).observe(&down);
    assert!(!unmonitored.pools[0].members[0].is_inactive());
    let monitored = unmonitored.associate(POOL, monitor(1)).unwrap().observe(&down);
    assert!(monitored.pools[0].members[0].is_inactive());
    let freed = monitored.disassociate(POOL, monitor(1).id).unwrap();
    assert!(!freed.pools[0].members[0].is_inactive());
}

#[test]
fn a_vip_moves_with_its_persistence() {
    let (from, moving) = load_balancer().add_vip(vip(2)).unwrap().remove_vip(uuid(2)).unwrap();
    assert_eq!((from.vip, from.listeners.len(), from.pools[0].session_persistence.clone()), (None, 0, None));
    let to = LoadBalancer::with_pool(NewPool { id: uuid(7), ..new_pool() }).receive_vip(moving).unwrap();
    assert_eq!(to.listeners[0].default_pool_id, Some(uuid(7)));
    assert_eq!(to.listeners[0].progress.status, ProvisioningStatus::PendingUpdate);
    assert_eq!(to.pools[0].session_persistence, Some(SessionPersistence::SourceIp));
}

fn new_pool() -> NewPool {
    NewPool {
        id: uuid(1),
        project_id: "p".to_owned(),
        name: String::new(),
        description: String::new(),
        subnet_id: uuid(9),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "haproxy".to_owned(),
        admin_state_up: true,
    }
}

#[test]
fn a_pool_in_use_is_not_deletable() {
    assert!(load_balancer().check_deletable().is_ok());
    assert_eq!(load_balancer().add_vip(vip(2)).unwrap().check_deletable().unwrap_err().code(), Code::PoolInUse);
}

#[test]
fn what_could_not_be_placed_is_pending_again_once_it_is() {
    let load_balancer = load_balancer().unplaceable(None);
    assert_eq!(load_balancer.pools[0].progress.description.as_deref(), Some("No eligible backend"));
    assert_eq!(load_balancer.placed().pools[0].progress.status, ProvisioningStatus::PendingCreate);
}

#[derive(Debug, Clone)]
enum Operation {
    UpdatePool(bool),
    AddVip,
    UpdateVip(bool),
    RemoveVip,
    AddMember(u8),
    UpdateMember(u8, bool),
    RemoveMember(u8),
    Associate(u8),
    Disassociate(u8),
    ChangeMonitor(u8),
    Settle(u64, bool),
    Observe(u8, bool),
    Unplaceable,
    Placed,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        any::<bool>().prop_map(Operation::UpdatePool),
        Just(Operation::AddVip),
        any::<bool>().prop_map(Operation::UpdateVip),
        Just(Operation::RemoveVip),
        (0u8..4).prop_map(Operation::AddMember),
        ((0u8..4), any::<bool>()).prop_map(|(n, up)| Operation::UpdateMember(n, up)),
        (0u8..4).prop_map(Operation::RemoveMember),
        (0u8..3).prop_map(Operation::Associate),
        (0u8..3).prop_map(Operation::Disassociate),
        (0u8..3).prop_map(Operation::ChangeMonitor),
        ((0u64..40), any::<bool>()).prop_map(|(generation, good)| Operation::Settle(generation, good)),
        ((0u8..4), any::<bool>()).prop_map(|(n, up)| Operation::Observe(n, up)),
        Just(Operation::Unplaceable),
        Just(Operation::Placed),
    ]
}

fn perform(load_balancer: LoadBalancer, operation: &Operation) -> Result<LoadBalancer, Fault> {
    match *operation {
        Operation::UpdatePool(up) => {
            load_balancer.update_pool(POOL, PoolChange { admin_state_up: Some(up), ..PoolChange::default() })
        }
        Operation::AddVip => load_balancer.add_vip(vip(2)),
        Operation::UpdateVip(up) => {
            load_balancer.update_vip(uuid(2), VipChange { admin_state_up: Some(up), ..VipChange::default() })
        }
        Operation::RemoveVip => load_balancer.remove_vip(uuid(2)).map(|(rest, _)| rest),
        Operation::AddMember(n) => load_balancer.add_member(POOL, member(n)),
        Operation::UpdateMember(n, up) => {
            load_balancer.update_member(member(n).id, MemberChange { admin_state_up: Some(up), weight: None })
        }
        Operation::RemoveMember(n) => load_balancer.remove_member(member(n).id).map(|(rest, _)| rest),
        Operation::Associate(n) => load_balancer.associate(POOL, monitor(n)),
        Operation::Disassociate(n) => load_balancer.disassociate(POOL, monitor(n).id),
        Operation::ChangeMonitor(n) => Ok(load_balancer.monitor_changed(&monitor(n))),
        Operation::Settle(generation, true) => Ok(load_balancer.settle(&succeeded(generation.into()))),
        Operation::Settle(generation, false) => Ok(load_balancer.settle(&failed(generation.into()))),
        Operation::Observe(n, up) => {
            let status = if up { OperatingStatus::Online } else { OperatingStatus::Offline };
            Ok(load_balancer.observe(&[MemberHealth { member_id: member(n).id, status }]))
        }
        Operation::Unplaceable => Ok(load_balancer.unplaceable(None)),
        Operation::Placed => Ok(load_balancer.placed()),
    }
}

fn check_invariants(load_balancer: &LoadBalancer) -> Result<(), TestCaseError> {
    prop_assert_eq!(load_balancer.vip.is_some(), !load_balancer.listeners.is_empty());
    prop_assert!(load_balancer.listeners.len() <= 1);
    prop_assert!(load_balancer.settled <= load_balancer.generation);
    let pool = load_balancer.pools[0].clone();
    prop_assert!(pool.session_persistence.is_none() || load_balancer.vip.is_some());
    let mut addresses: Vec<_> = pool.members.iter().map(|member| (member.address, member.protocol_port)).collect();
    addresses.sort();
    addresses.dedup();
    prop_assert_eq!(addresses.len(), pool.members.len());
    if !pool.is_monitored() {
        prop_assert!(pool.members.iter().all(|member| !member.is_inactive()));
    }
    let generation = load_balancer.generation;
    for (_, progress) in load_balancer.progress_of_all() {
        prop_assert!(progress.changed <= generation);
        prop_assert_eq!(progress.description.is_some(), progress.status == ProvisioningStatus::Error);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_sequence_of_operations_keeps_the_invariants(operations in proptest::collection::vec(operation(), 0..40)) {
        let mut state = load_balancer();
        for operation in &operations {
            let before = state.clone();
            state = match perform(state, operation) {
                Ok(after) => {
                    prop_assert!(after.generation == before.generation || after.generation == before.generation.next());
                    after
                }
                Err(_) => before,
            };
            check_invariants(&state)?;
        }
        // Whatever happened, one good deploy of the newest generation settles everything.
        let newest = state.generation;
        let done = state.settle(&succeeded(newest));
        for (_, progress) in done.progress_of_all() {
            prop_assert_eq!(progress.status, ProvisioningStatus::Active);
        }
    }
}
