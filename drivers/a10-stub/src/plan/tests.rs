//! Plans against a model of the device.

use ballast_abi::{HealthMonitor, LbMethod, LoadBalancer, MonitorType, PersistenceType, Protocol, SessionPersistence};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    config::Config,
    desired::{Present, desired},
    object::fields,
    samples::{ID, load_balancer, member, monitor},
};

/// What a device does with these steps.
fn applied(mut found: Objects, steps: &[Step]) -> Objects {
    for step in steps {
        match step {
            Step::Make(key, fields) => {
                assert!(found.insert(key.clone(), fields.clone()).is_none(), "made twice: {key:?}");
            }
            Step::Change(key, changes) => {
                let object = found.get_mut(key).unwrap_or_else(|| panic!("changed while absent: {key:?}"));
                for (name, value) in changes {
                    if value.is_null() {
                        object.remove(name);
                    } else {
                        object.insert(name.clone(), value.clone());
                    }
                }
            }
            Step::Remove(key) => {
                assert!(found.remove(key).is_some(), "removed while absent: {key:?}");
                let inside = |other: &Key| {
                    other.child.is_some()
                        && key.child.is_none()
                        && (other.kind.collection(), &other.name) == (key.kind.collection(), &key.name)
                };
                found.retain(|other, _| !inside(other));
            }
        }
    }
    found
}

fn wanted(load_balancer: &LoadBalancer, generation: u64, found: &Objects) -> Wanted {
    desired(load_balancer, generation, &Config::default(), &Present::of(found)).unwrap().wanted
}

fn deployed(load_balancer: &LoadBalancer, generation: u64, found: Objects) -> Objects {
    let steps = plan(&wanted(load_balancer, generation, &found), &found);
    applied(found, &steps)
}

/// Of an administrator, and of another load balancer that shares a server.
fn of_others() -> Objects {
    let mut objects = Objects::new();
    let mut add = |key: Key, object| objects.insert(key, fields(object));
    add(Key::top(Kind::Server, "web"), json!({"name": "web", "host": "10.0.0.3"}));
    add(Key::top(Kind::Group, "old"), json!({"name": "old", "protocol": "tcp"}));
    let other = LoadBalancer { id: "other".into(), ..load_balancer(Protocol::Tcp) };
    let mut other =
        LoadBalancer { pools: vec![ballast_abi::Pool { id: "p".into(), ..other.pools[0].clone() }], ..other };
    other.pools[0].members = vec![member(1)];
    deployed(&other, 7, objects)
}

fn any_load_balancer() -> impl Strategy<Value = LoadBalancer> {
    let members = prop::collection::vec((1_u32..6, 0_u32..=256, any::<bool>()), 0..5);
    let kinds = (1_i32..=3, 0_i32..=3, 0_i32..=4);
    let switches = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (members, kinds, switches, -1_i32..9).prop_map(|(members, (method, keep, check), (up, vip, http, six), limit)| {
        let mut made = load_balancer(if http { Protocol::Http } else { Protocol::Tcp });
        made.admin_state_up = up;
        made.listeners[0].connection_limit = limit;
        made.listeners[0].protocol_port = if up { 80 } else { 81 };
        if six {
            made.vip = made.vip.map(|vip| ballast_abi::Vip { address: "2001:db8::1".into(), ..vip });
        }
        if !vip {
            made.vip = None;
        }
        let pool = &mut made.pools[0];
        pool.lb_method = LbMethod::try_from(method).unwrap().into();
        pool.session_persistence = PersistenceType::try_from(keep)
            .ok()
            .filter(|kind| *kind != PersistenceType::Unspecified)
            .map(|kind| SessionPersistence { r#type: kind.into(), cookie_name: "SID".into() });
        pool.monitors = MonitorType::try_from(check)
            .ok()
            .filter(|kind| *kind != MonitorType::Unspecified)
            .map(|kind| HealthMonitor { delay: 200, ..monitor(kind) })
            .into_iter()
            .collect();
        pool.members = members
            .into_iter()
            .map(|(number, weight, up)| ballast_abi::Member { weight, admin_state_up: up, ..member(number) })
            .collect();
        made
    })
}

proptest! {
    #[test]
    fn planning_twice_is_planning_nothing(before in any_load_balancer(), after in any_load_balancer()) {
        let found = deployed(&before, 1, of_others());
        prop_assert_eq!(plan(&wanted(&before, 1, &found), &found), []);
        let found = deployed(&after, 2, found);
        prop_assert_eq!(plan(&wanted(&after, 2, &found), &found), []);
    }

    #[test]
    fn what_is_of_others_stays_as_it_is(before in any_load_balancer(), after in any_load_balancer()) {
        let others = of_others();
        let mut found = deployed(&after, 2, deployed(&before, 1, others.clone()));
        let gone = Wanted { owner: names::owner(ID), ..Wanted::default() };
        found = applied(found.clone(), &plan(&gone, &found));
        prop_assert_eq!(found, others);
    }

    #[test]
    fn a_deploy_that_was_cut_short_is_finished_by_the_next(
        before in any_load_balancer(), after in any_load_balancer(), cut in 0_usize..20
    ) {
        let found = deployed(&before, 1, of_others());
        let steps = plan(&wanted(&after, 2, &found), &found);
        let halfway = applied(found, &steps[..cut.min(steps.len())]);
        let found = deployed(&after, 2, halfway);
        prop_assert_eq!(plan(&wanted(&after, 2, &found), &found), []);
    }
}

#[test]
fn the_marker_says_the_generation_only_when_all_is_done() {
    let steps = plan(&wanted(&load_balancer(Protocol::Http), 3, &Objects::new()), &Objects::new());
    let marker = Key::top(Kind::Monitor, names::marker(&names::owner(ID)));
    assert_eq!(steps.first().map(Step::key), Some(&marker));
    assert!(steps.last().is_some_and(|step| step.key() == &marker && step.is_completion()));
    let halfway = applied(Objects::new(), &steps[..steps.len() - 1]);
    assert_eq!(Marker::all(&halfway), [Marker { id: ID.into(), generation: 0 }]);
}

#[test]
fn another_address_makes_the_virtual_server_anew_and_another_limit_does_not() {
    let mut asked = load_balancer(Protocol::Http);
    let found = deployed(&asked, 1, Objects::new());
    asked.listeners[0].connection_limit = 10;
    let kinds = |steps: Vec<Step>| steps.iter().map(|step| step.key().kind).collect::<Vec<_>>();
    assert_eq!(kinds(plan(&wanted(&asked, 1, &found), &found)), [Kind::VirtualPort]);
    asked.vip.as_mut().unwrap().address = "192.0.2.11".into();
    let made_again = [Kind::VirtualServer, Kind::VirtualServer, Kind::VirtualPort];
    assert_eq!(kinds(plan(&wanted(&asked, 1, &found), &found)), made_again);
}
