//! A host for one agent: its folders, the real process, and the fault driver's device, whose load balancers are files.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use ballast_proto::driver::{DeployRequest, LbMethod, LoadBalancer, Member, Pool, Protocol};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use prost::Message;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::scheduler::PATIENCE;

/// A file of the ledger, as far as tests look into it.
#[derive(Clone, PartialEq, Message)]
struct Recorded {
    #[prost(message, optional, tag = "4")]
    settled: Option<Settled>,
}

#[derive(Clone, PartialEq, Message)]
struct Settled {
    #[prost(uint64, tag = "2")]
    generation: u64,
}

pub(crate) struct Place {
    directory: TempDir,
    agent: Option<Child>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { directory: TempDir::new().unwrap(), agent: None };
        fs::create_dir(place.drivers()).unwrap();
        fs::copy(fault_driver(), place.drivers().join("fault.so")).unwrap();
        place
    }

    pub(crate) fn drivers(&self) -> PathBuf {
        self.directory.path().join("drivers")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("scheduler.sock")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    fn device(&self) -> PathBuf {
        self.state().join("driver-state/fault")
    }

    pub(crate) fn ledger_entry(&self, id: &str) -> PathBuf {
        self.state().join("ledger/load-balancers").join(id)
    }

    /// The generation that the ledger knows to be deployed.
    pub(crate) fn recorded(&self, id: &str) -> Option<u64> {
        let bytes = fs::read(self.ledger_entry(id)).ok()?;
        // Of its two halves the one that was written last counts.
        let written = bytes.chunks(bytes.len() / 2).filter_map(|half| {
            let head = half.iter().position(|byte| *byte == b'\n')?;
            let mut words = str::from_utf8(&half[..head]).ok()?.rsplit(' ');
            let (length, number): (usize, u64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some((number, &half[head + 1..][..length]))
        });
        let (_, content) = written.max()?;
        Some(Recorded::decode(content).ok()?.settled?.generation)
    }

    pub(crate) fn deployed_file(&self, id: &str) -> PathBuf {
        self.device().join(format!("{id}.lb"))
    }

    /// The generation that the device runs.
    pub(crate) fn generation(&self, id: &str) -> Option<u64> {
        let bytes = fs::read(self.deployed_file(id)).ok()?;
        Some(DeployRequest::decode(bytes.as_slice()).unwrap().generation)
    }

    /// Makes the device run what no agent deployed.
    pub(crate) fn plant(&self, id: &str) {
        let stored = DeployRequest { load_balancer: Some(web(id)), generation: 1, ..DeployRequest::default() };
        fs::create_dir_all(self.device()).unwrap();
        fs::write(self.deployed_file(id), stored.encode_to_vec()).unwrap();
    }

    pub(crate) fn say_health(&self, member: &str, up: bool) {
        let unfinished = self.device().join("health.json.new");
        fs::write(&unfinished, serde_json::json!({ member: up }).to_string()).unwrap();
        fs::rename(unfinished, self.device().join("health.json")).unwrap();
    }

    pub(crate) fn driver_pid(&self) -> Pid {
        let text = fs::read_to_string(self.device().join("pid")).unwrap();
        Pid::from_raw(text.trim().parse().unwrap())
    }

    pub(crate) fn start_agent(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.log_file()).unwrap();
        let agent = Command::new(env!("CARGO_BIN_EXE_ballast-agent"))
            .env("BALLAST_AGENT__HOST", "host-1")
            .env("BALLAST_AGENT__ZONE", "rack-7")
            .env("BALLAST_AGENT__SCHEDULERS", format!("unix:{}", self.socket().display()))
            .env("BALLAST_AGENT__STATE_DIR", self.state())
            .env("BALLAST_AGENT__DRIVERS_DIR", self.drivers())
            .env("BALLAST_LOG__LEVEL", "info,ballast_agent=debug")
            .stderr(log)
            .spawn()
            .unwrap();
        self.agent = Some(agent);
    }

    pub(crate) fn signal_agent(&mut self, signal: Signal) -> ExitStatus {
        let mut agent = self.agent.take().unwrap();
        kill(Pid::from_raw(agent.id().try_into().unwrap()), signal).unwrap();
        agent.wait().unwrap()
    }

    /// Ends the agent as a crash does, and waits until its driver-host has followed.
    pub(crate) async fn crash_agent(&mut self) {
        let driver = self.driver_pid();
        self.signal_agent(Signal::SIGKILL);
        // a zombie has ended as well: who has to reap it may be slow
        let runs = || fs::read_to_string(format!("/proc/{driver}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        eventually("the driver-host to end", || !runs()).await;
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("agent.log")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        if std::thread::panicking() {
            eprintln!("the agent's log:\n{}", self.log());
        }
    }
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A load balancer that can be deployed.
pub(crate) fn web(id: &str) -> LoadBalancer {
    named(id, "web")
}

/// A load balancer whose name tells the fault driver what to do.
pub(crate) fn named(id: &str, name: &str) -> LoadBalancer {
    let member = |id: &str| Member { id: id.to_owned(), address: "10.0.0.1".to_owned(), ..Member::default() };
    let pool = Pool {
        id: id.to_owned(),
        protocol: Protocol::Http.into(),
        lb_method: LbMethod::RoundRobin.into(),
        members: vec![member("m1"), member("m2")],
        ..Pool::default()
    };
    LoadBalancer { id: id.to_owned(), name: name.to_owned(), pools: vec![pool], ..LoadBalancer::default() }
}

fn fault_driver() -> PathBuf {
    let test = env::current_exe().unwrap();
    let file = test.ancestors().nth(2).map(|target| target.join("libballast_fault_driver.so")).unwrap();
    assert!(Path::exists(&file), "{} is absent: run `cargo build -p ballast-fault-driver`", file.display());
    file
}
