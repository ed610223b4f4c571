//! Real servers of PostgreSQL in a lab, from the machine's own programs: one that takes writes, and others that stand by.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use ballast_lab::{Lab, Signal, not_run, wait_until};
use nix::{
    sys::signal::kill,
    unistd::{Pid, Uid, chown},
};

use crate::PATIENCE;

/// Who runs it: a server of PostgreSQL does not run as root.
const NOBODY: u32 = 65_534;
/// Where Debian lays the programs, in a folder for each version.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// As fast as it can be: no test cuts the power.
const SETTINGS: [&str; 4] = ["fsync=off", "full_page_writes=off", "max_connections=300", "unix_socket_directories="];

/// A server. Dropped, it ends.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    folder: PathBuf,
    pub port: u16,
    running: Option<Child>,
}

/// The folder with the programs, where the test may run them. None: it was said aloud that `test` is not run.
fn programs(test: &str) -> Option<PathBuf> {
    let versions = fs::read_dir(PROGRAMS).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let found = versions.filter(|folder| folder.join("initdb").is_file()).max();
    if found.is_none() {
        not_run(test, "there is no PostgreSQL (Debian: apt-get install postgresql)");
    }
    if !Uid::effective().is_root() {
        not_run(test, "PostgreSQL's user can only be taken by root");
        return None;
    }
    found
}

impl PostgresServer {
    /// A new one in this folder, at this port of loopback; it does not run yet. None: it was said aloud that `test` is not run.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn make(test: &str, folder: &Path, port: u16) -> Option<Self> {
        let programs = programs(test)?;
        own(folder);
        let server = Self { programs, folder: folder.join("data"), port, running: None };
        let mut make = server.command("initdb");
        make.args(["--no-sync", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "-D"]);
        finish(make.arg(&server.folder));
        // Standbys come from loopback too.
        fs::write(
            server.folder.join("pg_hba.conf"),
            "local all all trust\nhost all,replication all 127.0.0.1/32 trust\n",
        )
        .expect("who may connect");
        Some(server)
    }

    /// The same, in a folder of this lab, and it runs.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn running(test: &str, lab: &Lab, port: u16) -> Option<Self> {
        fs::set_permissions(lab.dir(), fs::Permissions::from_mode(0o711)).expect("the lab's directory");
        let mut server = Self::make(test, &lab.dir().join("one"), port)?;
        server.start();
        Some(server)
    }

    /// One that stands by for this one, which runs; it has its own folder and port, and does not run yet.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn standby(&self, folder: &Path, port: u16) -> Self {
        own(folder);
        let standby = Self { programs: self.programs.clone(), folder: folder.join("data"), port, running: None };
        let mut copy = standby.command("pg_basebackup");
        copy.args([
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-c",
            "fast",
            "--no-sync",
            "-R",
            "-p",
            &self.port.to_string(),
            "-D",
        ]);
        finish(copy.arg(&standby.folder));
        standby
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&mut self) {
        let mut start = self.command("postgres");
        start.arg("-D").arg(&self.folder).args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        for setting in SETTINGS {
            start.args(["-c", setting]);
        }
        let log = fs::File::create(self.folder.with_extension(format!("{}.log", self.port))).expect("a log");
        self.running = Some(start.stdin(Stdio::null()).stderr(log).spawn().expect("a server starts"));
        wait_until(PATIENCE, "an answer of PostgreSQL", || self.try_sql("postgres", "SELECT 1"));
    }

    /// Ends it without a word.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        for pid in self.processes() {
            // One of them may have ended with another.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let mut running = self.running.take().expect("it runs");
        running.wait().expect("its end");
    }

    /// Stops all of its processes, or lets them go on.
    pub fn signal(&self, signal: Signal) {
        for pid in self.processes() {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// From now on it takes writes.
    ///
    /// # Panics
    /// When it does not.
    pub fn promote(&self) {
        assert_eq!(self.sql("postgres", "SELECT pg_promote()"), "t");
    }

    /// What a statement says, a line each.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn sql(&self, database: &str, statement: &str) -> String {
        self.try_sql(database, statement).unwrap_or_else(|| panic!("{statement} at {}", self.port))
    }

    /// The same; none: it fails.
    #[must_use]
    pub fn try_sql(&self, database: &str, statement: &str) -> Option<String> {
        let mut ask = Command::new(self.programs.join("psql"));
        ask.args([
            "-XAtq",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-p",
            &self.port.to_string(),
            "-d",
            database,
            "-c",
            statement,
        ]);
        let said = ask.env("PGCONNECT_TIMEOUT", "5").stderr(Stdio::null()).output().ok()?;
        said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_owned())
    }

    /// Waits until a standby has all that is acknowledged from now on.
    ///
    /// # Panics
    /// When there is none in time.
    pub fn wait_for_its_standby(&self) {
        let _ = self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        let _ = self.sql("postgres", "SELECT pg_reload_conf()");
        let has_it = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        wait_until(PATIENCE, "a standby", || (self.sql("postgres", has_it) == "1").then_some(()));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        let user = NOBODY.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]).arg(self.programs.join(program));
        command.current_dir("/");
        command
    }

    /// The server's own, and those that it has started.
    fn processes(&self) -> Vec<i32> {
        let Some(running) = &self.running else { return Vec::new() };
        let own = running.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        [i32::try_from(own).unwrap_or(i32::MAX)].into_iter().chain(children).collect()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.signal(Signal::SIGCONT);
            self.kill();
        }
    }
}

/// The folder is there, and PostgreSQL's user may write to it.
fn own(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    chown(folder, Some(NOBODY.into()), Some(NOBODY.into())).expect("its owner");
}

fn finish(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().expect("a program of PostgreSQL");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{command:?}: {said}");
}
