//! The handle on the thread: what is to be probed goes in, verdicts come out.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::{Probe, Verdict, run::Runner, tls};
use crate::failure::{Failure, Step};

/// What is probed, and what is known of it.
pub(super) struct Watched {
    probe: Probe,
    verdict: Verdict,
}

/// Called with the load balancer of which a member has become up or down.
pub(super) type Changed = Box<dyn Fn(&str) + Send>;

/// What the thread is told.
pub(super) enum Order {
    Set { id: String, namespace: File, probes: BTreeMap<String, Probe> },
    Remove(String),
    Close,
}

#[derive(Default)]
pub(super) struct Shared {
    orders: Mutex<Vec<Order>>,
    /// Of load balancers, by their ids and the keys of their probes.
    watched: Mutex<HashMap<String, BTreeMap<String, Watched>>>,
}

impl Shared {
    pub(super) fn orders(&self) -> Vec<Order> {
        std::mem::take(&mut *self.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<String, Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether that is of interest: it is not, where it has become another probe or none meanwhile.
    pub(super) fn tell(&self, (id, key): (&str, &str), probe: &Probe, verdict: &Verdict) -> bool {
        let mut watched = self.watched();
        let wanted = watched.get_mut(id).and_then(|group| group.get_mut(key));
        let Some(wanted) = wanted.filter(|wanted| wanted.probe.is_about_the_same(probe)) else { return false };
        wanted.verdict = verdict.clone();
        true
    }
}

/// Probes members until it is closed. Clones are the same.
#[derive(Clone)]
pub struct Prober {
    shared: Arc<Shared>,
    wake: Arc<EventFd>,
}

impl Prober {
    /// Starts the thread, which ends with [`Prober::close`]. `changed` is called on it, with the id of the load balancer of
    /// which a member has become up or down, and must not take long.
    ///
    /// # Errors
    /// The system has no thread or descriptor left.
    pub fn start(changed: impl Fn(&str) + Send + 'static) -> Result<Self, Failure> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
        let wake = Arc::new(wake.step(|| "make an event for probes".to_owned())?);
        let shared = Arc::<Shared>::default();
        let tls = tls::config().map_err(io::Error::other).step(|| "prepare TLS for probes".to_owned())?;
        let home = File::open("/proc/thread-self/ns/net").step(|| "open the own network namespace".to_owned())?;
        let prober = Self { shared: Arc::clone(&shared), wake: Arc::clone(&wake) };
        let mut runner = Runner::new((shared, wake), home, tls, Box::new(changed));
        let spawned = thread::Builder::new().name("probe".to_owned()).spawn(move || runner.run());
        spawned.step(|| "start a thread for probes".to_owned())?;
        Ok(prober)
    }

    /// Probes these members of a load balancer from now on, each with a key of the caller's, in this namespace. What is
    /// known of one whose check and address are the same is kept; another begins with what the caller knows.
    pub fn set(&self, id: &str, namespace: File, probes: BTreeMap<String, Probe>) {
        let mut watched = self.shared.watched();
        let mut before = watched.remove(id).unwrap_or_default();
        let one = |(key, probe): (&String, &Probe)| {
            let known = before.remove(key).filter(|known| known.probe.is_about_the_same(probe));
            let fresh = || Verdict { up: probe.known, ..Verdict::default() };
            let verdict = known.map_or_else(fresh, |known| known.verdict);
            (key.clone(), Watched { probe: probe.clone(), verdict })
        };
        watched.insert(id.to_owned(), probes.iter().map(one).collect());
        drop(watched);
        self.order(Order::Set { id: id.to_owned(), namespace, probes });
    }

    /// Closes the sockets of a load balancer, soon: they hold its namespace.
    pub fn remove(&self, id: &str) {
        self.shared.watched().remove(id);
        self.order(Order::Remove(id.to_owned()));
    }

    /// What is known of its members now, by the callers' keys.
    #[must_use]
    pub fn verdicts(&self, id: &str) -> BTreeMap<String, Verdict> {
        let watched = self.shared.watched();
        let of = watched.get(id).into_iter().flatten();
        of.map(|(key, watched)| (key.clone(), watched.verdict.clone())).collect()
    }

    pub fn close(&self) {
        self.order(Order::Close);
    }

    fn order(&self, order: Order) {
        self.shared.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        // It fails only when the counter is full, and then the thread is awake anyway.
        let _ = self.wake.write(1);
    }
}
