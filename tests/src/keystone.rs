//! A real Keystone, on loopback.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use ballast_lab::wait_until;
use reqwest::Method;
use serde_json::{Value, json};

use crate::PATIENCE;

/// The password of everyone here.
pub const PASSWORD: &str = "pass-of-a-test";

/// The server and its files. Dropped, it ends.
#[derive(Debug)]
pub struct Keystone {
    python: PathBuf,
    directory: PathBuf,
    port: u16,
    /// Certificate and key of what it serves over TLS.
    tls: Option<[String; 2]>,
    process: Option<Child>,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    admin: String,
}

/// What it answered.
struct Answer {
    status: u16,
    token: String,
    body: Value,
}

impl Keystone {
    /// The interpreter that has it.
    ///
    /// # Errors
    /// When `make deps` did not install it.
    pub fn installed() -> Result<PathBuf, String> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let python = workspace.map(|workspace| workspace.join(".venv-keystone/bin/python"));
        python.filter(|path| path.exists()).ok_or_else(|| "Keystone is not installed: run `make deps`".to_owned())
    }

    /// A new one in this directory, with the user `admin` in the project `admin`, and the roles admin, member, reader
    /// and service.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(python: PathBuf, directory: &Path, port: u16, tls: Option<[String; 2]>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (directory, client) = (directory.to_owned(), ballast_service::http::plain().expect("a client"));
        let admin = String::new();
        let mut keystone = Self { python, directory, port, tls, process: None, runtime, client, admin };
        keystone.serve();
        keystone.admin = keystone.token("admin", "admin");
        keystone
    }

    /// Where it is, as `OS_AUTH_URL` says.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v3", self.port)
    }

    /// Where it is over TLS, if it is.
    #[must_use]
    pub fn tls_url(&self) -> String {
        format!("https://localhost:{}", self.port + 1)
    }

    /// Starts to serve, with what is there.
    ///
    /// # Panics
    /// When it does not.
    pub fn serve(&mut self) {
        let log = self.directory.with_extension("log");
        let tls = self.tls.iter().flat_map(|[cert, key]| [(self.port + 1).to_string(), cert.clone(), key.clone()]);
        let mut child = Command::new(&self.python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/keystone_server.py"))
            .arg(&self.directory)
            .arg(self.port.to_string())
            .args(tls)
            .env("PYTHONWARNINGS", "ignore")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).expect("a log file"))
            .spawn()
            .expect("python starts");
        let mut stdin = child.stdin.take().expect("its standard input");
        writeln!(stdin, "{PASSWORD}").expect("it reads its standard input");
        self.process = Some(child);
        // It makes a database first.
        wait_until(PATIENCE * 4, &format!("Keystone, whose log is {}", log.display()), || {
            let process = self.process.as_mut().expect("it was started");
            let ended = process.try_wait().expect("a child");
            assert!(ended.is_none(), "Keystone ended: {}", fs::read_to_string(&log).unwrap_or_default());
            std::net::TcpStream::connect(("127.0.0.1", self.port)).ok().map(drop)
        });
    }

    /// # Panics
    /// When it cannot be ended.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("Keystone is killed");
            process.wait().expect("Keystone is gone");
        }
    }

    fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let response = request.send().await.expect("Keystone answers");
            let status = response.status().as_u16();
            let token = response.headers().get("x-subject-token").and_then(|value| value.to_str().ok());
            let token = token.unwrap_or_default().to_owned();
            let bytes = response.bytes().await.expect("a body");
            Answer { status, token, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
        })
    }

    fn as_admin(&self, method: &Method, path: &str, body: Option<&Value>) -> Value {
        let answer = self.call(method.clone(), path, &[("x-auth-token", &self.admin)], body);
        assert!(answer.status < 300, "Keystone's {method} {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Makes an object; its id.
    fn create(&self, collection: &str, one: &str, object: &Value) -> String {
        let made = self.as_admin(&Method::POST, &format!("/{collection}"), Some(&json!({ one: object })));
        made[one]["id"].as_str().expect("an id").to_owned()
    }

    /// A token of a user, for a project.
    ///
    /// # Panics
    /// When it gives none.
    #[must_use]
    pub fn token(&self, user: &str, project: &str) -> String {
        self.scoped(user, &json!({"project": {"name": project, "domain": {"name": "Default"}}}))
    }

    /// A token of a user, for anything that has tokens.
    ///
    /// # Panics
    /// When it gives none.
    #[must_use]
    pub fn scoped(&self, user: &str, scope: &Value) -> String {
        let user = json!({"name": user, "domain": {"name": "Default"}, "password": PASSWORD});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let body = json!({"auth": {"identity": identity, "scope": scope}});
        let answer = self.call(Method::POST, "/auth/tokens", &[], Some(&body));
        assert_eq!(answer.status, 201, "a token: {}", answer.body);
        answer.token
    }

    /// Makes it invalid.
    ///
    /// # Panics
    /// When it does not.
    pub fn revoke(&self, token: &str) {
        let headers = [("x-auth-token", self.admin.as_str()), ("x-subject-token", token)];
        assert_eq!(self.call(Method::DELETE, "/auth/tokens", &headers, None).status, 204);
    }

    /// A project of this name; its id.
    #[must_use]
    pub fn project(&self, name: &str) -> String {
        self.create("projects", "project", &json!({"name": name, "domain_id": "default"}))
    }

    /// A user of this name, with a role in a project.
    pub fn user(&self, name: &str, project_id: &str, role: &str) {
        self.user_of(name, &format!("projects/{project_id}"), role);
    }

    /// The id of a user.
    #[must_use]
    pub fn user_id(&self, name: &str) -> String {
        let found = self.as_admin(&Method::GET, &format!("/users?name={name}"), None);
        found["users"][0]["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Gives a user a role in another project.
    pub fn grant(&self, name: &str, project_id: &str, role: &str) {
        let (user_id, role_id) = (self.user_id(name), self.role(role));
        self.as_admin(&Method::PUT, &format!("/projects/{project_id}/users/{user_id}/roles/{role_id}"), None);
    }

    /// A user of this name, who is admin in the domain and in none of its projects.
    pub fn domain_admin(&self, name: &str) {
        self.user_of(name, "domains/default", "admin");
    }

    fn user_of(&self, name: &str, place: &str, role: &str) {
        let user = json!({"name": name, "domain_id": "default", "password": PASSWORD});
        let user_id = self.create("users", "user", &user);
        let role_id = self.role(role);
        self.as_admin(&Method::PUT, &format!("/{place}/users/{user_id}/roles/{role_id}"), None);
    }

    /// The role of this name; made when there is none.
    fn role(&self, name: &str) -> String {
        let found = self.as_admin(&Method::GET, &format!("/roles?name={name}"), None);
        match found["roles"][0]["id"].as_str() {
            Some(id) => id.to_owned(),
            None => self.create("roles", "role", &json!({ "name": name })),
        }
    }

    /// A new application credential of a user, with all roles that he has in the project: its id and its secret.
    ///
    /// # Panics
    /// When it gives none.
    #[must_use]
    pub fn application_credential(&self, user: &str, project: &str) -> (String, String) {
        let token = self.token(user, project);
        let (own, own_too) = (("x-auth-token", token.as_str()), ("x-subject-token", token.as_str()));
        let shown = self.call(Method::GET, "/auth/tokens", &[own, own_too], None).body;
        let path =
            format!("/users/{}/application_credentials", shown["token"]["user"]["id"].as_str().unwrap_or_default());
        let body = json!({"application_credential": {"name": "of-a-test"}});
        let made = self.call(Method::POST, &path, &[own], Some(&body));
        assert_eq!(made.status, 201, "an application credential: {}", made.body);
        let text = |name: &str| made.body["application_credential"][name].as_str().unwrap_or_default().to_owned();
        (text("id"), text("secret"))
    }

    /// Says in the catalogue where a type of service is.
    pub fn catalogue(&self, kind: &str, url: &str) {
        let service = self.create("services", "service", &json!({"type": kind, "name": kind}));
        for interface in ["public", "internal", "admin"] {
            let endpoint = json!({"service_id": service, "interface": interface, "url": url, "region_id": "RegionOne"});
            self.create("endpoints", "endpoint", &endpoint);
        }
    }
}

impl Drop for Keystone {
    fn drop(&mut self) {
        self.stop();
    }
}
