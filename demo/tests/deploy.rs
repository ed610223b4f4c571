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
        for line in ["Wants=network-online.target", "StartLimitIntervalSec=0", "Restart=on-failure", "RestartSec=2"] {
            assert!(has(line), "{unit} has no {line}");
        }
        assert!(text.contains("\nAfter=network-online.target"), "{unit}");
        assert!(has("RestartPreventExitStatus=78"), "{unit}");
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
    let drivers = fs::read_dir(there.path().join("opt/ballast/lib/ballast/drivers")).expect("the drivers' folder");
    assert_eq!(drivers.count(), 1, "every file in it is run");
    assert!(fs::read_dir(there.path().join("etc/ballast")).expect("for a configuration").next().is_none());
    for unit in ["scheduler", "api-gateway", "agent"] {
        let file = there.path().join(format!("opt/ballast/lib/systemd/system/ballast-{unit}.service"));
        let text = fs::read_to_string(file).expect("a unit");
        assert!(text.contains(&format!("ExecStart=/opt/ballast/bin/ballast-{unit} ")), "{text}");
    }
}
