//! The dashboard, switched off and on while the gateway serves.

use std::os::unix::fs::PermissionsExt as _;

use nix::sys::signal::{Signal, raise};

use super::{browser::Browser, until};
use crate::services::{PATIENCE, Services};

#[tokio::test]
async fn the_dashboard_goes_and_comes_with_the_configuration_at_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ballast.toml");
    let write = |text: &str| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        raise(Signal::SIGHUP).unwrap();
    };
    let services = Services::with(|settings| settings.source = Some(file.clone())).await;
    let browser = Browser::new(&services);
    let page = browser.get("/ui/").await;
    assert_eq!(page.status, 200);
    let live = page.body.split("data-live=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let live = live.replace("&#38;", "&");
    let stream = {
        let browser = browser.clone();
        tokio::spawn(async move { browser.get(&live).await })
    };

    // What cannot be read, or names what there is not, changes nothing; and other keys are not read again.
    write("[gateway]\ndashboard = \"perhaps\"\n");
    write("[gateway]\nproject_id = \"other\"\ndashboard = true\n");
    assert_eq!(browser.get("/ui/").await.status, 200);
    write("[gateway]\ndashboard = false\n");
    until(&browser, "/ui/", |answer| answer.status == 404).await;
    let ended = tokio::time::timeout(PATIENCE, stream).await.expect("an open page's stream ends").unwrap();
    assert_eq!(ended.status, 200);
    // REST serves on, and says at its door what it always says.
    let door = browser.with("accept", "text/html,application/json").get("/").await;
    assert!(door.status == 200 && door.body.contains("versions"), "{door:?}");
    assert_eq!(services.call("GET", "/v2.0/lbaas/loadbalancers", None).await.status, 200);

    write("[gateway]\ndashboard = true\n");
    until(&browser, "/ui/", |answer| answer.status == 200).await;
    assert_eq!(browser.with("accept", "text/html").get("/").await.status, 303);
}

#[tokio::test]
async fn one_that_could_not_be_served_stays_off() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ballast.toml");
    let services = Services::with(|settings| {
        settings.source = Some(file.clone());
        settings.gateway.dashboard = false;
        settings.gateway.cookie_key_file = folder.path().join("nosuch");
    })
    .await;
    let browser = Browser::new(&services);
    assert_eq!(browser.get("/ui/").await.status, 404);
    std::fs::write(&file, "[gateway]\ndashboard = true\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    raise(Signal::SIGHUP).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(browser.get("/ui/").await.status, 404);
    std::fs::write(folder.path().join("nosuch"), [7; 64]).unwrap();
    std::fs::set_permissions(folder.path().join("nosuch"), std::fs::Permissions::from_mode(0o600)).unwrap();
    raise(Signal::SIGHUP).unwrap();
    until(&browser, "/ui/", |answer| answer.status == 200).await;
}
