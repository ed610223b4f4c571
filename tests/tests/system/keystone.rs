//! Callers with tokens of a real Keystone: the unmodified `neutron` command finds the gateway in the catalogue; tokens are
//! revoked; Keystone goes away and comes back.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ballast_lab::{Lab, in_lab, not_run, require_tool, wait_until};
use ballast_proto::v1::{ListRequest, pools_client::PoolsClient};
use ballast_tests::{
    PATIENCE,
    keystone::{Keystone, PASSWORD},
    neutron::Neutron,
    pki::Pki,
    programs,
    rest::Rest,
    secret,
    site::{Plan, Setting, Site, URL},
};
use serde_json::{Value, json};
use tonic::{Code, Request, transport::Channel};

/// A revoked token is refused after so many seconds at the latest.
const REVOKED_AFTER: u64 = 2;

/// The interpreter that has Keystone; none: says so.
fn python(test: &str) -> Option<PathBuf> {
    Keystone::installed().map_err(|why| not_run(test, &why)).ok()
}

/// How the services ask Keystone.
enum Way {
    /// Over plain HTTP, as a user with a password.
    Password,
    /// Over TLS, with an application credential.
    ApplicationCredential,
}

impl Way {
    fn settings(self, directory: &Path, keystone: &Keystone, ca: &Pki) -> Vec<Setting> {
        let file = directory.join("secret");
        let (text, settings) = match self {
            Self::Password => {
                let settings = vec![
                    ("BALLAST_AUTH__KEYSTONE_URL", keystone.url()),
                    ("BALLAST_AUTH__USERNAME", "ballast".to_owned()),
                    ("BALLAST_AUTH__PROJECT", "service".to_owned()),
                    ("BALLAST_AUTH__PASSWORD_FILE", file.display().to_string()),
                ];
                (PASSWORD.to_owned(), settings)
            }
            Self::ApplicationCredential => {
                let (id, text) = keystone.application_credential("ballast", "service");
                let settings = vec![
                    ("BALLAST_AUTH__KEYSTONE_URL", keystone.tls_url()),
                    ("BALLAST_AUTH__KEYSTONE_PUBLIC_URL", keystone.url()),
                    ("BALLAST_AUTH__KEYSTONE_CA", ca.file("ca.pem")),
                    ("BALLAST_AUTH__APPLICATION_CREDENTIAL_ID", id),
                    ("BALLAST_AUTH__APPLICATION_CREDENTIAL_SECRET_FILE", file.display().to_string()),
                ];
                (text, settings)
            }
        };
        secret::write(&file, &format!("{text}\n"));
        let all = [
            ("BALLAST_AUTH__MODE", "keystone".to_owned()),
            ("BALLAST_AUTH__REVOCATION_CHECK_SECONDS", REVOKED_AFTER.to_string()),
        ];
        settings.into_iter().chain(all).map(|(name, value)| ("", name, value)).collect()
    }
}

/// A Keystone with two projects and their users, and a site that asks it.
fn start(lab: &Lab, python: PathBuf, agents: usize, way: Way) -> (Keystone, Site) {
    let ca = Pki::init(&lab.dir().join("pki"));
    ca.issue("rest");
    let tls = [ca.file("rest.pem"), ca.file("rest.key")];
    let keystone = Keystone::start(python, &lab.dir().join("keystone"), 5000, Some(tls));
    let (alpha, beta) = (keystone.project("alpha"), keystone.project("beta"));
    keystone.user("ann", &alpha, "member");
    keystone.user("rea", &alpha, "reader");
    keystone.user("aud", &alpha, "auditor");
    keystone.user("ben", &beta, "member");
    keystone.domain_admin("dora");
    keystone.user("ballast", &keystone.project("service"), "service");
    keystone.catalogue("network", URL);
    let environment = way.settings(lab.dir(), &keystone, &ca);
    let token = keystone.token("admin", "admin");
    let site = Site::start(lab, &Plan { agents, webs: 0, token, environment, ..Plan::default() });
    (keystone, site.expect("a site"))
}

fn neutron(keystone: &Keystone, user: &str, project: &str) -> Neutron {
    Neutron::in_keystone(&keystone.url(), user, PASSWORD, project).expect("the command, which was found before")
}

fn refused(neutron: &Neutron, line: &str, text: &str) {
    let said = neutron.try_run(line);
    assert!(said.status == 1 && said.stderr.contains(text), "neutron {line}: {}{}", said.stdout, said.stderr);
}

#[test]
fn the_neutron_command_with_a_password_finds_the_gateway_and_sees_its_project_alone() {
    let test = "the_neutron_command_with_a_password_finds_the_gateway_and_sees_its_project_alone";
    let Some(python) = python(test).filter(|_| require_tool("haproxy", test)) else { return };
    if let Err(why) = Neutron::find(URL) {
        return not_run(test, &why);
    }
    in_lab(|lab| {
        let (keystone, site) = start(lab, python, 1, Way::Password);
        let ann = neutron(&keystone, "ann", "alpha");
        let _ = ann.run("net-create net");
        let _ = ann.run("subnet-create --name subnet net 10.30.0.0/24");
        let line = "lb-pool-create --name web --lb-method ROUND_ROBIN --protocol HTTP --subnet-id subnet";
        let pool = ann.value(line, "id");
        let _ = ann.run("lb-vip-create --name front --protocol HTTP --protocol-port 80 --subnet-id subnet web");
        site.wait_for_status(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE");
        let listed = ann.run("lb-pool-list");
        assert!(listed.contains(&pool) && !listed.contains("tenant_id"), "{listed}");

        let ben = neutron(&keystone, "ben", "beta");
        assert_eq!(ben.run("lb-pool-list").trim(), "");
        refused(&ben, "lb-pool-show web", "Unable to find pool with name or id 'web'");
        refused(&ben, &format!("lb-member-show {pool}"), "could not be found");
        refused(&ben, &format!("{line} --tenant-id other"), "Unable to find subnet with name or id 'subnet'");

        // Our own command understands the same variables.
        let ours = |user: &str, password: &str| {
            let mut command = std::process::Command::new(programs::built("ballast"));
            let project = if user == "ben" { "beta" } else { "alpha" };
            command.args(["v1", "pools", "list", "-o", "name"]).env("OS_AUTH_URL", keystone.url());
            command.envs([("OS_USERNAME", user), ("OS_PASSWORD", password), ("OS_PROJECT_NAME", project)]);
            command.output().expect("ballast starts")
        };
        let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said(&ours("ann", PASSWORD)), "web\n");
        let of_ben = ours("ben", PASSWORD);
        assert_eq!((of_ben.status.code(), said(&of_ben)), (Some(0), String::new()), "{of_ben:?}");
        let wrong = ours("ann", "x");
        assert!(
            wrong.status.code() == Some(1) && String::from_utf8_lossy(&wrong.stderr).contains("(HTTP 401)"),
            "{wrong:?}"
        );

        // A reader sees it, and may not touch it.
        let rea = neutron(&keystone, "rea", "alpha");
        assert_eq!(rea.value("lb-pool-show web", "id"), pool);
        refused(&rea, "lb-pool-update web --name mine", "Policy doesn't allow update_pool to be performed.");
        // A role that Ballast does not know is none.
        refused(&neutron(&keystone, "aud", "alpha"), "lb-pool-list", "Policy doesn't allow get_pools to be performed.");
        // An admin sees everyone's, and whose they are.
        let of_all = neutron(&keystone, "admin", "admin").run("lb-pool-list");
        assert!(of_all.contains(&pool) && of_all.contains("tenant_id"), "{of_all}");

        let _ = ann.run("lb-vip-delete front");
        let _ = ann.run("lb-pool-delete web");
        assert_eq!(ann.run("lb-pool-list").trim(), "");
        site.wait_until_clean(0);
        Ok(())
    });
}

/// What the scheduler says over TCP to a bearer token.
fn grpc_now(token: &str) -> Code {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer = runtime.block_on(async {
        let channel = Channel::from_static("http://127.0.0.1:9697").connect_lazy();
        let mut request = Request::new(ListRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a token"));
        PoolsClient::new(channel).list(request).await
    });
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

/// What REST says to a token, as soon as Keystone has said something: on a busy machine it may answer too late.
fn rest(token: &str) -> (u16, Value) {
    wait_until(PATIENCE, "Keystone's word", || Some(rest_now(token)).filter(|(status, _)| *status != 503))
}

fn rest_now(token: &str) -> (u16, Value) {
    let reply = Rest::new(URL).with_token(token).call("GET", "/v2.0/lb/health_monitors", None);
    (reply.status, reply.body["health_monitors"].clone())
}

/// The same over gRPC.
fn grpc(token: &str) -> Code {
    wait_until(PATIENCE, "Keystone's word", || Some(grpc_now(token)).filter(|code| *code != Code::Unavailable))
}

/// The whole answer to a request without a token.
fn unauthenticated() -> String {
    let output = std::process::Command::new("curl").args(["-si", &format!("{URL}/v2.0/lb/pools")]).output();
    String::from_utf8_lossy(&output.expect("curl starts").stdout).to_lowercase()
}

#[test]
fn a_token_is_good_until_it_is_revoked_and_known_ones_outlive_keystone() {
    let test = "a_token_is_good_until_it_is_revoked_and_known_ones_outlive_keystone";
    let Some(python) = python(test).filter(|_| require_tool("curl", test)) else { return };
    in_lab(|lab| {
        let (mut keystone, site) = start(lab, python, 0, Way::ApplicationCredential);
        let challenge = format!("www-authenticate: keystone uri=\"{}\"", keystone.url());
        let answer = unauthenticated();
        assert!(answer.starts_with("http/1.1 401") && answer.contains(&challenge), "{answer}");
        assert!(answer.ends_with("authentication required"), "{answer}");

        let ann = keystone.token("ann", "alpha");
        let monitor = json!({"health_monitor": {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2}});
        let made = Rest::new(URL).with_token(&ann).create("/v2.0/lb/health_monitors", &monitor);
        assert_eq!(rest(&ann).1[0]["id"].as_str(), Some(made.id().as_str()));
        let ben = keystone.token("ben", "beta");
        assert_eq!(rest(&ben), (200, json!([])));
        assert_eq!((grpc(&ann), grpc("nonsense"), rest("nonsense").0), (Code::Ok, Code::Unauthenticated, 401));
        let system = keystone.scoped("admin", &json!({"system": {"all": true}}));
        assert_eq!(rest(&system).1.as_array().map(Vec::len), Some(1), "the whole system's admin sees all");
        let domain = keystone.scoped("dora", &json!({"domain": {"name": "Default"}}));
        assert_eq!(rest(&domain).0, 403, "a domain is no project, though she is its admin");

        keystone.revoke(&ann);
        let in_time = Duration::from_secs(REVOKED_AFTER + 10);
        wait_until(in_time, "the end of a revoked token", || (rest_now(&ann).0 == 401).then_some(()));
        wait_until(in_time, "its end for gRPC", || (grpc_now(&ann) == Code::Unauthenticated).then_some(()));
        assert_eq!(rest(&ben).0, 200);

        let (known, unknown) = (keystone.token("ann", "alpha"), keystone.token("rea", "alpha"));
        assert_eq!((rest(&known).0, grpc(&known)), (200, Code::Ok));
        keystone.stop();
        wait_until(PATIENCE, "a token that Keystone should be asked about again", || {
            assert_eq!((rest_now(&known).0, grpc_now(&known)), (200, Code::Ok));
            let words = "a token is believed without Keystone";
            let said = |service| site.logged(service).contains(words);
            (said("ballast-api-gateway") && said("ballast-scheduler")).then_some(())
        });
        assert_eq!((rest_now(&known).0, grpc_now(&known)), (200, Code::Ok));
        for token in [unknown.as_str(), "nonsense", &ann] {
            assert_eq!((rest_now(token).0, grpc_now(token)), (503, Code::Unavailable), "nobody knows of it");
        }
        keystone.serve();
        for (token, status, code) in [
            (unknown.as_str(), 200, Code::Ok),
            (&known, 200, Code::Ok),
            ("nonsense", 401, Code::Unauthenticated),
            (&ann, 401, Code::Unauthenticated),
        ] {
            assert_eq!((rest(token).0, grpc(token)), (status, code));
        }
        let logs = site.logged("ballast-api-gateway") + &site.logged("ballast-scheduler");
        for secret in [PASSWORD, &known, &unknown, &ann] {
            assert!(!logs.contains(secret), "a secret is in a log");
        }
        Ok(())
    });
}
