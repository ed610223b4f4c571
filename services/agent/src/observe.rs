//! Asks drivers about health and traffic, and reports what has changed while a session is open.
//!
//! Health is asked for often and reported at once; statistics in the interval that the scheduler gave. A slow driver
//! delays no other, and nothing here delays a heartbeat. Who was seen and is not seen any more may have ended: what the
//! driver has deployed is looked at then, and not only when its time has come.

mod book;
mod sight;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use ballast_abi::ErrorCode;
use ballast_proto::{
    agent::{HealthReport, StatisticsReport, agent_message::Message},
    driver::{Fault, Observation},
};
pub(crate) use book::Running;

use book::Book;
use sight::Sight;
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    drivers::DriverSet,
    metrics::traffic::Traffic,
    uplink::{Opened, Uplink},
    workers::Workers,
};

/// Between two looks at health.
const PERIOD: Duration = Duration::from_secs(1);

/// Whom an observer asks, and whom it tells.
pub(crate) struct Ends {
    pub(crate) drivers: Arc<DriverSet>,
    pub(crate) workers: Workers,
    pub(crate) uplink: Uplink,
    /// Told when something that ran is not seen any more.
    pub(crate) lost: Arc<Notify>,
    pub(crate) traffic: Traffic,
}

impl Ends {
    pub(crate) fn new(
        drivers: &Arc<DriverSet>,
        workers: &Workers,
        uplink: Uplink,
        lost: &Arc<Notify>,
        traffic: Traffic,
    ) -> Self {
        Self { drivers: Arc::clone(drivers), workers: workers.clone(), uplink, lost: Arc::clone(lost), traffic }
    }
}

/// Observes until `stop`.
pub(crate) async fn run(ends: Ends, stop: CancellationToken) {
    let mut sessions = ends.uplink.sessions();
    let mut observer = Observer {
        ends,
        passes: JoinSet::new(),
        asking: HashSet::new(),
        session: None,
        book: Book::default(),
        sight: Sight::default(),
        counted: HashMap::new(),
        complained: HashSet::new(),
    };
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Ok(()) = sessions.changed() => {}
            _ = ticks.tick() => {}
            Some(Ok(pass)) = observer.passes.join_next() => {
                observer.apply(pass);
                continue;
            }
        }
        let session = *sessions.borrow_and_update();
        observer.enter(session);
        observer.ask_all();
    }
}

struct Pass {
    driver: String,
    /// Of the session for which it was asked, if one was open.
    session: Option<u64>,
    asked: Instant,
    answer: Result<Vec<Observation>, Fault>,
}

struct Observer {
    ends: Ends,
    passes: JoinSet<Pass>,
    asking: HashSet<String>,
    session: Option<Opened>,
    book: Book,
    sight: Sight,
    /// By driver: when its statistics were last reported.
    counted: HashMap<String, Instant>,
    /// Drivers that could not be observed when last asked: that is said once, and not every second.
    complained: HashSet<String>,
}

impl Observer {
    /// A new session has been told nothing.
    fn enter(&mut self, session: Option<Opened>) {
        if session != self.session {
            self.session = session;
            self.book = Book::default();
            self.counted.clear();
        }
    }

    fn ask_all(&mut self) {
        for driver in self.ends.drivers.starts().into_keys() {
            let Some(client) = self.ends.drivers.driver(&driver) else { continue };
            if self.asking.insert(driver.clone()) {
                let session = self.session.map(|opened| opened.number);
                self.passes.spawn(async move {
                    let asked = Instant::now();
                    Pass { answer: client.observe(Vec::new()).await, driver, session, asked }
                });
            }
        }
    }

    fn apply(&mut self, pass: Pass) {
        self.asking.remove(&pass.driver);
        let observations = match pass.answer {
            Ok(observations) => observations,
            Err(fault) => return self.complain(&pass.driver, &fault),
        };
        self.complained.remove(&pass.driver);
        self.ends.workers.reported(&pass.driver, &observations, pass.asked);
        let running = self.ends.workers.running(pass.asked);
        self.ends.traffic.note(&observations, &running, |id| self.ends.workers.order_of(id));
        if self.sight.lost(&pass.driver, &observations, &running) {
            self.ends.lost.notify_one();
        }
        let Some(opened) = self.session.filter(|opened| Some(opened.number) == pass.session) else { return };
        self.book.keep(&running);
        let report = self.book.health(&observations, &running);
        if report != HealthReport::default() {
            self.ends.uplink.send(Message::Health(report));
        }
        let now = Instant::now();
        let due = self.counted.get(&pass.driver).is_none_or(|last| now - *last >= opened.statistics_interval);
        if due {
            self.counted.insert(pass.driver, now);
            let load_balancers = self.book.statistics(&observations, &running);
            if !load_balancers.is_empty() {
                self.ends.uplink.send(Message::Statistics(StatisticsReport { load_balancers }));
            }
        }
    }

    fn complain(&mut self, driver: &str, fault: &Fault) {
        if self.complained.insert(driver.to_owned()) {
            tracing::warn!(
                driver, code = %ErrorCode(fault.code), detail = %fault.detail,
                "the driver cannot be observed: {}", fault.message
            );
        }
    }
}
