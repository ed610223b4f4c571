//! The pictures of the documents: made by the test that finds them missing. Fonts differ between machines, so a picture is held
//! to its size, and to being one.

use std::path::{Path, PathBuf};

use super::{Watchful, certificate, chromium::Chromium, load_balancer, patient};
use crate::{
    certificates::{ALL, Pem},
    services::Services,
};

/// Set, the pictures are written anew.
const WRITE: &str = "BALLAST_WRITE_SNAPSHOTS";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/img").join(name)
}

/// Width and height, as its header says.
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "no picture");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_of_the_documents_are_of_these_pages() {
    let test = "the_pictures_of_the_documents_are_of_these_pages";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    let agent = Watchful::connect(&services).await;
    let subnet = services.subnet().await;
    let id = load_balancer(&services, "", &subnet, "shop", &["10.0.0.11", "10.0.0.12", "10.0.0.13"]).await;
    let agent = Watchful::deploy(agent).await;
    agent.say(&[500, 200, 200]).await;
    for name in ["mail", "intranet"] {
        load_balancer(&services, "", &subnet, name, &["10.0.0.21"]).await;
    }
    agent.count_for_minutes(&services).await;
    page.resize(1280, 900).await;
    for (name, path_of, text) in [
        ("dashboard-overview.png", "/ui/".to_owned(), "got 500"),
        ("dashboard-load-balancer.png", format!("/ui/load-balancers/{id}"), "got 500"),
        ("dashboard-form.png", format!("/ui/new?from={id}"), "Connections: kept"),
        ("dashboard-list.png", "/ui/load-balancers".to_owned(), "intranet"),
        ("dashboard-listeners.png", format!("/ui/load-balancers/{id}/listeners"), "PATH STARTS_WITH /no"),
        ("dashboard-events.png", "/ui/events".to_owned(), "intranet"),
    ] {
        page.goto(&path_of).await;
        page.sees(text).await;
        if text == "got 500" {
            page.sees("Mb/s").await;
        }
        page.js("document.querySelectorAll('main .same').forEach((one) => { one.open = true; })").await;
        // A form is not live.
        if !path_of.starts_with("/ui/new") {
            page.is_live().await;
        }
        held(name, &page.picture().await);
    }
    for (name, days, port) in [("www.example.org", 9, 443), ("intranet.example.org", 200, 8443)] {
        certificate(&services, "", (&id, name), (&Pem::ending(name, days), port)).await;
    }
    services.create(ALL, Pem::ending("spare.example.org", 60).body("spare")).await;
    page.goto("/ui/certificates").await;
    page.sees("ends in 9 days").await;
    page.is_live().await;
    held("dashboard-certificates.png", &page.picture().await);
    page.end().await;
}

/// The picture is as large as the one that is kept, or is kept from now on.
fn held(name: &str, picture: &[u8]) {
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
    if std::env::var(WRITE).is_ok() {
        std::fs::create_dir_all(path("").as_path()).unwrap();
        std::fs::write(path(name), picture).unwrap();
    }
    let kept = std::fs::read(path(name)).unwrap_or_else(|error| panic!("docs/img/{name}: {error}"));
    assert_eq!(size(&kept), size(picture), "docs/img/{name}: write it anew with {WRITE}=1");
}
