//! A driver alone: no API, no scheduler, no agent. Its file is loaded through the boundary, as a driver-host loads it,
//! in a process of its own on the agent's host, and it is called with the messages that a driver-host passes on.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{
    DriverError, LoadBalancer,
    host::{self, LoadedDriver, LogSink, Settings},
    proto::{DeployRequest, LogRecord, UndeployRequest},
};
use ballast_lab::Lab;
use prost::Message;
use serde_json::{Value, json};

use crate::{
    Outcome,
    orders::{self, Worker, milliseconds},
    stack::{Driver, built},
    topology::Site,
    trace,
};

/// The first word on the command line that makes this program a driver's process.
pub(crate) const COMMAND: &str = "caller";

const PATIENCE: Duration = Duration::from_secs(60);
/// The level of the driver's steps.
const DEBUG: u32 = 4;

/// The bench's side.
pub(crate) struct Caller {
    worker: Worker,
    state_dir: PathBuf,
    generation: u64,
}

impl Caller {
    pub(crate) fn start(lab: &Lab, site: &Site<'_>, driver: Driver) -> Outcome<Self> {
        let mut config = json!({ "bridge_mappings": { "physnet1": site.bridge } });
        if let Driver::HaproxyNs = driver {
            // What is measured would be the pause.
            config["reload_interval"] = json!(0);
        }
        let state_dir = lab.dir().join(format!("alone-{}", driver.name()));
        fs::create_dir_all(&state_dir)?;
        let mut worker = Worker::start(site.host, COMMAND, &[driver.name()])?;
        let library = built(driver.library())?;
        worker.call(&json!({ "do": "start", "library": library, "config": config, "state_dir": state_dir }))?;
        Ok(Self { worker, state_dir, generation: 0 })
    }

    /// Has it begin to deploy; [`Caller::deployed`] says when it is done.
    pub(crate) fn begin(&mut self, load_balancer: LoadBalancer) -> Outcome<()> {
        self.generation += 1;
        let generation = self.generation;
        let request = DeployRequest { load_balancer: Some(load_balancer), generation, ..DeployRequest::default() };
        self.worker.begin(&json!({ "do": "deploy", "request": hex::encode(request.encode_to_vec()) }))
    }

    /// How long it took.
    pub(crate) fn deployed(&mut self) -> Outcome<Took> {
        let mut answer = self.worker.end()?;
        Ok(Took { milliseconds: milliseconds(&answer), steps: serde_json::from_value(answer["steps"].take())? })
    }

    pub(crate) fn deploy(&mut self, load_balancer: LoadBalancer) -> Outcome<Took> {
        self.begin(load_balancer)?;
        self.deployed()
    }

    /// All at once; milliseconds until the links of all are gone.
    pub(crate) fn undeploy(&mut self, ids: &[String]) -> Outcome<f64> {
        Ok(milliseconds(&self.worker.call(&json!({ "do": "undeploy", "ids": ids }))?))
    }

    /// Where the driver keeps a load balancer's files.
    pub(crate) fn files_of(&self, id: &str) -> PathBuf {
        self.state_dir.join(id)
    }
}

/// How long a call took.
pub(crate) struct Took {
    pub(crate) milliseconds: f64,
    /// Of it the driver's steps, by their names.
    pub(crate) steps: BTreeMap<String, f64>,
}

/// The worker's own side.
pub(crate) fn serve() -> Outcome<ExitCode> {
    let log = Arc::new(Steps::default());
    let mut driver = None;
    orders::obey(|order| match (order["do"].as_str(), &driver) {
        (Some("start"), None) => {
            driver = Some(load(order, &log)?);
            Ok(json!({}))
        }
        (Some("deploy"), Some(driver)) => deploy(driver, order, &log),
        (Some("undeploy"), Some(driver)) => undeploy(driver, order),
        _ => Err("unknown order".into()),
    })
}

fn load(order: &Value, log: &Arc<Steps>) -> Outcome<LoadedDriver> {
    let module = host::open(order["library"].as_str().unwrap_or_default().as_ref())?;
    let settings = Settings {
        agent_id: "agent-1".to_owned(),
        config: order["config"].clone(),
        state_dir: order["state_dir"].as_str().unwrap_or_default().into(),
        log: Arc::clone(log) as Arc<dyn LogSink>,
    };
    module.start(settings).map_err(|error| told(&error))
}

fn told(error: &DriverError) -> crate::Failure {
    format!("{error} ({})", error.detail).into()
}

fn deploy(driver: &LoadedDriver, order: &Value, log: &Steps) -> Outcome<Value> {
    let bytes = hex::decode(order["request"].as_str().unwrap_or_default())?;
    let reply = driver.deploy(&DeployRequest::decode(bytes.as_slice())?).map_err(|error| told(&error))?;
    match reply.faults.first() {
        Some(fault) => Err(format!("a fault of {}: {:?}", fault.object_id, fault.fault).into()),
        None => Ok(json!({ "steps": log.take() })),
    }
}

fn undeploy(driver: &LoadedDriver, order: &Value) -> Outcome<Value> {
    let ids: Vec<String> = serde_json::from_value(order["ids"].clone())?;
    let (links, begun, next) = (links()?, Instant::now(), AtomicUsize::new(0));
    let some = || -> Outcome<()> {
        while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
            let request = UndeployRequest { load_balancer_id: id.clone(), ..UndeployRequest::default() };
            driver.undeploy(&request).map_err(|error| told(&error))?;
        }
        Ok(())
    };
    // As an agent has them under way.
    let at_once = usize::try_from(driver.capabilities().undeploys_at_once)?.clamp(1, ids.len());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(some)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
    })?;
    while self::links()? + ids.len() > links {
        if begun.elapsed() > PATIENCE {
            return Err("a load balancer was not taken away".into());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(json!({}))
}

/// How many links this host has.
fn links() -> Outcome<usize> {
    Ok(fs::read_to_string("/proc/thread-self/net/dev")?.lines().count())
}

/// How long the steps since [`Steps::take`] took, in milliseconds.
#[derive(Default)]
struct Steps(Mutex<BTreeMap<String, f64>>);

impl Steps {
    fn take(&self) -> BTreeMap<String, f64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LogSink for Steps {
    fn enabled(&self, level: u32, _: &str) -> bool {
        level <= DEBUG
    }

    fn log(&self, record: LogRecord) {
        let (Some(step), Some(took)) = (record.fields.get("step"), record.fields.get("microseconds")) else { return };
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *steps.entry(trace::name_of(step)).or_default() += took.parse().unwrap_or(f64::NAN) / 1e3;
    }
}
