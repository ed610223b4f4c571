//! The agent's side: it starts a warden when there is something to watch, and tells it what that is.

mod link;

use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    time::Duration,
};

use ballast_metrics::Counter;
use ballast_service::telemetry::Log;
use tokio::{
    sync::{mpsc, oneshot},
    time::{self, Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use self::link::Link;
use super::{Conflict, Said, Standing, Told, Watched};
use crate::lease::Lease;

/// How often what is to be watched is compared with what was told.
const PERIOD: Duration = Duration::from_secs(1);
/// How long is waited for what is about to be taken away to be closed. After it, it only takes longer.
const CLOSED: Duration = Duration::from_millis(300);
/// How soon a warden that could not be reached is looked for again.
const AGAIN: Duration = Duration::from_secs(5);

/// Where it is, and how it is started.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) program: PathBuf,
    pub(crate) state_dir: PathBuf,
    pub(crate) log: Log,
}

enum Order {
    Forget { id: String, closed: oneshot::Sender<()> },
    Plugged { id: String },
    Compare,
}

/// The way to the warden. Clones are the same.
#[derive(Clone)]
pub(crate) struct Warden {
    orders: mpsc::UnboundedSender<Order>,
    pub(crate) lease: Lease,
    pub(crate) counted: Counted,
}

/// Conflicts about addresses since the agent's start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) defended: Counter,
    pub(crate) withdrawn: Counter,
}

/// What [`keep`] reads.
pub(crate) struct Orders(mpsc::UnboundedReceiver<Order>);

impl Warden {
    pub(crate) fn new() -> (Self, Orders) {
        let (orders, read) = mpsc::unbounded_channel();
        (Self { orders, lease: Lease::default(), counted: Counted::default() }, Orders(read))
    }

    /// To be called before it is taken away: until then the warden has something open in its namespace.
    pub(crate) async fn forget(&self, id: &str) {
        let (closed, told) = oneshot::channel();
        if self.orders.send(Order::Forget { id: id.to_owned(), closed }).is_ok() {
            let _ = time::timeout(CLOSED, told).await;
        }
    }

    /// What is to be watched has changed, and is not to wait.
    pub(crate) fn compare(&self) {
        let _ = self.orders.send(Order::Compare);
    }

    /// It was deployed: what was let go of is there again.
    pub(crate) fn plugged(&self, id: &str) {
        let _ = self.orders.send(Order::Plugged { id: id.to_owned() });
    }
}

/// What is to be watched.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) here: Vec<Watched>,
    /// What is to be taken away, and is there still.
    pub(crate) leaving: HashSet<String>,
}

/// What is watched, and whom the warden's words are for.
pub(crate) trait Agent: Send + Sync {
    fn wanted(&self) -> Wanted;
    fn conflict(&self, conflict: &Conflict);
    /// Of one of two sides.
    fn standing(&self, standing: &Standing);
    /// Which session is open; none: 0. What was let go of is said again in each.
    fn session(&self) -> u64;
}

struct Keeper<A> {
    place: Place,
    warden: Warden,
    agent: A,
    link: Option<Link>,
    /// A warden that could not be reached is looked for again then.
    again: Instant,
    complained: bool,
    closing: HashMap<String, Vec<oneshot::Sender<()>>>,
    lost: HashMap<String, Conflict>,
    standings: HashMap<String, Standing>,
    session: u64,
}

/// Keeps a warden as long as there is something to watch, until the agent stops. The warden goes on then.
pub(crate) async fn keep(place: Place, warden: Warden, mut orders: Orders, agent: impl Agent, stop: CancellationToken) {
    let mut keeper = Keeper {
        place,
        warden,
        agent,
        link: None,
        again: Instant::now(),
        complained: false,
        closing: HashMap::new(),
        lost: HashMap::new(),
        standings: HashMap::new(),
        session: 0,
    };
    let mut ticks = time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            order = orders.0.recv() => match order {
                Some(order) => keeper.obey(order).await,
                None => return,
            },
            said = said(&mut keeper.link) => keeper.hear(said),
            _ = ticks.tick() => keeper.compare().await,
        }
    }
}

/// For ever without a warden.
async fn said(link: &mut Option<Link>) -> io::Result<Said> {
    match link {
        Some(link) => link.said().await,
        None => std::future::pending().await,
    }
}

impl<A: Agent> Keeper<A> {
    async fn obey(&mut self, order: Order) {
        match order {
            Order::Forget { id, closed } => {
                self.lost.remove(&id);
                self.standings.remove(&id);
                let watched = self.link.as_mut().is_some_and(|link| link.told.remove(&id).is_some());
                if watched {
                    self.closing.entry(id.clone()).or_default().push(closed);
                    self.tell(&Told::Forget { id }).await;
                }
            }
            Order::Plugged { id } => {
                self.lost.remove(&id);
                if self.link.as_ref().is_some_and(|link| link.told.contains_key(&id)) {
                    self.tell(&Told::Plugged { id }).await;
                }
            }
            Order::Compare => self.compare().await,
        }
    }

    fn hear(&mut self, said: io::Result<Said>) {
        match said {
            Ok(Said::Forgot { id }) => {
                for closed in self.closing.remove(&id).unwrap_or_default() {
                    let _ = closed.send(());
                }
            }
            Ok(Said::Conflict(conflict)) => {
                let counted = &self.warden.counted;
                if !conflict.withdrawn {
                    counted.defended.inc();
                } else if self.lost.insert(conflict.id.clone(), conflict.clone()).is_none() {
                    counted.withdrawn.inc();
                }
                self.agent.conflict(&conflict);
            }
            Ok(Said::Standing(standing)) => {
                self.agent.standing(&standing);
                self.standings.insert(standing.id.clone(), standing);
            }
            Ok(Said::Here { .. }) => {}
            Err(error) => self.part(&format!("it is gone: {error}")),
        }
    }

    /// Tells the warden what is to be watched and was not told, and makes one when there is none.
    async fn compare(&mut self) {
        let session = self.agent.session();
        if std::mem::replace(&mut self.session, session) != session {
            self.lost.values().for_each(|conflict| self.agent.conflict(conflict));
            self.standings.values().for_each(|standing| self.agent.standing(standing));
        }
        let Wanted { here, leaving } = self.agent.wanted();
        if self.link.is_none() && !self.open(&here).await {
            return;
        }
        let lease = self.warden.lease.until();
        let Some(link) = &mut self.link else { return };
        let mut news = Vec::new();
        if std::mem::replace(&mut link.lease, lease) != lease {
            news.push(Told::Lease { until: lease });
        }
        let named: HashSet<&String> = here.iter().map(|watched| &watched.id).collect();
        let unnamed = link.told.values().filter(|told| !named.contains(&told.id));
        for told in unnamed.cloned().collect::<Vec<_>>() {
            if !leaving.contains(&told.id) {
                self.lost.remove(&told.id);
                self.standings.remove(&told.id);
                link.told.remove(&told.id);
                news.push(Told::Forget { id: told.id });
            } else if !told.leaving {
                let watched = Watched { leaving: true, ..told };
                link.told.insert(watched.id.clone(), watched.clone());
                news.push(Told::Watch(watched));
            }
        }
        for watched in here {
            if link.told.get(&watched.id) != Some(&watched) {
                link.told.insert(watched.id.clone(), watched.clone());
                news.push(Told::Watch(watched));
            }
        }
        for told in news {
            self.tell(&told).await;
        }
    }

    async fn tell(&mut self, told: &Told) {
        let Some(link) = &mut self.link else { return };
        if let Err(error) = link.tell(told).await {
            self.part(&format!("it does not read what it is told: {error}"));
        }
    }

    fn part(&mut self, why: &str) {
        self.link = None;
        self.closing.clear();
        self.again = Instant::now() + AGAIN;
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!("nobody watches who else has the addresses of this host: {why}; it is tried again");
        }
    }

    /// Meets the warden that is there, or makes one; whether there is one then.
    async fn open(&mut self, wanted: &[Watched]) -> bool {
        let left = self.place.state_dir.join("warden.sock").exists();
        if Instant::now() < self.again || (wanted.is_empty() && !left) {
            return false;
        }
        match self.place.meet(wanted, self.warden.lease.until()).await {
            Ok(link) => {
                (self.link, self.complained) = (link, false);
                self.link.is_some()
            }
            Err(error) => {
                self.part(&error.to_string());
                false
            }
        }
    }
}
