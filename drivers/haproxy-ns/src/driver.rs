//! The contract's methods. Those that change are one pass on a thread of its own, under the lock of its load balancer;
//! those that only look ([`looks`]) wait for nobody.

mod bring;
mod foresee;
mod handover;
mod looks;
mod pass;
mod project;
mod resume;
mod served;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ballast_abi::{
    Capabilities, Context, DeployReply, Deployed, Driver, DriverError, LoadBalancer, ObjectFault, Observation, Preview,
    SecretContent, UndeployReply, features, networks, note::Needs, secrets::Secrets,
};
use ballast_namespace::{
    clients::Handover,
    host::{self, Forwards},
    l4::watch::{Place, Watch},
};
use ballast_netns::{
    announce::Announcer,
    identity::Identities,
    locks::{Locks, hold},
    namespace,
    stock::Stock,
    sysctl::{self, Purpose},
};

use crate::{
    config::{Config, ProcessModel},
    confinement::Confinement,
    failure::{Failure, Step},
    fence::{Fence, Role},
    flavor,
    haproxy::process,
    notes::Notes,
    pace::Pace,
    passage,
    ping::Pinger,
    project as projects, report,
    secrets::SecretsDir,
    seen::Seen,
    users, validate,
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
    notes: Notes,
    pace: Pace,
    announcer: Announcer,
    stock: Stock,
    pinger: Pinger,
    /// What was told for the deploy that comes next.
    secrets: Secrets,
    /// Where they are for haproxy to read.
    secrets_dir: SecretsDir,
    /// What this kernel forwards.
    forwards: Forwards,
    /// What this host lacks.
    remarks: Vec<String>,
    /// `None`: nothing.
    watch: Option<Watch>,
    skip_ca_bundle: bool,
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
        let secrets_dir = SecretsDir::of(&config.secrets_dir, &state_dir);
        remarks.extend(secrets_dir.remark());
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
            notes: Notes::default(),
            pace,
            announcer,
            stock,
            pinger,
            secrets: Secrets::default(),
            secrets_dir,
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
            namespaces: self.config.netns_dir.display().to_string(),
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

    fn take_secrets(&self, load_balancer_id: &str, secrets: Vec<SecretContent>) -> Result<(), DriverError> {
        self.secrets.take(load_balancer_id, secrets);
        Ok(())
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
        self.notes.forget(id.as_str());
        self.pace.forget(id.as_str());
        self.identities.forget(id.as_str());
        self.secrets.forget(id.as_str());
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
    /// Whether it is declared. What haproxy tells of itself is of all that it serves.
    fn is_served(&self, feature: &str) -> bool {
        // A process that is shared has one set of peers, and tells of itself as a whole.
        let of_one = [features::PROTOCOL_PROMETHEUS, features::TOPOLOGY_ACTIVE_STANDBY];
        let shared = self.config.process_model == ProcessModel::PerProject && of_one.contains(&feature);
        let tls = self.secrets_dir.is_usable && self.skip_ca_bundle;
        !shared && served::is_served(self.forwards, tls, feature)
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

/// Asked of haproxy once in the life of the driver.
fn knows_http_client(config: &Config) -> bool {
    process::accepts_global(&config.haproxy, "httpclient.ssl.verify none").unwrap_or_else(|error| {
        tracing::warn!("{} could not be asked what it knows: {error}", config.haproxy.display());
        false
    })
}
