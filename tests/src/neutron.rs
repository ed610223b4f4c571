//! The real, unmodified `neutron` command.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The command, aimed at a gateway.
#[derive(Debug, Clone)]
pub struct Neutron {
    program: PathBuf,
    url: String,
}

/// What the command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Neutron {
    /// The client that `make deps` installed, or the one that `BALLAST_NEUTRON` names.
    ///
    /// # Errors
    /// When there is none: says how to get it.
    pub fn find(url: &str) -> Result<Self, String> {
        let named = std::env::var_os("BALLAST_NEUTRON").map(PathBuf::from);
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let installed = workspace.map(|workspace| workspace.join(".venv-neutron/bin/neutron"));
        match named.or(installed).filter(|path| path.exists()) {
            Some(program) => Ok(Self { program, url: url.to_owned() }),
            None => Err("the neutron command is not installed: run `make deps`, or set BALLAST_NEUTRON".to_owned()),
        }
    }

    /// Runs the command with these arguments.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn try_run(&self, arguments: &str) -> Said {
        let mut command = Command::new(&self.program);
        command.env("OS_AUTH_TYPE", "none").env("OS_ENDPOINT", &self.url).args(arguments.split_whitespace());
        let Output { status, stdout, stderr } = command.output().expect("the neutron command starts");
        Said {
            status: status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// Runs the command; its standard output.
    ///
    /// # Panics
    /// When its exit status is not 0.
    #[must_use]
    pub fn run(&self, arguments: &str) -> String {
        let said = self.try_run(arguments);
        assert_eq!(said.status, 0, "neutron {arguments}: {}{}", said.stdout, said.stderr);
        said.stdout
    }

    /// One field of what the command prints, by its `-f value -c FIELD`.
    ///
    /// # Panics
    /// As [`Self::run`].
    #[must_use]
    pub fn value(&self, arguments: &str, field: &str) -> String {
        let printed = self.run(&format!("{arguments} -f value -c {field}"));
        // Commands that create say so first.
        printed
            .lines()
            .filter(|line| !line.starts_with("Created a new "))
            .collect::<Vec<_>>()
            .join("\n")
            .trim()
            .to_owned()
    }
}
