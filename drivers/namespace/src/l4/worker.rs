//! The thread that takes what the prober finds out to the rules, without a deploy. Each change is a pass under the lock of its
//! load balancer: where a deploy is under way it comes after that.

use std::{
    collections::{BTreeSet, HashMap},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use ballast_l4::netlink::Netfilter;
use ballast_netns::{
    locks::hold_now,
    namespace::{self, Look},
};

use super::{
    kept::Kept,
    loads, rules,
    seen::Seen,
    watch::{Place, Watch},
};
use crate::{
    failure::{Failure, chain},
    files::Files,
};

/// What the thread is told.
pub(super) enum Order {
    /// Something is known now of this load balancer that was not before.
    Changed(String),
    Close,
}

/// Between two looks at how loaded members are.
const SAMPLE: Duration = Duration::from_secs(1);
/// One that is being changed is tried again.
const BUSY: Duration = Duration::from_millis(20);
/// Nothing is to be done until there is an order.
const IDLE: Duration = Duration::from_secs(60);

pub(super) struct Worker {
    watch: Watch,
    place: Place,
    orders: Receiver<Order>,
    pending: BTreeSet<String>,
    sampled: Instant,
}

impl Worker {
    pub(super) fn new(watch: Watch, place: Place, orders: Receiver<Order>) -> Self {
        Self { watch, place, orders, pending: BTreeSet::new(), sampled: Instant::now() }
    }

    pub(super) fn run(&mut self) {
        while self.take_orders() {
            if self.sampled.elapsed() >= SAMPLE {
                for id in self.watch.shared.sampled() {
                    if self.sample(&id) {
                        self.pending.insert(id);
                    }
                }
                self.sampled = Instant::now();
            }
            for id in std::mem::take(&mut self.pending) {
                if !self.change(&id) {
                    self.pending.insert(id);
                }
            }
        }
    }

    /// Whether it goes on.
    fn take_orders(&mut self) -> bool {
        let wait = if !self.pending.is_empty() {
            BUSY
        } else if self.watch.shared.sampled().is_empty() {
            IDLE
        } else {
            SAMPLE
        };
        let mut next = self.orders.recv_timeout(wait);
        loop {
            match next {
                Ok(Order::Changed(id)) => self.pending.insert(id),
                Ok(Order::Close) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => return true,
            };
            next = self.orders.recv_timeout(Duration::ZERO);
        }
    }

    /// Whether it is done; it is not while somebody else changes it.
    fn change(&self, id: &str) -> bool {
        *self.watch.shared.changing() = Some(id.to_owned());
        let done = self.change_now(id);
        *self.watch.shared.changing() = None;
        done
    }

    fn change_now(&self, id: &str) -> bool {
        let lock = self.place.locks.of(id);
        let Some(_guard) = hold_now(&lock) else { return false };
        if let Err(failure) = self.pass(id) {
            tracing::warn!(load_balancer = %id, "its rules are not as its members are: {}", chain(&failure));
        }
        true
    }

    fn pass(&self, id: &str) -> Result<(), Failure> {
        let files = Files::of(&self.place.state_dir, id);
        let Some(kept) = Kept::read(&files)? else { return Ok(()) };
        let Some(asked) = kept.asked.clone() else { return Ok(()) };
        let Look::Present(file) = namespace::look(&namespace::path(&self.place.netns_dir, id))? else { return Ok(()) };
        let knowledge = self.watch.knowledge(id, &asked, &kept, Some(&HashMap::new()));
        for ((pool, member), up) in kept.news(&knowledge) {
            tracing::info!(load_balancer = %id, pool, member, "checked: it is {}", if up { "up" } else { "down" });
        }
        let service = asked.service(&knowledge);
        let watch = &self.watch;
        namespace::on_own_thread("rules", || {
            namespace::enter(&file)?;
            let seen = Seen::find(Some(kept))?;
            // One that somebody has taken away is the next deploy's to make: nobody knows why.
            if !seen.has_table() || seen.runs(&asked, Some(&service)) {
                return Ok(());
            }
            let glance = watch.counters(id);
            rules::apply(&files, &asked, &knowledge, Some(&glance))?;
            tracing::debug!(load_balancer = %id, "its rules are as its members are now");
            Ok(())
        })?
    }

    /// Whether shares or gates have changed.
    fn sample(&self, id: &str) -> bool {
        let shared = &self.watch.shared;
        let look = || -> Result<bool, Failure> {
            let files = Files::of(&self.place.state_dir, id);
            let Some(kept) = Kept::read(&files)? else { return Ok(false) };
            let Some(asked) = &kept.asked else { return Ok(false) };
            let path = namespace::path(&self.place.netns_dir, id);
            let Look::Present(file) = namespace::look(&path)? else { return Ok(false) };
            let active = namespace::on_own_thread("flows", || {
                namespace::enter(&file)?;
                shared.active(id, &mut Netfilter::open()?)
            })??;
            Ok(shared.reckon(id, &active, |exact| loads::sample(asked, &kept.numbers, &active.flows, exact)))
        };
        look().unwrap_or_else(|failure| {
            tracing::debug!(load_balancer = %id, "its flows are not counted: {}", chain(&failure));
            false
        })
    }
}
