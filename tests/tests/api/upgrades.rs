//! What releases stored is what today's services show, on both databases: the newest release, started, and earlier states,
//! from databases of theirs that were recorded.

mod filled;
mod recorded;
mod released;

use std::{collections::BTreeMap, path::Path, time::Duration};

use ballast_lab::Postgres;
use ballast_service::config::Quotas;
use ballast_tests::programs;
use filled::fill;
use released::Released;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::{
    played::obedient,
    services::{PATIENCE, Services},
};

/// What is deleted, in an order in which it can be.
const KINDS: [&str; 7] = [
    "/v2.0/lb/vips",
    "/v2.0/lb/members",
    "/v2.0/lb/pools",
    "/v2.0/lb/health_monitors",
    "/v2.0/ports",
    "/v2.0/subnets",
    "/v2.0/networks",
];

/// Paths, and what is answered there.
type Shown = BTreeMap<String, Value>;

#[tokio::test]
async fn what_the_release_stored_is_shown_and_can_be_changed_and_deleted() {
    let Some(release) = programs::released("the database of the release") else { return };
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/ballast.db", directory.path().display());
    upgrade(&release, directory, &database).await;
}

#[tokio::test]
async fn what_the_release_stored_is_shown_and_can_be_changed_and_deleted_on_postgresql() {
    let Some(release) = programs::released("the database of the release on PostgreSQL") else { return };
    let Some(server) = Postgres::start("the database of the release on PostgreSQL").await else { return };
    upgrade(&release, tempfile::tempdir().unwrap(), &server.url()).await;
    server.stop().await;
}

async fn upgrade(release: &Path, directory: TempDir, database: &str) {
    let old = Released::start(release, directory.path(), database).await;
    let before = fill(old).await;
    shows_changes_and_deletes("the newest release", directory, database, before).await;
}

async fn shows_changes_and_deletes(release: &str, directory: TempDir, database: &str, before: Shown) {
    let services = Services::in_directory(directory, |settings| {
        settings.database.url = database.to_owned();
        settings.quotas = Quotas::default();
    })
    .await;
    for (path, wanted) in before {
        let shown = services.get(&path).await;
        assert!(contains(&shown, &wanted), "{path}: {shown}\nof {release}: {wanted}");
    }
    // It deploys what the release could not.
    obedient(&services.channel, "agent-1").await;
    nothing_shows(&services, "PENDING").await;
    nothing_shows(&services, "ERROR").await;
    for kind in ["pools", "vips", "members"] {
        for path in paths(&services, &format!("/v2.0/lb/{kind}")).await {
            let change = json!({kind.trim_end_matches('s'): {"admin_state_up": false}});
            let reply = services.call("PUT", &path, Some(change)).await;
            assert_eq!(reply.status, 200, "{path} of {release}: {reply}");
        }
    }
    nothing_shows(&services, "PENDING").await;
    for kind in KINDS {
        for path in paths(&services, kind).await {
            let reply = services.call("DELETE", &path, None).await;
            assert_eq!(reply.status, 204, "{path} of {release}: {reply}");
        }
        nothing_shows(&services, "PENDING").await;
        assert!(paths(&services, kind).await.is_empty(), "{kind} of {release}");
    }
}

/// Waits until no object has such a status.
async fn nothing_shows(services: &Services, status: &str) {
    let wait = async {
        for kind in &KINDS[..3] {
            while services.get(kind).await.to_string().contains(status) {
                sleep(Duration::from_millis(5)).await;
            }
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "{status} stays: {}", services.get(KINDS[2]).await);
}

/// Of all objects of a kind.
async fn paths(services: &Services, kind: &str) -> Vec<String> {
    let list = services.get(kind).await;
    objects(&list).map(|object| format!("{kind}/{}", id(object))).collect()
}

/// Everything that `wanted` has, `shown` has too, with the same values: today's answers may show more fields.
fn contains(shown: &Value, wanted: &Value) -> bool {
    match (shown, wanted) {
        (Value::Object(shown), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| shown.get(key).is_some_and(|one| contains(one, value)))
        }
        (Value::Array(shown), Value::Array(wanted)) => {
            shown.len() == wanted.len() && shown.iter().zip(wanted).all(|(shown, wanted)| contains(shown, wanted))
        }
        (shown, wanted) => shown == wanted,
    }
}

/// What is in a list as the API answers it.
fn objects(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_object().and_then(|list| list.values().next()).and_then(Value::as_array).into_iter().flatten()
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}
