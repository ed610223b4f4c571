//! A process with a driver, which makes one change and may be killed meanwhile.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ballast_abi::LoadBalancer;
use ballast_failpoint::{FOLDER, ORDER, PASSED};
use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use prost::Message as _;
use serde_json::{Value, json};

use crate::driver::Driver;

/// Names the folder with what it is to do.
const TOLD: &str = "CHAOS_VICTIM";

/// A change, and where.
pub(crate) struct Job<'a> {
    pub(crate) driver: &'a str,
    pub(crate) section: &'a Value,
    pub(crate) state_dir: &'a Path,
    pub(crate) id: &'a str,
    pub(crate) generation: u64,
    /// `None`: it is to go.
    pub(crate) asked: Option<&'a LoadBalancer>,
}

pub(crate) struct Victim {
    folder: PathBuf,
    pid: Pid,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Killed,
    /// It stands still, and can go on.
    Stopped,
    Done,
    Failed,
}

impl Victim {
    /// `order`: to itself, as `ballast-failpoint` has it; empty: none.
    pub(crate) fn start(folder: &Path, job: &Job<'_>, order: &str) -> Self {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir(folder).unwrap();
        let asked = job.asked.map(LoadBalancer::encode_to_vec);
        let told = json!({"driver": job.driver, "section": job.section, "state_dir": job.state_dir, "id": job.id,
            "generation": job.generation, "asked": asked});
        fs::write(folder.join("job"), told.to_string()).unwrap();
        if !order.is_empty() {
            fs::write(folder.join(ORDER), order).unwrap();
        }
        let output = fs::File::create(folder.join("said")).unwrap();
        #[expect(clippy::zombie_processes, reason = "it is waited for by its number: also until it stands still")]
        let child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "victim::does_what_it_is_told", "--nocapture"])
            .env(TOLD, folder)
            .env(FOLDER, folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { folder: folder.to_owned(), pid: Pid::from_raw(child.id().cast_signed()) }
    }

    pub(crate) fn wait(&self) -> End {
        match waitpid(self.pid, Some(WaitPidFlag::WUNTRACED)).unwrap() {
            WaitStatus::Signaled(_, Signal::SIGKILL, _) => End::Killed,
            WaitStatus::Stopped(..) => End::Stopped,
            WaitStatus::Exited(_, 0) => End::Done,
            _ => End::Failed,
        }
    }

    pub(crate) fn go_on(&self) {
        kill(self.pid, Signal::SIGCONT).unwrap();
    }

    /// Every place that it has passed, in order.
    pub(crate) fn passed(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join(PASSED)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.folder.join("said")).unwrap_or_default()
    }
}

#[test]
#[ignore = "the victim of other tests, which start it"]
fn does_what_it_is_told() {
    let folder = PathBuf::from(env::var_os(TOLD).expect("started by its test"));
    let told: Value = serde_json::from_slice(&fs::read(folder.join("job")).unwrap()).unwrap();
    let text = |key: &str| told[key].as_str().unwrap().to_owned();
    let driver = Driver::start(&text("driver"), &told["section"], Path::new(&text("state_dir")));
    match serde_json::from_value::<Option<Vec<u8>>>(told["asked"].clone()).unwrap() {
        Some(bytes) => {
            let asked = LoadBalancer::decode(bytes.as_slice()).unwrap();
            driver.deploy(&asked, told["generation"].as_u64().unwrap());
        }
        None => driver.undeploy(&text("id")),
    }
}
