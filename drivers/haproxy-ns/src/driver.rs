//! The contract's methods. Those that change are one pass on a thread of its own, under the lock of its load balancer;
//! those that only look ([`looks`]) wait for nobody.

mod foresee;
mod handover;
mod looks;
mod project;
mod resume;
mod served;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{
    Capabilities, Context, DeployReply, Deployed, Driver, DriverError, Effect, LoadBalancer, ObjectFault, Observation,
    Preview, UndeployReply, features, networks, note::Needs,
};
use ballast_failpoint as failpoint;
use ballast_l4::desired::Protocol;
use ballast_namespace::{
    clients::Handover,
    execute,
    host::{self, Forwards},
    l4::{
        kept::Kept,
        knowledge::Knowledge,
        watch::{Place, Watch},
    },
};
use ballast_netns::{
    announce::Announcer,
    identity::Identities,
    locks::{Locks, hold},
    namespace,
    netlink::Netlink,
    stock::Stock,
    sysctl::{self, Purpose},
};

use crate::{
    config::{Config, ProcessModel},
    confinement::Confinement,
    desired::Desired,
    execute::{Order, Orders, Target, Work},
    failure::{Failure, Step},
    fence::{Fence, Role},
    files::Files,
    flavor,
    haproxy::process,
    observe::{self, Observed, Subject},
    pace::Pace,
    passage,
    ping::Pinger,
    plan::{is_another_process, plan, plan_removal, replaces},
    preview, project as projects, report,
    seen::Seen,
    users,
    validate::{self, Validated},
};

/// What most namespaces are for: those are in stock.
const PURPOSE: Purpose = Purpose { ipv6: false, forwards: false };

/// The driver.
pub struct HaproxyNs {
    config: Config,
    state_dir: PathBuf,
    identities: Identities,
    confinement: Confinement,
    fence: Arc<Fence>,
    /// Of those that are shared. `None`: there are none.
    projects: Option<Arc<Fence>>,
    locks: Arc<Locks>,
    seen: Seen,
    pace: Pace,
    announcer: Announcer,
    stock: Stock,
    pinger: Pinger,
    /// What this kernel forwards.
    forwards: Forwards,
    /// What this host lacks.
    remarks: Vec<String>,
    /// `None`: nothing.
    watch: Option<Watch>,
    skip_ca_bundle: bool,
}

/// What came of a deploy.
struct Brought {
    effect: Effect,
    /// Listeners that do not listen.
    silent: Vec<String>,
}

impl Driver for HaproxyNs {
    const NAME: &'static str = "haproxy-ns";
    const NEEDS: Option<Needs> = Some(Needs::NetworkNamespaces);
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;

    fn new(context: Context<Config>) -> Result<Self, DriverError> {
        let Context { config, state_dir, .. } = context;
        config.check()?;
        let state_dir = fs::canonicalize(&state_dir).step(|| format!("find {}", state_dir.display()))?;
        // haproxy goes back to its working directory by the whole path, as its own user: it must be able to pass.
        fs::set_permissions(&state_dir, fs::Permissions::from_mode(0o711))
            .step(|| format!("let haproxy pass through {}", state_dir.display()))?;
        let identities = users::identities(&config)?;
        passage::check(&state_dir, identities.anyone()).map_err(passage::Closed::into_error)?;
        let (forwards, mut remarks) = host::check(&config.netns_dir, "check")?;
        let fence = Arc::new(Fence::find(&config, identities.shared().is_some(), Role::One)?);
        let projects = fence_of_projects(&config, identities.shared().is_some(), &state_dir)?.map(Arc::new);
        let announcer = Announcer::default();
        announcer.start().step(|| "start a thread".to_owned())?;
        let stock = Stock::start(PURPOSE).step(|| "start a thread".to_owned())?;
        let pinger = Pinger::start().step(|| "start a thread".to_owned())?;
        remarks.extend(sysctl::raise_neighbour_table(config.neighbour_table));
        let locks = Arc::<Locks>::default();
        let (netns_dir, its_locks) = (config.netns_dir.clone(), Arc::clone(&locks));
        let place = Place { state_dir: state_dir.clone(), netns_dir, locks: its_locks };
        let watch = forwards.udp.then(|| Watch::start(place)).transpose()?;
        let skip_ca_bundle = knows_http_client(&config);
        let confinement =
            Confinement::of(&config, Self::NAME, &state_dir).step(|| format!("look at {}", state_dir.display()))?;
        remarks.extend(fence.remarks().into_iter().chain(confinement.remark()));
        remarks.extend(identities.shared().map(users::warning));
        remarks.extend(report::shared(config.process_model).map(str::to_owned));
        for remark in &remarks {
            tracing::warn!("{remark}");
        }
        let pace = Pace::new(Duration::from_millis(config.reload_interval.into()));
        let driver = Self {
            config,
            state_dir,
            identities,
            confinement,
            fence,
            projects,
            locks,
            seen: Seen::default(),
            pace,
            announcer,
            stock,
            pinger,
            forwards,
            remarks,
            watch,
            skip_ca_bundle,
        };
        driver.resume()?;
        Ok(driver)
    }

    fn capabilities(&self) -> Capabilities {
        let reached = self.config.networks();
        let physical = reached.physical_networks().map(|known| known.into_iter().collect());
        Capabilities {
            flavor_options: if self.forwards.udp { flavor::options() } else { Vec::new() },
            network_types: reached.kinds().into_iter().map(str::to_owned).collect(),
            physical_networks: physical.unwrap_or_else(|| vec![networks::ANY.to_owned()]),
            remarks: self.remarks.clone(),
            undeploys_at_once: ballast_namespace::UNDEPLOYS_AT_ONCE,
            ..features::capabilities(features::all().filter(|feature| self.is_served(feature)))
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

    fn undeploy(&self, load_balancer_id: &str) -> Result<(), DriverError> {
        self.hand_over(load_balancer_id).map(drop)
    }

    fn hand_over(&self, load_balancer_id: &str) -> Result<UndeployReply, DriverError> {
        let id = validate::id("load balancer", "id", load_balancer_id)?;
        let lock = self.locks.of(id.as_str());
        let _guard = hold(&lock);
        let left = self.left(id.as_str());
        namespace::on_own_thread("undeploy", || self.take_away(id.as_str())).map_err(Failure::from)??;
        self.seen.forget(id.as_str());
        self.pace.forget(id.as_str());
        self.identities.forget(id.as_str());
        self.watch.iter().for_each(|watch| watch.forget(id.as_str()));
        tracing::info!(load_balancer = %load_balancer_id, "undeployed");
        Ok(left)
    }

    fn observe(&self, ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        self.observations(ids)
    }

    fn deployed(&self) -> Result<Vec<Deployed>, DriverError> {
        self.what_is_deployed()
    }

    fn preview(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Preview, DriverError> {
        self.foresee(load_balancer, generation)
    }
}

impl Drop for HaproxyNs {
    fn drop(&mut self) {
        self.announcer.close();
        self.stock.close();
        self.pinger.close();
        self.watch.iter().for_each(Watch::close);
    }
}

impl HaproxyNs {
    /// Deploys it, with what was handed over where it ran before.
    fn bring(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        handover: &Handover,
    ) -> Result<DeployReply, DriverError> {
        let start = Instant::now();
        let (validated, mut faults) = validate::validate(load_balancer, &self.config, self.forwards)?;
        let lock = self.locks.of(validated.id.as_str());
        let _guard = hold(&lock);
        let shared = self.shared_by(load_balancer);
        let identity = match &shared {
            Some(_) => None,
            None => self.identities.of(validated.id.as_str()).map_err(users::none_left)?,
        };
        let (desired, knowledge) = self.desired(&validated, generation, identity, shared)?;
        let (listeners, told, pools) = (Self::listeners(&validated), Self::told(&validated), &validated.pools);
        let target = Target { desired: &desired, knowledge: &knowledge, pools, listeners: &listeners, told: &told };
        let id = validated.id.as_str();
        let bring_up = || self.bring_up(id, &target);
        let Brought { effect, silent } = namespace::on_own_thread("deploy", bring_up).map_err(Failure::from)??;
        faults.extend(silent.into_iter().map(report::silent));
        if desired.shared.is_some() {
            // Nothing of it runs as anybody.
            self.identities.forget(id);
        }
        if !handover.is_empty() {
            self.recall(validated.id.as_str(), handover);
        }
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let effect_is = effect.as_str_name();
        tracing::info!(load_balancer = %load_balancer.id, generation, milliseconds, effect = effect_is, "deployed");
        Ok(DeployReply { faults, effect: effect.into(), ..DeployReply::default() })
    }

    /// What is known of members of what is to be forwarded.
    fn know(&self, validated: &Validated, desired: &mut Desired) -> Result<Knowledge, DriverError> {
        let Some(asked) = &mut desired.forwarded else { return Ok(Knowledge::default()) };
        asked.settle_idle(self.forwards.idle, |protocol| usual_idle(protocol, &self.config));
        let Some(watch) = &self.watch else {
            return Err(DriverError::unsupported("this host's kernel forwards neither UDP nor SCTP"));
        };
        let kept = Kept::read(&Files::of(&self.state_dir, validated.id.as_str()))?.unwrap_or_default();
        let knowledge = watch.knowledge(validated.id.as_str(), asked, &kept, validated.known.as_ref());
        desired.service = Some(asked.service(&knowledge));
        Ok(knowledge)
    }

    fn bring_up(&self, id: &str, target: &Target<'_>) -> Result<Brought, Failure> {
        let desired = target.desired;
        let files = Files::of(&self.state_dir, id);
        let (mut work, observed) = self.work(id, &files, Some(target))?;
        let mut steps = plan(desired, &observed);
        if let Some(wait) = self.pace.wait(id, Instant::now()).filter(|_| replaces(&steps)) {
            thread::sleep(wait);
            let (again, observed) = self.work(id, &files, Some(target))?;
            (work, steps) = (again, plan(desired, &observed));
        }
        if replaces(&steps) {
            self.pace.note(id, Instant::now());
        }
        let done = work.bring_up(&steps, target);
        if is_another_process(&steps) {
            // What the one before has counted is noted, and is not to be added once more.
            self.seen.forget(id);
        }
        done?;
        let effect = preview::effect_of(&steps).max(work.effect);
        let Some(target) = target.of_host() else { return Ok(Brought { effect, silent: Vec::new() }) };
        match &desired.shared {
            Some(name) => work.ping(desired, &projects::files(&self.state_dir, name))?,
            None => work.ping(desired, &files)?,
        }
        work.host.watch_members(target)?;
        failpoint::at("bring up: members are checked");
        let silent = if steps.is_empty() { Vec::new() } else { work.silent_listeners(desired)? };
        Ok(Brought { effect, silent })
    }

    fn take_away(&self, id: &str) -> Result<(), Failure> {
        let files = Files::of(&self.state_dir, id);
        let (mut work, observed) = self.work(id, &files, None)?;
        self.announcer.cancel(id);
        self.pinger.remove(id);
        self.watch.iter().for_each(|watch| watch.remove(id));
        work.take_away(&plan_removal(&observed))
    }

    /// Looks at the host, and takes up what the steps will need. To be called by a thread of its own.
    fn work<'a>(
        &'a self,
        id: &'a str,
        files: &'a Files,
        target: Option<&Target<'_>>,
    ) -> Result<(Work<'a>, Observed), Failure> {
        let desired = target.map(|target| target.desired);
        let mut host = Netlink::open()?;
        let host_namespace = File::open("/proc/thread-self/ns/net").step(|| "open the host's namespace".to_owned())?;
        let netns = self.netns(id);
        let subject = self.subject(id, files, &netns);
        let (mut observed, namespace) = observe::observe(subject, desired, observe::ask, (&mut host, &host_namespace))?;
        observed.member = self.member(id, observed.state.as_ref())?;
        let shared = target.and_then(|target| Some((target.desired.shared.as_ref()?, target)));
        if let Some(((name, target), namespace)) = shared.zip(namespace.as_ref()) {
            observed.shared = self.serves(name, id, &Self::part(id, namespace, target)?)?;
        }
        let host = execute::Work {
            id,
            files,
            netns,
            announcer: &self.announcer,
            announcements: self.config.send_gratuitous_arp,
            stock: &self.stock,
            watch: self.watch.as_ref(),
            host,
            host_namespace,
            namespace,
        };
        let work = self.work_with(files, host, &observed, Box::new(move |order: Order<'_>| self.obey(id, order)));
        Ok((work, observed))
    }

    fn work_with<'a>(
        &'a self,
        files: &'a Files,
        host: execute::Work<'a>,
        observed: &Observed,
        order: Orders<'a>,
    ) -> Work<'a> {
        let id = host.id;
        Work {
            id,
            files,
            host,
            haproxy: &self.config.haproxy,
            pinger: &self.pinger,
            confinement: &self.confinement,
            fence: &self.fence,
            seen: self.seen.of(id),
            processes: observed.noted().map(<[i32]>::to_vec),
            state: observed.state.clone().unwrap_or_default(),
            unsettled: observed.unsettled,
            starter: None,
            starting: None,
            running: observed.page.clone(),
            view: None,
            order,
            effect: Effect::None,
        }
    }

    fn subject<'a>(&'a self, id: &'a str, files: &'a Files, netns: &'a Path) -> Subject<'a> {
        let (confinement, fence, tables) = (&self.confinement, &self.fence, self.forwards.udp);
        Subject { id, files, netns, confinement, fence, tables }
    }

    /// Whether it is declared. What haproxy tells of itself is of all that it serves.
    fn is_served(&self, feature: &str) -> bool {
        let metrics = self.config.process_model == ProcessModel::PerProject && feature == features::PROTOCOL_PROMETHEUS;
        !metrics && served::is_served(self.forwards, feature)
    }

    /// Every load balancer that has left a trace, also half-made ones.
    fn ids(&self) -> Result<BTreeSet<String>, DriverError> {
        Ok(ballast_namespace::files::ids(&self.state_dir)?)
    }

    fn netns(&self, id: &str) -> PathBuf {
        namespace::path(&self.config.netns_dir, id)
    }
}

/// What haproxies may do that are shared: they are wanted, or there are some that are to go.
fn fence_of_projects(config: &Config, shared: bool, state_dir: &Path) -> Result<Option<Fence>, DriverError> {
    match config.process_model {
        ProcessModel::PerProject => Fence::of_projects(config, shared, state_dir).map(Some),
        ProcessModel::PerLoadBalancer if projects::names(state_dir)?.is_empty() => Ok(None),
        ProcessModel::PerLoadBalancer => Ok(Fence::of_projects(config, shared, state_dir).ok()),
    }
}

/// Seconds, of a listener whose timeouts are the API's usual ones: as haproxy would have it. Without any, the kernel
/// would keep a connection for days. What it has for UDP and SCTP are minutes.
fn usual_idle(protocol: Protocol, config: &Config) -> Option<u32> {
    match protocol {
        Protocol::Tcp => Some(config.timeout_tunnel.unwrap_or(config.timeout_client.max(config.timeout_server))),
        Protocol::Udp | Protocol::Sctp => None,
    }
}

/// Asked of haproxy once in the life of the driver.
fn knows_http_client(config: &Config) -> bool {
    process::accepts_global(&config.haproxy, "httpclient.ssl.verify none").unwrap_or_else(|error| {
        tracing::warn!("{} could not be asked what it knows: {error}", config.haproxy.display());
        false
    })
}
