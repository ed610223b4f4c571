//! The real, unmodified `neutron` command.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The command, aimed at a gateway.
#[derive(Debug, Clone)]
pub struct Neutron {
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
}

/// What the command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Neutron {
    /// The client that `make deps` installed, or the one that `BALLAST_NEUTRON` names, without a token.
    ///
    /// # Errors
    /// When there is none: says how to get it.
    pub fn find(url: &str) -> Result<Self, String> {
        Self::with(vec![("OS_AUTH_TYPE", "none".to_owned()), ("OS_ENDPOINT", url.to_owned())])
    }

    /// The same, as a user of Keystone, whose catalogue names the gateway.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn in_keystone(url: &str, user: &str, password: &str, project: &str) -> Result<Self, String> {
        let environment = [
            ("OS_AUTH_URL", url),
            ("OS_IDENTITY_API_VERSION", "3"),
            ("OS_USERNAME", user),
            ("OS_PASSWORD", password),
            ("OS_PROJECT_NAME", project),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
        ];
        Self::with(environment.map(|(name, value)| (name, value.to_owned())).to_vec())
    }

    fn with(environment: Vec<(&'static str, String)>) -> Result<Self, String> {
        let named = std::env::var_os("BALLAST_NEUTRON").map(PathBuf::from);
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let installed = workspace.map(|workspace| workspace.join(".venv-neutron/bin/neutron"));
        match named.or(installed).filter(|path| path.exists()) {
            Some(program) => Ok(Self { program, environment }),
            None => Err("the neutron command is not installed: run `make deps`, or set BALLAST_NEUTRON".to_owned()),
        }
    }

    /// Runs the command with these arguments; again, while Keystone is slow to answer, as on a busy machine.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn try_run(&self, arguments: &str) -> Said {
        let mut said = self.run_once(arguments);
        for _ in 0..5 {
            if !said.stderr.contains("Tokens cannot be validated now; try again.") {
                break;
            }
            said = self.run_once(arguments);
        }
        said
    }

    fn run_once(&self, arguments: &str) -> Said {
        let mut command = Command::new(&self.program);
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).args(arguments.split_whitespace());
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
