//! The thread: it begins what is due, waits for all sockets at once, and says what it has found.
//!
//! It enters a namespace only to open sockets there, and goes home before it waits: a thread holds the namespace that it is
//! in.

mod orders;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    net::IpAddr,
    os::fd::AsFd as _,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CloneFlags, setns},
    sys::eventfd::EventFd,
};
use rustls::ClientConfig;

use super::{
    Check, Outcome, Probe, Reason,
    attempt::{Attempt, Found, Tools},
    judge::Judge,
    service::{Changed, Shared},
};

/// A host says "port unreachable" once a second; those that ask in between hear nothing, and take it for good.
const BETWEEN_DATAGRAMS: Duration = Duration::from_secs(1);
/// So many checks at once; the others wait for them a little. A process has not descriptors without end.
const MOST: usize = 512;
const A_LITTLE: Duration = Duration::from_millis(20);
/// Without anything to do it only waits for orders.
const IDLE: Duration = Duration::from_secs(60);

/// A load balancer.
struct Group {
    namespace: File,
    slots: BTreeMap<String, u64>,
}

/// A member.
struct Slot {
    id: String,
    key: String,
    probe: Probe,
    judge: Judge,
    attempt: Option<Attempt>,
}

pub(super) struct Runner {
    shared: Arc<Shared>,
    wake: Arc<EventFd>,
    home: File,
    tools: Tools,
    changed: Changed,
    groups: HashMap<String, Group>,
    slots: HashMap<u64, Slot>,
    last: u64,
    /// When each slot has something to do.
    timers: BTreeSet<(Instant, u64)>,
    /// Those with an attempt.
    open: BTreeSet<u64>,
    /// When a host was last sent a datagram.
    asked: HashMap<(String, IpAddr), Instant>,
    closed: bool,
}

impl Runner {
    pub(super) fn new(
        (shared, wake): (Arc<Shared>, Arc<EventFd>),
        home: File,
        tls: Arc<ClientConfig>,
        changed: Changed,
    ) -> Self {
        Self {
            shared,
            wake,
            home,
            tools: Tools { tls, count: 0 },
            changed,
            groups: HashMap::new(),
            slots: HashMap::new(),
            last: 0,
            timers: BTreeSet::new(),
            open: BTreeSet::new(),
            asked: HashMap::new(),
            closed: false,
        }
    }

    pub(super) fn run(&mut self) {
        loop {
            self.take_orders();
            if self.closed {
                return;
            }
            self.end_late(Instant::now());
            self.begin_due(Instant::now());
            for number in self.wait() {
                let found = self.slots.get_mut(&number).and_then(|slot| slot.attempt.as_mut()?.go_on());
                if let Some(found) = found {
                    self.end(number, found, Instant::now());
                }
            }
        }
    }

    /// Those whose time has come.
    fn ripe(&self, now: Instant) -> Vec<u64> {
        self.timers.iter().take_while(|(when, _)| *when <= now).map(|(_, number)| *number).collect()
    }

    fn end_late(&mut self, now: Instant) {
        for number in self.ripe(now) {
            let slot = self.slots.get(&number).filter(|slot| slot.judge.is_late(now));
            if let Some(found) = slot.and_then(|slot| slot.attempt.as_ref()).map(Attempt::silence) {
                self.end(number, found, now);
            }
        }
    }

    fn begin_due(&mut self, now: Instant) {
        self.asked.retain(|_, when| now.saturating_duration_since(*when) < BETWEEN_DATAGRAMS);
        let mut due: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for number in self.ripe(now) {
            if let Some(slot) = self.slots.get(&number).filter(|slot| slot.judge.is_due(now)) {
                due.entry(slot.id.clone()).or_default().push(number);
            }
        }
        if due.is_empty() {
            return;
        }
        for (id, numbers) in due {
            let entered = self.groups.get(&id).map(|group| setns(&group.namespace, CloneFlags::CLONE_NEWNET));
            for number in numbers {
                match entered {
                    Some(Ok(())) => self.begin(number, now),
                    Some(Err(errno)) => self.end(number, (Reason::NotTried, None, errno.to_string()), now),
                    None => {}
                }
            }
        }
        // It was there when the thread began, and this thread alone moves.
        let _ = setns(&self.home, CloneFlags::CLONE_NEWNET);
    }

    fn begin(&mut self, number: u64, now: Instant) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        self.timers.remove(&(slot.judge.next(), number));
        if self.open.len() >= MOST {
            slot.judge.postpone(now + A_LITTLE);
            self.timers.insert((slot.judge.next(), number));
            return;
        }
        let host = (slot.id.clone(), slot.probe.address.ip());
        if slot.probe.check == Check::UdpConnect {
            if let Some(when) = self.asked.get(&host) {
                slot.judge.postpone(*when + BETWEEN_DATAGRAMS);
                self.timers.insert((slot.judge.next(), number));
                return;
            }
            self.asked.insert(host, now);
        }
        slot.judge.begin(now);
        self.timers.insert((slot.judge.next(), number));
        match Attempt::begin(&slot.probe, &mut self.tools) {
            Ok(attempt) => {
                slot.attempt = Some(attempt);
                self.open.insert(number);
            }
            Err(found) => self.end(number, found, now),
        }
    }

    fn end(&mut self, number: u64, (reason, code, text): Found, now: Instant) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        self.timers.remove(&(slot.judge.next(), number));
        let milliseconds = slot.judge.milliseconds(now);
        let changed = slot.judge.end(Outcome { reason, code, text, milliseconds }, now);
        slot.attempt = None;
        self.timers.insert((slot.judge.next(), number));
        self.open.remove(&number);
        let told = self.shared.tell((&slot.id, &slot.key), &slot.probe, slot.judge.verdict());
        if changed && told {
            (self.changed)(&slot.id);
        }
    }

    /// Waits for a socket, an order, or until something is due. The sockets to which something has happened.
    fn wait(&self) -> Vec<u64> {
        let next = self.timers.first().map(|(when, _)| when.saturating_duration_since(Instant::now()));
        // Rounded up, or the last millisecond is spent spinning.
        let wait = next.unwrap_or(IDLE) + Duration::from_millis(1);
        let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        let attempts: Vec<(u64, &Attempt)> =
            self.open.iter().filter_map(|number| Some((*number, self.slots.get(number)?.attempt.as_ref()?))).collect();
        let mut watched: Vec<PollFd<'_>> =
            attempts.iter().map(|(_, attempt)| PollFd::new(attempt.fd(), attempt.wants())).collect();
        watched.push(PollFd::new(self.wake.as_fd(), PollFlags::POLLIN));
        // An interrupted wait only means another round.
        let _ = poll(&mut watched, wait);
        let happened = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
        let ready = attempts.iter().zip(&watched).filter(|(_, fd)| happened(fd));
        let ready = ready.map(|((number, _), _)| *number).collect();
        let _ = self.wake.read();
        ready
    }
}
