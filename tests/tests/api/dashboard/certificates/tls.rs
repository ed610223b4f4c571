//! Certificates where they are used: by listeners and pools, on their pages, and on the overview.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use super::{
    super::{
        browser::Browser,
        forms::{below, field, form, list, location, shop, shop_with_parts},
    },
    LISTENERS, PAGES, used,
};
use crate::{
    certificates::{ALL, Pem, keep_secrets},
    services::Services,
};

fn authority(name: &str) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

/// The value of the choice with this text in it.
fn choice(page: &str, name: &str, text: &str) -> String {
    let of = page.split(&format!("id=\"f-{name}\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {page}"));
    let of = of.split("id=\"h-").next().unwrap_or_default();
    let one = of.split("value=\"").find(|one| one.contains(text)).unwrap_or_else(|| panic!("no {text} in {of}"));
    one.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn tls_ends_at_a_listener_and_begins_at_a_pool_by_certificates_that_are_chosen() {
    let services = Services::with(keep_secrets).await;
    let [lb, _, pool, ..] = shop_with_parts(&services).await;
    for name in ["www.example", "second.example", "third.example"] {
        services.create(ALL, Pem::of(name).body(name)).await;
    }
    let ca = json!({ "certificate": { "name": "our ca", "kind": "CA", "certificate_chain": authority("ours") } });
    services.create(ALL, ca).await;
    let mut browser = Browser::new(&services);
    let one = format!("/ui/load-balancers/{lb}");
    let new = format!("{one}/listeners/new");
    let page = browser.get(&new).await.body;
    let www = choice(&page, "default_tls_container_ref", "www.example");
    let (second, third) = (choice(&page, "sni_container_refs", "second"), choice(&page, "sni_container_refs", "third"));
    let ca = choice(&page, "client_ca_tls_container_ref", "our ca");
    let own = [
        ("name", "secure"),
        ("protocol", "TERMINATED_HTTPS"),
        ("protocol_port", "443"),
        ("default_pool_id", pool.as_str()),
        ("sni_container_refs", ""),
        ("sni_container_refs", second.as_str()),
        ("sni_container_refs", third.as_str()),
    ];
    let missing = browser.post(&new, &form(&[&own[..4], &[("do", "make")]].concat())).await;
    let said = below(&missing.body, "default_tls_container_ref");
    assert!(missing.status == 422 && said.contains("class=\"bad\""), "{} {said}", missing.status);
    let without_ca =
        [("default_tls_container_ref", www.as_str()), ("client_authentication", "MANDATORY"), ("do", "make")];
    let refused = browser.post(&new, &form(&[&own[..], &without_ca].concat())).await;
    let said = below(&refused.body, "client_ca_tls_container_ref");
    assert!(refused.status == 422 && said.contains("class=\"bad\""), "{} {said}", refused.status);
    let with = [
        ("default_tls_container_ref", www.as_str()),
        ("client_authentication", "MANDATORY"),
        ("client_ca_tls_container_ref", ca.as_str()),
    ];
    let checked = browser.post(&new, &form(&[&own[..], &with, &[("do", "check")]].concat())).await.body;
    for text in [format!("--tls-container {www}"), format!("--sni-container {third}"), "--client-ca".to_owned()] {
        assert!(checked.contains(&text), "{text} is not in {checked}");
    }
    location(&browser.post(&new, &form(&[&own[..], &with, &[("do", "make")]].concat())).await);
    let all = list(&services, LISTENERS).await;
    let made = all.iter().find(|one| one["name"] == "secure").unwrap();
    let reference = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
    assert!(reference("default_tls_container_ref").ends_with(&www), "{made}");
    assert_eq!(made["sni_container_refs"], json!([second, third]), "{made}");
    assert_eq!(made["client_authentication"], "MANDATORY");
    changed(&services, &mut browser, &one, made, &second).await;

    let edit = format!("{one}/pools/{pool}/edit");
    let etag = field(&browser.get(&edit).await.body, "etag");
    let members = [("tls_enabled", "yes"), ("ca_tls_container_ref", ca.as_str())];
    let send = |wish: &'static str| form(&[&members[..], &[("etag", etag.as_str()), ("do", wish)]].concat());
    let checked = browser.post(&edit, &send("check")).await.body;
    assert!(checked.contains("--tls true") && checked.contains("→ <bdi>our ca"), "{checked}");
    location(&browser.post(&edit, &send("make")).await);
    let found = services.get(&format!("/v2.0/lbaas/pools/{pool}")).await["pool"].clone();
    assert_eq!((&found["tls_enabled"], &found["ca_tls_container_ref"]), (&json!(true), &json!(ca)));
}

/// Certificates of a listener are others, its page shows them, and what is used is not deleted.
async fn changed(services: &Services, browser: &mut Browser, one: &str, listener: &Value, second: &str) {
    let id = listener["id"].as_str().unwrap();
    let page = browser.get(&format!("{one}/listeners")).await.body;
    for text in ["www.example", "second.example", "explain/VALID", "our ca", "or they are refused", "ends <time"] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    let edit = format!("{one}/listeners/{id}/edit");
    let page = browser.get(&edit).await.body;
    assert_eq!(page.matches(" checked").count(), 2, "{page}");
    let etag = field(&page, "etag");
    let fewer = [("sni_container_refs", ""), ("sni_container_refs", second), ("etag", etag.as_str())];
    let checked = browser.post(&edit, &form(&[&fewer[..], &[("do", "check")]].concat())).await.body;
    assert!(checked.contains("→ <bdi>second.example") && checked.contains("--sni-container"), "{checked}");
    location(&browser.post(&edit, &form(&[&fewer[..], &[("do", "make")]].concat())).await);
    let after = services.get(&format!("{LISTENERS}/{id}")).await["listener"].clone();
    assert_eq!(after["sni_container_refs"], json!([second]));
    assert_eq!(after["default_tls_container_ref"], listener["default_tls_container_ref"]);
    assert_eq!(after["client_authentication"], "MANDATORY");

    let used = second.rsplit('/').next().unwrap();
    let page = browser.get(&format!("{PAGES}/{used}")).await.body;
    assert!(page.contains("shop: listener secure") && page.contains(&format!("listeners#listener-{id}")), "{page}");
    let gone = format!("{PAGES}/{used}/delete");
    let page = browser.get(&gone).await.body;
    assert!(page.contains("shop: listener secure") && page.contains("It is refused as it is"), "{page}");
    let refused = browser.post(&gone, "do=make").await;
    assert!(refused.status == 422 && refused.body.contains("give it another one first"), "{}", refused.body);
    let rotate = browser.get(&format!("{PAGES}/{used}/rotate")).await.body;
    assert!(rotate.contains("shop: listener secure"), "{rotate}");
}

#[tokio::test]
async fn a_whole_load_balancer_is_made_at_which_tls_ends() {
    let services = Services::with(keep_secrets).await;
    crate::played::able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    services.create(ALL, Pem::of("www.example").body("web")).await;
    let mut browser = Browser::new(&services);
    let www = choice(&browser.get("/ui/new").await.body, "default_tls_container_ref", "www.example");
    let own = [
        ("protocol", "TERMINATED_HTTPS"),
        ("protocol_port", "443"),
        ("default_tls_container_ref", www.as_str()),
        ("do", "make"),
    ];
    location(&browser.post("/ui/new", &shop(&subnet, &own)).await);
    let (listener, pool) = (&list(&services, LISTENERS).await[0], &list(&services, "/v2.0/lbaas/pools").await[0]);
    assert_eq!(
        (&listener["default_tls_container_ref"], &listener["protocol"]),
        (&json!(www), &json!("TERMINATED_HTTPS"))
    );
    assert_eq!((&pool["protocol"], &listener["default_pool_id"]), (&json!("HTTP"), &pool["id"]));
}

#[tokio::test]
async fn what_ends_is_said_first_and_where_it_is_used_and_to_nobody_of_another_project() {
    let services = Services::with_tokens(keep_secrets).await;
    crate::played::farsighted(&services.channel, "h1").await;
    let subnet = super::super::shared_subnet(&services).await;
    let lb = super::super::load_balancer(&services, "alice", &subnet, "shop").await;
    let hostile = "<img src=x onerror=alert(1)>\u{202e}";
    let other = services.call_as("alice", "POST", ALL, Some(Pem::of("idle.example").body(hostile))).await.id();
    let soon = used(&services, "alice", &lb, &Pem::ending("soon.example", 5)).await;
    let unused = services.call_as("alice", "POST", ALL, Some(Pem::ending("spare.example", 3).body("spare"))).await.id();
    let mut browser = Browser::new(&services);
    browser.log_in("alice").await;
    let page = browser.get(PAGES).await.body;
    let at = |id: &str| page.find(&format!("{PAGES}/{id}\"")).unwrap_or_else(|| panic!("{id} is not in {page}"));
    assert!(at(&unused) < at(&soon) && at(&soon) < at(&other), "who ends first is first: {page}");
    assert!(page.contains("ends in 5 days") && !page.contains("<img"), "{page}");
    let only = browser.get(&format!("{PAGES}?state=ATTENTION")).await.body;
    assert!(only.contains(&soon) && !only.contains(&other), "{only}");
    let overview = browser.get("/ui/").await.body;
    assert!(overview.contains(&format!("{PAGES}/{soon}")) && overview.contains("ends in 5 days"), "{overview}");
    assert!(!overview.contains(&unused), "nobody is served by it: {overview}");
    services.jump(6 * 86_400);
    let page = browser.get(&format!("/ui/load-balancers/{lb}/listeners")).await.body;
    assert!(page.contains("explain/EXPIRED") && page.contains(&format!("{PAGES}/{soon}")), "{page}");
    let overview = browser.get("/ui/").await.body;
    assert!(overview.contains("explain/EXPIRED"), "{overview}");
    let reader = {
        let mut reader = Browser::new(&services);
        reader.log_in("rita").await;
        reader.get(&format!("{PAGES}/{soon}")).await.body
    };
    assert!(!reader.contains("/rotate") && !reader.contains("<button>Look") && reader.contains("soon.example"));

    let mut bob = Browser::new(&services);
    bob.log_in("bob").await;
    let page = bob.get(PAGES).await.body;
    assert!(!page.contains(&soon) && page.contains("There are none here yet"), "{page}");
    assert!(!bob.get("/ui/").await.body.contains(&soon));
    let reference = format!("/v1/containers/{soon}");
    let asked = bob.get(&format!("{PAGES}/secret?project=a&reference={reference}")).await;
    assert_eq!(asked.status, 404);
    let bobs = super::super::load_balancer(&services, "bob", &subnet, "his").await;
    let sent = [
        ("protocol", "TERMINATED_HTTPS"),
        ("protocol_port", "443"),
        ("default_tls_container_ref", reference.as_str()),
        ("do", "make"),
    ];
    let new = format!("/ui/load-balancers/{bobs}/listeners/new");
    let refused = bob.post(&new, &form(&sent)).await;
    let said = below(&refused.body, "default_tls_container_ref");
    assert!(refused.status == 422 && said.contains("not among"), "{} {said}", refused.status);
    let mut admin = Browser::new(&services);
    admin.log_in("admin").await;
    assert!(admin.get(PAGES).await.body.contains(&soon));
}
