//! What releases stored is what today's services show, on both databases: the newest release, started, and each one before,
//! from a database of its that was recorded.

mod recorded;
mod released;

use std::path::Path;

use ballast_lab::Postgres;
use ballast_service::config::Quotas;
use ballast_tests::programs;
use released::Released;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    played::obedient,
    services::{Services, member, monitor, pool, vip},
};

/// All that has a list.
const LISTS: [&str; 8] = [
    "/v2.0/networks",
    "/v2.0/subnets",
    "/v2.0/ports",
    "/v2.0/lb/pools",
    "/v2.0/lb/vips",
    "/v2.0/lb/members",
    "/v2.0/lb/health_monitors",
    "/v2.0/quotas",
];

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
    fill(&old).await;
    let before = old.lists().await;
    drop(old);
    shows_changes_and_deletes(directory, database, before).await;
}

async fn shows_changes_and_deletes(directory: TempDir, database: &str, before: Vec<Value>) {
    let services = Services::in_directory(directory, |settings| {
        settings.database.url = database.to_owned();
        settings.quotas = Quotas::default();
    })
    .await;
    obedient(&services.channel, "agent-1").await;
    for (path, wanted) in LISTS.iter().zip(before) {
        let shown = services.get(&sorted(path)).await;
        assert!(contains(&shown, &wanted), "{path}: {shown}\nof the release: {wanted}");
    }
    for kind in ["pools", "vips", "members"] {
        for object in services.get(&format!("/v2.0/lb/{kind}")).await[kind].as_array().unwrap() {
            let path = format!("/v2.0/lb/{kind}/{}", object["id"].as_str().unwrap());
            let change = json!({kind.trim_end_matches('s'): {"admin_state_up": false}});
            assert_eq!(services.call("PUT", &path, Some(change)).await.status, 200, "{path}");
        }
    }
    for kind in ["vips", "members", "pools", "health_monitors"] {
        for object in services.get(&format!("/v2.0/lb/{kind}")).await[kind].as_array().unwrap() {
            let path = format!("/v2.0/lb/{kind}/{}", object["id"].as_str().unwrap());
            assert_eq!(services.call("DELETE", &path, None).await.status, 204, "{path}");
        }
    }
}

/// One of everything.
async fn fill(old: &Released) {
    let network = json!({"network": {"name": "net", "shared": true}});
    let network = id(&old.create("/v2.0/networks", network).await);
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24", "name": "subnet",
        "host_routes": [{"destination": "10.1.0.0/16", "nexthop": "10.0.0.254"}]}});
    let subnet = id(&old.create("/v2.0/subnets", subnet).await);
    old.create("/v2.0/ports", json!({"port": {"network_id": network, "name": "somebody's"}})).await;
    for n in 0..3 {
        let pool = id(&old.create("/v2.0/lb/pools", pool(&subnet)).await);
        for host in 20..23 {
            old.create("/v2.0/lb/members", member(&pool, &format!("10.0.0.{host}"))).await;
        }
        let monitor = id(&old.create("/v2.0/lb/health_monitors", monitor()).await);
        let association = json!({"health_monitor": {"id": monitor}});
        old.create(&format!("/v2.0/lb/pools/{pool}/health_monitors"), association).await;
        if n > 0 {
            let mut vip = vip(&subnet, &pool);
            vip["vip"]["session_persistence"] = json!({"type": "APP_COOKIE", "cookie_name": "SESSION"});
            old.create("/v2.0/lb/vips", vip).await;
        }
    }
    let mut odd = pool(&subnet);
    odd["pool"]["name"] = json!("\u{fc} 'quoted' \"twice\" \\ %");
    odd["pool"]["description"] = json!("a\ttab");
    odd["pool"]["admin_state_up"] = json!(false);
    let odd = id(&old.create("/v2.0/lb/pools", odd).await);
    old.create("/v2.0/lb/members", member(&odd, "10.0.0.30")).await;
    let gone = id(&old.create("/v2.0/lb/pools", pool(&subnet)).await);
    let vip = id(&old.create("/v2.0/lb/vips", vip(&subnet, &gone)).await);
    for path in [format!("/v2.0/lb/vips/{vip}"), format!("/v2.0/lb/pools/{gone}")] {
        old.call("DELETE", &path, None).await;
    }
    old.call("PUT", "/v2.0/quotas/demo", Some(json!({"quota": {"pool": 7}}))).await;
    old.settle().await;
}

/// Everything that `wanted` has, `shown` has too, with the same values: today's lists may show more fields.
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

fn sorted(path: &str) -> String {
    if path.ends_with("quotas") { path.to_owned() } else { format!("{path}?sort_key=id&sort_dir=asc") }
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}
