//! No log has a secret of the configuration in it, at whatever level: those of callers, of the database, and of devices.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use ballast_lab::{Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, programs,
    rest::Rest,
    site::{Plan, Site, URL},
};

/// Each is somewhere in the configuration or in a file that it names, or is sent by a caller.
const SECRETS: [&str; 5] = ["s3cret-admin", "s3cret-member", "s3cret-wrong", "s3cret-device", "s3cret-option"];

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

#[test]
fn no_log_of_a_run_has_a_secret_in_it() {
    let test = "no_log_of_a_run_has_a_secret_in_it";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let file = lab.dir().join("tokens.toml");
        let token = |token: &str, role: &str| {
            format!("[[token]]\ntoken = \"{token}\"\nproject_id = \"demo\"\nuser = \"{role}\"\nroles = [\"{role}\"]\n")
        };
        write(&file, &(token("s3cret-admin", "admin") + &token("s3cret-member", "member")))?;
        let environment = vec![
            ("", "BALLAST_AUTH__MODE", "token-file".to_owned()),
            ("", "BALLAST_AUTH__TOKEN_FILE", file.display().to_string()),
            ("", "BALLAST_LOG__LEVEL", "debug,ballast=trace".to_owned()),
        ];
        let plan = Plan { webs: 1, token: "s3cret-admin".to_owned(), environment, ..Plan::default() };
        let mut site = Site::start(lab, &plan)?;
        let (_, _) = site.make_load_balancer("web");
        for (token, status) in [("s3cret-member", 200), ("s3cret-wrong", 401)] {
            assert_eq!(Rest::new(URL).with_token(token).call("GET", "/v2.0/lb/pools", None).status, status);
        }

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

        let logs = logs(lab.dir());
        assert!(logs.len() >= 3, "gateway, scheduler and agent: {}", logs.len());
        for (name, text) in logs {
            assert!(text.lines().count() > 5, "{name} is empty: is this test blind?");
            for secret in SECRETS {
                let line = text.lines().find(|line| line.contains(secret));
                assert!(line.is_none(), "{name} has {secret}: {line:?}");
            }
        }
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
        let output = Command::new("timeout")
            .arg("3")
            .arg(programs::built("ballast-scheduler"))
            .env("BALLAST_LOG__LEVEL", "trace")
            .env("BALLAST_DATABASE__URL", &url)
            .env("BALLAST_SCHEDULER__LISTEN", "127.0.0.1:0")
            .env("BALLAST_SCHEDULER__SOCKET", directory.path().join("scheduler.sock"))
            .envs(more.iter().map(|(name, value)| (*name, value.as_str())))
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && !said.is_empty(), "{url}: {said}");
        let line = said.lines().find(|line| line.contains("s3cret"));
        assert!(line.is_none(), "{url}: {line:?}");
    }
}
