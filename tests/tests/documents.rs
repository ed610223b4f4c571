//! The documents say what is there: every code, every key of the configuration, links and tests that exist.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files below `directory` that end so; what is built is not looked at.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found
}

/// The names of the public fields of the structs in a source.
fn fields(source: &str) -> impl Iterator<Item = &str> {
    source
        .lines()
        .filter_map(|line| line.strip_prefix("    pub "))
        .filter_map(|line| line.split_once(": "))
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

/// What stands between backticks, outside of blocks of code.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").step_by(2).flat_map(|outside| outside.split('`').skip(1).step_by(2))
}

/// The targets of a document's links to files here.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#'))
}

#[test]
fn every_key_of_the_configuration_is_documented() {
    let (document, example) = (read("docs/operate.md"), read("deploy/ballast.toml.example"));
    let documented: BTreeSet<&str> =
        quoted(&document).map(|word| word.rsplit('.').next().unwrap_or_default()).collect();
    // sections, and what no file can set
    let no_keys = [
        "log",
        "auth",
        "gateway",
        "scheduler",
        "database",
        "placement",
        "agents",
        "events",
        "providers",
        "agent",
        "driver_host",
        "tls",
        "quotas",
        "network",
        "connections",
        "failover",
        "metrics",
        "traces",
        "secrets",
        "barbican",
        "section",
    ];
    let no_keys: BTreeSet<&str> = no_keys
        .into_iter()
        .chain(["drivers", "options", "insecure", "source", "first", "last", "encrypted", "authenticated", "address"])
        .collect();
    let drivers = [
        "drivers/haproxy-ns/src/config.rs",
        "drivers/nft-l4/src/config.rs",
        "drivers/device/src/config.rs",
        "drivers/a10-stub/src/vendor.rs",
        "drivers/netscaler-stub/src/vendor.rs",
    ];
    let service = root().join("crates/service/src");
    let sections = files(&service.join("config"), ".rs").into_iter().chain([service.join("telemetry.rs")]);
    for path in sections.chain(drivers.map(|path| root().join(path))) {
        let (path, source) = (path.display(), fs::read_to_string(&path).unwrap());
        let keys: Vec<_> = fields(&source).filter(|name| !no_keys.contains(name)).collect();
        assert!(keys.len() > 1, "{path}: no keys found");
        for key in keys {
            assert!(documented.contains(key), "docs/operate.md does not know '{key}' of {path}");
            let shown = example.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{key} = ")));
            assert!(shown, "deploy/ballast.toml.example does not show '{key}' of {path}");
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in files(&root(), ".md") {
        let text = fs::read_to_string(&document).unwrap();
        for target in links(&text) {
            let file = document.parent().unwrap().join(target.split('#').next().unwrap_or_default());
            assert!(file.exists(), "{}: '{target}' is not there", document.display());
        }
    }
}

#[test]
fn tests_that_the_architecture_names_exist() {
    let sources: String = files(&root(), ".rs").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let document = read("ARCHITECTURE.md");
    let is_test = |word: &str| {
        word.matches('_').count() > 2 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let named: Vec<_> = quoted(&document).filter(|word| is_test(word)).collect();
    assert!(named.len() > 10, "ARCHITECTURE.md names no tests: is this test blind?");
    for name in named {
        let is_function = ["(", "<"].iter().any(|after| sources.contains(&format!("fn {name}{after}")));
        // A line of a table, of which a macro makes a test.
        let is_there = is_function || sources.contains(&format!("\n    {name}: "));
        assert!(is_there, "ARCHITECTURE.md names {name}, which is no test");
    }
}

#[test]
fn documents_are_read_as_they_are_meant() {
    let source = "    pub name: String,\n    pub(crate) x: u8,\n    pub fn f(a: b) {\n";
    assert_eq!(fields(source).collect::<Vec<_>>(), ["name"]);
    assert_eq!(quoted("a `b` c\n```\n`d`\n```\n`e`").collect::<Vec<_>>(), ["b", "e"]);
    assert_eq!(links("[a](b.md#c) [d](https://e) [f](#g)").collect::<Vec<_>>(), ["b.md#c"]);
}

/// The names of fields in the messages of a protocol, and of choices between fields.
fn message_fields(proto: &str) -> BTreeSet<&str> {
    let fields = proto.lines().filter_map(|line| line.trim().split_once(" = ")).map(|(left, _)| left);
    let fields = fields.filter_map(|left| left.split_whitespace().last());
    let choices = proto.lines().filter_map(|line| line.trim().strip_prefix("oneof ")?.strip_suffix(" {"));
    fields.chain(choices).collect()
}

#[test]
fn every_field_that_a_fault_names_is_one_of_grpcs() {
    let protos = [
        "proto/lbaas/v1/lbaas.proto",
        "proto/lbaas/v2/balancing.proto",
        "proto/lbaas/v2/operate.proto",
        "proto/lbaas/v2/events.proto",
        "proto/lbaas/v2/certificates.proto",
        "proto/lbaas/v2/overview.proto",
        "proto/lbaas/driver/v1/driver.proto",
    ]
    .map(read);
    let known: BTreeSet<&str> = protos.iter().flat_map(|proto| message_fields(proto)).collect();
    let mut named = 0;
    for directory in ["crates/model/src", "services/scheduler/src/rpc", "services/scheduler/src/app"] {
        for path in files(&root().join(directory), ".rs") {
            let source = fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            for before in ["check::", "Fault::invalid_field", "Fault::missing_field", "Fault::immutable"] {
                for call in source.split(before).skip(1) {
                    // `check::text("name", ..` and `Fault::invalid_field("name", ..`
                    let Some((function, rest)) = call.split_once('(') else { continue };
                    let name = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                    let Some(name) =
                        name.filter(|_| function.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
                    else {
                        continue;
                    };
                    named += 1;
                    // A field within another is named by both.
                    let within = name.split('.').all(|field| known.contains(field));
                    assert!(within, "{}: no message has a field '{name}'", path.display());
                }
            }
        }
    }
    assert!(named > 30, "only {named} found");
}

/// A page with the table in it that begins with `header` made anew.
fn with_table(page: &str, header: &str, table: &str) -> String {
    let start = page.find(header).unwrap_or_else(|| panic!("no table {header}"));
    let end = start + page[start..].find("\n\n").map_or(page[start..].len(), |end| end + 1);
    format!("{}{table}{}", &page[..start], &page[end..])
}

#[test]
fn what_is_explained_is_what_the_document_says() {
    let page = read("docs/errors.md");
    let codes = with_table(&page, "| code | means |", &ballast_explain::codes_table());
    let made = with_table(&codes, "| | word | means |", &ballast_explain::words_table());
    if std::env::var_os("BALLAST_WRITE_SNAPSHOTS").is_some() {
        fs::write(root().join("docs/errors.md"), &made).unwrap();
    }
    assert!(read("docs/errors.md") == made, "docs/errors.md: run this test with BALLAST_WRITE_SNAPSHOTS=1");
}

#[test]
fn every_code_and_every_status_is_explained() {
    use ballast_explain::{Kind, all, of};
    use ballast_model::{fault::Code, operating::Operating, status::ProvisioningStatus};
    let codes: Vec<_> = all().filter(|entry| entry.kind == Kind::Code).map(|entry| entry.word).collect();
    assert_eq!(codes, Code::ALL.iter().map(|code| code.reason()).collect::<Vec<_>>());
    let statuses = ProvisioningStatus::ALL.map(|status| (Kind::Provisioning, status.as_str()));
    let operating = Operating::ALL.map(|status| (Kind::Operating, status.as_str()));
    for (kind, word) in statuses.into_iter().chain(operating) {
        assert!(of(kind, word).is_some(), "{word} is not explained");
    }
    let said = all().filter(|entry| matches!(entry.kind, Kind::Provisioning | Kind::Operating)).count();
    assert_eq!(said, ProvisioningStatus::ALL.len() + Operating::ALL.len(), "one is no status");
}

#[test]
fn what_the_scheduler_that_leads_does_is_documented() {
    use ballast_scheduler::work::{WORK, Who};

    let document = read("docs/operate.md");
    for work in WORK.iter().filter(|work| work.who == Who::Leader) {
        let line = format!("| `{}`: {} |", work.name, work.what);
        assert!(document.contains(&line), "docs/operate.md has no line \"{line}\"");
    }
}
