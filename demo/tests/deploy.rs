//! The files of deploy/ that people start from.

use std::{
    fs, iter,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use ballast_service::config::{Settings, load_from};

fn deploy(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(text: &str) -> Settings {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), text).expect("it can be written");
    let settings = load_from(Some(file.path()), iter::empty()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    settings.check().unwrap_or_else(|error| panic!("{error}\n{text}"));
    settings
}

/// `#key = value` is a key that is commented out; `# text` is text.
fn uncommented(text: &str) -> String {
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|line| uncomment(line) + "\n").collect()
}

#[test]
fn what_the_example_comments_out_is_the_default() {
    let example = deploy("ballast.toml.example");
    let (short, long) = (read(&example), read(&uncommented(&example)));
    assert_eq!((&short.gateway, &short.scheduler, &short.database), (&long.gateway, &long.scheduler, &long.database));
    assert_eq!((&short.placement, &short.agents, &short.agent), (&long.placement, &long.agents, &long.agent));
    assert_eq!((&short.log, &short.auth, &short.providers), (&long.log, &long.auth, &long.providers));
    assert_eq!((&short.secrets, &short.acme), (&long.secrets, &long.acme));
    assert!(long.drivers["haproxy-ns"]["maxconn"].is_number());
}

#[test]
fn the_configuration_of_make_run_is_good() {
    let settings = read(&deploy("dev/ballast.toml"));
    assert!(settings.providers.iter().any(|provider| provider.default));
}

#[test]
fn units_start_after_the_network_and_never_give_up_but_for_a_bad_configuration() {
    for unit in ["scheduler", "api-gateway", "agent"] {
        let text = deploy(&format!("systemd/ballast-{unit}.service"));
        let has = |line: &str| text.lines().any(|found| found == line);
        for line in ["Type=notify", "WatchdogSec=60"] {
            assert!(has(line), "{unit} has no {line}");
        }
        for line in ["Wants=network-online.target", "StartLimitIntervalSec=0", "Restart=on-failure", "RestartSec=2"] {
            assert!(has(line), "{unit} has no {line}");
        }
        assert!(text.contains("\nAfter=network-online.target"), "{unit}");
        assert!(has("RestartPreventExitStatus=78"), "{unit}");
    }
}

#[test]
fn the_agents_unit_lets_it_confine_drivers() {
    let text = deploy("systemd/ballast-agent.service");
    let words = |key: &str| -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix(key)).flat_map(str::split_whitespace).collect()
    };
    let bounding = words("CapabilityBoundingSet=");
    for capability in ["SETUID", "SETGID", "SETPCAP", "CHOWN", "FOWNER", "DAC_OVERRIDE", "DAC_READ_SEARCH", "KILL"] {
        assert!(bounding.contains(&format!("CAP_{capability}").as_str()), "{capability} is not in {bounding:?}");
    }
    // Not in systemd's own groups everywhere: Debian 12 has them in none.
    let calls = words("SystemCallFilter=");
    for call in ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"] {
        assert!(calls.contains(&call), "{call} is not in {calls:?}");
    }
}

/// All files below a folder, by their names in it, with their modes; and the modes of the folders.
fn walk(folder: &Path, found: &mut Vec<(PathBuf, u32)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o7777;
        if path.is_dir() {
            assert_eq!(mode, 0o755, "{}", path.display());
            walk(&path, found);
        } else {
            found.push((path, mode));
        }
    }
}

#[test]
fn make_install_honours_destdir_and_prefix_whatever_the_umask_and_touches_no_configuration() {
    let there = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/install.sh");
    let programs = Path::new(env!("CARGO_BIN_EXE_ballast-demo")).parent().expect("its folder");
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077; exec \"$0\" \"$1\""]).arg(script).arg(programs);
    let output = shell.env("DESTDIR", there.path()).env("PREFIX", "/opt/ballast").output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found = Vec::new();
    walk(there.path(), &mut found);
    let mode = |name: &str| found.iter().find(|(path, _)| *path == there.path().join(name)).map(|(_, mode)| *mode);
    for program in ["ballast-scheduler", "ballast-api-gateway", "ballast-agent", "ballast"] {
        assert_eq!(mode(&format!("opt/ballast/bin/{program}")), Some(0o755), "{program}");
    }
    assert_eq!(mode("opt/ballast/lib/ballast/drivers/haproxy-ns.so"), Some(0o644));
    assert_eq!(mode("opt/ballast/lib/ballast/optional-drivers/nft-l4.so"), Some(0o644));
    for told in [
        "man/man1/ballast.1",
        "man/man1/ballast-load-balancers-create.1",
        "bash-completion/completions/ballast",
        "zsh/vendor-completions/_ballast",
        "fish/vendor_completions.d/ballast.fish",
    ] {
        assert_eq!(mode(&format!("opt/ballast/share/{told}")), Some(0o644), "{told}");
    }
    let drivers = fs::read_dir(there.path().join("opt/ballast/lib/ballast/drivers")).expect("the drivers' folder");
    assert_eq!(drivers.count(), 1, "every file in it is run");
    assert!(fs::read_dir(there.path().join("etc/ballast")).expect("for a configuration").next().is_none());
    for entry in ["sysusers.d", "tmpfiles.d"] {
        assert_eq!(mode(&format!("opt/ballast/lib/{entry}/ballast.conf")), Some(0o644), "{entry}");
    }
    for unit in ["scheduler", "api-gateway", "agent"] {
        let file = there.path().join(format!("opt/ballast/lib/systemd/system/ballast-{unit}.service"));
        let text = fs::read_to_string(file).expect("a unit");
        assert!(text.contains(&format!("ExecStart=/opt/ballast/bin/ballast-{unit} ")), "{text}");
    }
}

/// What `systemd-analyze` says of the units as they are installed under a prefix.
fn analyze(arguments: &[&str]) -> Option<std::process::Output> {
    Command::new("systemd-analyze").args(arguments).output().ok()
}

#[test]
fn systemd_takes_the_units_and_finds_them_confined() {
    let test = "systemd_takes_the_units_and_finds_them_confined";
    if analyze(&["--version"]).is_none() {
        return ballast_lab::not_run(test, "there is no systemd-analyze (Debian's package systemd)");
    }
    let there = tempfile::tempdir().expect("a folder");
    for (unit, threshold) in [("scheduler", 20), ("api-gateway", 20), ("agent", 60)] {
        let name = format!("ballast-{unit}.service");
        let file = there.path().join(&name);
        // The programs are not installed here; any that can be run will do.
        let text = deploy(&format!("systemd/{name}")).replace("/usr/bin/ballast-", "/bin/true --as=ballast-");
        fs::write(&file, text).expect("it can be written");
        let path = file.to_str().expect("a name");
        let threshold = format!("--threshold={threshold}");
        for arguments in
            [&["verify", "--man=no", path][..], &["security", "--no-pager", "--offline=true", &threshold, path]]
        {
            let output = analyze(arguments).expect("it runs");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(output.status.success(), "{arguments:?}: {said}");
            for complaint in ["Unknown", "Failed to parse", "ignoring"] {
                assert!(!said.contains(complaint), "{arguments:?}: {said}");
            }
        }
    }
}

#[test]
fn the_agents_unit_gives_its_control_group_away_and_has_it_taken_back() {
    let text = deploy("systemd/ballast-agent.service");
    for line in ["Delegate=yes", "KillMode=process", "ExecStopPost=-/usr/bin/ballast-agent take-back"] {
        assert!(text.lines().any(|found| found == line), "no {line}");
    }
    assert!(!text.contains("ExecStartPre="), "it would be started in a group that may lend");
}

#[test]
fn scheduler_and_gateway_have_a_user_of_their_own_and_the_agents_folder_stays_roots() {
    for unit in ["scheduler", "api-gateway"] {
        let text = deploy(&format!("systemd/ballast-{unit}.service"));
        for line in ["User=ballast", "Group=ballast", "CapabilityBoundingSet=", "NoNewPrivileges=yes", "UMask=0077"] {
            assert!(text.lines().any(|found| found == line), "{unit} has no {line}");
        }
        // systemd would give all that lies in it to the unit's user: the agent's files too.
        assert!(!text.contains("\nStateDirectory="), "{unit}");
    }
    assert!(deploy("systemd/ballast-scheduler.service").contains("\nInaccessiblePaths=-/var/lib/ballast/agent\n"));
    assert!(deploy("sysusers.d/ballast.conf").contains("\nu ballast "));
    let folders = deploy("tmpfiles.d/ballast.conf");
    for line in ["d /var/lib/ballast 0771 root ballast", "d /var/lib/ballast/agent 0711 root root"] {
        assert!(folders.lines().any(|found| found == line), "no {line}");
    }
}
