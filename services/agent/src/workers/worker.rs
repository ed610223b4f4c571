//! The task of one worker: asks [`super::plan`] for the next step and carries it out.
//!
//! It decides nothing, and is the only place that calls `deploy` and `undeploy`.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use ballast_abi::ErrorCode;
use ballast_failpoint as failpoint;
use ballast_proto::{
    agent::{Outcome, Removed, Waiting, agent_message::Message},
    driver::{DeployReply, Fault, LoadBalancer, UndeployReply},
};
use ballast_traces::{Origin, Span, SpanKind};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit},
    time::Instant,
};
use tracing::Instrument as _;

use super::{
    Workers,
    order::{Goal, Order},
    plan::{self, Step, no_driver},
    secrets::{self, Asked},
    state::State,
};
use crate::{
    drivers::{self, DriverClient},
    ledger::Entry,
    secrets::Contents,
};

/// One load balancer's worker.
pub(super) struct Worker {
    pub(super) id: String,
    state: Mutex<State>,
    wake: Notify,
    /// What its removal comes from, and then its undeploy, if that is followed.
    leaving: Mutex<Option<Origin>>,
    /// Locked after `state`, never before.
    asked: Mutex<Asked>,
    /// For how many milliseconds what is under way may go on when it is removed.
    finish: AtomicU32,
}

impl Worker {
    pub(super) fn new(state: State) -> Self {
        Self {
            id: state.id.clone(),
            state: Mutex::new(state),
            wake: Notify::new(),
            leaving: Mutex::default(),
            asked: Mutex::default(),
            finish: AtomicU32::default(),
        }
    }

    /// It is to be removed because of this.
    pub(super) fn leaves_because_of(&self, origin: Option<Origin>) {
        *self.leaving() = origin;
    }

    pub(super) fn finishes_within(&self, milliseconds: u32) {
        self.finish.store(milliseconds, Ordering::Relaxed);
    }

    /// Of one that moves within this host, to another driver, nothing is waited for: nobody else is ready.
    fn finish(&self, driver: &DriverClient) -> Duration {
        let goes = matches!(self.state().goal(), Goal::Gone { .. });
        let milliseconds = if goes && driver.can_finish() { self.finish.load(Ordering::Relaxed) } else { 0 };
        Duration::from_millis(milliseconds.into())
    }

    fn leaving(&self) -> MutexGuard<'_, Option<Origin>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The confirmation, as a part of what it comes from.
    fn told(&self, removed: Removed) -> Message {
        let traceparent = self.leaving().as_ref().map(Origin::text).unwrap_or_default();
        Message::Removed(Removed { traceparent, ..removed })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something has changed: it is to think again.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    fn next(&self, workers: &Workers, state: &State) -> Step {
        plan::next(state, &|driver| workers.availability(driver), Instant::now())
    }
}

/// Works until the load balancer is gone or the agent stops.
pub(super) async fn run(workers: Workers, worker: Arc<Worker>) {
    loop {
        let stopping = workers.0.stop.is_cancelled();
        let step = if stopping { Step::Wait(None) } else { worker.next(&workers, &worker.state()) };
        match step {
            Step::Confirm(epoch) => {
                let removed = worker.state().removed(epoch);
                workers.0.on.uplink.send(worker.told(removed));
            }
            Step::Answer(outcome) => {
                worker.state().answered();
                workers.0.on.uplink.send(Message::Outcome(outcome));
            }
            Step::Deploy(order) => {
                if let Some(contents) = secrets::of(&workers, &worker, &order).await {
                    deploy(&workers, &worker, &order, contents).await;
                }
            }
            Step::Undeploy(driver) => undeploy(&workers, &worker, &driver).await,
            Step::Finished => {
                if finish(&workers, &worker).await {
                    return;
                }
            }
            Step::Wait(until) => {
                let entry = worker.state().take_unsaved();
                save(&workers, entry).await;
                if stopping {
                    return;
                }
                wait(&workers, &worker, until).await;
            }
        }
    }
}

pub(super) async fn wait(workers: &Workers, worker: &Worker, until: Option<Instant>) {
    let time = async {
        match until {
            Some(until) => tokio::time::sleep_until(until).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = worker.wake.notified() => {}
        () = time => {}
        () = workers.0.stop.cancelled() => {}
    }
}

/// The desired state is written to the ledger while the driver works, and is on the disk before the outcome is told:
/// what the scheduler takes for done comes back after a crash.
async fn deploy(workers: &Workers, worker: &Worker, order: &Arc<Order>, contents: Contents) {
    let Some((_permit, entry)) = begin(workers, worker, &Step::Deploy(Arc::clone(order))).await else { return };
    let span = tracing::info_span!(
        "deploy", load_balancer.id = %worker.id, generation = order.generation, epoch = order.epoch,
        driver = %order.driver
    );
    let followed = followed(order);
    let call = followed.around(call_deploy(workers, worker, order, contents).instrument(span.clone()));
    failpoint::at("deploy: the order is taken");
    let (result, ()) = tokio::join!(call, save(workers, entry));
    failpoint::at("deploy: the driver has answered");
    note_end(&followed, &result);
    let broken = result.as_ref().is_err_and(drivers::is_broken);
    if broken && worker.state().interrupted(order, workers.moment()) {
        span.in_scope(|| tracing::warn!("the driver's process ended during the deploy; it is done once more"));
    } else if let Err(fault) = &result
        && worker.state().waits(order, fault, workers.moment())
    {
        span.in_scope(|| tracing::info!(detail = %fault.detail, "it waits: {}", fault.message));
        workers.0.on.uplink.send(Message::Waiting(waiting(order, fault.clone())));
    } else {
        let failure = result.as_ref().err().cloned();
        let outcome = worker.state().deployed(order, result, workers.moment());
        if order.load_balancer.side.is_some() {
            workers.0.on.warden.compare();
        }
        let traceparent = followed.origin().map(|origin| origin.text()).unwrap_or_default();
        let outcome = outcome.map(|outcome| Outcome { traceparent, ..outcome });
        span.in_scope(|| {
            let _within = followed.within();
            log_deploy(outcome.as_ref(), failure.as_ref());
        });
        if let Some(outcome) = outcome {
            workers.0.on.uplink.send(Message::Outcome(outcome));
            failpoint::at("deploy: the outcome is told");
        }
    }
}

/// The deploy, as a part of what it comes from.
fn followed(order: &Order) -> Span {
    let span = Span::because_of("deploy", SpanKind::Consumer, order.origin.as_slice());
    if span.is_followed() {
        span.note("ballast.load_balancer.id", order.id().to_owned());
        span.note("ballast.generation", order.generation.cast_signed());
        span.note("ballast.epoch", order.epoch.cast_signed());
        span.note("ballast.driver", order.driver.clone());
    }
    span
}

fn note_end(span: &Span, result: &Result<DeployReply, Fault>) {
    match result {
        Ok(reply) => span.note("ballast.effect", reply.effect().as_str_name()),
        Err(fault) => span.failed(ErrorCode(fault.code).to_string()),
    }
}

fn waiting(order: &Order, fault: Fault) -> Waiting {
    let (load_balancer_id, epoch, generation) = (order.id().to_owned(), order.epoch, order.generation);
    Waiting { load_balancer_id, epoch, generation, fault: Some(fault) }
}

/// The driver is told first what the secrets are, if there are any.
async fn call_deploy(
    workers: &Workers,
    worker: &Worker,
    order: &Order,
    contents: Contents,
) -> Result<DeployReply, Fault> {
    let driver = workers.0.on.drivers.driver(&order.driver).ok_or_else(|| no_driver(&order.driver))?;
    if !contents.is_empty() {
        driver.take_secrets(order.id().to_owned(), contents.take()).await?;
    }
    let unconfirmed = !(worker.state().is_spoken_of() || workers.is_confirmed());
    let asked = LoadBalancer { unconfirmed, ..order.asked() };
    let reply = driver.take_over(asked, order.generation, order.handed_over()).await?;
    if !order.load_balancer.silent {
        workers.0.on.warden.plugged(order.id());
    }
    // Also where it names none any more.
    let load_balancer = order.load_balancer.clone();
    workers.tidy_secrets(move |secrets| secrets.keep_only(&load_balancer)).await;
    Ok(reply)
}

fn log_deploy(outcome: Option<&Outcome>, failure: Option<&Fault>) {
    if let Some(fault) = failure {
        let code = ErrorCode(fault.code);
        tracing::warn!(%code, retryable = fault.retryable, detail = %fault.detail, "deploy failed: {}", fault.message);
        return;
    }
    for faulty in outcome.iter().flat_map(|outcome| &outcome.faults) {
        let fault = faulty.fault.clone().unwrap_or_default();
        let code = ErrorCode(fault.code);
        tracing::warn!(object.id = %faulty.object_id, %code, detail = %fault.detail, "not as asked: {}", fault.message);
    }
    tracing::info!("deployed");
}

async fn undeploy(workers: &Workers, worker: &Worker, driver: &str) {
    let Some((_permit, entry)) = begin(workers, worker, &Step::Undeploy(driver.to_owned())).await else { return };
    let span = tracing::info_span!("undeploy", load_balancer.id = %worker.id, driver);
    let call = async {
        workers.0.on.warden.forget(&worker.id).await;
        match workers.0.on.drivers.driver(driver) {
            Some(client) => client.finish(worker.id.clone(), worker.finish(&client)).await,
            None => Err(no_driver(driver)),
        }
    };
    failpoint::at("undeploy: the order is taken");
    let followed = Span::because_of("undeploy", SpanKind::Consumer, worker.leaving().as_slice());
    followed.note("ballast.load_balancer.id", worker.id.clone());
    followed.note("ballast.driver", driver.to_owned());
    let call = followed.around(call.instrument(span.clone()));
    let (result, ()) = tokio::join!(call, save(workers, entry));
    failpoint::at("undeploy: the driver has answered");
    let result = match result {
        Err(fault) if ErrorCode(fault.code) == ErrorCode::NOT_FOUND => Ok(UndeployReply::default()),
        other => other,
    };
    if let Some(origin) = followed.origin() {
        worker.leaves_because_of(Some(origin));
    }
    span.in_scope(|| match &result {
        Ok(_) => tracing::info!("undeployed"),
        Err(fault) => tracing::warn!(
            code = %ErrorCode(fault.code), retryable = fault.retryable, detail = %fault.detail,
            "undeploy failed: {}", fault.message
        ),
    });
    worker.state().undeployed(driver, result, workers.moment());
}

/// Waits for the driver to have room; then begins `step` if it still is what is to be done.
async fn begin(workers: &Workers, worker: &Worker, step: &Step) -> Option<(OwnedSemaphorePermit, Option<Entry>)> {
    let driver = step.driver()?;
    let permits = match step {
        Step::Undeploy(driver) => {
            let client = workers.0.on.drivers.driver(driver);
            match client.as_ref().is_some_and(|client| !worker.finish(client).is_zero()) {
                true => workers.0.permits.of_finishing(driver),
                false => {
                    let declared = client.map_or(0, |client| client.undeploys_at_once());
                    workers.0.permits.of_undeploys(driver, declared)
                }
            }
        }
        _ => workers.0.permits.of_deploys(driver),
    };
    let permit = tokio::select! {
        permit = permits.acquire_owned() => permit.ok()?,
        () = workers.0.stop.cancelled() => return None,
    };
    let mut state = worker.state();
    if worker.next(workers, &state) != *step {
        return None;
    }
    state.begin(Instant::now());
    let entry = state.take_unsaved();
    Some((permit, entry))
}

/// Forgets the load balancer, unless it has been desired anew meanwhile.
async fn finish(workers: &Workers, worker: &Worker) -> bool {
    let id = worker.id.clone();
    workers.record(move |ledger| ledger.remove(&id)).await;
    let id = worker.id.clone();
    workers.tidy_secrets(move |secrets| secrets.forget(&id)).await;
    let mut registry = workers.registry();
    let mut state = worker.state();
    let Goal::Gone { epochs, .. } = state.goal().clone() else {
        state.mark_unsaved();
        return false;
    };
    if worker.next(workers, &state) != Step::Finished {
        state.mark_unsaved();
        return false;
    }
    registry.workers.remove(&worker.id);
    for orphans in registry.orphans.values_mut() {
        orphans.remove(&worker.id);
    }
    registry.forgotten_at = Some(Instant::now());
    for epoch in epochs {
        workers.0.on.uplink.send(worker.told(state.removed(epoch)));
    }
    failpoint::at("undeploy: it is told");
    true
}

async fn save(workers: &Workers, entry: Option<Entry>) {
    if let Some(entry) = entry {
        workers.record(move |ledger| ledger.write(&entry)).await;
    }
}
