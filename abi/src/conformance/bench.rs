//! What a check has at hand.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use super::{
    subject::{Copy, Subject},
    verdict::Stop,
};

/// How long a call may take. An agent ends a driver that takes longer.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To start, deploy or undeploy.
    pub change: Duration,
    /// To observe, or to say what is deployed.
    pub look: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { change: Duration::from_secs(60), look: Duration::from_secs(10) }
    }
}

impl Patience {
    /// No longer than this for anything.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        Self { change: self.change.min(limit), look: self.look.min(limit) }
    }
}

/// Whether it can be seen which files are written.
pub enum Files {
    /// Says which files have been written so far outside of [`Bench::scratch`].
    Watched(Box<dyn Fn() -> Vec<PathBuf> + Send + Sync>),
    /// Why not.
    Unwatched(String),
}

/// A driver's file, and the place where it is checked.
pub struct Bench {
    /// The driver.
    pub file: PathBuf,
    /// Its section of the configuration; none was given: an empty one, and what needs one is skipped.
    pub config: Option<Value>,
    /// Runs [`subject::serve`](super::subject::serve) in a new process.
    pub program: PathBuf,
    /// The arguments with which it does.
    pub arguments: Vec<String>,
    /// An empty directory of this check.
    pub scratch: PathBuf,
    /// How long calls may take.
    pub patience: Patience,
    /// The newest glibc that may be needed.
    pub glibc: (u32, u32),
    /// What chance begins with.
    pub seed: u64,
    /// Whether it can be seen which files are written.
    pub files: Files,
}

impl Bench {
    /// The section as it is handed to the driver.
    pub(crate) fn section(&self) -> Value {
        self.config.clone().unwrap_or_else(|| Value::Object(serde_json::Map::new()))
    }

    /// A process without the driver.
    pub(crate) fn process(&self) -> Result<Subject, Stop> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(inherited());
        Subject::start(command, self)
    }

    /// The driver's state directory: private, and the same for each process of this check.
    pub(crate) fn state_dir(&self, copy: Copy) -> Result<PathBuf, Stop> {
        let name = match copy {
            Copy::First => "state",
            Copy::Second => "state-2",
        };
        self.directory(name)
    }

    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf, Stop> {
        let path = self.scratch.join(name);
        fs::create_dir_all(&path).map_err(|error| Stop::Skipped(format!("cannot make {}: {error}", path.display())))?;
        Ok(path)
    }

    /// The driver's file at another path, so that it is loaded once more.
    pub(crate) fn copied(&self) -> Result<PathBuf, Stop> {
        let path = self.scratch.join("copy.so");
        fs::copy(&self.file, &path).map_err(|error| Stop::Skipped(format!("cannot copy the driver: {error}")))?;
        Ok(path)
    }
}

/// What an agent's driver-host would have of the environment, too.
fn inherited() -> BTreeMap<String, std::ffi::OsString> {
    let kept = |name: &str| name == "PATH" || name == "LANG" || name == "HOME" || name.starts_with("RUST_");
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| kept(name))
        .collect()
}

/// The files below a directory, as paths inside of it, sorted.
pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut rest = vec![directory.to_owned()];
    while let Some(folder) = rest.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                rest.push(path.clone());
            }
            found.extend(path.strip_prefix(directory).map(Path::to_owned));
        }
    }
    found.sort();
    found
}
