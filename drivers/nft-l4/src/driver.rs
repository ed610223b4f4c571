//! The contract's methods. Those that change are one pass on a thread of its own, under the lock of its load balancer;
//! those that only look ([`looks`]) wait for nobody.

mod foresee;
mod looks;
mod resume;
mod served;

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use ballast_abi::{
    Capabilities, Context, DeployReply, Deployed, Driver, DriverError, Effect, ListenerObservation, LoadBalancer,
    ObjectFault, Observation, Preview, UndeployReply, features, networks,
    note::Needs,
    steps::{self, step},
};
use ballast_failpoint as failpoint;
use ballast_namespace::{
    clients::Handover,
    execute,
    failure::{Failure, Step, chain},
    files::Files,
    finish::{self, Finish},
    host::{self, Forwards},
    l4::{
        kept::Kept,
        knowledge::Knowledge,
        remembered,
        watch::{Place, Watch},
    },
    observe::{Subject, is_new, observe},
    validate::Validated,
};
use ballast_netns::{
    announce::Announcer,
    locks::{Locks, hold},
    namespace,
    netlink::Netlink,
    stock::Stock,
    sysctl::{self, Purpose},
};

use crate::{
    config::Config,
    desired::Desired,
    execute::Work,
    plan::{Observed, plan, plan_removal},
    preview,
    state::State,
    validate::validate,
};

/// What most namespaces are for: those are in stock.
const PURPOSE: Purpose = Purpose { ipv6: false, forwards: true };

/// The driver.
pub struct NftL4 {
    config: Config,
    state_dir: PathBuf,
    locks: Arc<Locks>,
    announcer: Announcer,
    stock: Stock,
    forwards: Forwards,
    /// What this host lacks.
    remarks: Vec<String>,
    watch: Watch,
}

impl Driver for NftL4 {
    const NAME: &'static str = "nft-l4";
    const NEEDS: Option<Needs> = Some(Needs::NetworkNamespaces);
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;

    fn new(context: Context<Config>) -> Result<Self, DriverError> {
        let Context { config, state_dir, .. } = context;
        config.check()?;
        let state_dir = fs::canonicalize(&state_dir).step(|| format!("find {}", state_dir.display()))?;
        let (forwards, mut remarks) = host::check(&config.netns_dir, "check-l4")?;
        if !forwards.udp {
            let why = format!("no load balancer can run on this host: {}", remarks.join("; "));
            return Err(DriverError::unsupported(why));
        }
        let announcer = Announcer::default();
        announcer.start().step(|| "start a thread".to_owned())?;
        let stock = Stock::start(PURPOSE).step(|| "start a thread".to_owned())?;
        remarks.extend(sysctl::raise_neighbour_table(config.neighbour_table));
        for remark in &remarks {
            tracing::warn!("{remark}");
        }
        let locks = Arc::<Locks>::default();
        let (netns_dir, its_locks) = (config.netns_dir.clone(), Arc::clone(&locks));
        let watch = Watch::start(Place { state_dir: state_dir.clone(), netns_dir, locks: its_locks })?;
        let driver = Self { config, state_dir, locks, announcer, stock, forwards, remarks, watch };
        driver.resume()?;
        Ok(driver)
    }

    fn capabilities(&self) -> Capabilities {
        let reached = self.config.networks();
        let physical = reached.physical_networks().map(|known| known.into_iter().collect());
        Capabilities {
            network_types: reached.kinds().into_iter().map(str::to_owned).collect(),
            physical_networks: physical.unwrap_or_else(|| vec![networks::ANY.to_owned()]),
            remarks: self.remarks.clone(),
            undeploys_at_once: ballast_namespace::UNDEPLOYS_AT_ONCE,
            namespaces: self.config.netns_dir.display().to_string(),
            ..features::capabilities(served::features(self.forwards))
        }
    }

    fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, DriverError> {
        Ok(self.bring(load_balancer, generation, &Handover::default())?.faults)
    }

    fn take_over(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        handover: &[u8],
    ) -> Result<DeployReply, DriverError> {
        self.bring(load_balancer, generation, &Handover::decode(handover))
    }

    fn preview(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Preview, DriverError> {
        self.foresee(load_balancer, generation)
    }

    fn undeploy(&self, load_balancer_id: &str) -> Result<(), DriverError> {
        self.hand_over(load_balancer_id).map(drop)
    }

    fn hand_over(&self, load_balancer_id: &str) -> Result<UndeployReply, DriverError> {
        let id = ballast_namespace::validate::id("load balancer", "id", load_balancer_id)?;
        let lock = self.locks.of(id.as_str());
        let _guard = hold(&lock);
        let left = self.left(id.as_str());
        namespace::on_own_thread("undeploy", || self.take_away(id.as_str())).map_err(Failure::from)??;
        self.watch.forget(id.as_str());
        tracing::info!(load_balancer = %load_balancer_id, "undeployed");
        Ok(left)
    }

    fn finish(&self, load_balancer_id: &str, within: Duration) {
        if let Ok(id) = ballast_namespace::validate::id("load balancer", "id", load_balancer_id) {
            self.finish_what_is_under_way(id.as_str(), within);
        }
    }

    fn observe(&self, ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        self.observations(ids)
    }

    fn deployed(&self) -> Result<Vec<Deployed>, DriverError> {
        self.what_is_deployed()
    }
}

impl Drop for NftL4 {
    fn drop(&mut self) {
        self.announcer.close();
        self.stock.close();
        self.watch.close();
    }
}

impl NftL4 {
    /// Deploys it, with what was handed over where it ran before.
    fn bring(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        handover: &Handover,
    ) -> Result<DeployReply, DriverError> {
        let start = Instant::now();
        let (validated, faults) = validate(load_balancer, &self.config)?;
        let id = validated.id.as_str();
        let lock = self.locks.of(id);
        let _guard = hold(&lock);
        let (desired, knowledge) = self.desired(&validated, generation)?;
        if desired.forwarded.is_some() && self.is_silent(id)? {
            // Before the first client comes.
            self.recall(id, handover);
        }
        let here = steps::here();
        let bring_up = || here.around(|| self.bring_up(id, &desired, &knowledge));
        let effect = namespace::on_own_thread("deploy", bring_up).map_err(Failure::from)??;
        self.recall(id, handover);
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        tracing::info!(load_balancer = %id, generation, milliseconds, effect = effect.as_str_name(), "deployed");
        Ok(DeployReply { faults, effect: effect.into(), ..DeployReply::default() })
    }

    /// Whether it is ready and does not answer, as it was noted.
    fn is_silent(&self, id: &str) -> Result<bool, Failure> {
        let state = State::read(&Files::of(&self.state_dir, id))?;
        Ok(state.is_some_and(|state| state.silent && state.generation > 0))
    }

    fn recall(&self, id: &str, handover: &Handover) {
        let files = Files::of(&self.state_dir, id);
        if let Err(failure) = remembered::put(&files, &self.netns(id), &handover.listeners) {
            tracing::warn!(load_balancer = %id, "some clients may get other members: {}", chain(&failure));
        }
    }

    /// What is to be known elsewhere of what is about to be taken away: where its counters ended, and which member each
    /// client has. What cannot be read is left out. To be called with its lock.
    fn left(&self, id: &str) -> UndeployReply {
        let Ok(Observation { statistics, listeners, pools, .. }) = self.observation(id) else {
            return UndeployReply::default();
        };
        let files = Files::of(&self.state_dir, id);
        let listeners = listeners.into_iter().map(|listener| ListenerObservation { full: false, ..listener });
        let clients = remembered::read(&files, &self.netns(id)).unwrap_or_else(|failure| {
            tracing::warn!(load_balancer = %id, "which member each client has does not go along: {}", chain(&failure));
            Vec::new()
        });
        let handover = Handover { listeners: clients, ..Handover::default() };
        UndeployReply { statistics, listeners: listeners.collect(), handover: handover.encode(), pools }
    }

    /// What cannot be waited for ends as if it were not.
    fn finish_what_is_under_way(&self, id: &str, within: Duration) {
        let lock = self.locks.of(id);
        let _guard = hold(&lock);
        let files = Files::of(&self.state_dir, id);
        let wait = || {
            let namespace::Look::Present(namespace) = namespace::look(&self.netns(id))? else { return Ok(true) };
            namespace::enter(&namespace)?;
            Finish::begin(&files, within, true)?.wait(Finish::has_flows)
        };
        match namespace::on_own_thread("finish", wait).map_err(Failure::from) {
            Ok(Ok(true)) => tracing::info!(load_balancer = %id, "nothing is under way"),
            Ok(Ok(false)) => tracing::warn!(load_balancer = %id, "what is still under way after {within:?} is cut off"),
            Ok(Err(failure)) | Err(failure) => {
                tracing::warn!(load_balancer = %id, "nobody waits for what is under way: {}", chain(&failure));
            }
        }
    }

    /// What is known of its members.
    fn know(&self, validated: &Validated, desired: &mut Desired) -> Result<Knowledge, Failure> {
        let Some(asked) = &mut desired.forwarded else { return Ok(Knowledge::default()) };
        asked.settle_idle(self.forwards.idle, |_| Some(self.config.timeout_idle));
        let id = validated.id.as_str();
        let kept = Kept::read(&Files::of(&self.state_dir, id))?.unwrap_or_default();
        let knowledge = self.watch.knowledge(id, asked, &kept, validated.known.as_ref());
        desired.service = Some(asked.service(&knowledge));
        Ok(knowledge)
    }

    /// Returns what it did to what serves.
    fn bring_up(&self, id: &str, desired: &Desired, knowledge: &Knowledge) -> Result<Effect, Failure> {
        let files = Files::of(&self.state_dir, id);
        let (mut work, observed) = step(|| "look", || self.work(id, &files, Some(desired)))?;
        if finish::has_begun(&files) {
            work.host.inside(|| finish::undo(&files))?;
        }
        let target = desired.wanted().map(|wanted| execute::Target { wanted, knowledge });
        let steps = plan(desired, &observed);
        work.bring_up(&steps, desired, target)?;
        // From one that is not plugged in nobody can be reached.
        target.filter(|_| !desired.silent).map_or(Ok(()), |target| work.host.watch_members(target))?;
        failpoint::at("bring up: members are checked");
        Ok(preview::effect_of(&steps))
    }

    fn take_away(&self, id: &str) -> Result<(), Failure> {
        let files = Files::of(&self.state_dir, id);
        let (mut work, observed) = self.work(id, &files, None)?;
        self.announcer.cancel(id);
        self.watch.remove(id);
        work.take_away(&plan_removal(&observed))
    }

    /// Looks at the host, and takes up what the steps will need. To be called by a thread of its own.
    fn work<'a>(
        &'a self,
        id: &'a str,
        files: &'a Files,
        desired: Option<&Desired>,
    ) -> Result<(Work<'a>, Observed), Failure> {
        let mut host = Netlink::open()?;
        let host_namespace = File::open("/proc/thread-self/ns/net").step(|| "open the host's namespace".to_owned())?;
        let (observed, namespace) = self.look(id, files, desired, (&mut host, &host_namespace))?;
        let host = execute::Work {
            id,
            files,
            netns: self.netns(id),
            announcer: &self.announcer,
            announcements: self.config.send_gratuitous_arp,
            stock: &self.stock,
            watch: Some(&self.watch),
            host,
            host_namespace,
            namespace,
        };
        Ok((Work { id, files, host }, observed))
    }

    fn look(
        &self,
        id: &str,
        files: &Files,
        desired: Option<&Desired>,
        host: (&mut Netlink, &File),
    ) -> Result<(Observed, Option<File>), Failure> {
        let (netns, wanted) = (self.netns(id), desired.and_then(Desired::wanted));
        if wanted.is_some() && is_new(files, &netns)? {
            return Ok((Observed::default(), None));
        }
        let state = State::read(files)?;
        let noted = state.as_ref().and_then(State::interface);
        let neighbours = state.as_ref().and_then(|state| Some(&state.plug.as_ref()?.neighbours));
        let subject = Subject { files, netns: &netns, noted, neighbours, tables: true };
        let (seen, namespace) = observe(subject, wanted, host)?;
        Ok((Observed { host: seen, state, directory: files.directory.exists() }, namespace))
    }

    fn netns(&self, id: &str) -> PathBuf {
        namespace::path(&self.config.netns_dir, id)
    }
}
