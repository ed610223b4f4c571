//! Databases of earlier states, recorded as SQL: `tests/fixtures/databases/NAME/{sqlite,postgres}.sql`, and beside each what
//! was shown of it then, as JSON.
//!
//! NAME is a release's version; `VERSION+COMMIT` is a state between two releases that one may come from. A release is
//! recorded when the next one comes. BALLAST_RECORD names a directory NAME with its scheduler and gateway:
//!
//! ```text
//! BALLAST_RECORD=/tmp/0.2.0 cargo nextest run --workspace --run-ignored only -E 'test(record_)'
//! ```

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::*;

const RELEASES: &str = include_str!("../../../releases");
/// What the recordings are read by.
const TEST: &str = "databases of earlier states";

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/databases")
}

/// Their directories.
fn recorded() -> Vec<PathBuf> {
    let mut recorded: Vec<PathBuf> = fs::read_dir(recordings()).unwrap().map(|entry| entry.unwrap().path()).collect();
    recorded.sort();
    recorded
}

fn name(recording: &Path) -> &str {
    recording.file_name().and_then(|name| name.to_str()).unwrap()
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status();
    assert!(status.unwrap().success(), "{command:?}");
}

fn shown(file: &Path) -> Shown {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn every_release_but_the_newest_is_recorded() {
    let releases: Vec<&str> = RELEASES.lines().filter(|line| !line.starts_with('#')).collect();
    let (_newest, former) = releases.split_last().unwrap();
    for release in former {
        let version = release.split(' ').next().unwrap();
        assert!(recordings().join(version).is_dir(), "{version} is not recorded: {}", file!());
    }
}

#[tokio::test]
async fn what_was_stored_earlier_is_shown_and_can_be_changed_and_deleted() {
    if !ballast_lab::require_tool("sqlite3", TEST) {
        return;
    }
    for recording in recorded() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ballast.db");
        let sql = fs::File::open(recording.join("sqlite.sql")).unwrap();
        run(Command::new("sqlite3").arg("-bail").arg(&file).stdin(sql));
        let database = format!("sqlite://{}", file.display());
        shows_changes_and_deletes(name(&recording), directory, &database, shown(&recording.join("sqlite.json"))).await;
    }
}

#[tokio::test]
async fn what_was_stored_earlier_is_shown_and_can_be_changed_and_deleted_on_postgresql() {
    if !ballast_lab::require_tool("psql", TEST) {
        return;
    }
    let Some(server) = Postgres::start(TEST).await else { return };
    for recording in recorded() {
        let (database, directory) = (server.url(), tempfile::tempdir().unwrap());
        let new = database.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap();
        run(Command::new("createdb").arg("--maintenance-db").arg(server.url_of("postgres")).arg(new));
        let sql = recording.join("postgres.sql");
        let quiet = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"];
        run(Command::new("psql").args(quiet).arg("--file").arg(sql).arg("--dbname").arg(&database));
        let before = shown(&recording.join("postgres.json"));
        shows_changes_and_deletes(name(&recording), directory, &database, before).await;
    }
    server.stop().await;
}

#[tokio::test]
#[ignore = "writes into the tree: see above"]
async fn record_a_state() {
    let programs =
        PathBuf::from(env::var_os("BALLAST_RECORD").expect("BALLAST_RECORD names a directory with programs"));
    let recording = recordings().join(name(&programs));
    fs::create_dir_all(&recording).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ballast.db");
    record_shown(&programs, &format!("sqlite://{}", file.display()), &recording.join("sqlite.json")).await;
    keep(Command::new("sqlite3").arg(&file).arg(".dump"), &recording.join("sqlite.sql"));

    let server = Postgres::start("the recording").await.expect("PostgreSQL");
    let database = server.url();
    record_shown(&programs, &database, &recording.join("postgres.json")).await;
    let dump = ["--inserts", "--no-owner", "--no-privileges", "--dbname", &database];
    keep(Command::new("pg_dump").args(dump), &recording.join("postgres.sql"));
    server.stop().await;
}

async fn record_shown(programs: &Path, database: &str, file: &Path) {
    let directory = tempfile::tempdir().unwrap();
    let shown = fill(Released::start(programs, directory.path(), database).await).await;
    fs::write(file, serde_json::to_string_pretty(&shown).unwrap() + "\n").unwrap();
}

/// A tool's output, but what is for other tools than of the same release, as a file.
fn keep(command: &mut Command, file: &Path) {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('\\')).map(|line| format!("{line}\n"));
    fs::write(file, lines.collect::<String>()).unwrap();
}
