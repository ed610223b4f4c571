//! The outside of the process: typed calls, each with a deadline.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use prost::Message;
use serde_json::Value;

use super::{
    Copy, Opened, Opening, Starting,
    call::{Answer, Call, Order},
};
use crate::{
    Capabilities, DriverError, Fault, LoadBalancer,
    conformance::{
        Bench, Patience,
        samples::secrets,
        verdict::{Stop, shown},
    },
    host::Method,
    proto::{
        DeployReply, DeployRequest, DeployedReply, DeployedRequest, ObserveReply, ObserveRequest, Preview,
        SecretsReply, SecretsRequest, UndeployReply, UndeployRequest,
    },
};

/// What the driver answered; the outer error is that it did not.
pub(crate) type Answered<T> = Result<Result<T, DriverError>, Stop>;

type Waiting = Arc<Mutex<HashMap<u32, mpsc::Sender<Answer>>>>;

/// What an agent gives a driver before it ends the process.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// Lines of the process' standard error that a finding shows.
const LAST_WORDS: usize = 3;

/// A process. Dropped, it is killed.
pub(crate) struct Subject {
    child: Mutex<Child>,
    pid: u32,
    socket: Mutex<UnixStream>,
    waiting: Waiting,
    numbers: AtomicU32,
    patience: Patience,
    stderr: PathBuf,
}

impl Subject {
    pub(crate) fn start(mut command: Command, bench: &Bench) -> Result<Self, Stop> {
        let stderr = bench.scratch.join("stderr");
        let mut start = || -> io::Result<(Child, UnixStream)> {
            let (ours, theirs) = UnixStream::pair()?;
            let log = fs::OpenOptions::new().create(true).append(true).open(&stderr)?;
            command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(log);
            let child = command.spawn()?;
            Ok((child, ours))
        };
        let (child, socket) = start().map_err(|error| Stop::Skipped(format!("cannot start a process: {error}")))?;
        let mut answers =
            socket.try_clone().map_err(|error| Stop::Skipped(format!("cannot read from a process: {error}")))?;
        let waiting = Waiting::default();
        let readers = Arc::clone(&waiting);
        thread::spawn(move || {
            while let Ok(answer) = Answer::read(&mut answers) {
                let reader = readers.lock().unwrap_or_else(PoisonError::into_inner).remove(&answer.number);
                // Who gave up waiting has gone.
                let _ = reader.map(|reader| reader.send(answer));
            }
            readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
            // A call that comes now fails at once.
            let _ = answers.shutdown(Shutdown::Both);
        });
        Ok(Self {
            pid: child.id(),
            child: Mutex::new(child),
            socket: Mutex::new(socket),
            waiting,
            numbers: AtomicU32::new(0),
            patience: bench.patience,
            stderr,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended already.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Loads a file; fails when it is refused.
    pub(crate) fn open(&self, copy: Copy, file: &Path) -> Result<Opened, Stop> {
        let body = json(&Opening { file: file.to_owned() })?;
        let answer = self.call(copy, Order::Open, body)?.map_err(|error| Stop::failed(shown(&error)))?;
        let opened: Opened = serde_json::from_slice(&answer).map_err(|error| Stop::failed(error.to_string()))?;
        match &opened.refused {
            Some(why) => Err(Stop::failed(why)),
            None => Ok(opened),
        }
    }

    pub(crate) fn start_driver(&self, copy: Copy, config: &Value, state_dir: &Path) -> Answered<Capabilities> {
        let starting =
            Starting { agent_id: "conformance".to_owned(), config: config.clone(), state_dir: state_dir.to_owned() };
        self.answered(copy, Order::Start, json(&starting)?)
    }

    /// As an agent: with its secrets before it.
    pub(crate) fn deploy_to(&self, copy: Copy, load_balancer: &LoadBalancer, generation: u64) -> Answered<DeployReply> {
        if let Err(error) = self.tell(copy, load_balancer)? {
            return Ok(Err(error));
        }
        let request = DeployRequest { load_balancer: Some(load_balancer.clone()), generation, ..Default::default() };
        self.answered(copy, Order::Call(Method::Deploy), request.encode_to_vec())
    }

    pub(crate) fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Answered<DeployReply> {
        self.deploy_to(Copy::First, load_balancer, generation)
    }

    /// Whatever it names was not told.
    pub(crate) fn deploy_untold(&self, load_balancer: &LoadBalancer, generation: u64) -> Answered<DeployReply> {
        let request = DeployRequest { load_balancer: Some(load_balancer.clone()), generation, ..Default::default() };
        self.answered(Copy::First, Order::Call(Method::Deploy), request.encode_to_vec())
    }

    fn tell(&self, copy: Copy, load_balancer: &LoadBalancer) -> Answered<SecretsReply> {
        let secrets = secrets::told(load_balancer);
        if secrets.is_empty() {
            return Ok(Ok(SecretsReply {}));
        }
        let request = SecretsRequest { load_balancer_id: load_balancer.id.clone(), secrets };
        self.answered(copy, Order::Call(Method::TakeSecrets), request.encode_to_vec())
    }

    pub(crate) fn take_over(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        handover: &[u8],
    ) -> Answered<DeployReply> {
        if let Err(error) = self.tell(Copy::First, load_balancer)? {
            return Ok(Err(error));
        }
        let (load_balancer, handover) = (Some(load_balancer.clone()), handover.to_vec());
        let request = DeployRequest { load_balancer, generation, handover, ..DeployRequest::default() };
        self.answered(Copy::First, Order::Call(Method::Deploy), request.encode_to_vec())
    }

    pub(crate) fn undeploy_from(&self, copy: Copy, id: &str) -> Answered<UndeployReply> {
        let request = UndeployRequest { load_balancer_id: id.to_owned(), ..UndeployRequest::default() };
        self.answered(copy, Order::Call(Method::Undeploy), request.encode_to_vec())
    }

    pub(crate) fn undeploy(&self, id: &str) -> Answered<UndeployReply> {
        self.undeploy_from(Copy::First, id)
    }

    pub(crate) fn observe(&self, ids: &[&str]) -> Answered<ObserveReply> {
        let request = ObserveRequest { load_balancer_ids: ids.iter().map(|id| (*id).to_owned()).collect() };
        self.answered(Copy::First, Order::Call(Method::Observe), request.encode_to_vec())
    }

    pub(crate) fn deployed_of(&self, copy: Copy) -> Answered<DeployedReply> {
        self.answered(copy, Order::Call(Method::Deployed), DeployedRequest {}.encode_to_vec())
    }

    pub(crate) fn preview(&self, load_balancer: &LoadBalancer, generation: u64) -> Answered<Preview> {
        let request = DeployRequest { load_balancer: Some(load_balancer.clone()), generation, ..Default::default() };
        self.answered(Copy::First, Order::Call(Method::Preview), request.encode_to_vec())
    }

    /// Any bytes.
    pub(crate) fn send(&self, method: Method, request: Vec<u8>) -> Answered<Vec<u8>> {
        self.call(Copy::First, Order::Call(method), request)
    }

    /// What the driver has logged since the last time.
    pub(crate) fn log(&self) -> Result<Vec<String>, Stop> {
        let answer = self.call(Copy::First, Order::Log, Vec::new())?.map_err(|error| Stop::failed(shown(&error)))?;
        serde_json::from_slice(&answer).map_err(|error| Stop::failed(error.to_string()))
    }

    fn answered<M: Message + Default>(&self, copy: Copy, order: Order, body: Vec<u8>) -> Answered<M> {
        match self.call(copy, order, body)? {
            Err(error) => Ok(Err(error)),
            Ok(answer) => M::decode(answer.as_slice())
                .map(Ok)
                .map_err(|error| Stop::failed(format!("{} answered what cannot be decoded: {error}", order.name()))),
        }
    }

    fn call(&self, copy: Copy, order: Order, body: Vec<u8>) -> Answered<Vec<u8>> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sender);
        let sent = {
            let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
            Call { number, copy, order, body }.write(&mut *socket).and_then(|()| socket.flush())
        };
        if sent.is_err() {
            return Err(self.ended(order));
        }
        let limit = self.limit(order);
        match receiver.recv_timeout(limit) {
            Ok(Answer { result: Ok(body), .. }) => Ok(Ok(body)),
            Ok(Answer { result: Err(fault), .. }) => {
                let fault = Fault::decode(fault.as_slice()).unwrap_or_default();
                Ok(Err(DriverError::from(fault)))
            }
            Err(RecvTimeoutError::Timeout) => {
                Err(Stop::failed(format!("{} did not answer within {} s", order.name(), limit.as_secs_f32())))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.ended(order)),
        }
    }

    fn limit(&self, order: Order) -> Duration {
        match order {
            Order::Open | Order::Start | Order::Call(Method::Deploy | Method::Undeploy) => self.patience.change,
            Order::Log | Order::Call(Method::Observe | Method::Deployed | Method::Preview | Method::TakeSecrets) => {
                self.patience.look
            }
            Order::Call(Method::Shutdown) => self.patience.look.min(SHUTDOWN),
        }
    }

    fn ended(&self, order: Order) -> Stop {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // The socket is closed, so it is ending; if the driver has closed the socket itself, it is helped.
        let status = ending(&mut child).map_or_else(|error| error.to_string(), |status| in_words(&status));
        let said = fs::read_to_string(&self.stderr).unwrap_or_default();
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines[lines.len().saturating_sub(LAST_WORDS)..].join("; ");
        let said = if last.is_empty() { String::new() } else { format!(": {last}") };
        Stop::failed(format!("the process ended in {} by {status}{said}", order.name()))
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Long enough for a core to be written.
const ENDING: Duration = Duration::from_secs(10);

fn ending(child: &mut Child) -> io::Result<ExitStatus> {
    let end = std::time::Instant::now() + ENDING;
    while std::time::Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()
}

fn in_words(status: &ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(number)) => {
            Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.as_str().to_owned())
        }
        (None, None) => "an unknown cause".to_owned(),
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Stop> {
    serde_json::to_vec(value).map_err(|error| Stop::Skipped(format!("not UTF-8: {error}")))
}
