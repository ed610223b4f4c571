//! What the thread is told: which members there are now. What is known of those that stay is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    time::Instant,
};

use super::{Group, Runner, Slot};
use crate::prober::{Probe, judge::Judge, service::Order};

impl Runner {
    pub(super) fn take_orders(&mut self) {
        for order in self.shared.orders() {
            match order {
                Order::Set { id, namespace, probes } => self.set(&id, namespace, probes),
                Order::Remove(id) => self.remove(&id),
                Order::Close => self.closed = true,
            }
        }
    }

    fn set(&mut self, id: &str, namespace: File, probes: BTreeMap<String, Probe>) {
        let now = Instant::now();
        let before = self.groups.remove(id).map(|group| group.slots).unwrap_or_default();
        let mut slots = BTreeMap::new();
        let mut kept = BTreeSet::new();
        for (key, probe) in probes {
            let same = |slot: &&Slot| slot.probe.is_about_the_same(&probe);
            let known = before.get(&key).filter(|number| self.slots.get(number).filter(same).is_some());
            let number = match known {
                Some(number) => {
                    kept.insert(*number);
                    self.go_on(*number, probe, now);
                    *number
                }
                None => self.add(id, &key, probe),
            };
            slots.insert(key, number);
        }
        before.into_values().filter(|number| !kept.contains(number)).for_each(|number| self.forget(number));
        self.groups.insert(id.to_owned(), Group { namespace, slots });
    }

    fn add(&mut self, id: &str, key: &str, probe: Probe) -> u64 {
        self.last += 1;
        let judge = Judge::new(&probe, Instant::now());
        self.timers.insert((judge.next(), self.last));
        self.slots.insert(self.last, Slot { id: id.to_owned(), key: key.to_owned(), probe, judge, attempt: None });
        self.last
    }

    /// A socket of the namespace that was is of no use.
    fn go_on(&mut self, number: u64, probe: Probe, now: Instant) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        self.timers.remove(&(slot.judge.next(), number));
        slot.judge.go_on(probe.timing, now);
        (slot.probe, slot.attempt) = (probe, None);
        self.timers.insert((slot.judge.next(), number));
        self.open.remove(&number);
    }

    fn remove(&mut self, id: &str) {
        let slots = self.groups.remove(id).map(|group| group.slots).unwrap_or_default();
        slots.into_values().for_each(|number| self.forget(number));
    }

    fn forget(&mut self, number: u64) {
        if let Some(slot) = self.slots.remove(&number) {
            self.timers.remove(&(slot.judge.next(), number));
            self.open.remove(&number);
        }
    }
}
