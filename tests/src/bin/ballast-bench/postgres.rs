//! A PostgreSQL server of the machine's own package, with the durability that it has by default, for one bench.
//!
//! It is reached over a Unix socket, and its processes can be looked at: their CPU time is that of the database.

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use ballast_lab::wait_until;
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User},
};

use crate::{
    Outcome,
    stack::{children_of, cpu_of},
};

/// The user that the package makes.
pub(crate) const USER: &str = "postgres";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    programs: PathBuf,
    directory: PathBuf,
    process: Child,
}

/// Where the newest version's programs are; none: there is no server.
pub(crate) fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|version| version.path().join("bin"));
    versions.filter(|programs| programs.join("initdb").exists()).max()
}

impl Server {
    /// Makes a database cluster in the directory, and serves it.
    pub(crate) fn start(programs: &Path, directory: &Path) -> Outcome<Self> {
        let user = User::from_name(USER)?.ok_or("there is no user postgres")?;
        fs::create_dir_all(directory)?;
        chown(directory, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        let data = directory.join("data");
        let as_user = |program: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(programs.join(program));
            command.current_dir("/").stdin(Stdio::null());
            command
        };
        let made = as_user("initdb").arg("-D").arg(&data).args(["-A", "trust", "-E", "UTF8", "--locale=C"]).output()?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        let log = fs::File::create(directory.join("log"))?;
        let process = as_user("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-k"])
            .arg(directory)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let socket = directory.join(".s.PGSQL.5432");
        wait_until(PATIENCE, "PostgreSQL's socket", || socket.exists().then_some(()));
        Ok(Self { programs: programs.to_owned(), directory: directory.to_owned(), process })
    }

    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The url of a database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@localhost/ballast?host={}", self.directory.display())
    }

    /// CPU time that all its processes have used, in microseconds.
    pub(crate) fn cpu(&self) -> f64 {
        let pid = self.process.id();
        cpu_of(pid) + children_of(pid).into_iter().map(cpu_of).sum::<f64>()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // At once, without waiting for clients; the lab's end would end it too.
        let pid = Pid::from_raw(self.process.id().cast_signed());
        let _ = kill(pid, Signal::SIGQUIT).map(|()| self.process.wait());
    }
}
