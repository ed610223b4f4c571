//! When objects were made and changed: what differs from the state before gets its time.

use super::LoadBalancer;
use crate::{
    ids::ObjectId,
    l7::{L7Policy, L7Rule},
    labels::Labels,
    listener::Listener,
    member::Member,
    parts::Parts,
    pool::Pool,
    time::Timestamp,
};

impl LoadBalancer {
    /// The load balancer with the times of everything that differs from `before`; none: it is new.
    #[must_use]
    pub fn stamped(mut self, before: Option<&Self>, now: Timestamp) -> Self {
        if before.is_some_and(|before| *before == self) {
            return self;
        }
        stamp(&mut self.labels, before.is_some(), now);
        stamp_all(&mut self.listeners, before.map(|one| &one.listeners), now);
        stamp_all(&mut self.pools, before.map(|one| &one.pools), now);
        self
    }
}

fn stamp(labels: &mut Labels, was_there: bool, now: Timestamp) {
    if was_there {
        labels.updated_at = Some(now);
    } else {
        *labels = Labels { tags: std::mem::take(&mut labels.tags), created_at: now, updated_at: None };
    }
}

/// An object, and what is in it.
trait Stamped: Clone + PartialEq {
    fn id(&self) -> ObjectId;

    fn labels(&mut self) -> &mut Labels;

    fn stamp_parts(&mut self, _before: Option<&Self>, _now: Timestamp) {}
}

/// Parts that are the same as before are not looked at one by one.
fn stamp_all<T: Stamped>(parts: &mut Parts<T>, before: Option<&Parts<T>>, now: Timestamp) {
    if before.is_some_and(|before| before.is_same(parts)) || parts.is_empty() {
        return;
    }
    let old = before.map_or(&[][..], |parts| parts.as_slice());
    for (at, part) in parts.iter_mut().enumerate() {
        let same_place = old.get(at).filter(|one| one.id() == part.id());
        let known = same_place.or_else(|| old.iter().find(|one| one.id() == part.id()));
        if known.is_some_and(|known| *known == *part) {
            continue;
        }
        // What comes from another load balancer was made when it was.
        let was_there = known.is_some() || part.labels().created_at != Timestamp::default();
        stamp(part.labels(), was_there, now);
        part.stamp_parts(known, now);
    }
}

impl Stamped for Listener {
    fn id(&self) -> ObjectId {
        self.id.into()
    }

    fn labels(&mut self) -> &mut Labels {
        &mut self.labels
    }

    fn stamp_parts(&mut self, before: Option<&Self>, now: Timestamp) {
        stamp_all(&mut self.policies, before.map(|one| &one.policies), now);
    }
}

impl Stamped for L7Policy {
    fn id(&self) -> ObjectId {
        self.id.into()
    }

    fn labels(&mut self) -> &mut Labels {
        &mut self.labels
    }

    fn stamp_parts(&mut self, before: Option<&Self>, now: Timestamp) {
        stamp_all(&mut self.rules, before.map(|one| &one.rules), now);
    }
}

impl Stamped for L7Rule {
    fn id(&self) -> ObjectId {
        self.id.into()
    }

    fn labels(&mut self) -> &mut Labels {
        &mut self.labels
    }
}

impl Stamped for Pool {
    fn id(&self) -> ObjectId {
        self.id.into()
    }

    fn labels(&mut self) -> &mut Labels {
        &mut self.labels
    }

    fn stamp_parts(&mut self, before: Option<&Self>, now: Timestamp) {
        stamp_all(&mut self.members, before.map(|one| &one.members), now);
        let Some(before) = before.filter(|before| !before.monitors.is_same(&self.monitors)) else { return };
        for association in self.monitors.iter_mut() {
            let known = before.monitors.iter().find(|known| known.monitor.id == association.monitor.id);
            if known.is_some_and(|known| known.progress != association.progress) {
                association.monitor.labels.updated_at = Some(now);
            }
        }
    }
}

impl Stamped for Member {
    fn id(&self) -> ObjectId {
        self.id.into()
    }

    fn labels(&mut self) -> &mut Labels {
        &mut self.labels
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{load_balancer, member};
    use super::*;

    #[test]
    fn what_is_new_or_differs_gets_its_time_and_nothing_else() {
        let made = load_balancer().stamped(None, Timestamp(5));
        assert_eq!((made.labels.created_at, made.labels.updated_at), (Timestamp(5), None));
        let pool_id = made.pools[0].id;
        let one = made.clone().add_member(pool_id, member(2)).unwrap().stamped(Some(&made), Timestamp(6));
        assert_eq!(one.pools[0].members[0].labels.created_at, Timestamp(6));
        assert_eq!(one.labels.updated_at, Some(Timestamp(6)));
        let two = one.clone().add_member(pool_id, member(3)).unwrap().stamped(Some(&one), Timestamp(7));
        assert_eq!(two.pools[0].members[0].labels, one.pools[0].members[0].labels);
        assert_eq!(two.pools[0].members[1].labels.created_at, Timestamp(7));
        assert_eq!(two.clone().stamped(Some(&two), Timestamp(8)), two);
    }
}
