//! The files of deploy/ that people start from.

use std::{fs, iter, path::Path};

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
