//! What of forwarding outlives a pass: the prober, the thread that takes its verdicts to the rules
//! ([`worker`](super::worker)), and what was last seen of tables. Losing it costs a little accuracy.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use ballast_l4::{
    flows,
    mark::Mark,
    netlink::Netfilter,
    prober::{Prober, Verdict},
    statistics::Counters,
};
use ballast_netns::locks::{Locks, hold_now};

use super::{
    Forwarded, Key,
    kept::Kept,
    knowledge::{Knowledge, Sources},
    loads::{Exact, Loads},
    worker::{Order, Worker},
};
use crate::failure::{Failure, Step};

/// Flows are not listed again before.
const FRESH: Duration = Duration::from_millis(900);
/// Listing them walks the table of the whole host: it may take this part of the time, of all load balancers together.
const PART: u32 = 20;

/// Where load balancers are, and who changes them now.
#[derive(Clone)]
pub struct Place {
    pub state_dir: PathBuf,
    pub netns_dir: PathBuf,
    pub locks: Arc<Locks>,
}

/// How many flows each member had, and when.
#[derive(Clone)]
pub(super) struct Active {
    when: Instant,
    pub(super) flows: BTreeMap<Mark, u32>,
}

/// Of one load balancer.
#[derive(Default)]
struct Notes {
    counters: Counters,
    active: Option<Active>,
    /// When flows were listed of which the loads are.
    reckoned: Option<Instant>,
    loads: Loads,
    exact: Exact,
    wants_loads: bool,
}

#[derive(Default)]
pub(super) struct Shared {
    notes: Mutex<HashMap<String, Notes>>,
    /// Whose rules the worker changes now.
    changing: Mutex<Option<String>>,
    /// When flows may be listed again.
    gate: Mutex<Option<Instant>>,
}

/// Clones are the same.
#[derive(Clone)]
pub struct Watch {
    prober: Prober,
    orders: Sender<Order>,
    pub(super) shared: Arc<Shared>,
}

impl Watch {
    /// Starts its two threads, which end with [`Watch::close`].
    pub fn start(place: Place) -> Result<Self, Failure> {
        let (orders, received) = channel();
        let changed = orders.clone();
        let prober = Prober::start(move |id| {
            // Without the other thread there is nobody to tell.
            let _ = changed.send(Order::Changed(id.to_owned()));
        })?;
        let watch = Self { prober, orders, shared: Arc::default() };
        let mut worker = Worker::new(watch.clone(), place, received);
        let spawned = thread::Builder::new().name("rules".to_owned()).spawn(move || worker.run());
        spawned.step(|| "start a thread".to_owned())?;
        Ok(watch)
    }

    pub fn close(&self) {
        self.prober.close();
        let _ = self.orders.send(Order::Close);
    }

    /// What is known of members of what is asked for. `told`: by whoever asks.
    pub fn knowledge(&self, id: &str, asked: &Forwarded, kept: &Kept, told: Option<&HashMap<Key, bool>>) -> Knowledge {
        let verdicts = self.prober.verdicts(id);
        let loads = self.shared.notes().get(id).map(|notes| notes.loads.clone()).unwrap_or_default();
        Knowledge::of(asked, &Sources { kept, verdicts: &verdicts, told }, loads)
    }

    /// Checks these members from now on, in this namespace.
    pub fn set(&self, id: &str, namespace: File, asked: &Forwarded, knowledge: &Knowledge) {
        let probes = asked.probes(&knowledge.up);
        match probes.is_empty() {
            true => self.prober.remove(id),
            false => self.prober.set(id, namespace, probes),
        }
        self.shared.notes().entry(id.to_owned()).or_default().wants_loads = asked.wants_loads();
        // What has changed since these were asked for has been told of members that were not known then.
        let _ = self.orders.send(Order::Changed(id.to_owned()));
    }

    /// Lets go of the namespace.
    pub fn remove(&self, id: &str) {
        self.prober.remove(id);
        if let Some(notes) = self.shared.notes().get_mut(id) {
            notes.wants_loads = false;
        }
    }

    pub fn forget(&self, id: &str) {
        self.prober.remove(id);
        self.shared.notes().remove(id);
    }

    /// Whether its members are checked.
    pub fn has(&self, id: &str) -> bool {
        !self.prober.verdicts(id).is_empty()
    }

    pub fn verdicts(&self, id: &str) -> BTreeMap<String, Verdict> {
        self.prober.verdicts(id)
    }

    /// The lock of a load balancer, if it can be had now. The worker is waited for: it is no deploy, and soon done.
    pub fn hold<'a>(&self, id: &str, lock: &'a Mutex<()>) -> Option<MutexGuard<'a, ()>> {
        loop {
            if let Some(guard) = hold_now(lock) {
                return Some(guard);
            }
            // It lets go before it says so: where it has had it, the lock can be had now.
            if self.shared.changing().as_deref() != Some(id) {
                return hold_now(lock);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Counters as they were when somebody last looked.
    pub fn counters(&self, id: &str) -> Counters {
        self.shared.notes().get(id).map(|notes| notes.counters.clone()).unwrap_or_default()
    }

    pub(super) fn note_counters(&self, id: &str, counters: &Counters) {
        // Those of a table that is gone are all that is left of it.
        if !counters.is_empty() {
            self.shared.notes().entry(id.to_owned()).or_default().counters = counters.clone();
        }
    }
}

impl Shared {
    fn notes(&self) -> MutexGuard<'_, HashMap<String, Notes>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changing(&self) -> MutexGuard<'_, Option<String>> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those whose flows are to be counted again and again.
    pub(super) fn sampled(&self) -> Vec<String> {
        self.notes().iter().filter(|(_, notes)| notes.wants_loads).map(|(id, _)| id.clone()).collect()
    }

    /// The next loads; whether they differ from those before. The same flows are not reckoned with twice.
    pub(super) fn reckon(&self, id: &str, active: &Active, next: impl FnOnce(&mut Exact) -> Loads) -> bool {
        let mut all = self.notes();
        let Some(notes) = all.get_mut(id).filter(|notes| notes.reckoned != Some(active.when)) else { return false };
        notes.reckoned = Some(active.when);
        let loads = next(&mut notes.exact);
        let differ = loads != notes.loads;
        notes.loads = loads;
        differ
    }

    /// How many flows each member has, a moment ago. To be called by a thread in the namespace.
    pub(super) fn active(&self, id: &str, netfilter: &mut Netfilter) -> Result<Active, Failure> {
        let now = Instant::now();
        let before = self.notes().get(id).and_then(|notes| notes.active.clone());
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |when: Instant| now.saturating_duration_since(when) < FRESH;
        let closed = gate.is_some_and(|gate| now < gate);
        if let Some(active) = before.filter(|active| closed || is_fresh(active.when)) {
            return Ok(active);
        }
        let active = Active { when: now, flows: flows::active(netfilter)? };
        let took = now.elapsed();
        *gate = Some(now + took * PART);
        drop(gate);
        self.notes().entry(id.to_owned()).or_default().active = Some(active.clone());
        Ok(active)
    }
}
