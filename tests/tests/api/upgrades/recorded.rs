//! Databases of releases, recorded as SQL: `tests/fixtures/databases/VERSION/{sqlite,postgres}.sql`, and beside each
//! what the release itself showed of it, as JSON.
//!
//! Each release but the newest has a recording. The newest is recorded when it is about to be no longer that:
//!
//! ```text
//! cargo nextest run --workspace --run-ignored only --test api -E 'test(record)'
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::*;

fn releases() -> Vec<String> {
    let releases = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("releases")).unwrap();
    let named = releases.lines().filter(|line| !line.starts_with('#'));
    named.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn recording(release: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/databases").join(release)
}

fn former() -> Vec<String> {
    let mut releases = releases();
    releases.pop();
    assert!(!releases.is_empty());
    releases
}

/// Runs a tool with a file of SQL on its standard input.
fn feed(command: &mut Command, sql: &Path) {
    let status = command.stdin(fs::File::open(sql).unwrap()).stdout(Stdio::null()).status();
    assert!(status.unwrap().success(), "{command:?}");
}

fn lists(release: &str, database: &str) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(recording(release).join(database)).unwrap()).unwrap()
}

#[tokio::test]
async fn what_former_releases_stored_is_shown_and_can_be_changed_and_deleted() {
    for release in former() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ballast.db");
        feed(Command::new("sqlite3").arg("-bail").arg(&file), &recording(&release).join("sqlite.sql"));
        let database = format!("sqlite://{}", file.display());
        shows_changes_and_deletes(directory, &database, lists(&release, "sqlite.json")).await;
    }
}

#[tokio::test]
async fn what_former_releases_stored_is_shown_and_can_be_changed_and_deleted_on_postgresql() {
    let test = "databases of former releases on PostgreSQL";
    for release in former() {
        let Some(server) = Postgres::start(test).await else { return };
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", &server.url()]);
        feed(&mut psql, &recording(&release).join("postgres.sql"));
        shows_changes_and_deletes(tempfile::tempdir().unwrap(), &server.url(), lists(&release, "postgres.json")).await;
        server.stop().await;
    }
}

/// A tool's output, into a file of the recording.
fn keep(command: &mut Command, file: &Path) {
    let output = command.stdout(fs::File::create(file).unwrap()).status();
    assert!(output.unwrap().success(), "{command:?}");
}

async fn record_lists(old: &Released, file: &Path) {
    fill(old).await;
    fs::write(file, serde_json::to_string_pretty(&old.lists().await).unwrap() + "\n").unwrap();
}

#[tokio::test]
#[ignore = "writes into the tree: at a release, with the one before"]
async fn record_the_newest_release() {
    let release = releases().pop().unwrap();
    let programs = programs::released("the recording").expect("tests/releases.sh builds it");
    let recording = recording(&release);
    fs::create_dir_all(&recording).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ballast.db");
    let old = Released::start(&programs, directory.path(), &format!("sqlite://{}", file.display())).await;
    record_lists(&old, &recording.join("sqlite.json")).await;
    drop(old);
    keep(Command::new("sqlite3").arg(&file).arg(".dump"), &recording.join("sqlite.sql"));

    let server = Postgres::start("the recording").await.expect("PostgreSQL");
    let directory = tempfile::tempdir().unwrap();
    let old = Released::start(&programs, directory.path(), &server.url()).await;
    record_lists(&old, &recording.join("postgres.json")).await;
    drop(old);
    let mut dump = Command::new("pg_dump");
    dump.args(["--inserts", "--no-owner", "--no-privileges", "--dbname", &server.url()]);
    keep(&mut dump, &recording.join("postgres.sql"));
    server.stop().await;
}
