//! No log has a secret of the configuration in it, at whatever level: those of callers, of the database, and of devices.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command},
};

use ballast_lab::{Postgres, Signal, in_lab, not_run, require_tool, wait_until};
use ballast_proto::v1::{
    CreateNetworkRequest, ListRequest, Network, networks_client::NetworksClient, pools_client::PoolsClient,
};
use ballast_service::grpc;
use ballast_tests::{
    PATIENCE, programs,
    rest::Rest,
    site::{Plan, Site, URL},
};
use serde_json::json;

/// Each is somewhere in the configuration or in a file that it names, or is sent by a caller.
const SECRETS: [&str; 5] = ["s3cret-admin", "s3cret-member", "s3cret-wrong", "s3cret-device", "s3cret-option"];

/// What private keys are kept by.
const SECRETS_KEY: &str = "8a5edab282632443219e051e4ade2d1d5bbc671c781051bf1437897cbdfea0f1";

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

/// Every log below a directory, with its name.
fn logs(directory: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(directory).expect("a directory").flatten().map(|entry| entry.path());
    let logs = entries.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    logs.map(|path| {
        (path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).expect("a log")).into_owned())
    })
    .collect()
}

/// Nothing that was said has a secret in it.
fn without(secrets: &[&str], name: &str, said: &str) {
    for secret in secrets {
        let line = said.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{name} has {secret}: {line:?}");
    }
}

/// Nor has a log below a directory; how many there are.
fn logs_without(secrets: &[&str], directory: &Path) -> usize {
    let logs = logs(directory);
    for (name, text) in &logs {
        assert!(text.lines().count() > 5, "{name} is empty: is this test blind?");
        without(secrets, name, text);
    }
    logs.len()
}

/// A scheduler that says all it can, and does not outlive this many seconds.
fn scheduler(seconds: u8, directory: &Path, url: &str) -> Command {
    let mut command = Command::new("timeout");
    command
        .arg(seconds.to_string())
        .arg(programs::built("ballast-scheduler"))
        .env("BALLAST_LOG__LEVEL", "trace")
        .env("BALLAST_DATABASE__URL", url)
        .env("BALLAST_SCHEDULER__LISTEN", "127.0.0.1:0")
        .env("BALLAST_SCHEDULER__SOCKET", directory.join("scheduler.sock"));
    command
}

/// Sends a certificate with its private key in ways that are taken and refused; the key.
fn certificates() -> String {
    let made = rcgen::generate_simple_self_signed(["www.example".to_owned()]).expect("a certificate");
    let private_key = made.signing_key.serialize_pem();
    for (key, status) in [(json!(private_key), 201), (json!([private_key]), 400), (json!(private_key.repeat(2)), 400)] {
        let certificate = json!({ "name": "web", "certificate_chain": made.cert.pem(), "private_key": key });
        let member = Rest::new(URL).with_token("s3cret-member");
        let reply = member.call("POST", "/ballast/v1/certificates", Some(&json!({ "certificate": certificate })));
        assert_eq!(reply.status, status, "{reply}");
    }
    by_forms(&made.cert.pem(), &private_key);
    private_key
}

/// Sends it by the dashboard's form as files, which is taken, as a text that does not fit, and when nobody is logged in.
fn by_forms(chain: &str, private_key: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("chain.pem", chain), ("key.pem", private_key)] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let sent = |path: &str, arguments: &[&str]| {
        let mut curl = Command::new("curl");
        curl.current_dir(folder.path()).args(["-sS", "-o", "answer", "-w", "%{http_code}", "-c", "jar", "-b", "jar"]);
        let url = format!("{URL}{path}");
        let done =
            curl.args(["-H", "Sec-Fetch-Site: same-origin"]).args(arguments).arg(url).output().expect("curl runs");
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    let new = "/ui/certificates/new";
    let files = ["-F", "certificate_chain_file=@chain.pem", "-F", "private_key_file=@key.pem", "-F", "do=make"];
    assert_eq!(sent(new, &files), "401");
    assert_eq!(sent("/ui/login", &["-d", "token=s3cret-member"]), "303");
    assert_eq!(sent(new, &files), "303");
    let texts = ["-F", "certificate_chain=<key.pem", "-F", "private_key=<key.pem", "-F", "do=make"];
    assert_eq!(sent(new, &texts), "422");
    let answer = fs::read_to_string(folder.path().join("answer")).expect("an answer");
    without(&private_key.lines().filter(|line| line.len() > 40).collect::<Vec<_>>(), "the answer", &answer);
}

#[test]
fn no_log_of_a_run_has_a_secret_in_it() {
    let test = "no_log_of_a_run_has_a_secret_in_it";
    if !require_tool("haproxy", test) || !require_tool("curl", test) {
        return;
    }
    in_lab(|lab| {
        let file = lab.dir().join("tokens.toml");
        let token = |token: &str, role: &str| {
            format!("[[token]]\ntoken = \"{token}\"\nproject_id = \"demo\"\nuser = \"{role}\"\nroles = [\"{role}\"]\n")
        };
        write(&file, &(token("s3cret-admin", "admin") + &token("s3cret-member", "member")))?;
        let key_file = lab.dir().join("secrets.key");
        ballast_tests::secret::write(&key_file, SECRETS_KEY);
        let environment = vec![
            ("", "BALLAST_AUTH__MODE", "token-file".to_owned()),
            ("", "BALLAST_AUTH__TOKEN_FILE", file.display().to_string()),
            ("", "BALLAST_SECRETS__KEY_FILES", key_file.display().to_string()),
            ("", "BALLAST_LOG__LEVEL", "debug,ballast=trace".to_owned()),
        ];
        let plan = Plan { webs: 1, token: "s3cret-admin".to_owned(), environment, ..Plan::default() };
        let mut site = Site::start(lab, &plan)?;
        let (_, _) = site.make_load_balancer("web");
        for (token, status) in [("s3cret-member", 200), ("s3cret-wrong", 401)] {
            assert_eq!(Rest::new(URL).with_token(token).call("GET", "/v2.0/lb/pools", None).status, status);
        }

        let private_key = certificates();

        // A device that nobody answers for, and a section with a secret that the driver does not know.
        let credentials = lab.dir().join("credentials");
        write(&credentials, "admin\ns3cret-device\n")?;
        site.kill_agent(0);
        fs::copy(programs::built("libballast_driver_a10_stub.so"), site.agents[0].drivers.join("a10-stub.so"))?;
        let device = |more: &str| {
            format!(
                "[drivers.a10-stub]\nurl = \"http://127.0.0.1:1\"\nplain_http = true\ncredentials_file = \"{}\"\n{more}",
                credentials.display()
            )
        };
        site.add_configuration(&device(""));
        fs::set_permissions(lab.dir().join("ballast.toml"), fs::Permissions::from_mode(0o600))?;
        site.start_agent(0);
        wait_until(PATIENCE, "the other driver's say", || site.logged("agent-1").contains("a10-stub").then_some(()));
        site.kill_agent(0);
        let written = fs::read_to_string(lab.dir().join("ballast.toml"))?;
        fs::write(
            lab.dir().join("ballast.toml"),
            written.replace(&device(""), &device("password = \"s3cret-option\"\n")),
        )?;
        site.start_agent(0);
        wait_until(PATIENCE, "the driver's refusal", || site.logged("agent-1").contains("password").then_some(()));
        site.signal_agent(0, Signal::SIGTERM);
        site.scheduler.as_mut().expect("it runs").stop()?;
        site.gateway.as_mut().expect("it runs").stop()?;

        let of_key = private_key.lines().filter(|line| line.len() > 20 && !line.starts_with('-'));
        let secrets: Vec<_> = SECRETS.into_iter().chain([SECRETS_KEY]).chain(of_key).collect();
        assert!(logs_without(&secrets, lab.dir()) >= 3, "gateway, scheduler and agent");
        Ok(())
    });
}

#[test]
fn a_scheduler_that_cannot_reach_its_database_says_so_without_the_password() {
    let directory = tempfile::tempdir().expect("a directory");
    let password = directory.path().join("password");
    write(&password, "s3cret\n").expect("a password");
    let socket = directory.path().display();
    let in_file = [("BALLAST_DATABASE__PASSWORD_FILE", password.display().to_string())];
    for (url, more) in [
        ("postgres://u:s3cret@127.0.0.1:1/b".to_owned(), &[][..]),
        ("postgresql://u:x%40s3cret@127.0.0.1:1/b?sslmode=disable".to_owned(), &[]),
        ("postgres://u:x@s3cret@127.0.0.1:1/b".to_owned(), &[]),
        ("postgres://u:s3cret@127.0.0.1:port/b".to_owned(), &[]),
        ("postgres://u:s3cret@127.0.0.1:1/".to_owned(), &[]),
        ("postgres://u:s3cret@127.0.0.1:1/b?sslmode=nosuch".to_owned(), &[]),
        (format!("postgres://u:s3cret@:5433/b?host={socket}"), &[]),
        (format!("postgres:///b?host={socket}&user=u&password=s3cret"), &[]),
        ("mysql://u:s3cret@127.0.0.1:1/b".to_owned(), &[]),
        ("postgres://u@127.0.0.1:1/b".to_owned(), &in_file[..]),
        (format!("postgres:///b?host={socket}&user=u"), &in_file[..]),
        ("postgres://u:s3cret@127.0.0.1:1/b".to_owned(), &in_file[..]),
    ] {
        let output = scheduler(3, directory.path(), &url)
            .envs(more.iter().map(|(name, value)| (*name, value.as_str())))
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && !said.is_empty(), "{url}: {said}");
        without(&["s3cret"], &url, &said);
    }
}

/// A scheduler that serves; what it says is in a log.
struct Serving(Child);

impl Serving {
    fn start(directory: &Path, name: &str, mut command: Command) -> Self {
        let log = fs::File::create(directory.join(format!("{name}.log"))).expect("a log");
        Self(command.stderr(log).spawn().expect("it starts"))
    }

    fn stop(mut self) {
        let pid = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        nix::sys::signal::kill(pid, Signal::SIGTERM).expect("it runs");
        assert!(self.0.wait().expect("it ends").success());
    }
}

/// Writes and reads what is on the database.
async fn works(directory: &Path) {
    let socket = directory.join("scheduler.sock");
    wait_until(PATIENCE, "the scheduler's socket", || std::os::unix::net::UnixStream::connect(&socket).ok().map(drop));
    let channel = grpc::channel(&format!("unix:{}", socket.display()).parse().expect("an address")).expect("a channel");
    let network = Network { project_id: "demo".to_owned(), name: "net".to_owned(), ..Network::default() };
    let request = CreateNetworkRequest { network: Some(network), ..Default::default() };
    NetworksClient::new(channel.clone()).create_network(request).await.expect("a network");
    PoolsClient::new(channel).list(ListRequest::default()).await.expect("a list");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_of_a_scheduler_on_postgresql_has_its_password_in_it() {
    let test = "no_log_of_a_scheduler_on_postgresql_has_its_password_in_it";
    let Some(server) = Postgres::start(test).await else { return };
    let Some((_, secret)) = server.socket() else { return not_run(test, "the server's password is not known") };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let (right, wrong) = (directory.join("right"), directory.join("wrong"));
    write(&right, &format!("{secret}\n")).expect("a password");
    write(&wrong, "s3cret-wrong\n").expect("a password");

    let on = |url: &str, password: Option<&Path>| {
        let mut command = scheduler(60, directory, url);
        command.envs(password.map(|file| ("BALLAST_DATABASE__PASSWORD_FILE", file)));
        command
    };
    let in_url = server.url();
    let bare = in_url.replacen(&format!(":{secret}@"), "@", 1);
    let refused = in_url.replacen(secret, "s3cret-wrong", 1);
    assert!(bare != in_url && refused != in_url, "the password is in the url");
    for (url, password) in [(&bare, Some(&*wrong)), (&refused, None)] {
        let output = on(url, password).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("password authentication failed"), "{url}: {said}");
        without(&[secret, "s3cret-wrong"], url, &said);
    }
    for (name, url, password) in [("in-file", &bare, Some(&*right)), ("in-url", &in_url, None)] {
        let serving = Serving::start(directory, name, on(url, password));
        works(directory).await;
        serving.stop();
    }
    // Nor is it in what is said of a server that goes away.
    let left = Serving::start(directory, "left", on(&bare, Some(&right)));
    works(directory).await;
    server.stop().await;
    let log = || fs::read_to_string(directory.join("left.log")).unwrap_or_default();
    wait_until(PATIENCE, "a word on the server that is gone", || log().contains("ERROR").then_some(()));
    left.stop();
    assert_eq!(logs_without(&[secret, "s3cret-wrong"], directory), 3);
}
