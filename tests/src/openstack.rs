//! The real, unmodified `openstack` command with its commands of load balancers, and openstacksdk.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::neutron::Said;

/// The command, aimed at a server, in a process that takes one command after the other.
#[derive(Debug)]
pub struct OpenStack {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// A program of the environment that `make deps` made.
///
/// # Errors
/// When it did not: says how to get it.
pub fn installed(program: &str) -> Result<PathBuf, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let path = workspace.map(|workspace| workspace.join(".venv-openstack/bin").join(program));
    path.filter(|path| path.exists())
        .ok_or_else(|| "the openstack command is not installed: run `make clients`".to_owned())
}

/// What tells a client where the server is, without a Keystone.
#[must_use]
pub fn without_keystone(url: &str) -> [(&'static str, String); 2] {
    [("OS_AUTH_TYPE", "none".to_owned()), ("OS_ENDPOINT", url.to_owned())]
}

impl OpenStack {
    /// Without a Keystone.
    ///
    /// # Errors
    /// As [`installed`].
    pub fn at(url: &str) -> Result<Self, String> {
        let python = installed("python")?;
        let mut process = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/openstack_session.py"))
            .envs(without_keystone(url))
            .env("PYTHONWARNINGS", "ignore")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("COLUMNS", "1000")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python does not start: {error}"))?;
        let (Some(to), Some(from)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("it has no standard input and output".to_owned());
        };
        Ok(Self { process, to, from: BufReader::new(from) })
    }

    /// Runs `openstack loadbalancer` with these arguments; what is between apostrophes is one of them.
    ///
    /// # Panics
    /// When the process has ended.
    #[must_use]
    pub fn try_run(&mut self, line: &str) -> Said {
        let arguments: Vec<String> = ["loadbalancer".to_owned()].into_iter().chain(words(line)).collect();
        self.ask(&json!(arguments))
    }

    /// The names of all commands of load balancers.
    ///
    /// # Panics
    /// When the process has ended.
    #[must_use]
    pub fn commands(&mut self) -> Vec<String> {
        self.ask(&json!([])).stdout.lines().map(str::to_owned).collect()
    }

    fn ask(&mut self, arguments: &Value) -> Said {
        writeln!(self.to, "{arguments}").expect("the process of the openstack command reads");
        let mut answer = String::new();
        self.from.read_line(&mut answer).expect("it answers");
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        let status = answer["status"].as_i64().and_then(|status| status.try_into().ok()).unwrap_or(-1);
        Said { status, stdout: text("stdout"), stderr: text("stderr") }
    }

    /// What it prints when all is well.
    ///
    /// # Panics
    /// When its exit status is not 0.
    #[must_use]
    pub fn run(&mut self, line: &str) -> String {
        let said = self.try_run(line);
        assert_eq!(said.status, 0, "openstack loadbalancer {line}: {}{}", said.stdout, said.stderr);
        said.stdout
    }

    /// The same, of a command that prints nothing.
    ///
    /// # Panics
    /// When it prints anything, or its exit status is not 0.
    pub fn quietly(&mut self, line: &str) {
        assert_eq!(self.run(line), "", "openstack loadbalancer {line}");
    }

    /// What it prints as JSON.
    ///
    /// # Panics
    /// As [`Self::run`], and when it is none.
    #[must_use]
    pub fn json(&mut self, line: &str) -> Value {
        let printed = self.run(&format!("{line} -f json"));
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{line}: {error}: {printed}"))
    }

    /// What it says of a refusal, by either of its outputs.
    ///
    /// # Panics
    /// When its exit status is another than this.
    #[must_use]
    pub fn refused(&mut self, status: i32, line: &str) -> String {
        let said = self.try_run(line);
        assert_eq!(said.status, status, "openstack loadbalancer {line}: {}{}", said.stdout, said.stderr);
        said.stdout + &said.stderr
    }
}

impl Drop for OpenStack {
    fn drop(&mut self) {
        // It ends when it is told nothing more; a test that has failed does not wait for that.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Words with blanks between them; what is between apostrophes is one word.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    quoted
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}
