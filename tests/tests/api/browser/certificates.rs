//! Certificates, as a person gives them: files that are chosen, with a plan while one writes; and texts, without script.

use serde_json::{Value, json};
use thirtyfour::By;

use super::{chromium::Chromium, patient};
use crate::{
    certificates::{ALL, Pem},
    services::Services,
};

async fn kept(services: &Services) -> Vec<Value> {
    services.get(ALL).await["certificates"].as_array().cloned().unwrap()
}

/// Whether a line of the key is anywhere in the page, or in what it keeps.
async fn shows(page: &Chromium, pem: &Pem) -> Value {
    let line = pem.key.lines().nth(1).unwrap();
    let all = "document.documentElement.outerHTML, location.href, document.cookie, JSON.stringify(localStorage)";
    page.js(&format!("return [{all}].some((one) => one.includes({}))", json!(line))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_chosen_are_checked_at_once_and_kept_when_they_are_sent() {
    let test = "files_that_are_chosen_are_checked_at_once_and_kept_when_they_are_sent";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    let (pem, next) = (Pem::of("www.example"), Pem::of("next.example"));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let both = file("all.pem", &format!("{}{}", next.chain, next.key));
    let (chain, key) = (file("chain.pem", &pem.chain), file("key.pem", &pem.key));
    let choose = async |field: &str, path: &str| {
        let field = page.web.find(By::Id(format!("f-{field}"))).await.expect("a field");
        field.send_keys(path).await.expect("a file is chosen");
    };
    page.goto("/ui/").await;
    page.press("gc").await;
    page.until("location.pathname === '/ui/certificates'").await;
    page.press("n").await;
    page.until("document.activeElement.id === 'f-name'").await;
    page.press("web").await;
    choose("certificate_chain_file", &chain).await;
    page.until("document.getElementById('plan').textContent.includes('private_key is missing')").await;
    choose("private_key_file", &key).await;
    page.until("document.getElementById('plan').textContent.includes('www.example')").await;
    assert_eq!(kept(&services).await.len(), 0, "a check keeps nothing");
    assert_eq!(shows(&page, &pem).await, json!(false));
    page.js("document.querySelector('button[value=make]').click()").await;
    page.until("/^.ui.certificates.[0-9a-f-]{36}$/.test(location.pathname)").await;
    page.sees("www.example").await;
    page.is_live().await;
    // What has changed is there without a reload, a moment later.
    let id = kept(&services).await[0]["id"].as_str().unwrap().to_owned();
    let named = json!({ "certificate": { "description": "for all" } });
    assert_eq!(services.call("PUT", &format!("{ALL}/{id}"), Some(named)).await.status, 200);
    page.sees("for all").await;
    page.js("[...document.querySelectorAll('main a')].find((one) => one.textContent === 'Rotate').click()").await;
    page.until("document.activeElement.id === 'f-certificate_chain'").await;
    choose("certificate_chain_file", &both).await;
    page.until("document.getElementById('plan').textContent.includes('Names that go: www.example')").await;
    assert_eq!(shows(&page, &next).await, json!(false));
    page.js("document.querySelector('button[value=make]').click()").await;
    page.until(&format!("location.pathname === '/ui/certificates/{id}'")).await;
    page.sees("next.example").await;
    assert_eq!((shows(&page, &next).await, &kept(&services).await[0]["version"]), (json!(false), &json!(2)));
    page.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_a_key_is_given_anew_and_stands_in_no_page() {
    let test = "without_script_a_key_is_given_anew_and_stands_in_no_page";
    let services = Services::with(patient).await;
    let Some(page) = Chromium::without_script(&services, test).await else { return };
    let pem = Pem::of("www.example");
    let paste = async |field: &str, text: &str| {
        page.js(&format!("document.getElementById('f-{field}').value = {}", json!(text))).await;
    };
    let push = async |button: &str| {
        page.js(&format!("document.querySelector('button[value={button}]').click()")).await;
    };
    page.goto("/ui/certificates/new").await;
    paste("name", "web").await;
    paste("certificate_chain", &pem.chain).await;
    paste("private_key", &pem.key).await;
    push("check").await;
    page.until("document.getElementById('plan').textContent.includes('ECDSA P-256')").await;
    let filled =
        "return ['name', 'certificate_chain', 'private_key'].map((one) => document.getElementById('f-' + one).value)";
    let filled = page.js(filled).await;
    assert_eq!((&filled[0], &filled[2]), (&json!("web"), &json!("")));
    assert!(filled[1].as_str().unwrap().contains("BEGIN CERTIFICATE"), "{filled}");
    assert_eq!(shows(&page, &pem).await, json!(false));
    push("make").await;
    page.until("document.activeElement.id === 'f-private_key' && document.activeElement.ariaInvalid === 'true'").await;
    paste("private_key", &pem.key).await;
    push("make").await;
    page.until("/^.ui.certificates.[0-9a-f-]{36}$/.test(location.pathname)").await;
    assert_eq!(shows(&page, &pem).await, json!(false));
    assert!(page.complaints().await.iter().all(|line| line.contains("422")));
    page.end().await;
}
