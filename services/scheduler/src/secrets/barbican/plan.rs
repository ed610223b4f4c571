//! What is to be registered and taken back, by what is named now and what was asked for. Pure.

use std::collections::{BTreeMap, BTreeSet};

use ballast_model::{ids::LoadBalancerId, time::Timestamp};
use ballast_store::{BarbicanConsumer, BarbicanGrant};

/// A write gives the right before it is committed, and takes no longer than this.
const UNDER_WAY: i64 = 600 * SECOND;
/// How long it is left alone what the service's own user could not take back.
const REFUSED: i64 = 86_400 * SECOND;
const SECOND: i64 = 1_000_000;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Unregister(BarbicanConsumer),
    Register(BarbicanConsumer),
    /// Nobody needs the right.
    TakeBack(String, String),
    /// It was not ours, or is needed by another reference.
    Forget(String, String),
}

/// What there is.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) named: BTreeSet<(String, LoadBalancerId)>,
    pub(super) consumers: BTreeSet<BarbicanConsumer>,
    pub(super) grants: Vec<BarbicanGrant>,
}

impl Seen {
    /// The right of this step.
    pub(super) fn grant(&self, reference: &str, entity: &str) -> Option<&BarbicanGrant> {
        self.grants.iter().find(|grant| grant.reference == reference && grant.entity == entity)
    }

    /// Consumers first: with the right that of taking them back is gone. `ended` is a reference of which it is known that
    /// nobody is about to name it.
    pub(super) fn plan(&self, now: Timestamp, ended: Option<&str>) -> Vec<Step> {
        let of_barbican: BTreeSet<&str> = self.grants.iter().map(|grant| grant.reference.as_str()).collect();
        let known: BTreeMap<_, _> =
            self.consumers.iter().map(|one| ((one.reference.as_str(), one.load_balancer_id), one.registered)).collect();
        let mut steps = Vec::new();
        for one in &self.consumers {
            if !self.named.contains(&(one.reference.clone(), one.load_balancer_id)) {
                steps.push(Step::Unregister(one.clone()));
            }
        }
        for (reference, load_balancer_id) in &self.named {
            let is_known = known.get(&(reference.as_str(), *load_balancer_id)).copied().unwrap_or_default();
            if of_barbican.contains(reference.as_str()) && !is_known {
                let (reference, load_balancer_id) = (reference.clone(), *load_balancer_id);
                steps.push(Step::Register(BarbicanConsumer { reference, load_balancer_id, registered: false }));
            }
        }
        steps.extend(self.grants.iter().filter_map(|grant| self.of_grant(grant, now, ended)));
        steps
    }

    fn is_needed(&self, grant: &BarbicanGrant, now: Timestamp, ended: Option<&str>) -> bool {
        let is_named = self.named.iter().any(|(named, _)| *named == grant.reference);
        let age = now.0.saturating_sub(grant.since.0);
        is_named || (age < UNDER_WAY && ended != Some(grant.reference.as_str()))
    }

    fn of_grant(&self, grant: &BarbicanGrant, now: Timestamp, ended: Option<&str>) -> Option<Step> {
        if self.is_needed(grant, now, ended) {
            return None;
        }
        let (reference, entity) = (grant.reference.clone(), grant.entity.clone());
        let mut others =
            self.grants.iter().filter(|one| one.entity == grant.entity && one.reference != grant.reference);
        if !grant.added || others.any(|one| self.is_needed(one, now, ended)) {
            return Some(Step::Forget(reference, entity));
        }
        let lately = grant.refused.is_some_and(|at| now.0.saturating_sub(at.0) < REFUSED);
        (!lately || ended.is_some()).then_some(Step::TakeBack(reference, entity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000 * SECOND);

    fn lb(number: u128) -> LoadBalancerId {
        LoadBalancerId::from_u128(number)
    }

    fn grant(reference: &str, entity: &str, age: i64) -> BarbicanGrant {
        BarbicanGrant {
            entity: entity.to_owned(),
            reference: reference.to_owned(),
            project_id: "p".to_owned(),
            added: true,
            since: Timestamp(NOW.0 - age * SECOND),
            refused: None,
        }
    }

    fn consumer(reference: &str, number: u128, registered: bool) -> BarbicanConsumer {
        BarbicanConsumer { reference: reference.to_owned(), load_balancer_id: lb(number), registered }
    }

    fn named(all: &[(&str, u128)]) -> BTreeSet<(String, LoadBalancerId)> {
        all.iter().map(|(reference, number)| ((*reference).to_owned(), lb(*number))).collect()
    }

    fn back(reference: &str, entity: &str) -> Step {
        Step::TakeBack(reference.to_owned(), entity.to_owned())
    }

    #[test]
    fn who_names_a_secret_is_registered_until_he_does_not_and_consumers_of_others_are_left_alone() {
        let mut seen = Seen {
            named: named(&[("a", 1), ("a", 2), ("own", 3)]),
            consumers: BTreeSet::from([consumer("a", 1, true), consumer("a", 2, false), consumer("a", 9, true)]),
            grants: vec![grant("a", "secrets/1", 1_000)],
        };
        let expected = [Step::Unregister(consumer("a", 9, true)), Step::Register(consumer("a", 2, false))];
        assert_eq!(seen.plan(NOW, None), expected);
        seen.consumers = BTreeSet::from([consumer("a", 1, true), consumer("a", 2, true)]);
        assert_eq!(seen.plan(NOW, None), [], "planning when all is done changes nothing");
    }

    #[test]
    fn a_right_is_taken_back_with_the_last_use_if_it_was_ours_and_no_write_is_under_way() {
        let mut seen =
            Seen { named: named(&[("a", 1)]), grants: vec![grant("a", "secrets/1", 1_000)], ..Seen::default() };
        seen.consumers.insert(consumer("a", 1, true));
        assert_eq!(seen.plan(NOW, None), []);
        seen.named.clear();
        assert_eq!(seen.plan(NOW, None)[1..], [back("a", "secrets/1")]);
        seen.consumers.clear();
        seen.grants[0] = grant("a", "secrets/1", 10);
        assert_eq!(seen.plan(NOW, None), [], "a write may be about to name it");
        assert_eq!(seen.plan(NOW, Some("a")), [back("a", "secrets/1")]);
        seen.grants[0].added = false;
        assert_eq!(seen.plan(NOW, Some("a")), [Step::Forget("a".to_owned(), "secrets/1".to_owned())]);
    }

    #[test]
    fn a_secret_of_two_containers_is_given_back_with_the_second() {
        let both = vec![grant("a", "secrets/1", 1_000), grant("b", "secrets/1", 1_000)];
        let mut seen = Seen { named: named(&[("b", 1)]), grants: both, ..Seen::default() };
        seen.consumers.insert(consumer("b", 1, true));
        assert_eq!(seen.plan(NOW, None), [Step::Forget("a".to_owned(), "secrets/1".to_owned())]);
        (seen.named, seen.consumers) = Default::default();
        assert_eq!(seen.plan(NOW, None), [back("a", "secrets/1"), back("b", "secrets/1")], "both at once");
        seen.grants.remove(0);
        (seen.named, seen.consumers) = Default::default();
        assert_eq!(seen.plan(NOW, None), [back("b", "secrets/1")]);
    }

    #[test]
    fn what_nobody_here_could_take_back_is_tried_again_in_a_day_or_when_somebody_can() {
        let mut seen = Seen { grants: vec![grant("a", "secrets/1", 1_000)], ..Seen::default() };
        seen.grants[0].refused = Some(Timestamp(NOW.0 - SECOND));
        assert_eq!(seen.plan(NOW, None), []);
        assert_eq!(seen.plan(NOW, Some("a")), [back("a", "secrets/1")]);
        seen.grants[0].refused = Some(Timestamp(NOW.0 - 90_000 * SECOND));
        assert_eq!(seen.plan(NOW, None), [back("a", "secrets/1")]);
    }
}
