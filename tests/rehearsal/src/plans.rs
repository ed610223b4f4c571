//! Plans against a model of the device: pure, without a simulator.

use ballast_abi::{Connections, Effect, LoadBalancer, Protocol};
use ballast_device::{Key, Kind as _, Known, Marker, Objects, Step, Vendor, Wanted, desired, foreseen, names, plan};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    Played,
    samples::{ID, another, any_load_balancer, load_balancer, member},
};

type Kind<P> = <<P as Played>::Vendor as Vendor>::Kind;
type Found<P> = Objects<Kind<P>>;

/// What a device does with these steps.
#[must_use]
pub fn applied<K: ballast_device::Kind>(mut found: Objects<K>, steps: &[Step<K>]) -> Objects<K> {
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
                        continue;
                    }
                    for set in key.kind.exclusive().iter().filter(|set| set.contains(&name.as_str())) {
                        object.retain(|rival, _| rival == name || !set.contains(&rival.as_str()));
                    }
                    object.insert(name.clone(), value.clone());
                }
            }
            Step::Remove(key, _) => {
                assert!(found.remove(key).is_some(), "removed while absent: {key:?}");
                found.retain(|other, _| !key.has(other));
            }
        }
    }
    found
}

/// What is wanted where this is found.
#[must_use]
pub fn wanted<V: Vendor>(asked: &LoadBalancer, generation: u64, found: &Objects<V::Kind>) -> Wanted<V::Kind> {
    desired::<V>(asked, generation, (&V::Options::default(), &Known::default()), found).unwrap().wanted
}

/// The steps to it.
#[must_use]
pub fn steps<V: Vendor>(asked: &LoadBalancer, generation: u64, found: &Objects<V::Kind>) -> Vec<Step<V::Kind>> {
    plan(&wanted::<V>(asked, generation, found), found)
}

#[must_use]
pub fn deployed<V: Vendor>(asked: &LoadBalancer, generation: u64, found: Objects<V::Kind>) -> Objects<V::Kind> {
    let steps = steps::<V>(asked, generation, &found);
    applied(found, &steps)
}

/// Of an administrator, and of another load balancer that shares a server.
fn of_others<P: Played>() -> Found<P> {
    let mut other = another("other", "demo");
    other.pools[0].members = vec![member(1)];
    deployed::<P::Vendor>(&other, 7, P::of_an_administrator())
}

fn run<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    TestRunner::default().run(strategy, test).unwrap();
}

pub fn planning_twice_is_planning_nothing<P: Played>() {
    run(&(any_load_balancer(), any_load_balancer()), |(before, after)| {
        let found = deployed::<P::Vendor>(&before, 1, of_others::<P>());
        prop_assert_eq!(steps::<P::Vendor>(&before, 1, &found), []);
        let found = deployed::<P::Vendor>(&after, 2, found);
        prop_assert_eq!(steps::<P::Vendor>(&after, 2, &found), []);
        Ok(())
    });
}

pub fn what_is_of_others_stays_as_it_is<P: Played>() {
    run(&(any_load_balancer(), any_load_balancer()), |(before, after)| {
        let others = of_others::<P>();
        let found = deployed::<P::Vendor>(&before, 1, others.clone());
        let found = deployed::<P::Vendor>(&after, 2, found);
        let gone = plan(&Wanted::nothing(names::owner(ID)), &found);
        prop_assert_eq!(applied(found, &gone), others);
        Ok(())
    });
}

pub fn a_deploy_that_was_cut_short_is_finished_by_the_next<P: Played>() {
    run(&(any_load_balancer(), any_load_balancer(), 0_usize..20), |(before, after, cut)| {
        let found = deployed::<P::Vendor>(&before, 1, of_others::<P>());
        let steps_of = steps::<P::Vendor>(&after, 2, &found);
        let halfway = applied(found, &steps_of[..cut.min(steps_of.len())]);
        let found = deployed::<P::Vendor>(&after, 2, halfway);
        prop_assert_eq!(steps::<P::Vendor>(&after, 2, &found), []);
        Ok(())
    });
}

pub fn what_is_foreseen_is_what_the_plan_does<P: Played>() {
    run(&(any_load_balancer(), any_load_balancer()), |(before, after)| {
        let others = of_others::<P>();
        let foresee =
            |asked, generation, found: &Found<P>| foreseen(&wanted::<P::Vendor>(asked, generation, found), found);
        let first = foresee(&before, 1, &others);
        prop_assert_eq!((first.effect(), first.connections()), (Effect::Restart, Connections::Kept));
        let found = deployed::<P::Vendor>(&before, 1, others);
        let said = foresee(&after, 2, &found);
        let then = deployed::<P::Vendor>(&after, 2, found.clone());
        let without_marker = |objects: &Found<P>| {
            let mut objects = objects.clone();
            objects
                .retain(|key, _| key.kind != <Kind<P> as ballast_device::Kind>::MARKER || !names::is_marker(&key.name));
            objects
        };
        let (old, new) = (without_marker(&found), without_marker(&then));
        prop_assert_eq!(said.effect(), if old == new { Effect::None } else { Effect::Runtime });
        let gone = old.keys().any(|key| key.kind.is_front() && !new.contains_key(key));
        prop_assert!(!gone || said.connections() == Connections::Cut);
        let again = foresee(&after, 2, &then);
        prop_assert_eq!((again.effect(), again.connections(), again.steps.len()), (Effect::None, Connections::Kept, 0));
        prop_assert_eq!(again.configuration, said.configuration);
        Ok(())
    });
}

pub fn the_marker_says_the_generation_only_when_all_is_done<P: Played>() {
    let steps = steps::<P::Vendor>(&load_balancer(Protocol::Http), 3, &Objects::new());
    let marker: Key<Kind<P>> = Key::top(<Kind<P> as ballast_device::Kind>::MARKER, names::marker(&names::owner(ID)));
    assert_eq!(steps.first().map(Step::key), Some(&marker));
    assert!(steps.last().is_some_and(|step| step.key() == &marker && step.is_completion()));
    let halfway = applied(Objects::new(), &steps[..steps.len() - 1]);
    assert_eq!(Marker::all(&halfway), [Marker { id: ID.into(), generation: 0 }]);
}
