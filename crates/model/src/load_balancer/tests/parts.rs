//! v2's transitions: many listeners and pools, and what they do not allow each other.

use super::*;
use crate::{
    fault::{Balancing, Taken},
    l7::{CompareType, L7Action, L7Policy, L7Rule, RuleType},
    labels::Labels,
    listener::Listener,
    load_balancer::Batch,
    member::Member,
    pool::Pool,
};

pub(super) fn empty() -> LoadBalancer {
    let vip = vip(1).vip;
    let whole = LoadBalancer { pools: Vec::new().into(), vip: Some(vip), ..load_balancer() };
    LoadBalancer { id: uuid(999), ..whole }.assembled().unwrap()
}

pub(super) fn a_listener(n: u128, protocol: Protocol, port: u16) -> Listener {
    Listener::new(uuid(300 + n), "p".to_owned(), protocol, port)
}

pub(super) fn a_pool(n: u128, protocol: Protocol) -> Pool {
    Pool::new(uuid(400 + n), "p".to_owned(), protocol, LbMethod::RoundRobin)
}

pub(super) fn a_member(n: u8) -> Member {
    Member::new(uuid(500 + u128::from(n)), "p".to_owned(), [10, 0, 0, n].into(), 80)
}

pub(super) fn a_policy(n: u128, pool: PoolId) -> L7Policy {
    let rule = L7Rule {
        id: uuid(700 + n),
        project_id: "p".to_owned(),
        rule_type: RuleType::Path,
        compare_type: CompareType::StartsWith,
        key: None,
        value: "/x".to_owned(),
        invert: false,
        admin_state_up: true,
        labels: Labels::default(),
        progress: Progress::created(Generation::FIRST),
    };
    let policy = L7Policy::new(uuid(600 + n), "p".to_owned(), L7Action::RedirectToPool(pool));
    L7Policy { rules: vec![rule].into(), ..policy }
}

#[test]
fn a_change_touches_what_is_on_its_path_and_nothing_else() {
    let pool_id = uuid(401);
    let whole = empty()
        .add_listener(a_listener(1, Protocol::Http, 80))
        .and_then(|one| one.add_listener(a_listener(2, Protocol::Http, 81)))
        .and_then(|one| one.add_pool(a_pool(1, Protocol::Http), Some(uuid(301))))
        .and_then(|one| one.add_pool(a_pool(2, Protocol::Http), None))
        .unwrap();
    let generation = whole.generation;
    let whole = whole.settle(&succeeded(generation));
    assert_eq!(whole.progress.status, ProvisioningStatus::Active);
    let whole = whole.insert_member(pool_id, a_member(1)).unwrap();
    let of = |whole: &LoadBalancer| {
        let listeners: Vec<_> = whole.listeners.iter().map(|one| one.progress.status).collect();
        let pools: Vec<_> = whole.pools.iter().map(|one| one.progress.status).collect();
        (whole.progress.status, listeners, pools)
    };
    let (pending, active) = (ProvisioningStatus::PendingUpdate, ProvisioningStatus::Active);
    assert_eq!(of(&whole), (pending, vec![pending, active], vec![pending, active]));
    assert_eq!(whole.pools[0].members[0].progress.status, ProvisioningStatus::PendingCreate);
    let generation = whole.generation;
    let whole = whole.settle(&succeeded(generation));
    assert_eq!(of(&whole), (active, vec![active, active], vec![active, active]));
}

#[test]
fn a_policy_that_acts_puts_its_pool_behind_the_listener() {
    let whole = empty()
        .add_listener(a_listener(1, Protocol::Http, 80))
        .and_then(|one| one.add_pool(a_pool(1, Protocol::Http), None))
        .and_then(|one| one.add_policy(uuid(301), a_policy(1, uuid(401)), None))
        .unwrap();
    assert_eq!(whole.listeners[0].pool_ids(), [uuid::<PoolId>(401)]);
    let refused = whole.clone().remove_pool(uuid(401)).unwrap_err();
    assert_eq!(refused, Taken::PoolOfPolicy { pool_id: uuid(401), l7policy_id: uuid(601) }.into());
    let off = whole.change_policy(uuid(601), None, |policy| {
        policy.admin_state_up = false;
        Ok(())
    });
    assert!(off.unwrap().listeners[0].pool_ids().is_empty());
}

#[test]
fn protocols_that_do_not_fit_are_refused_wherever_they_meet() {
    for listener in Protocol::OF_LISTENERS {
        for pool in Protocol::OF_POOLS {
            let mut listener = a_listener(1, listener, 80);
            listener.tls = Some(Box::new(crate::tls::ListenerTls {
                default_certificate: (listener.protocol == Protocol::TerminatedHttps).then(|| "x".to_owned()),
                ..crate::tls::ListenerTls::default()
            }));
            let protocol = listener.protocol;
            let whole = empty().add_listener(listener).unwrap();
            let as_default = whole.clone().add_pool(a_pool(1, pool), Some(uuid(301)));
            assert_eq!(as_default.is_ok(), protocol.fits(pool), "{protocol:?} {pool:?}");
            let beside = whole.add_pool(a_pool(1, pool), None).unwrap();
            let changed = beside.change_listener(uuid(301), |one| {
                one.default_pool_id = Some(uuid(401));
                Ok(())
            });
            assert_eq!(changed.is_ok(), protocol.fits(pool), "{protocol:?} {pool:?}");
        }
    }
}

#[test]
fn a_member_of_another_ip_version_gets_no_datagrams_however_it_comes_behind_a_listener() {
    let other = || Member { address: "fd00::7".parse().unwrap(), ..a_member(7) };
    for (protocol, is_taken) in [(Protocol::Tcp, true), (Protocol::Udp, false), (Protocol::Sctp, false)] {
        let whole = empty()
            .add_listener(a_listener(1, protocol, 80))
            .and_then(|one| one.add_pool(a_pool(1, protocol), None))
            .and_then(|one| one.insert_member(uuid(401), other()))
            .unwrap();
        let mut named = a_listener(2, protocol, 81);
        named.default_pool_id = Some(uuid(401));
        let served = whole.clone().add_pool(a_pool(2, protocol), Some(uuid(301))).unwrap();
        for taken in [
            whole.clone().add_listener(named),
            whole.change_listener(uuid(301), |one| {
                one.default_pool_id = Some(uuid(401));
                Ok(())
            }),
            served.insert_member(uuid(402), other()),
        ] {
            assert_eq!(taken.is_ok(), is_taken, "{protocol:?}");
        }
    }
}

#[test]
fn members_are_one_by_place_however_they_are_written() {
    let whole = empty().add_pool(a_pool(1, Protocol::Http), None).unwrap();
    let whole = whole.insert_member(uuid(401), a_member(7)).unwrap();
    let mapped = Member { address: "::ffff:10.0.0.7".parse().unwrap(), ..a_member(8) };
    assert_eq!(whole.clone().insert_member(uuid(401), mapped).unwrap_err().code(), Code::MemberExists);
    let own = Member { address: [10, 0, 0, 2].into(), ..a_member(9) };
    assert_eq!(whole.clone().insert_member(uuid(401), own).unwrap_err().code(), Code::InvalidField);
    let batch = |members: Vec<Member>| Batch { members, apply: |_, _: &mut Member| Ok(()), additive_only: false };
    let twice = whole.clone().replace_members(uuid(401), batch(vec![a_member(7), a_member(7)])).unwrap_err();
    assert_eq!(twice, Balancing::MemberTwice { address: [10, 0, 0, 7].into(), port: 80 }.into());
    let known = whole.pools[0].members[0].id;
    let replaced = whole.replace_members(uuid(401), batch(vec![a_member(7), a_member(8)])).unwrap();
    assert_eq!(replaced.pools[0].members[0].id, known);
    assert_eq!(replaced.pools[0].members.len(), 2);
}

#[test]
fn what_v1_has_no_words_for_is_named() {
    let whole = load_balancer().add_vip(vip(2)).unwrap();
    assert_eq!(whole.beyond_v1(), None);
    let pools = whole.clone().add_pool(a_pool(1, Protocol::Http), None).unwrap();
    assert_eq!(pools.beyond_v1(), Some("several pools"));
    assert_eq!(pools.remove_pool(uuid(401)).unwrap().beyond_v1(), None);
    let backup = whole.clone().insert_member(POOL, Member { backup: true, ..a_member(3) }).unwrap();
    assert!(backup.must_be_v1s().is_err());
    let listener = whole.change_listener(uuid(2), |one| {
        one.allowed_cidrs = vec!["10.0.0.0/8".parse().unwrap()];
        Ok(())
    });
    assert_eq!(listener.unwrap().beyond_v1(), Some("networks that may connect"));
}

/// One change of v2's.
#[derive(Debug, Clone)]
enum Change {
    AddListener(u8),
    RemoveListener(u8),
    AddPool(u8, Option<u8>),
    RemovePool(u8),
    AddMember(u8, u8),
    RemoveMember(u8, u8),
    AddPolicy(u8, u8, u8, u8),
    MovePolicy(u8, u8),
    RemovePolicy(u8),
    Settle(bool),
}

fn change() -> impl Strategy<Value = Change> {
    let n = || 0u8..4;
    prop_oneof![
        n().prop_map(Change::AddListener),
        n().prop_map(Change::RemoveListener),
        (n(), proptest::option::of(n())).prop_map(|(pool, listener)| Change::AddPool(pool, listener)),
        n().prop_map(Change::RemovePool),
        (n(), n()).prop_map(|(pool, member)| Change::AddMember(pool, member)),
        (n(), n()).prop_map(|(pool, member)| Change::RemoveMember(pool, member)),
        (n(), n(), n(), n()).prop_map(|(a, b, c, d)| Change::AddPolicy(a, b, c, d)),
        (n(), n()).prop_map(|(policy, position)| Change::MovePolicy(policy, position)),
        n().prop_map(Change::RemovePolicy),
        any::<bool>().prop_map(Change::Settle),
    ]
}

fn apply(whole: LoadBalancer, change: &Change) -> LoadBalancer {
    let listener = |n: u8| uuid(300 + u128::from(n));
    let pool = |n: u8| uuid(400 + u128::from(n));
    let before = whole.clone();
    let done = match *change {
        Change::AddListener(n) if before.listener(listener(n)).is_err() => {
            before.add_listener(a_listener(n.into(), Protocol::Http, 80 + u16::from(n % 3)))
        }
        Change::RemoveListener(n) => before.remove_listener(listener(n)),
        Change::AddPool(n, to) if before.pool(pool(n)).is_err() => {
            before.add_pool(a_pool(n.into(), Protocol::Http), to.map(listener))
        }
        Change::RemovePool(n) => before.remove_pool(pool(n)),
        Change::AddMember(to, n) => {
            let id = uuid(500 + u128::from(to) * 10 + u128::from(n));
            before.insert_member(pool(to), Member { id, ..a_member(10 + n) })
        }
        Change::RemoveMember(of, n) => before.delete_member(pool(of), uuid(500 + u128::from(of) * 10 + u128::from(n))),
        Change::AddPolicy(n, to, target, position) if before.policy(uuid(600 + u128::from(n))).is_err() => {
            before.add_policy(listener(to), a_policy(n.into(), pool(target)), Some(position.into()))
        }
        Change::MovePolicy(n, position) => {
            before.change_policy(uuid(600 + u128::from(n)), Some(position.into()), |_| Ok(()))
        }
        Change::RemovePolicy(n) => before.remove_policy(uuid(600 + u128::from(n))),
        Change::Settle(good) => {
            let outcome = if good { succeeded(before.generation) } else { failed(before.generation) };
            Ok(before.settle(&outcome))
        }
        _ => Ok(before),
    };
    done.unwrap_or(whole)
}

proptest! {
    /// Whatever is done in whatever order: what is named is there, no port is two listeners', and one good deploy heals all.
    #[test]
    fn any_sequence_of_v2s_changes_keeps_the_invariants(changes in proptest::collection::vec(change(), 0..40)) {
        let mut whole = empty();
        for change in &changes {
            let generation = whole.generation;
            whole = apply(whole, change);
            prop_assert!(whole.generation >= generation);
            let mut ports: Vec<u16> = whole.listeners.iter().map(|one| one.protocol_port).collect();
            ports.sort_unstable();
            let count = ports.len();
            ports.dedup();
            prop_assert_eq!(ports.len(), count);
            for listener in whole.listeners.iter() {
                for id in listener.default_pool_id.into_iter().chain(listener.pool_ids()) {
                    prop_assert!(whole.pool(id).is_ok(), "{id} is not there");
                }
                let targets = listener.policies.iter().filter_map(|policy| policy.action.pool_id());
                for id in targets {
                    prop_assert!(whole.pool(id).is_ok(), "{id} is not there");
                }
            }
        }
        let generation = whole.generation;
        let healed = whole.settle(&succeeded(generation));
        prop_assert_eq!(healed.progress.status, ProvisioningStatus::Active);
        prop_assert!(healed.progress_of_all().iter().all(|(_, progress)| progress.status == ProvisioningStatus::Active));
    }
}
