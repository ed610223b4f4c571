//! Every load balancer of a few listeners and pools, for every driver.

use ballast_abi::{KnownHealth, MemberHealth, Vip};
use proptest::{collection::vec, option, prelude::*, sample::subsequence};

use super::*;

fn listener((number, pool): (usize, Option<usize>)) -> Listener {
    let default_pool_id = pool.map(|pool| format!("pool-{pool}")).unwrap_or_default();
    Listener {
        id: format!("listener-{number}"),
        protocol: Protocol::Http.into(),
        protocol_port: 80,
        default_pool_id,
        ..Listener::default()
    }
}

fn pool(number: usize) -> Pool {
    Pool {
        id: format!("pool-{number}"),
        protocol: Protocol::Http.into(),
        lb_method: LbMethod::RoundRobin.into(),
        ..Pool::default()
    }
}

/// By the pools that its listeners name, and the number of its pools.
fn load_balancer(vip: bool, listeners: &[Option<usize>], pools: usize) -> LoadBalancer {
    let known = |number| MemberHealth { pool_id: format!("pool-{number}"), ..MemberHealth::default() };
    let one = LoadBalancer {
        id: "lb-1".to_owned(),
        vip: vip.then(Vip::default),
        listeners: listeners.iter().copied().enumerate().map(listener).collect(),
        pools: (0..pools).map(pool).collect(),
        known_health: Some(KnownHealth { members: (0..pools).map(known).collect() }),
        ..LoadBalancer::default()
    };
    LoadBalancer { features: used_by(&one).into_iter().collect(), ..one }
}

fn first_minor() -> Capabilities {
    features::capabilities([features::PROTOCOL_HTTP, features::LB_METHOD_ROUND_ROBIN])
}

fn left_out(asked: &LoadBalancer, capabilities: &Capabilities) -> (LoadBalancer, Vec<String>) {
    let (fitted, faults) = fitted(asked.clone(), capabilities);
    (fitted, faults.into_iter().map(|fault| fault.object_id).collect())
}

#[test]
fn one_that_grows_keeps_what_it_had_and_each_new_object_has_its_fault() {
    let before = load_balancer(true, &[Some(0)], 1);
    assert_eq!(left_out(&before, &first_minor()), (before.clone(), Vec::new()));
    for (asked, faulty) in [
        (load_balancer(true, &[Some(0), Some(0)], 1), vec!["listener-1"]),
        (load_balancer(true, &[Some(0), Some(1)], 2), vec!["listener-1", "pool-1"]),
        (load_balancer(true, &[Some(0)], 2), vec!["pool-1"]),
        (load_balancer(true, &[Some(0), None], 1), vec!["listener-1"]),
    ] {
        assert_eq!(left_out(&asked, &first_minor()), (before.clone(), faulty.into_iter().map(str::to_owned).collect()));
    }
}

#[test]
fn the_pool_that_is_served_stays_whichever_it_is() {
    let (fitted, faulty) = left_out(&load_balancer(true, &[None, Some(1)], 2), &first_minor());
    let pools: Vec<&str> = fitted.pools.iter().map(|pool| pool.id.as_str()).collect();
    assert_eq!((pools, faulty), (vec!["pool-1"], vec!["listener-0".to_owned(), "pool-0".to_owned()]));
}

#[test]
fn what_is_deleted_is_served_no_more_though_the_driver_cannot_be_asked_for_nothing() {
    let (fitted, faulty) = left_out(&load_balancer(true, &[None], 0), &first_minor());
    assert_eq!(faulty, ["listener-0", "lb-1"]);
    assert_eq!((fitted.vip, fitted.listeners), (None, Vec::new()));
    let [pool] = fitted.pools.as_slice() else { panic!("{:?}", fitted.pools) };
    assert_eq!((pool.id.as_str(), pool.members.len()), ("lb-1", 0));
    let (fitted, faulty) = left_out(&load_balancer(true, &[], 1), &first_minor());
    assert_eq!((fitted.vip, faulty), (None, vec!["lb-1".to_owned()]));
}

proptest! {
    /// Whatever is asked, whatever the driver declares: it gets nothing else, and nothing is left out in silence.
    #[test]
    fn no_driver_gets_a_shape_that_it_did_not_declare(
        vip in any::<bool>(),
        listeners in vec(option::of(0_usize..4), 0..4),
        pools in 0_usize..4,
        shapes in subsequence(SHAPES.to_vec(), 0..=SHAPES.len()),
    ) {
        let asked = load_balancer(vip, &listeners, pools);
        let mut capabilities = first_minor();
        capabilities.features.extend(shapes.into_iter().map(str::to_owned));
        let (fitted, faulty) = left_out(&asked, &capabilities);
        prop_assert_eq!(features::check(&fitted, &capabilities), Ok(()));
        prop_assert_eq!(faulty.is_empty(), fitted == asked);
        let whole = faulty.contains(&asked.id);
        for id in asked.listeners.iter().map(|one| &one.id).filter(|id| fitted.listeners.iter().all(|one| one.id != **id)) {
            prop_assert!(whole || faulty.contains(id), "{} is left out: {:?}", id, faulty);
        }
        for id in asked.pools.iter().map(|one| &one.id).filter(|id| fitted.pools.iter().all(|one| one.id != **id)) {
            prop_assert!(whole || faulty.contains(id), "{} is left out: {:?}", id, faulty);
        }
        let mut once = faulty.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), faulty.len(), "two faults of one object: {:?}", faulty);
        // Twice is as good as once.
        prop_assert_eq!(left_out(&fitted, &capabilities), (fitted.clone(), Vec::new()));
    }
}
