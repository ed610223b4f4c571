//! A real Barbican, on loopback, which asks a real [`Keystone`].

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use ballast_lab::wait_until;
use serde_json::{Value, json};

use crate::{
    PATIENCE,
    keystone::{Keystone, PASSWORD},
    rest::Rest,
};

/// The server and its files. Dropped, it ends.
#[derive(Debug)]
pub struct Barbican {
    python: PathBuf,
    directory: PathBuf,
    port: u16,
    /// Of the Keystone that it asks.
    auth_url: String,
    process: Option<Child>,
}

impl Barbican {
    /// The interpreter that has it.
    ///
    /// # Errors
    /// When `make deps` did not install it.
    pub fn installed() -> Result<PathBuf, String> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let python = workspace.map(|workspace| workspace.join(".venv-barbican/bin/python"));
        python.filter(|path| path.exists()).ok_or_else(|| "Barbican is not installed: run `make deps`".to_owned())
    }

    /// A new one in this directory, in the catalogue as `key-manager`. It validates tokens as Keystone's `admin`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(python: PathBuf, directory: &Path, port: u16, keystone: &Keystone) -> Self {
        let directory = directory.to_owned();
        let mut barbican = Self { python, directory, port, auth_url: keystone.url(), process: None };
        keystone.catalogue("key-manager", &barbican.url());
        barbican.serve();
        barbican
    }

    /// Where it is, without a version.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts to serve, with what is there.
    ///
    /// # Panics
    /// When it does not.
    pub fn serve(&mut self) {
        let log = self.directory.with_extension("log");
        let child = Command::new(&self.python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/barbican_server.py"))
            .arg(&self.directory)
            .arg(self.port.to_string())
            .env("OS_AUTH_URL", &self.auth_url)
            .envs([("OS_USERNAME", "admin"), ("OS_PASSWORD", PASSWORD), ("OS_PROJECT_NAME", "admin")])
            .envs([("PYTHONWARNINGS", "ignore"), ("PYTHONDONTWRITEBYTECODE", "1")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).expect("a log file"))
            .spawn()
            .expect("python starts");
        self.process = Some(child);
        wait_until(PATIENCE * 2, &format!("Barbican, whose log is {}", log.display()), || {
            let process = self.process.as_mut().expect("it was started");
            let ended = process.try_wait().expect("a child");
            assert!(ended.is_none(), "Barbican ended: {}", fs::read_to_string(&log).unwrap_or_default());
            std::net::TcpStream::connect(("127.0.0.1", self.port)).ok().map(drop)
        });
    }

    /// # Panics
    /// When it cannot be ended.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("Barbican is killed");
            process.wait().expect("Barbican is gone");
        }
    }

    /// Its API, as who has this token.
    #[must_use]
    pub fn as_user(&self, token: &str) -> Tenant {
        Tenant(Rest::new(&self.url()).with_token(token))
    }
}

impl Drop for Barbican {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Somebody who keeps secrets in it.
#[derive(Debug)]
pub struct Tenant(pub Rest);

impl Tenant {
    /// A secret with this text; its reference.
    ///
    /// # Panics
    /// When it is not made.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.secret(&json!({"payload": text, "payload_content_type": "text/plain"}))
    }

    /// A secret with these bytes, in base64; its reference.
    ///
    /// # Panics
    /// When it is not made.
    #[must_use]
    pub fn bytes(&self, base64: &str) -> String {
        self.secret(&json!({
            "payload": base64, "payload_content_type": "application/octet-stream", "payload_content_encoding": "base64",
        }))
    }

    fn secret(&self, secret: &Value) -> String {
        let made = self.0.create("/v1/secrets", secret);
        made.body["secret_ref"].as_str().expect("a reference").to_owned()
    }

    /// A container of these secrets by their names; its reference.
    ///
    /// # Panics
    /// When it is not made.
    #[must_use]
    pub fn container(&self, kind: &str, secrets: &[(&str, &str)]) -> String {
        let refs: Vec<Value> =
            secrets.iter().map(|(name, secret)| json!({"name": name, "secret_ref": secret})).collect();
        let made = self.0.create("/v1/containers", &json!({"name": "c", "type": kind, "secret_refs": refs}));
        made.body["container_ref"].as_str().expect("a reference").to_owned()
    }

    /// Puts another secret of this name into a generic container in the place of the one that is there.
    ///
    /// # Panics
    /// When it is not taken.
    pub fn exchange(&self, container: &str, name: &str, [from, to]: [&str; 2]) {
        let path = format!("{}/secrets", path(container));
        let call = |method, secret: &str| {
            self.0.call(method, &path, Some(&json!({"name": name, "secret_ref": secret}))).status
        };
        assert_eq!((call("DELETE", from), call("POST", to)), (204, 201));
    }

    /// Who may read a secret or a container beside its project.
    #[must_use]
    pub fn readers(&self, reference: &str) -> Vec<String> {
        let acl = self.0.get(&format!("{}/acl", path(reference)));
        let users = acl["read"]["users"].as_array().into_iter().flatten();
        users.filter_map(|user| user.as_str()).map(str::to_owned).collect()
    }

    /// Lets nobody but who made it read it.
    pub fn keep_for_oneself(&self, reference: &str) {
        let acl = json!({"read": {"project-access": false, "users": []}});
        self.0.update(&format!("{}/acl", path(reference)), &acl);
    }

    /// The secret of this name in a container.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn part(&self, container: &str, name: &str) -> String {
        let shown = self.0.get(path(container).as_str());
        let mut parts = shown["secret_refs"].as_array().into_iter().flatten();
        let part = parts.find(|one| one["name"] == name).expect("a secret of this name");
        part["secret_ref"].as_str().expect("a reference").to_owned()
    }

    /// Lets these users read it, and no others.
    pub fn let_read(&self, reference: &str, users: &[&str]) {
        let acl = json!({"read": {"project-access": true, "users": users}});
        self.0.update(&format!("{}/acl", path(reference)), &acl);
    }

    /// The load balancers, or others, that are said to use it.
    #[must_use]
    pub fn consumers(&self, reference: &str) -> Vec<String> {
        let listed = self.0.get(&format!("{}/consumers", path(reference)));
        let consumers = listed["consumers"].as_array().into_iter().flatten();
        let name = |one: &Value| one["URL"].as_str().or(one["resource_id"].as_str()).unwrap_or_default().to_owned();
        consumers.map(name).collect()
    }
}

/// What is behind the host.
fn path(reference: &str) -> String {
    reference.find("/v1/").map(|at| reference[at..].to_owned()).unwrap_or_default()
}
